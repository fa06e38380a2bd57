// The console's own API as it exists only in tests: sessions, users and the audit log from memory, and the WebSocket that tells of new
// entries. The device behind it is left to fake-api.mjs.
import { createHash } from "node:crypto";

/** What every WebSocket's key is hashed with (RFC 6455, section 1.3). */
const SALT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const NOW = 1_790_000_000;
/** Entries of one answer, as stack/api gives them. */
const PAGE = 50;

const problem = (status, kind) => ({ status, body: { type: `/problems/${kind}`, kind, title: kind, status } });
const good = (body, status = 200) => ({ status, body });

export function freshConsole() {
  return { who: undefined, users: [], entries: [], ready: { database: true, redis: true }, away: false, sockets: new Set() };
}

export function note(state, actor, action, subject = "") {
  const entry = { _id: state.entries.length + 1, at: NOW + state.entries.length, actor, action, subject };
  state.entries.push(entry);
  for (const socket of state.sockets) tell(socket, { kind: "audit", entry });
}

/** What the console is answered. */
export function answer(state, method, path, query, body) {
  if (state.away) return problem(503, "away");
  const begin = (name, role) => {
    state.who = { name, role, csrf: "console" };
    note(state, name, "signed-in");
    return good(state.who, 201);
  };
  if (path === "/ready") return good(state.ready);
  if (method === "POST" && path === "/session") {
    if (body.token !== undefined) return begin("ada", "owner");
    const user = state.users.find(({ name, password }) => name === body.name && password === body.password);
    return user === undefined ? problem(401, "wrong-password") : begin(user.name, user.role);
  }
  if (state.who === undefined) return problem(401, "sign-in-first");
  switch (`${method} ${path}`) {
    case "GET /session": return good(state.who);
    case "DELETE /session": state.who = undefined; return { status: 204 };
    case "GET /users": return good(state.users.map(({ name, role }) => ({ name, role, created_at: NOW })));
    case "POST /users":
      state.users.push(body);
      note(state, state.who.name, "user-added", body.name);
      return good({ name: body.name, role: body.role, created_at: NOW }, 201);
    case "GET /audit": {
      const before = Number(query.get("before") ?? Infinity);
      return good(state.entries.filter(({ _id }) => _id < before).reverse().slice(0, PAGE));
    }
  }
  if (method === "DELETE" && path.startsWith("/users/")) {
    const gone = decodeURIComponent(path.slice("/users/".length));
    state.users = state.users.filter(({ name }) => name !== gone);
    note(state, state.who.name, "user-removed", gone);
    return { status: 204 };
  }
  return problem(404, "not-found");
}

/** Opens the WebSocket of somebody who listens. */
export function listen(state, request, socket) {
  const accept = createHash("sha1").update(request.headers["sec-websocket-key"] + SALT).digest("base64");
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  state.sockets.add(socket);
  socket.on("close", () => state.sockets.delete(socket));
  socket.on("error", () => socket.destroy());
}

/** One unmasked frame of text (RFC 6455, section 5.2). */
function tell(socket, what) {
  const text = Buffer.from(JSON.stringify(what));
  const length = text.length < 126 ? [text.length] : [126, text.length >> 8, text.length & 255];
  socket.write(Buffer.concat([Buffer.from([0x81, ...length]), text]));
}
