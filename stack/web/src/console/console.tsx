// Decides between sign-in and the console's pages, and navigates between them. What each shows is left to it.
import { useCallback, useEffect, useState } from "react";
import { asProblem } from "../api/client";
import type { Overview } from "../api/types";
import { Action, Trouble } from "../parts/form";
import { Frame, Heading } from "../parts/frame";
import { SignedOut, useAsk } from "../parts/use-ask";
import { useRoute } from "../parts/use-route";
import { useSpeech } from "../text/language";
import { api, device, devicePages, type Who } from "./api";
import { AuditPage } from "./audit";
import { OverviewPage } from "./overview";
import { ServicesPage } from "./services";
import { SignInPage } from "./sign-in";
import { UsersPage } from "./users";

const RETRY_MS = 3000;
const PAGES = ["overview", "services", "users", "audit"] as const;
type Page = (typeof PAGES)[number];

type View = { is: "loading" } | { is: "away" } | { is: "sign-in" } | { is: "signed-in"; who: Who };

async function look(): Promise<View> {
  try {
    return { is: "signed-in", who: await api.session() };
  } catch (error) {
    return { is: asProblem(error).kind === "sign-in-first" ? "sign-in" : "away" };
  }
}

export function Console() {
  const { words, suggest } = useSpeech();
  const [view, setView] = useState<View>({ is: "loading" });
  const [overview, setOverview] = useState<Overview>();
  const load = useCallback(() => {
    void look().then(setView);
    void device.overview().then((found) => {
      setOverview(found);
      if (found.language !== undefined) suggest(found.language);
    }).catch(() => undefined);
  }, [suggest]);
  useEffect(load, [load]);
  useEffect(() => {
    if (view.is !== "away") return;
    const timer = setInterval(load, RETRY_MS);
    return () => clearInterval(timer);
  }, [view.is, load]);
  const about = { name: overview?.name, version: overview?.version };
  switch (view.is) {
    case "loading":
      return <Frame {...about}><p role="status">{words.common.loading}</p></Frame>;
    case "away":
      return (
        <Frame {...about}>
          <section className="card" role="status">
            <Heading>{words.console.away}</Heading>
            <p className="lead">{words.console.awayText}</p>
            <p><a href={devicePages()}>{words.console.devicePages}</a></p>
          </section>
        </Frame>
      );
    case "sign-in":
      return <Frame {...about}><SignInPage onSignedIn={(who) => setView({ is: "signed-in", who })} /></Frame>;
    case "signed-in":
      return <SignedIn who={view.who} about={about} onChanged={load} />;
  }
}

interface SignedInProps {
  who: Who;
  about: { name: string | undefined; version: string | undefined };
  onChanged: () => void;
}

function SignedIn({ who, about, onChanged }: SignedInProps) {
  const words = useSpeech().words;
  const text = words.console;
  const route = useRoute();
  const leaving = useAsk();
  const pages = PAGES.filter((page) => who.role === "owner" || (page !== "users" && page !== "services"));
  const page: Page = pages.find((one) => one === route.at) ?? "overview";
  const leave = () => leaving.ask(async () => {
    await api.signOut(who.role);
    route.replace("");
    onChanged();
  });
  const nav = (
    <nav className="nav" aria-label={words.nav.label}>
      {pages.map((one) => (
        <button key={one} type="button" className="nav-link" aria-current={one === page ? "page" : undefined}
          onClick={() => route.go(one)}>{text.pages[one]}</button>
      ))}
      <Action className="nav-link" off={leaving.busy} onClick={() => void leave()}>{words.nav.signOut}</Action>
    </nav>
  );
  return (
    <SignedOut value={onChanged}>
      <Frame {...about} wide nav={nav}>
        <Trouble asking={leaving} />
        <div key={page}>
          {page === "overview" && <OverviewPage who={who} />}
          {page === "services" && <ServicesPage />}
          {page === "users" && <UsersPage />}
          {page === "audit" && <AuditPage onSignedOut={onChanged} />}
        </div>
      </Frame>
    </SignedOut>
  );
}
