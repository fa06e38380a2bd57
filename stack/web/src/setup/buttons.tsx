// Back and forward at the foot of a screen of the setup.
import { Action, Submit } from "../parts/form";
import type { Asking } from "../parts/use-ask";
import { useWords } from "../text/language";

interface ButtonsProps {
  asking: Asking;
  next?: string;
  off?: boolean;
  onBack: (() => void) | undefined;
}

export function Buttons({ asking, next, off = false, onBack }: ButtonsProps) {
  const words = useWords();
  return (
    <div className="buttons no-print">
      <Submit asking={asking} off={off}>{next ?? words.common.next}</Submit>
      {onBack !== undefined && <Action className="secondary" onClick={onBack}>{words.common.back}</Action>}
    </div>
  );
}
