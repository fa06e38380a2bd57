// Step 3, third part: where updates come from.
import { ChannelField } from "../parts/device-fields";
import { Form } from "../parts/form";
import { Heading } from "../parts/frame";
import { useAsk } from "../parts/use-ask";
import { useWords } from "../text/language";
import { Buttons } from "./buttons";
import { useStep } from "./progress";
import type { ScreenProps } from "./setup";

export function ChannelScreen({ setup, dispatch, onNext, onBack }: ScreenProps) {
  const text = useWords().setup.channel;
  const above = useStep(3);
  const asking = useAsk();
  return (
    <>
      <Heading above={above}>{text.title}</Heading>
      <p className="lead">{text.text}</p>
      <Form onSubmit={() => {
        dispatch({ does: "seen", screen: "channel" });
        onNext();
      }}>
        <ChannelField value={setup.draft.channel} onValue={(channel) => dispatch({ does: "draft", change: { channel } })} />
        <Buttons asking={asking} onBack={onBack} />
      </Form>
    </>
  );
}
