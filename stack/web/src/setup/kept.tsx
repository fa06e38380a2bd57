// Step 2, third part: asks three characters of one recovery code back. The device checks them again at the end.
import { useState } from "react";
import { charactersMatch } from "../model/flow";
import { TextField } from "../parts/field";
import { Form } from "../parts/form";
import { Heading } from "../parts/frame";
import { Notice } from "../parts/notice";
import { useAsk } from "../parts/use-ask";
import { useSpeech } from "../text/language";
import { Buttons } from "./buttons";
import { useStep } from "./progress";
import type { ScreenProps } from "./setup";

export function KeptScreen({ setup, dispatch, onNext, onBack, trouble }: ScreenProps) {
  const { words, language } = useSpeech();
  const text = words.setup.kept;
  const above = useStep(2);
  const asking = useAsk();
  const [error, setError] = useState<string>();
  const codes = setup.codes;
  if (codes === undefined) return null;
  const places = codes.ask_characters.map((at) => String(at + 1));
  const list = new Intl.ListFormat(language, { type: "conjunction" }).format(places);
  const wanted = new Set(codes.ask_characters);
  const groups = (codes.codes[codes.ask_code] ?? "").split(/[\s-]+/);
  const starts = groups.map((_, at) => groups.slice(0, at).join("").length);

  const submit = () => {
    if (setup.characters.trim() === "") setError(text.need);
    else if (charactersMatch(codes, setup.characters)) onNext();
    else setError(words.problem["recovery-not-kept"]);
  };
  return (
    <>
      <Heading above={above}>{text.title}</Heading>
      <p className="lead">{text.text}</p>
      {trouble !== undefined && <Notice kind="bad" alert>{trouble}</Notice>}
      <Form onSubmit={submit}>
        <div className="pattern" aria-hidden="true">
          <span className="pattern-number">{codes.ask_code + 1}.</span>
          {groups.map((group, at) => (
            <span key={starts[at]} className="pattern-group">
              {Array.from(group, (_, inside) => {
                const place = (starts[at] ?? 0) + inside;
                const asked = wanted.has(place);
                return <span key={place} className={asked ? "pattern-wanted" : "pattern-other"}>{asked ? place + 1 : ""}</span>;
              })}
              {at + 1 < groups.length && <span className="pattern-hyphen">-</span>}
            </span>
          ))}
        </div>
        <TextField label={text.label(list, codes.ask_code + 1)} hint={text.hint} value={setup.characters} error={error}
          className="code-input short" autoComplete="off" autoCapitalize="characters" spellCheck={false} maxLength={16}
          onValue={(characters) => {
            dispatch({ does: "characters", characters });
            setError(undefined);
          }} />
        <Buttons asking={asking} onBack={onBack} />
      </Form>
    </>
  );
}
