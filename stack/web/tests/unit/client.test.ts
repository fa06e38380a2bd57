// The client sends what the contract asks for and nothing to strangers.
import { describe, expect, it } from "vitest";
import { Client, Problem } from "../../src/api/client";

interface Sent { url: string; init: RequestInit }

function fake(...answers: (Response | Error)[]) {
  const sent: Sent[] = [];
  const client = new Client((url, init) => {
    sent.push({ url: url as string, init: init ?? {} });
    const next = answers.shift() ?? new Response(null, { status: 204 });
    return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
  });
  const header = (at: number, name: string) => (sent[at]?.init.headers as Record<string, string> | undefined)?.[name];
  return { client, sent, header };
}

const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });

describe("client", () => {
  it("sends the claim with the browser's time, then the CSRF value with what changes something", async () => {
    const { client, sent, header } = fake(json({ role: "setup", csrf: "abc" }), json({ codes: [], ask_code: 0, ask_characters: [] }), json({}));
    await client.claim("12345678");
    const claim = JSON.parse(sent[0]?.init.body as string) as { code: string; now: number };
    expect(claim.code).toBe("12345678");
    expect(Math.abs(claim.now - Date.now() / 1000)).toBeLessThan(2);
    expect(header(0, "X-Tayberry-Csrf")).toBeUndefined();
    await client.recoveryCodes();
    expect(header(1, "X-Tayberry-Csrf")).toBe("abc");
    await client.status();
    expect(header(2, "X-Tayberry-Csrf")).toBeUndefined();
  });

  it("asks for the new CSRF value after the setup, and forgets it after signing out", async () => {
    const { client, sent, header } = fake(
      json({ role: "setup", csrf: "old" }), json({ address: "https://a.local" }), json({ role: "owner", csrf: "new" }),
    );
    await client.claim("12345678");
    await client.finish({ language: "en", owner: "o", password: "p", recovery_characters: "abc", name: "a", timezone: "UTC", channel: "stable" });
    expect(sent.map(({ url }) => url)).toEqual(["/api/v1/claim", "/api/v1/setup/finish", "/api/v1/session"]);
    await client.leaveWifi().catch(() => undefined);
    expect(header(3, "X-Tayberry-Csrf")).toBe("new");
    await client.signOut();
    await client.leaveWifi();
    expect(header(5, "X-Tayberry-Csrf")).toBeUndefined();
  });

  it("sends neither cookie nor CSRF value to another origin", async () => {
    const { client, sent, header } = fake(json({ role: "owner", csrf: "abc" }));
    await client.session();
    await client.confirmNetwork("7", "https://192.0.2.7:8443");
    expect(sent[1]?.url).toBe("https://192.0.2.7:8443/api/v1/network/confirm");
    expect(sent[1]?.init.credentials).toBe("omit");
    expect(header(1, "X-Tayberry-Csrf")).toBeUndefined();
    await client.confirmNetwork("7");
    expect(sent[2]?.url).toBe("/api/v1/network/confirm");
    expect(header(2, "X-Tayberry-Csrf")).toBe("abc");
  });

  it("makes problems of refusals, of odd answers and of silence", async () => {
    const { client } = fake(
      json({ type: "/problems/too-many-tries", kind: "too-many-tries", title: "T", status: 429, retry_after_s: 9 }, 429),
      new Response("<html>", { status: 502 }), new Response("", { status: 401 }), new TypeError("no network"),
    );
    const wait = await client.overview().catch((error: unknown) => error);
    expect(wait).toBeInstanceOf(Problem);
    expect(wait).toMatchObject({ kind: "too-many-tries", retryAfter: 9 });
    await expect(client.overview()).rejects.toMatchObject({ kind: "failed" });
    await expect(client.overview()).rejects.toMatchObject({ kind: "sign-in-first" });
    await expect(client.overview()).rejects.toMatchObject({ kind: "unreachable" });
  });

  it("tests trust by whether another origin can be read", async () => {
    const { client, sent } = fake(new Response(null, { status: 204 }), new TypeError("certificate"));
    expect(await client.trustTest("https://a.local")).toBe(true);
    expect(await client.trustTest("https://a.local")).toBe(false);
    expect(sent[0]).toMatchObject({ url: "https://a.local/api/v1/trust-test", init: { mode: "cors", credentials: "omit" } });
  });
});
