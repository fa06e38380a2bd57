// What it takes for an update to run: said before anybody agrees.
import type { UpdatePlan } from "../api/types";
import { useSpeech } from "../text/language";

/** `Title` is the heading that fits where it stands. */
export function PlanPart({ plan, Title = "h2" }: { plan: UpdatePlan; Title?: "h2" | "h3" }) {
  const { words, language } = useSpeech();
  const text = words.updates.plan;
  const seconds = (value: number) => value.toLocaleString(language, { maximumFractionDigits: 1 });
  return (
    <>
      <Title>{text.title}</Title>
      <p>{plan.live ? text.live : text.restart}</p>
      {plan.why.length > 0 && <p>{text.why} <span lang="en">{plan.why.join(", ")}</span></p>}
      {plan.services.length > 0 && (
        <ul className="plain">
          {plan.services.map(({ service, change }) => (
            <li key={service}><strong>{service}</strong> {words.stack.changes[change]}</li>
          ))}
        </ul>
      )}
      <p className="muted">
        {plan.gap_seconds === undefined ? text.notMeasured : text.gap(seconds(plan.gap_seconds))}
        {plan.live && ` ${text.untried}`}
      </p>
    </>
  );
}
