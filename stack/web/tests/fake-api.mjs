// A device that exists only in tests: answers the routes of docs/api.md from memory, with its rules about cookies, CSRF
// values and claim codes. Speaking HTTP is left to fake-device.mjs.

import { answer as stackAnswer } from "./fake-stack.mjs";

export const FINGERPRINT = Array.from({ length: 32 }, (_, index) => (index * 7 + 16).toString(16).padStart(2, "0").toUpperCase()).join(":");
export const CLAIM = "12345678";
export const PASSWORD = "plum tractor violin cloud";
const GB = 1_000_000_000;
const CODES = ["7KQF-M2XP-R9TD-C4WH", "N3VB-8YGL-Q6ZS-J5KP", "D7HM-4RXC-T2FW-9BNQ", "P6ZG-K8LV-5SJY-M3TD",
  "W9CF-2QHB-X7RN-G4KZ", "L5TY-J3MP-6DVS-8FQX", "H2XR-9ZKW-B4GC-N7LT", "S8QD-5PFM-Y6VJ-R3HB"];
const finder = (x, y) => [[0, 0], [14, 0], [0, 14]].map(([left, top]) => [x - left, y - top]).find(([u, v]) => u >= 0 && v >= 0 && u < 7 && v < 7);
const dark = (x, y) => {
  const at = finder(x, y);
  if (at) { const ring = Math.max(Math.abs(at[0] - 3), Math.abs(at[1] - 3)); return ring !== 2; }
  return Math.imul(x * 7919 + y * 104729 + 11, 2654435761) >>> 31 === 1;
};
/** Looks like a QR code and says nothing. */
const QR = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 21 21" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h21v21H0z"/><path d="${
  Array.from({ length: 441 }, (_, at) => (dark(at % 21, Math.floor(at / 21)) ? `M${at % 21} ${Math.floor(at / 21)}h1v1h-1z` : "")).join("")}"/></svg>`;

const TITLES = { "wrong-code": 403, "wrong-password": 401, "sign-in-first": 401, forbidden: 403, "too-many-tries": 429,
  "weak-password": 422, "recovery-not-kept": 422, "nothing-to-confirm": 409, "other-network": 409, "not-found": 404,
  "already-owned": 409, failed: 500, "cannot-join": 422, "not-allowed": 422, "in-rescue": 409, "not-in-rescue": 409, "stack-refused": 422 };
const problem = (kind, more = {}) => ({ status: TITLES[kind], body: { type: `/problems/${kind}`, kind, title: kind, status: TITLES[kind], ...more } });
const good = (body, more = {}) => ({ status: 200, body, ...more });
const EMPTY = { status: 204 };

export function fresh(more = {}) {
  return {
    phase: "unclaimed", name: "tayberry", language: undefined, timezone: "Europe/Berlin", channel: "stable", role: undefined,
    wrong: 0, owner: "ada", password: PASSWORD, health: "good", notices: [], codesMade: 0, wanted: undefined, trial: undefined,
    trialEnds: 0, cable: true, tokens: [], judged: [], answers: undefined, silent: false, csrf: 0, trialLasts: 60_000, ...more,
  };
}

function network(state) {
  if (state.trial && Date.now() > state.trialEnds) { state.trial = undefined; state.wanted = state.before; }
  const home = state.wanted === "Brombeere";
  return {
    interfaces: [
      { name: "end0", kind: "ethernet", connected: state.cable, addresses: state.cable ? ["127.0.0.1", "fe80::1"] : [] },
      { name: "wlan0", kind: "wifi", connected: home, addresses: home ? ["127.0.0.1"] : [] },
    ],
    wifi: [
      { ssid: "Brombeere", strength: 88, secured: true, joined: home },
      { ssid: "Café am Eck – Gäste", strength: 54, secured: false, joined: false },
      { ssid: "FRITZ!Box 7590 with a long name", strength: 21, secured: true, joined: false },
    ],
    ...(state.wanted ? { wanted_wifi: state.wanted } : {}),
    ...(state.trial ? { trial: { id: state.trial, reverts_in_s: Math.ceil((state.trialEnds - Date.now()) / 1000), addresses: ["127.0.0.1"] } } : {}),
  };
}

export function status(state) {
  return {
    name: state.name, version: "0.2.0", slot: "A", next_slot: "A", state: "committed", health: state.health, notices: state.notices,
    addresses: ["127.0.0.1", "fd00::20", "fe80::1"], temperature_c: 47.3, uptime_s: 183_720 + Math.floor(process.uptime()), now: 1_790_000_000,
    time: "network", data: { total: 118 * GB, free: 97.4 * GB }, memory: { total: 8.2 * GB, free: 6.9 * GB }, load: 0.12,
    last_event: { at: 1_790_000_000 - 7300, kind: "signed-in", from: "192.0.2.44" },
  };
}

