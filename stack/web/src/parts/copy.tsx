// A button that copies a text and says so.
import { useState } from "react";
import { useWords } from "../text/language";

export function Copy({ text, label }: { text: string; label?: string }) {
  const words = useWords();
  const [said, setSaid] = useState("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid(words.common.copied);
    } catch {
      setSaid(words.common.copyFailed);
    }
  };
  return (
    <span className="copy">
      <button type="button" className="secondary" aria-label={label === undefined ? undefined : `${words.common.copy}: ${label}`}
        onClick={() => void copy()}>{words.common.copy}</button>
      <span className="copy-said" role="status">{said}</span>
    </span>
  );
}
