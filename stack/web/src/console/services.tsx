// The services of the stack: how each is, in a sentence. Changing them is left to the device's own pages and its command line.
import { useEffect, useState } from "react";
import type { Service, Stack } from "../api/types";
import { bytes } from "../model/format";
import { Action, Trouble } from "../parts/form";
import { Heading } from "../parts/frame";
import { Notice } from "../parts/notice";
import { useAsk } from "../parts/use-ask";
import { useSpeech } from "../text/language";
import { device } from "./api";

const LOOK_MS = 5000;

export function ServicesPage() {
  const { words } = useSpeech();
  const text = words.console;
  const [stack, setStack] = useState<Stack>();
  const asking = useAsk();
  const { ask } = asking;
  useEffect(() => {
    const look = () => void ask(async () => setStack(await device.stack()));
    look();
    const timer = setInterval(look, LOOK_MS);
    return () => clearInterval(timer);
  }, [ask]);
  return (
    <>
      <Heading>{text.pages.services}</Heading>
      <Trouble asking={asking} />
      {stack === undefined && asking.problem === undefined && <p role="status">{words.common.loading}</p>}
      {stack?.problem != null && <Notice kind="warn" title={words.common.attention}><p lang="en">{stack.problem}</p></Notice>}
      {stack !== undefined && <ul className="tokens">{stack.services.map((one) => <Row key={one.name} service={one} />)}</ul>}
    </>
  );
}

function Row({ service }: { service: Service }) {
  const { words, language } = useSpeech();
  const text = words.console;
  const limit = bytes(service.memory_limit_bytes, language);
  const [lines, setLines] = useState<string[]>();
  const asking = useAsk();
  const action = lines === undefined ? text.log : text.logAgain;
  const show = () => asking.ask(async () => setLines((await device.stackLog(service.name)).lines));
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
        </div>
      </div>
      <Trouble asking={asking} />
      {lines !== undefined && (
        <textarea className="log" lang="en" readOnly rows={12} aria-label={text.logWhat(service.name)} value={lines.join("\n")} />
      )}
    </li>
  );
}