export function metrics() {
  const second = Math.floor(process.uptime());
  const service = (name, memory, cpu, written) => ({ service: name, stack: true, memory_bytes: memory * 1e6, cpu_s: second * cpu, read_bytes: 0, written_bytes: written });
  return {
    at: 1_790_000_000, uptime_s: 183_720 + second, version: "0.2.0", processor: { cores: 4, busy_s: second * 0.4, load: 0.12 },
    memory: { total: 8.2 * GB, free: 6.9 * GB }, data: { total: 118 * GB, free: 97.4 * GB },
    cooling: { temperatures: [{ sensor: "processor", celsius: 47.3 }, { sensor: "nvme0", celsius: 38 }], duty_percent: 30, turns_per_minute: 2450, doubts: [] },
    supply: { under_voltage: false, slowed: false, under_voltage_since_start: true, slowed_since_start: false },
    drives: [
      { name: "nvme0n1", kind: "nvme", model: "Example SSD 128", bytes: 128 * GB, system: true, read_bytes: 3 * GB, written_bytes: 1.2 * GB,
        written_bytes_a_day: 0.6 * GB, file_system_errors: 0, warnings: [], wear: { used_percent: 3, critical: {}, years_left: 21.5 } },
      { name: "sda", kind: "usb", model: "Stick", bytes: 16 * GB, system: false, read_bytes: 0, written_bytes: 0, file_system_errors: 0, warnings: [] },
    ],
    networks: [{ interface: "eth0", received_bytes: second * 120_000, sent_bytes: second * 8000 }],
    services: [service("tayberry-api", 9, 0.01, 1e6), service("tayberry-mongo", 184, 0.05, 4e8), service("tayberryd", 12, 0.002, 2e6)],
  };
}

function judge(password) {
  const weak = (score, weakness) => ({ score, good_enough: false, weakness });
  if ([...password].length < 8) return weak(0, "too-short");
  if (/^(password|passwort|12345678)/i.test(password)) return weak(0, "well-known");
  if (password.length < 14) return weak(2, "easy-to-guess");
  return { score: 4, good_enough: true };
}

