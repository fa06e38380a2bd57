// Step 4: everything at a glance, then all answers go to the device in one piece.
import { useEffect, useState } from "react";
import { asProblem, device } from "../api/client";
import type { Finished, Network } from "../api/types";
import { askedCharacters, type Screen } from "../model/flow";
import { summary } from "../network/summary";
import { Action, Form, Trouble } from "../parts/form";
import { Heading } from "../parts/frame";
import { useAsk } from "../parts/use-ask";
import { explain, LANGUAGES, useSpeech } from "../text/language";
import { Buttons } from "./buttons";
import { useStep } from "./progress";
import type { ScreenProps } from "./setup";

/** Where an answer that the device refuses was given. */
const BACK_TO: Partial<Record<string, Screen>> = { "recovery-not-kept": "kept", "weak-password": "owner" };

export function CheckScreen({ setup, onBack, onGo, onFinished }: ScreenProps & { onFinished: (finished: Finished) => void }) {
  const { words, language } = useSpeech();
  const text = words.setup.check;
  const above = useStep(4);
  const asking = useAsk();
  const [network, setNetwork] = useState<Network>();
  useEffect(() => {
    let over = false;
    device.network().then((found) => { if (!over) setNetwork(found); }, () => undefined);
    return () => { over = true; };
  }, []);

  const { draft } = setup;
  const finish = async () => {
    await asking.ask(async () => {
      try {
        onFinished(await device.finish({
          language, owner: draft.owner, password: setup.password, recovery_characters: setup.codes === undefined ? "" : askedCharacters(setup.codes),
          name: draft.name, timezone: draft.timezone, channel: draft.channel,
        }));
      } catch (error) {
        const screen = BACK_TO[asProblem(error).kind];
        if (screen === undefined) throw error;
        onGo(screen, explain(error, words));
      }
    });
  };
  const rows: [string, string, Screen][] = [
    [text.owner, draft.owner, "owner"],
    [text.recovery, text.kept, "codes"],
    [text.name, `${draft.name}.local`, "device"],
    [text.timezone, draft.timezone, "device"],
    [text.network, network === undefined ? "…" : summary(network, words), "network"],
    [text.channel, draft.channel === "beta" ? words.channels.beta : words.channels.stable, "channel"],
  ];
  return (
    <>
      <Heading above={above}>{text.title}</Heading>
      <p className="lead">{text.text}</p>
      <dl className="facts">
        <div className="fact"><dt>{text.language}</dt><dd>{LANGUAGES.find(({ code }) => code === language)?.name}</dd></div>
        {rows.map(([what, answer, screen]) => (
          <div className="fact" key={what}>
            <dt>{what}</dt><dd>{answer}</dd>
            <dd className="fact-action">
              <Action className="quiet" aria-label={text.changeWhat(what)} onClick={() => onGo(screen)}>{words.common.change}</Action>
            </dd>
          </div>
        ))}
      </dl>
      <Form onSubmit={finish}>
        <Trouble asking={asking} />
        <Buttons asking={asking} next={text.finish} onBack={onBack} />
      </Form>
    </>
  );
}
