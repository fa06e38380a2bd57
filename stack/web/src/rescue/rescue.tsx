// Rescue: what is wrong, and what helps, the harmless first. Each part is a file of its own, or in this one where it is a button.
import { useEffect, useState } from "react";
import { device, EXPORT } from "../api/client";
import type { Overview, Rescue } from "../api/types";
import { Now, Steps } from "../owner/updates";
import { ErasePart } from "../parts/erase";
import { FilePart } from "../owner/update-file";
import { useUpdates } from "../owner/use-updates";
import { Action, Trouble } from "../parts/form";
import { Frame, Heading } from "../parts/frame";
import { Notice } from "../parts/notice";
import { SignedOut, useAsk } from "../parts/use-ask";
import { useSpeech, useWords } from "../text/language";

export function RescuePage({ overview, onChanged }: { overview: Overview; onChanged: () => void }) {
  const { words, language } = useSpeech();
  const text = words.rescue;
  const [found, setFound] = useState<Rescue>();
  const asking = useAsk();
  const { ask } = asking;
  useEffect(() => {
    void ask(async () => setFound(await device.rescue()));
    // Asked once: what rescue found does not change while it runs.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);
  const { updates, connected, look } = useUpdates(onChanged);
  return (
    <SignedOut value={onChanged}>
      <Frame name={overview.name} version={overview.version} wide>
        <Heading>{text.title}</Heading>
        <Trouble asking={asking} />
        {!connected && <p className="notice" role="status">{text.away}</p>}
        {found === undefined && asking.busy && <p role="status">{words.common.loading}</p>}
        {found !== undefined && (
          <>
            <Why found={found} />
            <SavePart problem={found.data_problem} />
            <section className="card">
              <h2>{text.bring}</h2>
              <p>{text.bringText}</p>
              {updates !== undefined && (
                <>
                  <Now updates={updates} words={words} language={language} />
                  {updates.problem !== undefined && <p lang="en">{updates.problem}</p>}
                  <Steps updates={updates} onDone={look} />
                </>
              )}
            </section>
            {updates !== undefined && <FilePart updates={updates} anyVersion onDone={look} />}
            <StartPart found={found} />
            <ErasePart name={found.name} />
          </>
        )}
      </Frame>
    </SignedOut>
  );
}

/** Why the device is here. What is wrong with a slot, the device says in English. */
function Why({ found }: { found: Rescue }) {
  const text = useWords().rescue;
  return (
    <section className="card">
      <Notice kind="warn">{text.causes[found.cause]}</Notice>
      <ul className="list">
        {found.slots.map(({ slot, default: first, problem }) => (
          <li key={slot}>
            {text.slot(slot)}: <strong>{problem === undefined ? text.whole : text.damaged}</strong>
            {first && <span className="muted"> {text.first}</span>}
            {problem !== undefined && <details className="details"><summary>{text.details}</summary><p lang="en">{problem}</p></details>}
          </li>
        ))}
      </ul>
    </section>
  );
}

function SavePart({ problem }: { problem: string | undefined }) {
  const text = useWords().rescue;
  return (
    <section className="card">
      <h2>{text.save}</h2>
      {problem === undefined ? (
        <>
          <p>{text.saveText}</p>
          <div className="buttons"><a className="primary" href={EXPORT} download>{text.saveGo}</a></div>
        </>
      ) : (
        <>
          <p>{text.noData}</p>
          <p lang="en" className="muted">{problem}</p>
        </>
      )}
    </section>
  );
}

/** The systems that are there already. */
function StartPart({ found }: { found: Rescue }) {
  const text = useWords().rescue;
  const asking = useAsk();
  const [going, setGoing] = useState(false);
  const go = (what: () => Promise<unknown>) => void asking.ask(async () => {
    await what();
    setGoing(true);
  });
  const own = found.slots.find((slot) => slot.default);
  const other = found.slots.find((slot) => !slot.default);
  return (
    <section className="card">
      <h2>{text.start}</h2>
      <p>{text.startText}</p>
      <Trouble asking={asking} />
      {going && <p className="notice" role="status">{text.restarting}</p>}
      <div className="buttons">
        {own !== undefined && (
          <Action className="secondary" off={asking.busy || going} onClick={() => go(device.startAgain)}>{text.startSame(own.slot)}</Action>
        )}
        {other !== undefined && other.problem === undefined && (
          <Action className="secondary" off={asking.busy || going} onClick={() => go(device.rollBack)}>{text.startOther(other.slot)}</Action>
        )}
      </div>
    </section>
  );
}
