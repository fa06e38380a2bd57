// Changing the owner's password.
import { useState } from "react";
import { device } from "../api/client";
import { PasswordField } from "../parts/field";
import { Form, Submit, Trouble } from "../parts/form";
import { Notice } from "../parts/notice";
import { Meter, useStrength } from "../parts/strength";
import { useAsk } from "../parts/use-ask";
import { useWords } from "../text/language";

export function PasswordPart({ owner }: { owner: string }) {
  const words = useWords();
  const text = words.settings;
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const [errors, setErrors] = useState<{ current?: string; next?: string }>({});
  const [changed, setChanged] = useState(false);
  const asking = useAsk();
  const strength = useStrength(next, owner);
  const wrong = asking.problem?.kind === "wrong-password" ? text.wrongCurrent : undefined;

  const submit = async () => {
    const found: typeof errors = {};
    if (current === "") found.current = text.needCurrent;
    if (next === "") found.next = words.setup.owner.needPassword;
    setErrors(found);
    setChanged(false);
    if (Object.keys(found).length > 0) return;
    await asking.ask(async () => {
      const judged = await device.judge(next, owner);
      if (!judged.good_enough) {
        setErrors({ next: judged.weakness === undefined ? words.setup.owner.needPassword : words.password[judged.weakness] });
        return;
      }
      await device.changePassword(current, next);
      setCurrent("");
      setNext("");
      setChanged(true);
    });
  };
  return (
    <section className="card">
      <h2>{text.password}</h2>
      <Form onSubmit={submit} label={text.changePassword}>
        {/* Password managers look for the name that belongs to a password. */}
        <input className="unseen" type="text" autoComplete="username" value={owner} readOnly tabIndex={-1} aria-hidden="true" />
        <PasswordField label={text.current} value={current} error={errors.current ?? wrong} autoComplete="current-password"
          onValue={(value) => {
            setCurrent(value);
            setErrors({});
            if (wrong !== undefined) asking.clear();
          }} />
        <PasswordField label={text.next} hint={words.setup.owner.passwordHint} value={next} error={errors.next}
          autoComplete="new-password" maxLength={1024} onValue={(value) => {
            setNext(value);
            setErrors({});
          }} />
        <Meter password={next} strength={strength} said={errors.next !== undefined} />
        <Trouble asking={asking} except="wrong-password" />
        <div role="status">{changed && <Notice kind="good">{text.passwordChanged}</Notice>}</div>
        <div className="buttons"><Submit asking={asking}>{text.changePassword}</Submit></div>
      </Form>
    </section>
  );
}
