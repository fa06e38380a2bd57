// Signing in to the console: as the owner of the device, or as a user whom the owner made.
import { useState } from "react";
import { Choices, PasswordField, TextField } from "../parts/field";
import { Form, Submit, Trouble } from "../parts/form";
import { Heading } from "../parts/frame";
import { useAsk } from "../parts/use-ask";
import { useWords } from "../text/language";
import { api, type Who } from "./api";

export function SignInPage({ onSignedIn }: { onSignedIn: (who: Who) => void }) {
  const words = useWords();
  const text = words.console;
  const [as, setAs] = useState("owner");
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [tried, setTried] = useState(false);
  const asking = useAsk();
  const submit = async () => {
    setTried(true);
    if (name.trim() === "" || password === "") return;
    await asking.ask(async () => {
      onSignedIn(await (as === "owner" ? api.signInAsOwner(name.trim(), password) : api.signIn(name.trim(), password)));
    });
  };
  const missing = (value: string) => tried && value.trim() === "" ? words.signIn.empty : undefined;
  return (
    <section className="card narrow">
      <Heading>{text.signIn}</Heading>
      <Form onSubmit={submit}>
        <Choices label={text.signInAs} value={as} onValue={setAs} choices={[
          { value: "owner", label: text.asOwner, text: text.asOwnerText },
          { value: "user", label: text.asUser, text: text.asUserText },
        ]} />
        <TextField label={words.signIn.name} value={name} autoComplete="username" autoCapitalize="none" spellCheck={false}
          error={missing(name)} onValue={setName} />
        <PasswordField label={words.common.password} value={password} autoComplete="current-password"
          error={missing(password)} onValue={setPassword} />
        <Trouble asking={asking} />
        <div className="buttons"><Submit asking={asking}>{words.signIn.go}</Submit></div>
      </Form>
    </section>
  );
}
