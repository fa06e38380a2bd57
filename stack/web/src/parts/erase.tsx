// The factory reset: only after the device's name was typed, and by its owner. What goes is said before.
import { useState } from "react";
import { device } from "../api/client";
import { useWords } from "../text/language";
import { PasswordField, TextField } from "./field";
import { Action, Form, Trouble } from "./form";
import { useAsk } from "./use-ask";

/** `signed`: the owner's password is asked for once more; in rescue nobody is there to leave a browser open. */
export function ErasePart({ name, signed = false }: { name: string; signed?: boolean }) {
  const words = useWords();
  const text = words.rescue;
  const [typed, setTyped] = useState("");
  const [password, setPassword] = useState("");
  const [errors, setErrors] = useState<{ name?: string; password?: string }>({});
  const [done, setDone] = useState(false);
  const asking = useAsk();
  const erase = async () => {
    const found: typeof errors = {};
    if (typed.trim().toLowerCase() !== name) found.name = text.eraseNeed(name);
    if (signed && password === "") found.password = words.settings.needCurrent;
    setErrors(found);
    if (Object.keys(found).length > 0) return;
    await asking.ask(async () => {
      await device.factoryReset(typed.trim(), signed ? password : undefined);
      setDone(true);
    });
  };
  return (
    <section className="card">
      <h2>{text.erase}</h2>
      <p>{text.eraseText}</p>
      {signed && <ul className="list">{text.eraseGoes.map((one) => <li key={one}>{one}</li>)}</ul>}
      {signed && <p>{text.eraseStays}</p>}
      {done ? <p className="notice" role="status">{text.erased}</p> : (
        <Form onSubmit={erase} label={text.erase}>
          <TextField label={text.eraseName(name)} value={typed} error={errors.name} autoCapitalize="none" autoComplete="off"
            spellCheck={false} onValue={setTyped} />
          {signed && (
            <PasswordField label={text.erasePassword} value={password} error={errors.password} autoComplete="current-password" onValue={setPassword} />
          )}
          <Trouble asking={asking} />
          <div className="buttons">
            <Action type="submit" className="danger" off={asking.busy}>{asking.busy ? words.common.busy : text.eraseGo}</Action>
          </div>
        </Form>
      )}
    </section>
  );
}
