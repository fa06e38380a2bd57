// Step 3, second part: the network. The work is done by network/.
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
  return (
    <>
      <Heading above={above}>{text.title}</Heading>
      <p className="lead">{text.text}</p>
      <NetworkPanel />
      <Form onSubmit={() => {
        dispatch({ does: "seen", screen: "network" });
        onNext();
      }}><Buttons asking={asking} onBack={onBack} /></Form>
    </>
  );
}
