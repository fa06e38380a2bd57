// What the repository offers: asked for, shown, and fetched.
import { useState } from "react";
import { device } from "../api/client";
import type { Updates } from "../api/types";
import { bytes, moment } from "../model/format";
import { Check } from "../parts/field";
import { Action, Trouble } from "../parts/form";
import { useAsk } from "../parts/use-ask";
import { useSpeech } from "../text/language";
import { PlanPart } from "./update-plan";

export function OfferPart({ updates, onDone }: { updates: Updates; onDone: () => void }) {
  const { words, language } = useSpeech();
  const text = words.updates;
  const asking = useAsk();
  const [again, setAgain] = useState(false);
  if (updates.repository === undefined) return <p className="muted">{text.noRepository}</p>;
  const act = (what: () => Promise<unknown>) => void asking.ask(async () => {
    await what();
  }).then(onDone);
  const offer = updates.available;
  const notes = offer?.notes[language] ?? offer?.notes.en;
  return (
    <>
      {offer !== undefined && (
        <>
          <h2>{text.offered(offer.version)}</h2>
          {notes !== undefined && <p className="notes">{notes}</p>}
          <p className="muted">{text.size(bytes(offer.download_bytes, language), bytes(offer.full_bytes, language))}</p>
          {offer.plan === undefined ? <p className="muted">{text.restarts}</p> : <PlanPart plan={offer.plan} />}
          {offer.tried_before && <Check label={text.again} checked={again} invalid={false} onChecked={setAgain} />}
        </>
      )}
      {offer === undefined && updates.problem === undefined && updates.checked !== undefined && <p role="status">{text.newest}</p>}
      {updates.problem !== undefined && <p lang="en" role="status">{updates.problem}</p>}
      {updates.checked !== undefined && <p className="muted">{text.checked(moment(updates.checked, language))}</p>}
      <Trouble asking={asking} except="update-refused" />
      <div className="buttons">
        {offer !== undefined && (
          <Action className="primary" off={asking.busy || (offer.tried_before && !again)} onClick={() => act(() => device.installUpdate(again))}>
            {text.install(offer.version)}
          </Action>
        )}
        <Action className="secondary" off={asking.busy} onClick={() => act(device.checkForUpdate)}>
          {asking.busy ? words.common.busy : text.check}
        </Action>
      </div>
    </>
  );
}
