// Name and password of the owner: the one form that signs in with them. What stands around it is left to the screens.
import { useState, type ReactNode } from "react";
import { device } from "../api/client";
import { PasswordField, TextField } from "../parts/field";
import { Form, Submit, Trouble } from "../parts/form";
import { useAsk } from "../parts/use-ask";
import { useWords } from "../text/language";

interface PasswordFormProps {
  onSignedIn: () => void;
  /** Stands beside the button. */
  beside?: ReactNode;
}

export function PasswordForm({ onSignedIn, beside }: PasswordFormProps) {
  const words = useWords();
  const text = words.signIn;
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [error, setError] = useState<string>();
  const asking = useAsk();
  const submit = async () => {
    setError(name.trim() === "" || password === "" ? text.empty : undefined);
    if (name.trim() === "" || password === "") return;
    await asking.ask(async () => {
      await device.signIn(name.trim(), password);
      onSignedIn();
    });
  };
  return (
    <Form onSubmit={submit}>
      <TextField label={text.name} value={name} autoComplete="username" autoCapitalize="none" spellCheck={false}
        error={name.trim() === "" ? error : undefined} onValue={setName} />
      <PasswordField label={words.common.password} value={password} autoComplete="current-password"
        error={name.trim() !== "" && password === "" ? error : undefined} onValue={setPassword} />
      <Trouble asking={asking} />
      <div className="buttons">
        <Submit asking={asking}>{text.go}</Submit>
        {beside}
      </div>
    </Form>
  );
}
