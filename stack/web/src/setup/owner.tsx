// Step 2, first part: the owner's name and password. The password stays in memory; how good it is says the device.
import { useState } from "react";
import { device } from "../api/client";
import { countCharacters } from "../model/format";
import { PasswordField, TextField } from "../parts/field";
import { Form, Trouble } from "../parts/form";
import { Heading } from "../parts/frame";
import { Notice } from "../parts/notice";
import { Meter, useStrength } from "../parts/strength";
import { useAsk } from "../parts/use-ask";
import { useWords } from "../text/language";
import { Buttons } from "./buttons";
import { useStep } from "./progress";
import type { ScreenProps } from "./setup";

export function OwnerScreen({ setup, dispatch, onNext, onBack, trouble }: ScreenProps) {
  const words = useWords();
  const text = words.setup.owner;
  const above = useStep(2);
  const asking = useAsk();
  const { draft, password } = setup;
  const strength = useStrength(password, draft.owner);
  const [errors, setErrors] = useState<{ name?: string; password?: string }>({});

  const submit = async () => {
    const found: typeof errors = {};
    if (draft.owner.trim() === "") found.name = text.needName;
    else if (countCharacters(draft.owner.trim()) > 64) found.name = text.longName;
    if (password === "") found.password = text.needPassword;
    setErrors(found);
    if (Object.keys(found).length > 0) return;
    await asking.ask(async () => {
      const owner = draft.owner.trim();
      const judged = await device.judge(password, owner);
      dispatch({ does: "draft", change: { owner } });
      dispatch({ does: "password", password, good: judged.good_enough });
      if (judged.good_enough) onNext();
      else setErrors({ password: judged.weakness === undefined ? text.needPassword : words.password[judged.weakness] });
    });
  };
  return (
    <>
      <Heading above={above}>{text.title}</Heading>
      <p className="lead">{text.text}</p>
      {trouble !== undefined && <Notice kind="bad" alert>{trouble}</Notice>}
      <Form onSubmit={submit}>
        <TextField label={text.name} hint={text.nameHint} value={draft.owner} error={errors.name} autoComplete="username"
          autoCapitalize="none" spellCheck={false}
          onValue={(owner) => dispatch({ does: "draft", change: { owner } })} />
        <PasswordField label={words.common.password} hint={text.passwordHint} value={password} error={errors.password}
          autoComplete="new-password" maxLength={1024}
          onValue={(value) => {
            dispatch({ does: "password", password: value, good: false });
            setErrors({});
          }} />
        <Meter password={password} strength={strength} said={errors.password !== undefined} />
        <Trouble asking={asking} />
        <Buttons asking={asking} onBack={onBack} />
      </Form>
    </>
  );
}
