// The stack: how its services are, and restarting one. What changes them is in stack-change.tsx, what they keep in stack-data.tsx.
import { useState } from "react";
import { device } from "../api/client";
import type { Service, Stack } from "../api/types";
import { Action, Trouble } from "../parts/form";
import { Heading } from "../parts/frame";
import { Notice } from "../parts/notice";
import { ServiceRow } from "../parts/service-row";
import { useAsk } from "../parts/use-ask";
import { useLook } from "../parts/use-look";
import { useWords } from "../text/language";
import { ChangePart } from "./stack-change";
import { DataPart } from "./stack-data";

const LOOK_MS = 3000;

export function StackPage() {
  const words = useWords();
  const text = words.stack;
  const [stack, setStack] = useState<Stack>();
  const asking = useAsk();
  useLook(asking, async () => setStack(await device.stack()), LOOK_MS);
  return (
    <>
      <Heading>{text.title}</Heading>
      <section className="card">
        <p>{stack === undefined ? text.text : text.sources[stack.source]}</p>
        <Trouble asking={asking} />
        {stack === undefined && asking.problem === undefined && <p role="status">{words.common.loading}</p>}
        {stack?.problem != null && <Notice kind="warn" title={words.status.attention}><p lang="en">{stack.problem}</p></Notice>}
        <p role="status">{stack?.busy === true ? text.busy : ""}</p>
        {stack !== undefined && stack.services.length > 0 && (
          <ul className="tokens">
            {stack.services.map((one) => <Row key={one.name} service={one} off={stack.busy} onChange={setStack} />)}
          </ul>
        )}
      </section>
      {stack !== undefined && <ChangePart stack={stack} onChange={setStack} />}
      {stack !== undefined && <DataPart key={`${stack.source} ${stack.busy}`} />}
    </>
  );
}

function Row({ service, off, onChange }: { service: Service; off: boolean; onChange: (stack: Stack) => void }) {
  const words = useWords();
  const asking = useAsk();
  const restart = () => asking.ask(async () => onChange(await device.restartService(service.name)));
  return (
    <ServiceRow service={service} from={device}>
      <Action className="quiet" off={off || asking.busy} aria-label={words.stack.restartWhat(service.name)} onClick={() => void restart()}>
        {asking.busy ? words.common.busy : words.stack.restart}
      </Action>
      <Trouble asking={asking} />
    </ServiceRow>
  );
}
