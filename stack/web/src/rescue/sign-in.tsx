// The door of rescue: the owner's password, or the code on the device's screen. What is behind it is left to rescue.tsx.
import { useState } from "react";
import { device } from "../api/client";
import type { Overview } from "../api/types";
import { digitsOf, isClaimCode } from "../model/flow";
import { PasswordField, TextField } from "../parts/field";
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
        {overview.phase === "rescue" ? <PasswordForm onSignedIn={onSignedIn} /> : <p>{text.noOwner}</p>}
      </section>
      <section className="card narrow"><CodeForm onSignedIn={onSignedIn} /></section>
    </Frame>
  );
}

function PasswordForm({ onSignedIn }: { onSignedIn: () => void }) {
  const words = useWords();
  const text = words.signIn;
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [tried, setTried] = useState(false);
  const asking = useAsk();
  const missing = (value: string) => tried && value.trim() === "" ? text.empty : undefined;
  const submit = async () => {
    setTried(true);
    if (name.trim() === "" || password === "") return;
    await asking.ask(async () => {
      await device.signIn(name.trim(), password);
      onSignedIn();
    });
  };
  return (
    <Form onSubmit={submit} label={words.rescue.asOwner}>
      <h2>{words.rescue.asOwner}</h2>
      <TextField label={text.name} value={name} autoComplete="username" autoCapitalize="none" spellCheck={false}
        error={missing(name)} onValue={setName} />
      <PasswordField label={words.common.password} value={password} autoComplete="current-password"
        error={missing(password)} onValue={setPassword} />
      <Trouble asking={asking} />
      <div className="buttons"><Submit asking={asking}>{text.go}</Submit></div>
    </Form>
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
