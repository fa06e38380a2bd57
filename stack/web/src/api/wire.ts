// One question to an API: JSON in, JSON out, problems as exceptions, the CSRF value kept and sent. What is asked is left to client.ts
// and to the console, what a problem means to people to text/.
import type { ProblemBody } from "./types";

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

export async function problemOf(answer: Response): Promise<Problem> {
  let body: ProblemBody = {};
  try {
    body = (await answer.json()) as ProblemBody;
  } catch {
    // A proxy's page, or nothing: the status code has to do.
  }
  return new Problem(body.kind ?? (answer.status === 401 ? "sign-in-first" : "failed"), body);
}

export type Fetch = typeof fetch;

/** An API below one address. `header` is the name under which it wants the CSRF value. */
export class Wire {
  csrf: string | undefined;
  readonly fetch: Fetch;
  readonly #base: string;
  readonly #header: string;

  constructor(base: string, header: string, ask: Fetch = (input, init) => fetch(input, init)) {
    this.fetch = ask;
    this.#base = base;
    this.#header = header;
  }

  async ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const headers: Record<string, string> = { Accept: "application/json" };
    const isFile = body instanceof Blob;
    if (body !== undefined) headers["Content-Type"] = isFile ? "application/octet-stream" : "application/json";
    if (method !== "GET" && this.csrf !== undefined) headers[this.#header] = this.csrf;
    let answer: Response;
    try {
      answer = await this.fetch(`${this.#base}${path}`, {
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
}
