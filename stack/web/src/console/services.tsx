// The services of the stack: how each is, in a sentence. Changing them is left to the device's own pages, to which this leads.
import { useState } from "react";
import type { Stack } from "../api/types";
import { Trouble } from "../parts/form";
import { Heading } from "../parts/frame";
import { Notice } from "../parts/notice";
import { ServiceRow } from "../parts/service-row";
import { useAsk } from "../parts/use-ask";
import { useLook } from "../parts/use-look";
import { useSpeech } from "../text/language";
import { device, devicePages } from "./api";

const LOOK_MS = 5000;

export function ServicesPage() {
  const { words } = useSpeech();
  const text = words.console;
  const [stack, setStack] = useState<Stack>();
  const asking = useAsk();
  useLook(asking, async () => setStack(await device.stack()), LOOK_MS);
  return (
    <>
      <Heading>{text.pages.services}</Heading>
      <p><a href={`${devicePages()}#stack`}>{text.changeServices}</a></p>
      <Trouble asking={asking} />
      {stack === undefined && asking.problem === undefined && <p role="status">{words.common.loading}</p>}
      {stack?.problem != null && <Notice kind="warn" title={words.common.attention}><p lang="en">{stack.problem}</p></Notice>}
      {stack !== undefined && <ul className="tokens">{stack.services.map((one) => <ServiceRow key={one.name} service={one} from={device} />)}</ul>}
    </>
  );
}
