// Serves the built pages with the headers of the device, and a device that exists only in tests; or those of the console, and a console.
// What they answer is left to fake-api.mjs and fake-console.mjs.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { answer, fresh, status } from "./fake-api.mjs";
import { answer as consoleAnswer, freshConsole, listen } from "./fake-console.mjs";

const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

/** The policy of the device; it knows its name and addresses. */
export const POLICY = [
  "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:",
  "connect-src 'self' https://*.local:* https://127.0.0.1:*", "font-src 'none'", "form-action 'self'",
  "frame-ancestors 'none'", "base-uri 'none'",
].join("; ");

function certificate() {
  const folder = mkdtempSync(join(tmpdir(), "tayberry-pages-"));
  try {
    const file = (name) => join(folder, name);
    execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
      "-subj", "/CN=Tayberry test", "-addext", "subjectAltName=DNS:tayberry.local,IP:127.0.0.1",
      "-keyout", file("key"), "-out", file("cert")], { stdio: "ignore" });
    return { key: readFileSync(file("key")), cert: readFileSync(file("cert")) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function textOf(request) {
  let text = "";
  for await (const part of request) text += part;
  return text;
}

/** Starts it; `device.state` may be looked at and changed by a test. With `console` it is the application of the device's stack. */
export async function start(dist, { console = false } = {}) {
  const device = { state: fresh(), console: freshConsole(), port: 0, streams: new Set() };
  const [index, base] = console ? ["console.html", "/system/api/v1"] : ["index.html", "/api/v1"];

  async function api(request, response, path) {
    const headers = { "Cache-Control": "no-store" };
    if (["/trust-test", "/network/confirm"].includes(path)) headers["Access-Control-Allow-Origin"] = "*";
    if (request.method === "OPTIONS") {
      response.writeHead(204, { ...headers, "Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": "content-type" }).end();
      return;
    }
    if (path === "/status/events" && device.state.role === "owner") {
      response.writeHead(200, { "Content-Type": "text/event-stream", ...headers });
      const tell = () => response.write(`event: status\ndata: ${JSON.stringify(status(device.state))}\n\n`);
      tell();
      const timer = setInterval(tell, 500);
      device.streams.add(response);
      response.on("close", () => { clearInterval(timer); device.streams.delete(response); });
      return;
    }
    if (path.startsWith("/authority.")) {
      response.writeHead(200, { "Content-Type": "application/octet-stream", "Content-Disposition": "attachment" }).end("certificate");
      return;
    }
    const text = await textOf(request);
    const host = request.headers.host.replace(/:\d+$/, "");
    const said = answer(device.state, request.method, path, text === "" ? undefined : JSON.parse(text), { csrf: request.headers["x-tayberry-csrf"], host });
    if (said.body !== undefined) headers["Content-Type"] = said.status < 400 ? "application/json" : "application/problem+json";
    response.writeHead(said.status, headers).end(said.body === undefined ? undefined : JSON.stringify(said.body));
  }

  async function ownApi(request, response, { pathname, searchParams }) {
    const text = await textOf(request);
    const said = consoleAnswer(device.console, request.method, pathname.slice("/api".length), searchParams, text === "" ? undefined : JSON.parse(text));
    const type = said.status < 400 ? "application/json" : "application/problem+json";
    response.writeHead(said.status, { "Content-Type": type, "Cache-Control": "no-store" }).end(said.body === undefined ? undefined : JSON.stringify(said.body));
  }

  const server = createServer(certificate(), (request, response) => {
    if (device.state.silent) {
      request.socket.destroy();
      return;
    }
    const url = new URL(request.url, "https://device");
    const path = url.pathname;
    if (path.startsWith(`${base}/`)) {
      void api(request, response, path.slice(base.length));
      return;
    }
    if (console && path.startsWith("/api/")) {
      void ownApi(request, response, url);
      return;
    }
    const file = join(dist, path === "/" ? index : normalize(path));
    try {
      const body = readFileSync(file);
      response.writeHead(200, { "Content-Type": TYPES[extname(file)] ?? "application/octet-stream", "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff" }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  server.on("upgrade", (request, socket) => listen(device.console, request, socket));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  device.port = server.address().port;
  device.reset = (more) => { Object.assign(device, { state: fresh(more), console: freshConsole() }); };
  device.cut = () => { for (const stream of [...device.streams, ...device.console.sockets]) stream.destroy(); };
  device.stop = () => { device.cut(); server.closeAllConnections(); server.close(); };
  return device;
}
