// The way back to the system that ran before.
import type { UpdatePlan } from "../api/types";
import { device } from "../api/client";
import { Trouble } from "../parts/form";
import { Sure } from "../parts/sure";
import { useAsk } from "../parts/use-ask";
import { useSpeech } from "../text/language";
import { PlanPart } from "./update-plan";

export function BackPart({ previous, plan, onDone }: { previous: string; plan: UpdatePlan | undefined; onDone: () => void }) {
  const { words } = useSpeech();
  const text = words.updates;
  const asking = useAsk();
  const go = () => void asking.ask(async () => {
    await device.rollBack();
  }).then(onDone);
  return (
    <section className="card">
      <h2>{text.back}</h2>
      <p>{text.backText(previous)}</p>
      {plan !== undefined && <PlanPart plan={plan} Title="h3" />}
      <Trouble asking={asking} />
      {asking.problem?.detail !== undefined && <p lang="en">{asking.problem.detail}</p>}
      <div className="buttons">
        <Sure label={text.backTo(previous)} sure={text.backSure} yes={text.backYes} off={asking.busy} onYes={go} />
      </div>
    </section>
  );
}
