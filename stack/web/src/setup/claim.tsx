// Step 1: language and claim code. The code is never kept anywhere but in this screen's memory.
import { useState } from "react";
import { device } from "../api/client";
import { digitsOf, isClaimCode } from "../model/flow";
import { sameFingerprint, type Carried } from "../model/link";
import { Choices, TextField } from "../parts/field";
import { Action, Form, Submit, Trouble } from "../parts/form";
import { Heading } from "../parts/frame";
import { Notice } from "../parts/notice";
import { useAsk } from "../parts/use-ask";
import { LANGUAGES, useSpeech } from "../text/language";
import { useStep } from "./progress";
import type { ScreenProps } from "./setup";

export function ClaimScreen({ overview, setup, dispatch, onNext, link }: ScreenProps & { link: Carried }) {
  const { language, words, choose } = useSpeech();
  const text = words.setup.claim;
  const above = useStep(1);
  const foreign = link.fingerprint !== undefined && !sameFingerprint(link.fingerprint, overview.authority_fingerprint);
  const scanned = foreign ? undefined : link.claim;
  const [code, setCode] = useState(scanned === undefined ? "" : `${scanned.slice(0, 4)} ${scanned.slice(4)}`);
  const [error, setError] = useState<string>();
  const asking = useAsk();
  const wrong = asking.problem?.kind === "wrong-code" ? asking.explain(asking.problem) : undefined;

  const submit = async () => {
    if (!isClaimCode(code)) {
      setError(text.need);
      return;
    }
    await asking.ask(async () => {
      await device.claim(digitsOf(code));
      dispatch({ does: "claim" });
      onNext();
    });
  };
  return (
    <>
      <Heading above={above}>{text.title}</Heading>
      <p className="lead">{text.text}</p>
      {setup.interrupted && <Notice kind="warn" alert>{words.setup.sessionOver}</Notice>}
      {foreign && (
        <Notice kind="bad" alert title={text.otherDevice}>
          <p>{text.otherDeviceText}</p>
          <dl className="prints">
            <dt>{text.expected}</dt><dd className="code">{link.fingerprint}</dd>
            <dt>{text.answered}</dt><dd className="code">{overview.authority_fingerprint}</dd>
          </dl>
        </Notice>
      )}
      <Form onSubmit={submit}>
        <Choices label={words.language} value={language} onValue={(value) => choose(value === "de" ? "de" : "en")}
          choices={LANGUAGES.map(({ code: value, name }) => ({ value, label: name }))} />
        <TextField label={text.label} hint={scanned === undefined ? text.hint : text.scanned} value={code}
          error={error ?? wrong} className="code-input" inputMode="numeric" autoComplete="one-time-code" maxLength={20}
          onValue={(value) => {
            setCode(value);
            setError(undefined);
            if (asking.problem?.kind === "wrong-code") asking.clear();
          }} />
        <details className="details">
          <summary>{text.where}</summary>
          <ul className="list">{text.places.map((place) => <li key={place}>{place}</li>)}</ul>
        </details>
        <Trouble asking={asking} except="wrong-code" />
        <div className="buttons"><Submit asking={asking}>{text.go}</Submit></div>
      </Form>
      <div className="aside">
        <h2>{text.other}</h2>
        <Action className="secondary" off aria-describedby="restore-why">{text.restore}</Action>
        <p id="restore-why" className="muted">{text.restoreWhy}</p>
      </div>
    </>
  );
}
