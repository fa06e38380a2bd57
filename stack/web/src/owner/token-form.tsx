// The form for a new access token.
import { useState } from "react";
import { device } from "../api/client";
import type { NewToken, Scope } from "../api/types";
import { countCharacters } from "../model/format";
import { Check, FieldError, TextField } from "../parts/field";
import { Action, Form, Submit, Trouble } from "../parts/form";
import { useAsk } from "../parts/use-ask";
import { useWords } from "../text/language";

const SCOPES: readonly Scope[] = ["status", "settings", "network", "updates", "stack"];

interface TokenFormProps {
  onMade: (made: NewToken) => Promise<void>;
  onCancel: () => void;
}

export function TokenForm({ onMade, onCancel }: TokenFormProps) {
  const words = useWords();
  const text = words.tokens;
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<readonly Scope[]>(["status"]);
  const [days, setDays] = useState("365");
  const [errors, setErrors] = useState<{ name?: string; scopes?: string; days?: string }>({});
  const asking = useAsk();
  const submit = async () => {
    const found: typeof errors = {};
    if (name.trim() === "" || countCharacters(name.trim()) > 64) found.name = text.needName;
    if (scopes.length === 0) found.scopes = text.needScope;
    if (days.trim() !== "" && !(/^\d{1,4}$/.test(days.trim()) && Number(days) >= 1 && Number(days) <= 3650)) found.days = text.badDays;
    setErrors(found);
    if (Object.keys(found).length > 0) return;
    await asking.ask(async () => onMade(await device.createToken({
      name: name.trim(), scopes: [...scopes], ...(days.trim() === "" ? {} : { days: Number(days) }),
    })));
  };
  return (
    <Form onSubmit={submit} label={text.create}>
      <TextField label={text.name} value={name} error={errors.name} autoComplete="off" maxLength={64} onValue={setName} />
      <fieldset className="choices">
        <legend>{text.scopes}</legend>
        {SCOPES.map((scope) => (
          <Check key={scope} label={text[scope]} checked={scopes.includes(scope)} invalid={errors.scopes !== undefined}
            onChecked={(checked) => setScopes(SCOPES.filter((one) => one === scope ? checked : scopes.includes(one)))} />
        ))}
        <FieldError error={errors.scopes} />
      </fieldset>
      <TextField label={text.days} hint={text.daysHint} value={days} error={errors.days} inputMode="numeric" autoComplete="off"
        className="short" onValue={setDays} />
      <Trouble asking={asking} />
      <div className="buttons">
        <Submit asking={asking}>{text.create}</Submit>
        <Action className="secondary" onClick={onCancel}>{words.common.cancel}</Action>
      </div>
    </Form>
  );
}
