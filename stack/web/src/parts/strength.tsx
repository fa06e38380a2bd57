// Asks the device how good a password is, shortly after the typing stopped, and shows it. Whether it is good enough
// decides the device alone.
import { useEffect, useState } from "react";
import { device } from "../api/client";
import type { Strength } from "../api/types";
import { useWords } from "../text/language";

const PAUSE_MS = 400;

export interface Judged {
  password: string;
  name: string;
  strength: Strength;
}

/** The judgement of the latest password; none while it is being typed. */
export function useStrength(password: string, name: string): Strength | undefined {
  const [judged, setJudged] = useState<Judged>();
  useEffect(() => {
    if (password === "") return;
    let over = false;
    const timer = setTimeout(() => {
      device.judge(password, name).then(
        (strength) => { if (!over) setJudged({ password, name, strength }); },
        () => { /* The judgement of the form that is sent says what is wrong. */ },
      );
    }, PAUSE_MS);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [password, name]);
  return judged?.password === password && judged.name === name ? judged.strength : undefined;
}

interface MeterProps {
  password: string;
  strength: Strength | undefined;
  /** The field says already what is wrong. */
  said?: boolean;
}

export function Meter({ password, strength, said = false }: MeterProps) {
  const words = useWords();
  if (password === "") return <p className="unseen" role="status" />;
  const score = strength?.score ?? 0;
  const says = strength === undefined ? words.password.judging
    : said ? "" : strength.weakness !== undefined ? words.password[strength.weakness]
      : strength.good_enough ? words.password.enough : "";
  const level = strength === undefined ? "" : strength.good_enough ? "strong" : "weak";
  return (
    <div className={`meter ${level}`}>
      <div className="meter-bars" aria-hidden="true">
        {[1, 2, 3, 4].map((bar) => <span key={bar} className={strength !== undefined && bar <= Math.max(1, score) ? "on" : ""} />)}
      </div>
      <p role="status">
        {strength !== undefined && <strong>{`${words.password.strength}: ${words.password.scores[score] ?? ""}. `}</strong>}
        {says}
      </p>
    </div>
  );
}
