// The setup: holds the answers, shows one screen of them, goes forward and back. What may be shown when is decided in
// model/flow.ts; the screens ask one thing each.
import { useCallback, useEffect, useReducer, useState } from "react";
import type { Finished, Overview } from "../api/types";
import { after, before, begin, reach, reduce, SCREENS, stepOf, type Action, type Draft, type Screen, type Setup as Answered } from "../model/flow";
import type { Carried } from "../model/link";
import { ownTimeZone } from "../model/places";
import { forget, keep, kept } from "../model/store";
import { Frame } from "../parts/frame";
import { SignedOut } from "../parts/use-ask";
import { useRoute } from "../parts/use-route";
import { ChannelScreen } from "./channel";
import { CheckScreen } from "./check";
import { ClaimScreen } from "./claim";
import { CodesScreen } from "./codes";
import { DeviceScreen } from "./device";
import { DoneScreen } from "./done";
import { KeptScreen } from "./kept";
import { NetworkScreen } from "./network";
import { OwnerScreen } from "./owner";
import { Progress } from "./progress";

interface SetupProps {
  overview: Overview;
  claimed: boolean;
  link: Carried;
  onOwned: () => void;
}

/** What every screen of the setup gets. */
export interface ScreenProps {
  overview: Overview;
  setup: Answered;
  dispatch: (action: Action) => void;
  onNext: () => void;
  /** Absent where there is nothing to go back to. */
  onBack: (() => void) | undefined;
  onGo: (screen: Screen, trouble?: string) => void;
  /** Why another screen sent the owner here. */
  trouble: string | undefined;
}

const isScreen = (text: string): text is Screen => (SCREENS as readonly string[]).includes(text);

function firstDraft(overview: Overview): Draft {
  const defaults: Draft = { owner: "", name: overview.name, timezone: ownTimeZone(), channel: "stable" };
  const before = kept("draft");
  return typeof before === "object" && before !== null ? { ...defaults, ...before } : defaults;
}

export function Setup({ overview, claimed, link, onOwned }: SetupProps) {
  const route = useRoute();
  const [setup, dispatch] = useReducer(reduce, undefined, () => begin(firstDraft(overview), claimed));
  const [finished, setFinished] = useState<Finished>();
  const [trouble, setTrouble] = useState<string>();
  const shown = reach(isScreen(route.at) ? route.at : "claim", setup);

  useEffect(() => keep("draft", setup.draft), [setup.draft]);
  const interrupted = useCallback(() => dispatch({ does: "interrupt" }), []);
  const onGo = useCallback((screen: Screen, why?: string) => {
    setTrouble(why);
    route.go(screen);
  }, [route]);

  if (finished !== undefined) {
    return <Frame name={setup.draft.name} version={overview.version}><DoneScreen finished={finished} overview={overview} name={setup.draft.name} onOwned={onOwned} /></Frame>;
  }
  const previous = before(shown);
  const props: ScreenProps = {
    overview, setup, dispatch, trouble, onGo,
    onNext: () => onGo(after(shown)),
    onBack: previous === undefined ? undefined : () => {
      setTrouble(undefined);
      route.back(previous);
    },
  };
  const onFinished = (answer: Finished) => {
    forget("draft");
    route.replace("");
    setFinished(answer);
  };
  return (
    <SignedOut value={interrupted}>
      <Frame name={overview.name} version={overview.version}>
        <Progress step={stepOf(shown)} />
        <section className="card" key={shown}>
          {shown === "claim" && <ClaimScreen {...props} link={link} />}
          {shown === "owner" && <OwnerScreen {...props} />}
          {shown === "codes" && <CodesScreen {...props} />}
          {shown === "kept" && <KeptScreen {...props} />}
          {shown === "device" && <DeviceScreen {...props} />}
          {shown === "network" && <NetworkScreen {...props} />}
          {shown === "channel" && <ChannelScreen {...props} />}
          {shown === "check" && <CheckScreen {...props} onFinished={onFinished} />}
        </section>
      </Frame>
    </SignedOut>
  );
}
