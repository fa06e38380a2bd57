// The factory reset: only after the device's name was typed.
import { useState } from "react";
import { device } from "../api/client";
import { TextField } from "../parts/field";
import { Action, Form, Trouble } from "../parts/form";
import { useAsk } from "../parts/use-ask";
import { useWords } from "../text/language";

export function ErasePart({ name }: { name: string }) {
  const words = useWords();
  const text = words.rescue;
  const [typed, setTyped] = useState("");
  const [error, setError] = useState<string>();
  const [done, setDone] = useState(false);
  const asking = useAsk();
  const right = typed.trim().toLowerCase() === name;
  const erase = async () => {
    setError(right ? undefined : text.eraseNeed(name));
    if (!right) return;
    await asking.ask(async () => {
      await device.factoryReset(typed.trim());
      setDone(true);
    });
  };
  return (
    <section className="card">
      <h2>{text.erase}</h2>
      <p>{text.eraseText}</p>
      {done ? <p className="notice" role="status">{text.erased}</p> : (
        <Form onSubmit={erase} label={text.erase}>
          <TextField label={text.eraseName(name)} value={typed} error={error} autoCapitalize="none" autoComplete="off"
            spellCheck={false} onValue={setTyped} />
          <Trouble asking={asking} />
          <div className="buttons">
            <Action type="submit" className="danger" off={asking.busy}>{asking.busy ? words.common.busy : text.eraseGo}</Action>
          </div>
        </Form>
      )}
    </section>
  );
}
