// Forms and their buttons: submitting by key or click, focus on the first mistake, waiting shown. What is asked of the
// device is left to the screens; how it goes is in useAsk.
import { useRef, type ComponentProps, type ReactNode } from "react";
import type { Asking } from "./use-ask";
import { useWords } from "../text/language";
import { Notice } from "./notice";

interface FormProps {
  onSubmit: () => void | Promise<void>;
  children: ReactNode;
  label?: string;
}

export function Form({ onSubmit, children, label }: FormProps) {
  const form = useRef<HTMLFormElement>(null);
  return (
    <form ref={form} noValidate aria-label={label} onSubmit={(event) => {
      event.preventDefault();
      void Promise.resolve(onSubmit()).then(() => setTimeout(() => {
        form.current?.querySelector<HTMLElement>('[aria-invalid="true"], [data-invalid="true"]')?.focus();
      }));
    }}>{children}</form>
  );
}

type ActionProps = Omit<ComponentProps<"button">, "disabled" | "aria-disabled"> & { off?: boolean };

/** A button that keeps the focus while it is off, so that nobody who uses the keyboard is lost. */
export function Action({ off = false, onClick, type = "button", ...button }: ActionProps) {
  return (
    <button {...button} type={type} aria-disabled={off} onClick={(event) => {
      if (off) event.preventDefault();
      else onClick?.(event);
    }} />
  );
}

interface SubmitProps {
  asking: Asking;
  children: string;
  off?: boolean;
}

/** The button that sends a form; says how long to wait. */
export function Submit({ asking, children, off = false }: SubmitProps) {
  const words = useWords();
  const text = asking.wait > 0 ? words.common.wait(asking.wait) : asking.busy ? words.common.busy : children;
  return <Action type="submit" className="primary" off={off || asking.busy || asking.wait > 0}>{text}</Action>;
}

/** What went wrong with the last question, if anything. */
export function Trouble({ asking, except }: { asking: Asking; except?: string }) {
  const words = useWords();
  const problem = asking.problem;
  return (
    <>
      {problem !== undefined && problem.kind !== except && <Notice kind="bad" alert>{asking.explain(problem)}</Notice>}
      <p className="unseen" role="status">{asking.waited ? words.common.waitOver : ""}</p>
    </>
  );
}
