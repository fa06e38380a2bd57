// Fields of forms: label, hint and error belong together for eyes and for screen readers. What is valid is left to the
// screens.
import { useId, useState, type ComponentProps, type ReactNode } from "react";
import { useWords } from "../text/language";

interface About {
  label: string;
  hint?: ReactNode;
  error?: string | undefined;
}

type InputProps = Omit<ComponentProps<"input">, "onChange" | "id" | "value"> & About & {
  value: string;
  onValue: (value: string) => void;
  /** Stands at the end of the field. */
  beside?: ReactNode;
};

/** One line of text. */
export function TextField({ label, hint, error, onValue, beside, className, ...input }: InputProps) {
  const id = useId();
  const described = [hint !== undefined && `${id}h`, error !== undefined && `${id}e`].filter(Boolean).join(" ");
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {hint !== undefined && <p id={`${id}h`} className="hint">{hint}</p>}
      <div className="field-row">
        <input {...input} id={id} className={className} aria-invalid={error !== undefined}
          aria-describedby={described === "" ? undefined : described}
          onChange={(event) => onValue(event.target.value)} />
        {beside}
      </div>
      <FieldError id={`${id}e`} error={error} />
    </div>
  );
}

export function FieldError({ id, error }: { id?: string; error: string | undefined }) {
  return error === undefined ? null : <p id={id} className="error" role="alert">{error}</p>;
}

/** A password that can be looked at while it is typed. */
export function PasswordField(props: Omit<InputProps, "type" | "beside">) {
  const words = useWords();
  const [shown, setShown] = useState(false);
  const what = shown ? words.common.hidePassword : words.common.showPassword;
  return (
    <TextField {...props} type={shown ? "text" : "password"} autoCapitalize="none" autoCorrect="off" spellCheck={false}
      beside={
        <button type="button" className="field-button" aria-label={`${what}: ${props.label}`} aria-pressed={shown}
          onClick={() => setShown(!shown)}>
          {shown ? words.common.hide : words.common.show}
        </button>
      } />
  );
}

interface SelectProps extends About {
  value: string;
  onValue: (value: string) => void;
  children: ReactNode;
}

export function Select({ label, hint, error, value, onValue, children }: SelectProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {hint !== undefined && <p id={`${id}h`} className="hint">{hint}</p>}
      <select id={id} value={value} aria-invalid={error !== undefined}
        aria-describedby={hint === undefined ? undefined : `${id}h`} onChange={(event) => onValue(event.target.value)}>
        {children}
      </select>
      <FieldError error={error} />
    </div>
  );
}

export interface Choice {
  value: string;
  label: string;
  text?: string;
  mark?: ReactNode;
}

interface ChoicesProps extends About {
  value: string;
  choices: readonly Choice[];
  onValue: (value: string) => void;
}

/** One of several, each with a sentence about it. */
export function Choices({ label, error, value, choices, onValue }: ChoicesProps) {
  const name = useId();
  return (
    <fieldset className="choices" aria-describedby={error === undefined ? undefined : `${name}e`}>
      <legend>{label}</legend>
      {choices.map((choice) => (
        <label key={choice.value} className="choice">
          <input type="radio" name={name} value={choice.value} checked={choice.value === value}
            data-invalid={error !== undefined}
            onChange={() => onValue(choice.value)} />
          <span className="choice-text">
            <span className="choice-label">{choice.label}</span>
            {choice.text !== undefined && <span className="muted">{choice.text}</span>}
          </span>
          {choice.mark}
        </label>
      ))}
      <FieldError id={`${name}e`} error={error} />
    </fieldset>
  );
}

interface CheckProps {
  label: string;
  checked: boolean;
  invalid?: boolean;
  onChecked: (checked: boolean) => void;
}

export function Check({ label, checked, invalid = false, onChecked }: CheckProps) {
  return (
    <label className="check">
      <input type="checkbox" checked={checked} aria-invalid={invalid}
        onChange={(event) => onChecked(event.target.checked)} />
      <span>{label}</span>
    </label>
  );
}
