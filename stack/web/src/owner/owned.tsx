// The owner's pages and the navigation between them. What each shows is left to it.
import { device } from "../api/client";
import type { Overview, WhoAmI } from "../api/types";
import { Action, Trouble } from "../parts/form";
import { Frame } from "../parts/frame";
import { SignedOut, useAsk } from "../parts/use-ask";
import { useRoute } from "../parts/use-route";
import { useWords } from "../text/language";
import { TrustPanel } from "../trust/panel";
import { SettingsPage } from "./settings";
import { StackPage } from "./stack";
import { StatusPage } from "./status";
import { UpdatesPage } from "./updates";

const PAGES = ["status", "updates", "stack", "settings", "trust"] as const;
type Page = (typeof PAGES)[number];

interface OwnedProps {
  overview: Overview;
  who: WhoAmI;
  /** The session or the device changed. */
  onChanged: () => void;
}

export function Owned({ overview, who, onChanged }: OwnedProps) {
  const words = useWords();
  const route = useRoute();
  const leaving = useAsk();
  const page: Page = PAGES.find((one) => one === route.at) ?? "status";
  const leave = async () => {
    await leaving.ask(async () => {
      await device.signOut();
      route.replace("");
      onChanged();
    });
  };
  const nav = (
    <nav className="nav" aria-label={words.nav.label}>
      {PAGES.map((one) => (
        <button key={one} type="button" className="nav-link" aria-current={one === page ? "page" : undefined}
          onClick={() => route.go(one)}>{words.nav[one]}</button>
      ))}
      <Action className="nav-link" off={leaving.busy} onClick={() => void leave()}>{words.nav.signOut}</Action>
    </nav>
  );
  return (
    <SignedOut value={onChanged}>
      <Frame name={overview.name} version={overview.version} wide nav={nav}>
        <Trouble asking={leaving} />
        <div key={page}>
          {page === "status" && <StatusPage onSignedOut={onChanged} />}
          {page === "updates" && <UpdatesPage onSignedOut={onChanged} />}
          {page === "stack" && <StackPage />}
          {page === "settings" && <SettingsPage owner={who.name ?? ""} name={overview.name} onChanged={onChanged} />}
          {page === "trust" && <section className="card"><TrustPanel level="h1" /></section>}
        </div>
      </Frame>
    </SignedOut>
  );
}
