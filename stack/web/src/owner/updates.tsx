// Updates: what runs, a file to hand in, how far it is, the restart, and how the last one ended. Where the values come from is
// left to use-updates.ts.
import { useRef, useState } from "react";
import { device } from "../api/client";
import type { Language, Updates } from "../api/types";
import { bytes, moment } from "../model/format";
import { Check, FieldError } from "../parts/field";
import { Action, Form, Submit, Trouble } from "../parts/form";
import { Heading } from "../parts/frame";
import { useAsk } from "../parts/use-ask";
import { useSpeech } from "../text/language";
import type { Words } from "../text/en";
import { useUpdates } from "./use-updates";

export function UpdatesPage({ onSignedOut }: { onSignedOut: () => void }) {
  const { words, language } = useSpeech();
  const { updates, connected, look } = useUpdates(onSignedOut);
  const text = words.updates;
  return (
    <>
      <Heading>{text.title}</Heading>
      <p className="lead">{text.text}</p>
      {updates === undefined && connected && <p role="status">{words.common.loading}</p>}
      {!connected && <p className="notice" role="status">{text.away}</p>}
      {updates !== undefined && (
        <section className="card">
          <p>{text.running}: <strong>{text.version(updates.version)}</strong> <span className="muted">({text.slot(updates.slot)})</span></p>
          <Now updates={updates} words={words} language={language} />
          <Steps updates={updates} onDone={look} />
        </section>
      )}
      {updates?.last !== undefined && (
        <section className="card">
          <h2>{text.last}</h2>
          <p>{text.version(updates.last.version)}, {moment(updates.last.at, language)}</p>
          <p lang="en">{updates.last.sentence}</p>
        </section>
      )}
    </>
  );
}

function Now({ updates, words, language }: { updates: Updates; words: Words; language: Language }) {
  const text = words.updates;
  const progress = updates.progress;
  return (
    <>
      <p role="status">
        {updates.target === undefined ? "" : `${text.version(updates.target)}: `}{text.phases[updates.phase]}
      </p>
      {progress !== undefined && (
        <>
          <progress max={progress.total} value={progress.done} aria-label={text.phases[updates.phase]} />
          <p className="muted">
            {progress.stalled ? text.stalled : [
              `${bytes(progress.done, language)} / ${bytes(progress.total, language)}`,
              text.perSecond(bytes(progress.per_second, language)),
              ...(progress.seconds_left === null ? [] : [text.left(progress.seconds_left)]),
            ].join(", ")}
          </p>
        </>
      )}
    </>
  );
}

/** What can be done at this point. */
function Steps({ updates, onDone }: { updates: Updates; onDone: () => void }) {
  const { words } = useSpeech();
  const text = words.updates;
  const file = useRef<HTMLInputElement>(null);
  const [missing, setMissing] = useState(false);
  const [again, setAgain] = useState(false);
  const sending = useAsk();
  const acting = useAsk();
  const act = (what: () => Promise<unknown>) => void acting.ask(async () => {
    await what();
    onDone();
  });
  const send = async () => {
    const bundle = file.current?.files?.[0];
    setMissing(bundle === undefined);
    if (bundle === undefined) return;
    await sending.ask(async () => {
      await device.sendUpdate(bundle, updates.offset ?? 0, again);
    });
    onDone();
  };
  const idle = updates.phase === "idle" || (updates.offset !== undefined && !sending.busy);
  const canCancel = ["judging", "planning", "writing", "checking", "staged"].includes(updates.phase);
  return (
    <>
      {idle && (
        <Form onSubmit={send}>
          <label className="field">
            <span>{text.choose}</span>
            <input ref={file} type="file" accept=".tayberry" aria-invalid={missing} />
            <span className="muted">{text.chooseHint}</span>
          </label>
          <FieldError error={missing ? text.needFile : undefined} />
          <Check label={text.again} checked={again} invalid={false} onChecked={setAgain} />
          <Submit asking={sending}>{text.send}</Submit>
        </Form>
      )}
      <Trouble asking={sending} />
      {sending.problem?.detail !== undefined && <p lang="en">{sending.problem.detail}</p>}
      <Trouble asking={acting} />
      <div className="buttons">
        {updates.phase === "staged" && (
          <Action className="primary" off={acting.busy} onClick={() => act(device.restartIntoUpdate)}>{text.restart}</Action>
        )}
        {canCancel && <Action off={acting.busy} onClick={() => act(device.cancelUpdate)}>{text.cancel}</Action>}
      </div>
    </>
  );
}
