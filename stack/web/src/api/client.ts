// Asks the device: JSON in, JSON out, problems as exceptions, the CSRF value kept and sent. What a problem means to
// people is left to text/, what to do about it to the screens.
import type {
  Answers, Finished, NewToken, Network, Overview, ProblemBody, RecoveryCodes, Rescue, Settings, SettingsChange, Status, Strength, Token,
  TokenWish, Updates, WhoAmI, WifiChoice,
} from "./types";

/** No answer, or one that says why not. `kind` is the device's word, `unreachable` when it did not answer. */
export class Problem extends Error {
  readonly kind: string;
  readonly detail: string | undefined;
  readonly retryAfter: number | undefined;

  constructor(kind: string, body: ProblemBody = {}) {
    super(body.title ?? kind);
    this.kind = kind;
    this.detail = body.detail;
    this.retryAfter = body.retry_after_s;
  }
}

/** Whatever was thrown, as a problem. */
export function asProblem(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem("unreachable");
}

async function problemOf(answer: Response): Promise<Problem> {
  let body: ProblemBody = {};
  try {
    body = (await answer.json()) as ProblemBody;
  } catch {
    // A proxy's page, or nothing: the status code has to do.
  }
  return new Problem(body.kind ?? (answer.status === 401 ? "sign-in-first" : "failed"), body);
}

type Fetch = typeof fetch;

export class Client {
  #csrf: string | undefined;
  readonly #fetch: Fetch;

  constructor(ask: Fetch = (input, init) => fetch(input, init)) {
    this.#fetch = ask;
  }

  async #ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const headers: Record<string, string> = { Accept: "application/json" };
    const isFile = body instanceof Blob;
    if (body !== undefined) headers["Content-Type"] = isFile ? "application/octet-stream" : "application/json";
    if (method !== "GET" && this.#csrf !== undefined) headers["X-Tayberry-Csrf"] = this.#csrf;
    let answer: Response;
    try {
      answer = await this.#fetch(`/api/v1${path}`, {
        method, headers, credentials: "same-origin", cache: "no-store", redirect: "error",
        ...(body === undefined ? {} : { body: isFile ? body : JSON.stringify(body) }),
      });
    } catch {
      throw new Problem("unreachable");
    }
    if (!answer.ok) throw await problemOf(answer);
    const text = await answer.text();
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  async #begin(method: string, path: string, body?: unknown): Promise<WhoAmI> {
    const who = await this.#ask<WhoAmI>(method, path, body);
    this.#csrf = who.csrf;
    return who;
  }

  overview = () => this.#ask<Overview>("GET", "/overview");
  claim = (code: string) => this.#begin("POST", "/claim", { code, now: Math.floor(Date.now() / 1000) });
  session = () => this.#begin("GET", "/session");
  signIn = (name: string, password: string) => this.#begin("POST", "/session", { name, password });
  recover = (code: string, password: string) => this.#begin("POST", "/recovery", { code, password });
  signOut = async () => {
    await this.#ask<undefined>("DELETE", "/session");
    this.#csrf = undefined;
  };
  judge = (password: string, name: string) => this.#ask<Strength>("POST", "/password/judge", { password, name });
  recoveryCodes = () => this.#ask<RecoveryCodes>("POST", "/setup/recovery-codes");
  /** Answered with a new session: its CSRF value is asked for at once. */
  finish = async (answers: Answers) => {
    const finished = await this.#ask<Finished>("POST", "/setup/finish", answers);
    await this.session().catch(() => undefined);
    return finished;
  };
  changePassword = (current: string, next: string) =>
    this.#ask<undefined>("PUT", "/password", { current, new: next });
  status = () => this.#ask<Status>("GET", "/status");
  settings = () => this.#ask<Settings>("GET", "/settings");
  changeSettings = (change: SettingsChange) => this.#ask<Settings>("PATCH", "/settings", change);
  network = () => this.#ask<Network>("GET", "/network");
  joinWifi = (choice: WifiChoice) => this.#ask<Network>("POST", "/network/wifi", choice);
  leaveWifi = () => this.#ask<Network>("DELETE", "/network/wifi");
  tokens = () => this.#ask<{ tokens: Token[] }>("GET", "/tokens");
  createToken = (wish: TokenWish) => this.#ask<NewToken>("POST", "/tokens", wish);
  revokeToken = (id: string) => this.#ask<undefined>("DELETE", `/tokens/${encodeURIComponent(id)}`);

  updates = () => this.#ask<Updates>("GET", "/updates");
  cancelUpdate = () => this.#ask<Updates>("DELETE", "/updates");
  restartIntoUpdate = () => this.#ask<Updates>("POST", "/updates/restart");
  checkForUpdate = () => this.#ask<Updates>("POST", "/updates/check");
  installUpdate = (again: boolean) => this.#ask<Updates>("POST", "/updates/install", { again });
  rollBack = () => this.#ask<Updates>("POST", "/updates/rollback");
  /** Hands in a bundle, or what is left of it; answered when it is written. */
  sendUpdate = (bundle: Blob, offset: number, again: boolean) =>
    this.#ask<Updates>("POST", `/updates?offset=${offset}&again=${again}`, bundle.slice(offset));

  rescue = () => this.#ask<Rescue>("GET", "/rescue");
  startAgain = () => this.#ask<undefined>("POST", "/rescue/restart");
  factoryReset = (name: string) => this.#ask<undefined>("POST", "/rescue/factory-reset", { name });

  /** Confirms a trial at this origin, or without cookies at another one of the same device. */
  confirmNetwork = async (id: string, origin = ""): Promise<void> => {
    if (origin === "") return this.#ask<undefined>("POST", "/network/confirm", { id });
    const answer = await this.#fetch(`${origin}/api/v1/network/confirm`, {
      method: "POST", mode: "cors", credentials: "omit", cache: "no-store",
      headers: { "Content-Type": "application/json" }, body: JSON.stringify({ id }),
    });
    if (!answer.ok) throw await problemOf(answer);
  };

  /** Whether this browser accepts the device's certificate at another of its names. */
  trustTest = async (origin: string): Promise<boolean> => {
    try {
      const answer = await this.#fetch(`${origin}/api/v1/trust-test`, { mode: "cors", credentials: "omit", cache: "no-store" });
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
