// Says that the device does not answer, and what to check. Trying again is left to app.tsx.
import { useWords } from "../text/language";
import { Heading } from "./frame";

export function Unreachable({ tries, onRetry }: { tries: number; onRetry: () => void }) {
  const { unreachable } = useWords();
  return (
    <section className="card">
      <Heading>{unreachable.title}</Heading>
      <p className="lead">{unreachable.text}</p>
      <p>{unreachable.check}</p>
      <ul className="list">{unreachable.checks.map((check) => <li key={check}>{check}</li>)}</ul>
      <div className="buttons">
        <button type="button" className="primary" onClick={onRetry}>{unreachable.now}</button>
        <p className="muted" aria-hidden="true">{unreachable.tries(tries)}</p>
      </div>
    </section>
  );
}
