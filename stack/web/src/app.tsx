// Decides between setup, sign-in, the owner's pages and rescue by asking the device. What each shows is left to setup/, owner/
// and rescue/.
import { useCallback, useEffect, useRef, useState } from "react";
import { device, asProblem } from "./api/client";
import type { Overview, WhoAmI } from "./api/types";
import type { Carried } from "./model/link";
import { ConfirmTrial } from "./network/confirm";
import { Owned } from "./owner/owned";
import { SignIn } from "./owner/sign-in";
import { Frame, Heading } from "./parts/frame";
import { Unreachable } from "./parts/unreachable";
import { RescuePage } from "./rescue/rescue";
import { RescueSignIn } from "./rescue/sign-in";
import { Setup } from "./setup/setup";
import { useSpeech } from "./text/language";

type View =
  | { is: "loading" }
  | { is: "unreachable"; tries: number }
  | { is: "setup"; overview: Overview; claimed: boolean }
  | { is: "sign-in"; overview: Overview }
  | { is: "owned"; overview: Overview; who: WhoAmI }
  | { is: "rescue"; overview: Overview; signedIn: boolean };

const RETRY_MS = 3000;
/** Where the device's own pages always are. */
const OWN_PORT = 8443;

/** Whoever is signed in; nobody is no problem. */
async function whoIsThere(): Promise<WhoAmI | undefined> {
  try {
    return await device.session();
  } catch (error) {
    if (asProblem(error).kind === "sign-in-first") return undefined;
    throw error;
  }
}

async function look(): Promise<View> {
  const [overview, who] = await Promise.all([device.overview(), whoIsThere()]);
  if (overview.phase === "unclaimed") return { is: "setup", overview, claimed: who?.role === "setup" };
  if (overview.phase === "owned" && location.port === "") {
    // The port of browsers is the stack's from now on.
    location.replace(`https://${location.hostname}:${OWN_PORT}/`);
    return { is: "loading" };
  }
  if (overview.phase !== "owned") return { is: "rescue", overview, signedIn: who?.role === "owner" };
  return who?.role === "owner" ? { is: "owned", overview, who } : { is: "sign-in", overview };
}

export function App({ link }: { link: Carried }) {
  const { words, suggest } = useSpeech();
  const [view, setView] = useState<View>({ is: "loading" });
  const [confirm, setConfirm] = useState(link.confirm);
  const running = useRef(false);

  const load = useCallback(async () => {
    if (running.current) return;
    running.current = true;
    try {
      const found = await look();
      if ("overview" in found && found.overview.language !== undefined) suggest(found.overview.language);
      setView(found);
    } catch {
      setView((before) => ({ is: "unreachable", tries: before.is === "unreachable" ? before.tries + 1 : 1 }));
    } finally {
      running.current = false;
    }
  }, [suggest]);

  useEffect(() => {
    if (confirm === undefined) void load();
  }, [load, confirm]);
  useEffect(() => {
    if (view.is !== "unreachable") return;
    const timer = setInterval(() => void load(), RETRY_MS);
    return () => clearInterval(timer);
  }, [view.is, load]);
  const reload = useCallback(() => void load(), [load]);

  if (confirm !== undefined) {
    return <Frame><ConfirmTrial id={confirm} onDone={() => setConfirm(undefined)} /></Frame>;
  }
  switch (view.is) {
    case "loading":
      return <Frame><Heading>{words.loading.title}</Heading><p role="status">{words.loading.text}</p></Frame>;
    case "unreachable":
      return <Frame><Unreachable tries={view.tries} onRetry={reload} /></Frame>;
    case "setup":
      return <Setup overview={view.overview} claimed={view.claimed} link={link} onOwned={reload} />;
    case "sign-in":
      return <SignIn overview={view.overview} onSignedIn={reload} />;
    case "owned":
      return <Owned overview={view.overview} who={view.who} onChanged={reload} />;
    case "rescue":
      return view.signedIn
        ? <RescuePage overview={view.overview} onChanged={reload} />
        : <RescueSignIn overview={view.overview} onSignedIn={reload} />;
  }
}
