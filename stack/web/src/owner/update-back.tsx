// The way back to the system that ran before.
import { useState } from "react";
import { device } from "../api/client";
import { Action, Trouble } from "../parts/form";
import { useAsk } from "../parts/use-ask";
import { useSpeech } from "../text/language";

export function BackPart({ previous, onDone }: { previous: string; onDone: () => void }) {
  const { words } = useSpeech();
  const text = words.updates;
  const asking = useAsk();
  const [sure, setSure] = useState(false);
  const go = () => void asking.ask(async () => {
    await device.rollBack();
  }).then(() => {
    setSure(false);
    onDone();
  });
  return (
    <section className="card">
      <h2>{text.back}</h2>
      <p>{text.backText(previous)}</p>
      <Trouble asking={asking} />
      {asking.problem?.detail !== undefined && <p lang="en">{asking.problem.detail}</p>}
      {sure ? (
        <div className="sure" role="group" aria-label={text.backTo(previous)}>
          <p>{text.backSure}</p>
          <div className="row">
            <Action className="danger" off={asking.busy} onClick={go}>{asking.busy ? words.common.busy : text.backYes}</Action>
            <Action className="secondary" off={asking.busy} onClick={() => setSure(false)}>{words.common.cancel}</Action>
          </div>
        </div>
      ) : <div className="buttons"><Action className="secondary" onClick={() => setSure(true)}>{text.backTo(previous)}</Action></div>}
    </section>
  );
}
