// Where updates come from, and whether the device takes them by itself.
import { useState } from "react";
import { device } from "../api/client";
import type { Settings } from "../api/types";
import { Check, Select, TextField } from "../parts/field";
import { Form, Submit, Trouble } from "../parts/form";
import { Notice } from "../parts/notice";
import { useAsk } from "../parts/use-ask";
import { useOnce } from "../parts/use-once";
import { useWords } from "../text/language";

const HOURS = Array.from({ length: 24 }, (_, hour) => hour);

/** As the device judges it. */
const isRepository = (text: string) => /^https?:\/\/[!-~]+$/.test(text) && !/[?#@]/.test(text) && text.length <= 512;

export function UpdateSettingsPart({ onSaved }: { onSaved: () => void }) {
  const words = useWords();
  const text = words.updates;
  const loading = useAsk();
  const saving = useAsk();
  const [now, setNow] = useState<Settings>();
  const [bad, setBad] = useState(false);
  const [saved, setSaved] = useState(false);
  const [before, setBefore] = useState("");
  const take = (settings: Settings) => {
    setNow(settings);
    setBefore(settings.repository ?? "");
  };
  const { ask } = loading;
  useOnce(() => void ask(async () => take(await device.settings())));
  if (now === undefined) return <Trouble asking={loading} />;
  const change = (part: Partial<Settings>) => {
    setNow({ ...now, ...part });
    setSaved(false);
    setBad(false);
  };
  const submit = async () => {
    const repository = now.repository ?? "";
    const wrong = repository !== "" && !isRepository(repository);
    setBad(wrong);
    if (wrong) return;
    await saving.ask(async () => {
      take(await device.changeSettings({
        automatic_updates: now.automatic_updates, update_window: now.update_window,
        // Unchanged, it may be the image's, which the next image may change.
        ...(repository === before ? {} : { repository: repository === "" ? null : repository }),
      }));
      setSaved(true);
      onSaved();
    });
  };
  const hour = (which: "from" | "to", label: string) => (
    <Select label={label} value={String(now.update_window[which])}
      onValue={(value) => change({ update_window: { ...now.update_window, [which]: Number(value) } })}>
      {HOURS.map((value) => <option key={value} value={value}>{`${String(value).padStart(2, "0")}:00`}</option>)}
    </Select>
  );
  return (
    <section className="card">
      <h2>{text.settings}</h2>
      <Form onSubmit={submit} label={text.settings}>
        <TextField label={text.repository} hint={text.repositoryHint} value={now.repository ?? ""} error={bad ? text.badRepository : undefined}
          type="url" autoComplete="off" autoCapitalize="none" spellCheck={false} maxLength={512}
          onValue={(repository) => change({ repository })} />
        <Check label={text.automatic} checked={now.automatic_updates} onChecked={(automatic) => change({ automatic_updates: automatic })} />
        {now.automatic_updates && <div className="row">{hour("from", text.from)}{hour("to", text.to)}</div>}
        <Trouble asking={saving} />
        <div role="status">{saved && <Notice kind="good">{words.common.saved}</Notice>}</div>
        <div className="buttons"><Submit asking={saving}>{text.saveSettings}</Submit></div>
      </Form>
    </section>
  );
}
