// Step 3, second part: the network. The work is done by network/.
import { useState } from "react";
import { NetworkPanel } from "../network/panel";
import { Form } from "../parts/form";
import { Heading } from "../parts/frame";
import { useAsk } from "../parts/use-ask";
import { useWords } from "../text/language";
import { Buttons } from "./buttons";
import { useStep } from "./progress";
import type { ScreenProps } from "./setup";

export function NetworkScreen({ dispatch, onNext, onBack }: ScreenProps) {
  const text = useWords().setup.network;
  const above = useStep(3);
  const asking = useAsk();
  // Leaving this screen would leave the trial unconfirmed.
  const [trial, setTrial] = useState(false);
  return (
    <>
      <Heading above={above}>{text.title}</Heading>
      <p className="lead">{text.text}</p>
      <NetworkPanel onTrial={setTrial} />
      <Form onSubmit={() => {
        if (trial) return;
        dispatch({ does: "seen", screen: "network" });
        onNext();
      }}><Buttons asking={asking} off={trial} onBack={trial ? undefined : onBack} /></Form>
    </>
  );
}
