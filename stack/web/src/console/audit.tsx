// Who did what, as it happens.
import { useState } from "react";
import { moment } from "../model/format";
import { Action, Trouble } from "../parts/form";
import { Heading } from "../parts/frame";
import { useAsk } from "../parts/use-ask";
import { useSpeech } from "../text/language";
import { api, type Entry } from "./api";
import { merged, useLive } from "./use-live";

export function AuditPage({ onSignedOut }: { onSignedOut: () => void }) {
  const { words } = useSpeech();
  const text = words.console;
  const live = useLive(onSignedOut);
  const [older, setOlder] = useState<readonly Entry[]>([]);
  const asking = useAsk();
  const entries = live.entries === undefined ? undefined : merged(older, live.entries);
  const last = entries?.at(-1);
  const more = () => asking.ask(async () => {
    if (last !== undefined) setOlder([...older, ...await api.audit(last._id)]);
  });
  return (
    <>
      <Heading>{text.pages.audit}</Heading>
      <section className="card">
        <p>{text.auditText}</p>
        <p className="muted" role="status">{live.connected ? text.live : text.notLive}</p>
        {entries === undefined && <p>{words.common.loading}</p>}
        {entries !== undefined && (
          <ol className="tokens" aria-live="polite">{entries.map((entry) => <Row key={entry._id} entry={entry} />)}</ol>
        )}
        <Trouble asking={asking} />
        {last !== undefined && last._id > 1 && (
          <div className="buttons"><Action className="secondary" off={asking.busy} onClick={() => void more()}>{text.older}</Action></div>
        )}
      </section>
    </>
  );
}

function Row({ entry }: { entry: Entry }) {
  const { words, language } = useSpeech();
  const actions = words.console.actions as Record<string, ((subject: string) => string) | undefined>;
  return (
    <li className="token" data-number={entry._id}>
      <div>
        <strong>{entry.actor}</strong>
        <p>{actions[entry.action]?.(entry.subject) ?? `${entry.action} ${entry.subject}`}</p>
      </div>
      <p className="muted">{moment(entry.at, language)}</p>
    </li>
  );
}
