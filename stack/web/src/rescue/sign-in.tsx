// The door of rescue: the owner's password, or the code on the device's screen. What is behind it is left to rescue.tsx.
import { useState } from "react";
import { device } from "../api/client";
import type { Overview } from "../api/types";
import { digitsOf, isClaimCode } from "../model/flow";
import { PasswordForm } from "../owner/password-form";
import { TextField } from "../parts/field";
import { Form, Submit, Trouble } from "../parts/form";
import { Frame, Heading } from "../parts/frame";
import { Notice } from "../parts/notice";
import { useAsk } from "../parts/use-ask";
import { useWords } from "../text/language";

export function RescueSignIn({ overview, onSignedIn }: { overview: Overview; onSignedIn: () => void }) {
  const text = useWords().rescue;
  return (
    <Frame name={overview.name} version={overview.version}>
      <section className="card narrow">
        <Heading>{text.title}</Heading>
        <Notice kind="warn">{text.lead(overview.name)}</Notice>
        {overview.phase === "rescue"
          ? <><h2>{text.asOwner}</h2><PasswordForm onSignedIn={onSignedIn} /></>
          : <p>{text.noOwner}</p>}
      </section>
      <section className="card narrow"><CodeForm onSignedIn={onSignedIn} /></section>
    </Frame>
  );
}

function CodeForm({ onSignedIn }: { onSignedIn: () => void }) {
  const text = useWords().rescue;
  const [code, setCode] = useState("");
  const [error, setError] = useState<string>();
  const asking = useAsk();
  const wrong = asking.problem?.kind === "wrong-code" ? text.wrongCode : undefined;
  const submit = async () => {
    setError(isClaimCode(code) ? undefined : text.needCode);
    if (!isClaimCode(code)) return;
    await asking.ask(async () => {
      await device.claim(digitsOf(code));
      onSignedIn();
    });
  };
  return (
    <Form onSubmit={submit} label={text.byCode}>
      <h2>{text.byCode}</h2>
      <TextField label={text.code} hint={text.codeHint} value={code} error={error ?? wrong} className="code-input"
        inputMode="numeric" autoComplete="one-time-code" maxLength={20} onValue={setCode} />
      <Trouble asking={asking} except="wrong-code" />
      <div className="buttons"><Submit asking={asking}>{text.open}</Submit></div>
    </Form>
  );
}
