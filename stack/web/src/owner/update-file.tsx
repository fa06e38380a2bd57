// A bundle from a file of the owner's, handed in; one that broke off goes on where it ended.
import { useRef, useState } from "react";
import { device } from "../api/client";
import type { Updates } from "../api/types";
import { Check, FieldError } from "../parts/field";
import { Form, Submit, Trouble } from "../parts/form";
import { useAsk } from "../parts/use-ask";
import { useSpeech } from "../text/language";

interface FilePartProps {
  updates: Updates;
  /** Versions that did not stay need no word of the owner's: there is nothing better. */
  anyVersion?: boolean;
  onDone: () => void;
}

export function FilePart({ updates, anyVersion = false, onDone }: FilePartProps) {
  const text = useSpeech().words.updates;
  const file = useRef<HTMLInputElement>(null);
  const [missing, setMissing] = useState(false);
  const [again, setAgain] = useState(false);
  const sending = useAsk();
  const send = async () => {
    const bundle = file.current?.files?.[0];
    setMissing(bundle === undefined);
    if (bundle === undefined) return;
    await sending.ask(async () => {
      await device.sendUpdate(bundle, updates.offset ?? 0, again);
    });
    onDone();
  };
  const waits = updates.phase === "idle" || (updates.offset !== undefined && !sending.busy);
  return (
    <section className="card" hidden={!waits && !sending.busy && sending.problem === undefined}>
      <h2>{text.fromFile}</h2>
      {waits && (
        <Form onSubmit={send} label={text.fromFile}>
          <label className="field">
            <span>{text.choose}</span>
            <input ref={file} type="file" accept=".tayberry" aria-invalid={missing} />
            <span className="muted">{text.chooseHint}</span>
          </label>
          <FieldError error={missing ? text.needFile : undefined} />
          {!anyVersion && <Check label={text.again} checked={again} invalid={false} onChecked={setAgain} />}
          <Submit asking={sending}>{text.send}</Submit>
        </Form>
      )}
      <Trouble asking={sending} />
      {sending.problem?.detail !== undefined && <p lang="en">{sending.problem.detail}</p>}
    </section>
  );
}