/** What a request is answered; `host` is the name or address it came to. */
export function answer(state, method, path, body, { csrf, host }) {
  const route = `${method} ${path}`;
  const who = () => good({ role: state.role, ...(state.role === "owner" ? { name: state.owner } : {}), csrf: `csrf-${state.csrf}` });
  const begin = (role) => { state.role = role; state.csrf += 1; return { ...who(), cookie: true }; };
  const wait = () => (state.wrong >= 3 ? problem("too-many-tries", { retry_after_s: 2 }) : undefined);
  switch (route) {
    case "GET /overview":
      return good({ phase: state.phase, name: state.name, version: "0.2.0", ...(state.phase !== "unclaimed" && state.language ? { language: state.language } : {}),
        time_known: true, now: 1_790_000_000, authority_fingerprint: FINGERPRINT, addresses: ["127.0.0.1"], setup_network: false });
    case "POST /claim": {
      const waits = wait();
      if (waits) { state.wrong = 0; return waits; }
      if (body.code !== CLAIM) { state.wrong += 1; return problem("wrong-code"); }
      state.wrong = 0;
      return begin(state.rescue ? "owner" : "setup");
    }
    case "POST /session": {
      const waits = wait();
      if (waits) { state.wrong = 0; return waits; }
      if (body.name !== state.owner || body.password !== state.password) { state.wrong += 1; return problem("wrong-password"); }
      return begin("owner");
    }
    case "POST /recovery":
      if (body.code.replace(/[\s-]/g, "").toUpperCase() !== CODES[0].replace(/-/g, "")) return problem("wrong-password");
      state.password = body.password;
      return begin("owner");
    case "POST /network/confirm":
      if (!state.trial || body.id !== state.trial) return problem("nothing-to-confirm");
      if (host !== "127.0.0.1") return problem("other-network");
      state.trial = undefined;
      return EMPTY;
    case "GET /trust-test":
      return EMPTY;
  }
  if (!state.role) return problem("sign-in-first");
  if (path.startsWith("/rescue") && !state.rescue) return problem("not-in-rescue");
  if (method !== "GET" && csrf !== `csrf-${state.csrf}`) return problem("forbidden");
  if (/^\/(setup)/.test(path) && state.role !== "setup") return problem("forbidden");
  switch (route) {
    case "GET /session": return who();
    case "POST /session/token": return good({ token: "signed.by.the-device" });
    case "DELETE /session": state.role = undefined; return EMPTY;
    case "POST /password/judge": return good(judge(body.password));
    case "POST /setup/recovery-codes":
      state.codesMade += 1;
      return good({ codes: CODES, ask_code: 2, ask_characters: [1, 6, 11] });
    case "POST /setup/finish":
      if (body.recovery_characters !== "7XW") return problem("recovery-not-kept");
      Object.assign(state, { answers: body, phase: "owned", language: body.language, owner: body.owner, password: body.password,
        name: body.name, timezone: body.timezone, channel: body.channel });
      begin("owner");
      return good({ address: `https://${state.name}.local`, qr_svg: QR, authority_fingerprint: FINGERPRINT }, { cookie: true });
    case "PUT /password":
      if (body.current !== state.password) return problem("wrong-password");
      state.password = body.new;
      return EMPTY;
    case "GET /status": return good(status(state));
    case "GET /metrics": return good(metrics());
    case "GET /domain": return good(state.domain ?? { busy: false });
    case "PUT /domain":
      if (!body.name.includes(".")) return problem("not-allowed", { detail: "\"x\" is no domain." });
      state.domain = { wish: { ...body, ...(body.proof.dns ? { proof: { dns: { ...body.proof.dns, secret: undefined } } } : {}) }, busy: false,
        problem: "the authority does not believe that shop.example.org leads to this device: Fetching http://shop.example.org/: Timeout.", next_try: 1_790_000_300 };
      return { ...good(state.domain), status: 202 };
    case "POST /domain/try":
      state.domain = { ...state.domain, problem: undefined, next_try: undefined,
        certificate: { name: state.domain.wish.name, not_before: 1_790_000_000, not_after: 1_797_776_000 } };
      return { ...good(state.domain), status: 202 };
    case "DELETE /domain": state.domain = { busy: false }; return good(state.domain);
    case "PATCH /settings":
      if (body.name === "taken") return problem("not-allowed", { detail: "Another device has this name." });
      Object.assign(state, body); // falls through
    case "GET /settings":
      return good({ language: state.language ?? "en", name: state.name, timezone: state.timezone, channel: state.channel,
        repository: state.repository ?? "https://updates.example.org/attic", automatic_updates: state.automatic_updates ?? true,
        update_window: state.update_window ?? { from: 3, to: 5 }, fan: state.fan ?? "balanced" });
    case "GET /updates":
      return good({ version: "0.2.0", slot: "A", phase: "idle", repository: "https://updates.example.org/attic", ...state.update });
    case "POST /updates/check":
      state.update = { ...state.update, repository: "https://updates.example.org/attic", checked: 1_790_000_000, previous: "0.1.9",
        way_back: { live: false, why: ["kernel_2712.img"], services: [{ service: "api", change: "replace" }], gap_seconds: 48 },
        available: { version: "0.3.0", download_bytes: 4_700_000, full_bytes: 103_000_000, tried_before: false,
          plan: { live: true, why: [], services: [{ service: "redis", change: "replace" }, { service: "api", change: "roll" }] },
          notes: { en: "A quieter fan, and the usual security updates.", de: "Ein leiserer Lüfter und die üblichen Sicherheitsupdates." } } };
      return good({ version: "0.2.0", slot: "A", phase: "idle", ...state.update });
    case "POST /updates/restart":
      state.update = { phase: "restarting", target: "0.3.0" };
      return good({ version: "0.2.0", slot: "A", ...state.update });
    case "GET /rescue": return good(state.rescue);
    case "POST /rescue/restart": return EMPTY;
    case "POST /factory-reset":
      if (state.rescue === undefined && body.password !== state.password) return problem("wrong-password");
      return body.name === state.name ? EMPTY : problem("not-allowed");
    case "POST /updates/rollback": return good({ version: "0.2.0", slot: "A", phase: "restarting" });
    case "GET /network": return good(network(state));
    case "DELETE /network/wifi":
    case "POST /network/wifi":
      if (body?.password === "wrong password") return problem("cannot-join");
      Object.assign(state, { before: state.wanted, wanted: body?.ssid, trial: `trial-${Date.now()}`, trialEnds: Date.now() + state.trialLasts });
      return { status: 202, body: network(state) };
    case "GET /tokens": return good({ tokens: state.tokens });
    case "POST /tokens": {
      const token = { id: `t${state.tokens.length + 1}`, name: body.name, scopes: body.scopes, created: 1_790_000_000,
        ...(body.days ? { expires: 1_790_000_000 + body.days * 86400 } : {}) };
      state.tokens.push(token);
      return { status: 201, body: { token, secret: "tbp_".padEnd(52, "3f9ac2e1b7d80456") } };
    }
  }
  if (path.startsWith("/stack")) return stackAnswer(state, route, body, { good, problem }) ?? problem("not-found");
  if (method === "DELETE" && path.startsWith("/tokens/")) {
    state.tokens = state.tokens.filter(({ id }) => id !== path.slice(8));
    return EMPTY;
  }
  return problem("not-found");
}
