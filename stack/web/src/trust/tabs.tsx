// Tabs as the WAI-ARIA practices describe them: arrow keys move, the panel follows.
import { useId, useRef, useState, type KeyboardEvent, type ReactNode } from "react";

interface Tab {
  id: string;
  name: string;
  panel: ReactNode;
}

export function Tabs({ label, tabs, start }: { label: string; tabs: readonly Tab[]; start: string }) {
  const base = useId();
  const [chosen, setChosen] = useState(start);
  const list = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    const at = tabs.findIndex(({ id }) => id === chosen);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const index = (to + tabs.length) % tabs.length;
    setChosen(tabs[index]?.id ?? start);
    list.current?.querySelectorAll<HTMLElement>("[role=tab]")[index]?.focus();
  };
  const shown = tabs.find(({ id }) => id === chosen);
  return (
    <div className="tabs">
      <div className="tab-list" role="tablist" tabIndex={-1} aria-label={label} ref={list} onKeyDown={move}>
        {tabs.map(({ id, name }) => (
          <button key={id} type="button" role="tab" id={`${base}${id}`} aria-selected={id === chosen}
            aria-controls={`${base}panel`} tabIndex={id === chosen ? 0 : -1} onClick={() => setChosen(id)}>{name}</button>
        ))}
      </div>
      <div className="tab-panel" role="tabpanel" id={`${base}panel`} aria-labelledby={`${base}${chosen}`}>
        {shown?.panel}
      </div>
    </div>
  );
}
