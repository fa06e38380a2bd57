// Signing in, and the way to a new password for whoever lost it.
import { useState } from "react";
import { device } from "../api/client";
import type { Overview } from "../api/types";
import { PasswordField, TextField } from "../parts/field";
import { Action, Form, Submit, Trouble } from "../parts/form";
import { Frame, Heading } from "../parts/frame";
import { useAsk } from "../parts/use-ask";
import { useRoute } from "../parts/use-route";
import { useWords } from "../text/language";
import { LostPassword } from "./lost";

export function SignIn({ overview, onSignedIn }: { overview: Overview; onSignedIn: () => void }) {
  const route = useRoute();
  const done = () => {
    route.replace("");
    onSignedIn();
  };
  return (
    <Frame name={overview.name} version={overview.version}>
      <section className="card narrow" key={route.at}>
        {route.at === "lost"
          ? <LostPassword onSignedIn={done} onBack={() => route.back("")} />
          : <SignInForm overview={overview} onSignedIn={done} onLost={() => route.go("lost")} />}
      </section>
    </Frame>
  );
}

interface SignInFormProps {
  overview: Overview;
  onSignedIn: () => void;
  onLost: () => void;
}

function SignInForm({ overview, onSignedIn, onLost }: SignInFormProps) {
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
    <>
      <Heading>{text.title}</Heading>
      <p className="lead">{text.text(overview.name)}</p>
      <Form onSubmit={submit}>
        <TextField label={text.name} value={name} autoComplete="username" autoCapitalize="none" spellCheck={false}
          error={name.trim() === "" ? error : undefined} onValue={setName} />
        <PasswordField label={words.common.password} value={password} autoComplete="current-password"
          error={name.trim() !== "" && password === "" ? error : undefined} onValue={setPassword} />
        <Trouble asking={asking} />
        <div className="buttons">
          <Submit asking={asking}>{text.go}</Submit>
          <Action className="quiet" onClick={onLost}>{text.lost}</Action>
        </div>
      </Form>
    </>
  );
}
