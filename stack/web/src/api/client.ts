// Asks the device. How is left to wire.ts, what a problem means to people to text/, what to do about it to the screens.
import type {
  Answers, AppToken, ComposeFile, Domain, DomainWish, Finished, Metrics, NewToken, Network, Overview, RecoveryCodes, Rescue, ServiceLog, Settings, SettingsChange, Stack,
  StackData, StackPlan, Status, Strength, Token, TokenWish, Updates, Volume, WhoAmI, WifiChoice,
} from "./types";

import { problemOf, Wire, type Fetch } from "./wire";

export { asProblem, Problem } from "./wire";

export class Client {
  readonly #wire: Wire;

  constructor(ask?: Fetch, base = "/api/v1") {
    this.#wire = new Wire(base, "X-Tayberry-Csrf", ask);
  }

  async #begin(method: string, path: string, body?: unknown): Promise<WhoAmI> {
    const who = await this.#wire.ask<WhoAmI>(method, path, body);
    this.#wire.csrf = who.csrf;
    return who;
  }

  overview = () => this.#wire.ask<Overview>("GET", "/overview");
  claim = (code: string) => this.#begin("POST", "/claim", { code, now: Math.floor(Date.now() / 1000) });
  session = () => this.#begin("GET", "/session");
  signIn = (name: string, password: string) => this.#begin("POST", "/session", { name, password });
  recover = (code: string, password: string) => this.#begin("POST", "/recovery", { code, password });
  signOut = async () => {
    await this.#wire.ask<undefined>("DELETE", "/session");
    this.#wire.csrf = undefined;
  };
  /** What tells an application of the stack that the owner asks. */
  appToken = () => this.#wire.ask<AppToken>("POST", "/session/token");
  judge = (password: string, name: string) => this.#wire.ask<Strength>("POST", "/password/judge", { password, name });
  recoveryCodes = () => this.#wire.ask<RecoveryCodes>("POST", "/setup/recovery-codes");
  /** Answered with a new session: its CSRF value is asked for at once. */
  finish = async (answers: Answers) => {
    const finished = await this.#wire.ask<Finished>("POST", "/setup/finish", answers);
    await this.session().catch(() => undefined);
    return finished;
  };
  changePassword = (current: string, next: string) =>
    this.#wire.ask<undefined>("PUT", "/password", { current, new: next });
  metrics = () => this.#wire.ask<Metrics>("GET", "/metrics");
  status = () => this.#wire.ask<Status>("GET", "/status");
  settings = () => this.#wire.ask<Settings>("GET", "/settings");
  changeSettings = (change: SettingsChange) => this.#wire.ask<Settings>("PATCH", "/settings", change);
  network = () => this.#wire.ask<Network>("GET", "/network");
  joinWifi = (choice: WifiChoice) => this.#wire.ask<Network>("POST", "/network/wifi", choice);
  leaveWifi = () => this.#wire.ask<Network>("DELETE", "/network/wifi");
  domain = () => this.#wire.ask<Domain>("GET", "/domain");
  /** Answered before there is a certificate. */
  wishDomain = (wish: DomainWish) => this.#wire.ask<Domain>("PUT", "/domain", wish);
  forgetDomain = () => this.#wire.ask<Domain>("DELETE", "/domain");
  tryDomain = () => this.#wire.ask<Domain>("POST", "/domain/try");
  tokens = () => this.#wire.ask<{ tokens: Token[] }>("GET", "/tokens");
  createToken = (wish: TokenWish) => this.#wire.ask<NewToken>("POST", "/tokens", wish);
  revokeToken = (id: string) => this.#wire.ask<undefined>("DELETE", `/tokens/${encodeURIComponent(id)}`);

  updates = () => this.#wire.ask<Updates>("GET", "/updates");
  cancelUpdate = () => this.#wire.ask<Updates>("DELETE", "/updates");
  restartIntoUpdate = (reboot: boolean) => this.#wire.ask<Updates>("POST", `/updates/restart${reboot ? "?reboot=true" : ""}`);
  checkForUpdate = () => this.#wire.ask<Updates>("POST", "/updates/check");
  installUpdate = (again: boolean) => this.#wire.ask<Updates>("POST", "/updates/install", { again });
  rollBack = () => this.#wire.ask<Updates>("POST", "/updates/rollback");
  /** Hands in a bundle, or what is left of it; answered when it is written. */
  sendUpdate = (bundle: Blob, offset: number, again: boolean) =>
    this.#wire.ask<Updates>("POST", `/updates?offset=${offset}&again=${again}`, bundle.slice(offset));

  stackLog = (service: string) => this.#wire.ask<ServiceLog>("GET", `/stack/log?service=${encodeURIComponent(service)}`);
  planStack = (file: ComposeFile) => this.#wire.ask<StackPlan>("POST", "/stack/plan", file);
  applyStack = (file: ComposeFile) => this.#wire.ask<Stack>("PUT", "/stack", file);
  applySystemStack = () => this.#wire.ask<Stack>("PUT", "/stack/system");
  rollBackStack = () => this.#wire.ask<Stack>("POST", "/stack/rollback");
  /** Answered once it runs. */
  restartService = (service: string) => this.#wire.ask<Stack>("POST", "/stack/restart", { service });
  renewSecrets = () => this.#wire.ask<Stack>("POST", "/stack/secrets/renew", {});
  stackData = () => this.#wire.ask<StackData>("GET", "/stack/data");
  removeVolume = ({ service, volume }: Volume) => this.#wire.ask<StackData>("POST", "/stack/data/remove", { service, volume });
  removeImage = (image: string) => this.#wire.ask<StackData>("POST", "/stack/images/remove", { image });
  stack = () => this.#wire.ask<Stack>("GET", "/stack");

  rescue = () => this.#wire.ask<Rescue>("GET", "/rescue");
  startAgain = () => this.#wire.ask<undefined>("POST", "/rescue/restart");
  factoryReset = (name: string, password?: string) =>
    this.#wire.ask<undefined>("POST", "/factory-reset", { name, ...(password === undefined ? {} : { password }) });

  /** Confirms a trial at this origin, or without cookies at another one of the same device. */
  confirmNetwork = async (id: string, origin = ""): Promise<void> => {
    if (origin === "") return this.#wire.ask<undefined>("POST", "/network/confirm", { id });
    const answer = await this.#wire.fetch(`${origin}/api/v1/network/confirm`, {
      method: "POST", mode: "cors", credentials: "omit", cache: "no-store",
      headers: { "Content-Type": "application/json" }, body: JSON.stringify({ id }),
    });
    if (!answer.ok) throw await problemOf(answer);
  };

  /** Whether this browser accepts the device's certificate at another of its names. */
  trustTest = async (origin: string): Promise<boolean> => {
    try {
      const answer = await this.#wire.fetch(`${origin}/api/v1/trust-test`, { mode: "cors", credentials: "omit", cache: "no-store" });
      return answer.ok;
    } catch {
      return false;
    }
  };
}

/** Where the archive of all data is: a link, because a browser keeps a file of that size better than a page does. */
export const EXPORT = "/api/v1/rescue/export";

/** The one device that these pages talk to. */
export const device = new Client();
