// A new password with a recovery code. How good it is says the device only when it refuses it: nobody is signed in who
// could ask before.
import { useState } from "react";
import { device } from "../api/client";
import { countCharacters } from "../model/format";
import { PasswordField, TextField } from "../parts/field";
import { Form, Trouble } from "../parts/form";
import { Heading } from "../parts/frame";
import { useAsk } from "../parts/use-ask";
import { Buttons } from "../setup/buttons";
import { useWords } from "../text/language";

export function LostPassword({ onSignedIn, onBack }: { onSignedIn: () => void; onBack: () => void }) {
  const text = useWords().lost;
  const [code, setCode] = useState("");
  const [password, setPassword] = useState("");
  const [errors, setErrors] = useState<{ code?: string; password?: string }>({});
  const asking = useAsk();
  const kind = asking.problem?.kind;
  const wrong = kind === "wrong-password" || kind === "wrong-code";
  const submit = async () => {
    const found: typeof errors = {};
    if (code.trim() === "") found.code = text.needCode;
    if (countCharacters(password) < 8) found.password = text.needPassword;
    setErrors(found);
    if (Object.keys(found).length > 0) return;
    await asking.ask(async () => {
      await device.recover(code.trim(), password);
      onSignedIn();
    });
  };
  const changed = () => {
    setErrors({});
    if (wrong) asking.clear();
  };
  return (
    <>
      <Heading>{text.title}</Heading>
      <p className="lead">{text.text}</p>
      <Form onSubmit={submit}>
        <TextField label={text.code} hint={text.codeHint} value={code} error={errors.code ?? (wrong ? text.wrong : undefined)}
          autoComplete="off" autoCapitalize="characters" spellCheck={false} maxLength={64} onValue={(value) => {
            setCode(value);
            changed();
          }} />
        <PasswordField label={text.password} hint={text.passwordHint} value={password} error={errors.password}
          autoComplete="new-password" onValue={(value) => {
            setPassword(value);
            changed();
          }} />
        <Trouble asking={asking} {...(wrong ? { except: kind } : {})} />
        <Buttons asking={asking} next={text.go} onBack={onBack} />
      </Form>
      <p className="muted">{text.noCodes}</p>
    </>
  );
}
