// One service of the stack: how it is, what it says. What else can be done with it is left to the pages.
import { useState, type ReactNode } from "react";
import type { Client } from "../api/client";
import type { Service } from "../api/types";
import { bytes } from "../model/format";
import { useSpeech } from "../text/language";
import { Action } from "./form";
import { LiveLog } from "./live-log";

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
  const [open, setOpen] = useState(false);
  const action = open ? text.hideLog : text.log;
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
          <Action className="quiet" aria-expanded={open} aria-label={`${action}: ${service.name}`} onClick={() => setOpen(!open)}>{action}</Action>
          {children}
        </div>
      </div>
      {open && <LiveLog service={service.name} from={from} />}
    </li>
  );
}
