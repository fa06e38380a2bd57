// A running trial: the seconds that are left, and how to help it along.
import { useEffect, useState } from "react";
import type { Trial } from "../api/types";
import { linkable, originAt } from "../model/places";
import { useWords } from "../text/language";
import { secondsLeft } from "./trial";

export function TrialView({ trial, seenAt }: { trial: Trial; seenAt: number }) {
  const text = useWords().network;
  const [now, setNow] = useState(seenAt);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, []);
  const left = secondsLeft(trial, seenAt, Math.max(now, seenAt));
  const links = linkable(trial.addresses).map((address) => originAt(address, location.port));
  return (
    <section className="trial" aria-labelledby="trial-title">
      <h2 id="trial-title">{text.trial}</h2>
      <p role="timer">{text.trialText(left)}</p>
      <progress max={Math.max(trial.reverts_in_s, 1)} value={left} aria-label={text.trial} />
      <p>{text.trialHow}</p>
      {links.length === 0 ? <p className="muted">{text.trialNoAddress}</p> : (
        <ul className="list">
          {links.map((origin) => (
            <li key={origin}><a className="address" href={`${origin}/#confirm=${encodeURIComponent(trial.id)}`}
              target="_blank" rel="noreferrer">{origin}</a></li>
          ))}
        </ul>
      )}
    </section>
  );
}
