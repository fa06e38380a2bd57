// A button for what cannot be taken back, or changes much: asks once more, with what follows.
import { useState } from "react";
import { useWords } from "../text/language";
import { Action } from "./form";

interface SureProps {
  label: string;
  /** What it does, for those who do not see where the button stands; the label if that says it. */
  what?: string;
  /** What follows, where the buttons do not say it. */
  sure?: string;
  yes: string;
  quiet?: boolean;
  off?: boolean;
  onYes: () => void;
}

export function Sure({ label, what = label, sure, yes, quiet = false, off = false, onYes }: SureProps) {
  const words = useWords();
  const [asked, setAsked] = useState(false);
  if (!asked) {
    return <Action className={quiet ? "quiet" : "secondary"} off={off} aria-label={what} onClick={() => setAsked(true)}>{label}</Action>;
  }
  return (
    <div className="sure" role="group" aria-label={what}>
      {sure !== undefined && <p>{sure}</p>}
      <div className="row">
        <Action className="danger" off={off} onClick={() => {
          setAsked(false);
          onYes();
        }}>{yes}</Action>
        <Action className="secondary" onClick={() => setAsked(false)}>{words.common.cancel}</Action>
      </div>
    </div>
  );
}
