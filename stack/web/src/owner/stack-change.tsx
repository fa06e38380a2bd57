// Changes the stack: a compose file, whose difference is shown before it is applied, and the ways back.
import { useState, type ChangeEvent } from "react";
import { device } from "../api/client";
import type { ComposeFile, Stack, StackPlan } from "../api/types";
import { FieldError } from "../parts/field";
import { Action, Form, Submit, Trouble } from "../parts/form";
import { Notice } from "../parts/notice";
import { Sure } from "../parts/sure";
import { useAsk } from "../parts/use-ask";
import { useWords } from "../text/language";

interface ChangeProps {
  stack: Stack;
  onChange: (stack: Stack) => void;
}

export function ChangePart({ stack, onChange }: ChangeProps) {
  const text = useWords().stack;
  const asking = useAsk();
  const change = (question: () => Promise<Stack>) => void asking.ask(async () => onChange(await question()));
  return (
    <section className="card">
      <h2>{text.change}</h2>
      <p>{text.changeText}</p>
      <ComposeForm key={stack.compose} stack={stack} onChange={onChange} />
      <Trouble asking={asking} />
      <div className="buttons">
        {stack.can_roll_back && (
          <Sure label={text.back} sure={text.backSure} yes={text.yes} off={asking.busy} onYes={() => change(device.rollBackStack)} />
        )}
        {stack.source !== "system" && (
          <Sure label={text.system} sure={text.systemSure} yes={text.yes} off={asking.busy} onYes={() => change(device.applySystemStack)} />
        )}
        {stack.source !== "nothing" && (
          <Sure label={text.renew} sure={text.renewSure} yes={text.yes} off={asking.busy} onYes={() => change(device.renewSecrets)} />
        )}
      </div>
    </section>
  );
}

function ComposeForm({ stack, onChange }: ChangeProps) {
  const words = useWords();
  const text = words.stack;
  const asking = useAsk();
  const [compose, setCompose] = useState(stack.compose ?? "");
  const [missing, setMissing] = useState(false);
  const [plan, setPlan] = useState<StackPlan>();
  const file: ComposeFile = stack.env_files === undefined ? { compose } : { compose, env_files: stack.env_files };
  const write = (next: string) => {
    setCompose(next);
    setPlan(undefined);
    setMissing(false);
    asking.clear();
  };
  const take = async (event: ChangeEvent<HTMLInputElement>) => {
    const chosen = event.target.files?.[0];
    if (chosen !== undefined) write(await chosen.text());
  };
  const show = async () => {
    setMissing(compose.trim() === "");
    if (compose.trim() !== "") await asking.ask(async () => setPlan(await device.planStack(file)));
  };
  return (
    <Form onSubmit={show} label={text.change}>
      <div className="field">
        <label htmlFor="compose">{text.compose}</label>
        <textarea id="compose" className="log" lang="en" rows={14} spellCheck={false} autoCapitalize="off" value={compose}
          aria-invalid={missing || asking.problem !== undefined} aria-describedby={missing ? "compose-missing" : undefined}
          onChange={(event) => write(event.target.value)} />
        <FieldError id="compose-missing" error={missing ? text.needCompose : undefined} />
      </div>
      <div className="field">
        <label htmlFor="compose-file">{text.take}</label>
        <input id="compose-file" type="file" accept=".yaml,.yml" onChange={(event) => void take(event)} />
      </div>
      <Trouble asking={asking} />
      {asking.problem?.detail !== undefined && <p lang="en">{asking.problem.detail}</p>}
      <div role="status">{plan !== undefined && <Difference plan={plan} />}</div>
      <div className="buttons">
        <Submit asking={asking}>{text.plan}</Submit>
        {plan !== undefined && plan.changes.length > 0 && (
          <Action className="primary" off={asking.busy} onClick={() => void asking.ask(async () => onChange(await device.applyStack(file)))}>
            {text.apply}
          </Action>
        )}
      </div>
    </Form>
  );
}

const SIGNS = { start: "+", replace: "~", roll: "→", stop: "−" };

function Difference({ plan }: { plan: StackPlan }) {
  const text = useWords().stack;
  return (
    <>
      <h3>{text.difference}</h3>
      {plan.changes.length === 0 && <p>{text.same}</p>}
      <ul className="plain">
        {plan.changes.map(({ service, change }) => (
          <li key={service}><span aria-hidden="true">{SIGNS[change]} </span><strong>{service}</strong> {text.changes[change]}</li>
        ))}
      </ul>
      {plan.warnings.length > 0 && (
        <Notice kind="warn" title={text.unwise}>
          <ul className="plain">
            {plan.warnings.map(({ line, sentence }) => <li key={sentence}>{text.line(line)}: <span lang="en">{sentence}</span></li>)}
          </ul>
        </Notice>
      )}
    </>
  );
}
