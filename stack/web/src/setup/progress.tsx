// Shows which of the four steps of the setup this is.
import { useWords } from "../text/language";

export function Progress({ step }: { step: number }) {
  const { setup } = useWords();
  return (
    <ol className="progress" aria-label={setup.step(step, setup.phases.length)}>
      {setup.phases.map((phase, index) => {
        const state = index + 1 < step ? "past" : index + 1 === step ? "now" : "next";
        return (
          <li key={phase} className={`progress-${state}`} aria-current={state === "now" ? "step" : undefined}>
            <span>{phase}</span>
          </li>
        );
      })}
    </ol>
  );
}

/** "Step 2 of 4", for the line above a heading. */
export function useStep(step: number): string {
  const { setup } = useWords();
  return setup.step(step, setup.phases.length);
}
