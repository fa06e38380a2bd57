// Updates: what runs, what there is, how far it is, the restart, the way back, and how the last one ended. Where the values come
// from is left to use-updates.ts, each step to a file of its own.
import { device } from "../api/client";
import type { Language, Updates } from "../api/types";
import { bytes, moment } from "../model/format";
import { Action, Trouble } from "../parts/form";
import { Heading } from "../parts/frame";
import { useAsk } from "../parts/use-ask";
import { useSpeech } from "../text/language";
import type { Words } from "../text/en";
import { BackPart } from "./update-back";
import { FilePart } from "./update-file";
import { OfferPart } from "./update-offer";
import { PlanPart } from "./update-plan";
import { UpdateSettingsPart } from "./update-settings";
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
        <>
          <section className="card">
            <p>{text.running}: <strong>{text.version(updates.version)}</strong> <span className="muted">({text.slot(updates.slot)})</span></p>
            <Now updates={updates} words={words} language={language} />
            {updates.plan !== undefined && <PlanPart plan={updates.plan} />}
            <Steps updates={updates} onDone={look} />
            {updates.in_use !== undefined && updates.phase === "idle" && <p className="muted" lang="en">{updates.in_use}</p>}
            {updates.phase === "idle" && <OfferPart updates={updates} onDone={look} />}
          </section>
          {updates.last !== undefined && <Last last={updates.last} words={words} language={language} />}
          <FilePart updates={updates} onDone={look} />
          {updates.phase === "idle" && updates.previous !== undefined && <BackPart previous={updates.previous} plan={updates.way_back} onDone={look} />}
        </>
      )}
      <UpdateSettingsPart onSaved={look} />
    </>
  );
}

/** What is under way, and how far it is. */
export function Now({ updates, words, language }: { updates: Updates; words: Words; language: Language }) {
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

/** How the last one ended. The device's own words are English. */
function Last({ last, words, language }: { last: NonNullable<Updates["last"]>; words: Words; language: Language }) {
  const text = words.updates;
  return (
    <section className="card">
      <h2>{text.last}</h2>
      <p>{text.version(last.version)}, {moment(last.at, language)}</p>
      <p lang="en">{last.sentence}</p>
      {last.log !== undefined && (
        <details className="details">
          <summary>{text.log}</summary>
          <pre lang="en">{last.log.join("\n")}</pre>
        </details>
      )}
    </section>
  );
}

/** Restart and cancel. */
export function Steps({ updates, onDone }: { updates: Updates; onDone: () => void }) {
  const text = useSpeech().words.updates;
  const acting = useAsk();
  const act = (what: () => Promise<unknown>) => void acting.ask(async () => {
    await what();
    onDone();
  });
  const live = updates.plan?.live === true;
  const canCancel = ["judging", "planning", "writing", "checking", "staged"].includes(updates.phase);
  return (
    <>
      <Trouble asking={acting} />
      <div className="buttons">
        {updates.phase === "staged" && (
          <Action className="primary" off={acting.busy} onClick={() => act(() => device.restartIntoUpdate(false))}>
            {live ? text.plan.start : text.restart}
          </Action>
        )}
        {live && <Action off={acting.busy} onClick={() => act(() => device.restartIntoUpdate(true))}>{text.plan.reboot}</Action>}
        {canCancel && <Action off={acting.busy} onClick={() => act(device.cancelUpdate)}>{text.cancel}</Action>}
      </div>
    </>
  );
}
