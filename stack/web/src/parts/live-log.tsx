// What a service says, as long as one looks: asked again and again, and the newest line in sight until somebody reads further up.
import { useRef, useState } from "react";
import type { Client } from "../api/client";
import { useWords } from "../text/language";
import { Trouble } from "./form";
import { useAsk } from "./use-ask";
import { useLook } from "./use-look";

const LOOK_MS = 3000;

export function LiveLog({ service, from }: { service: string; from: Client }) {
  const words = useWords();
  const [lines, setLines] = useState<string[]>();
  const asking = useAsk();
  const area = useRef<HTMLTextAreaElement>(null);
  useLook(asking, async () => {
    const news = (await from.stackLog(service)).lines;
    const box = area.current;
    const atEnd = box === null || box.scrollTop + box.clientHeight >= box.scrollHeight - 8;
    setLines(news);
    if (atEnd) requestAnimationFrame(() => area.current?.scrollTo({ top: area.current.scrollHeight }));
  }, LOOK_MS);
  return (
    <>
      <Trouble asking={asking} />
      {lines === undefined
        ? <p role="status">{asking.busy ? words.common.loading : ""}</p>
        : <textarea ref={area} className="log" lang="en" readOnly rows={12} aria-label={words.stack.logWhat(service)} value={lines.join("\n")} />}
    </>
  );
}
