// One service of the stack: how it is, what it says. What else can be done with it is left to the pages.
import { useState, type ReactNode } from "react";
import type { Client } from "../api/client";
import type { Service } from "../api/types";
import { bytes } from "../model/format";
import { useSpeech } from "../text/language";
import { Action, Trouble } from "./form";
import { useAsk } from "./use-ask";

interface ServiceRowProps {
  service: Service;
  /** Whom to ask for the log. */
  from: Client;
  /** What else can be done with it. */
  children?: ReactNode;
}

export function ServiceRow({ service, from, children }: ServiceRowProps) {
  const { words, language } = useSpeech();
  const text = words.stack;
  const limit = bytes(service.memory_limit_bytes, language);
  const [lines, setLines] = useState<string[]>();
  const asking = useAsk();
  const action = lines === undefined ? text.log : text.logAgain;
  const show = () => asking.ask(async () => setLines((await from.stackLog(service.name)).lines));
  return (
    <li className="token">
      <div>
        <strong>{service.name}</strong>
        <p lang="en">{service.sentence}</p>
        <p className="muted">{service.image}</p>
        {service.image.includes("stand-in") && <p>{text.standIn}</p>}
      </div>
      <div>
        <p className="tile-value">{text.healths[service.health]}</p>
        {service.memory_bytes !== null && (
          <p className="muted tile-value">{text.memory(bytes(service.memory_bytes, language), limit)}</p>
        )}
        <div className="row">
          <Action className="quiet" off={asking.busy} aria-label={`${action}: ${service.name}`} onClick={() => void show()}>{action}</Action>
          {lines !== undefined && <Action className="quiet" aria-label={`${words.common.hide}: ${service.name}`} onClick={() => setLines(undefined)}>{words.common.hide}</Action>}
          {children}
        </div>
      </div>
      <Trouble asking={asking} />
      {lines !== undefined && (
        <textarea className="log" lang="en" readOnly rows={12} aria-label={text.logWhat(service.name)} value={lines.join("\n")} />
      )}
    </li>
  );
}
