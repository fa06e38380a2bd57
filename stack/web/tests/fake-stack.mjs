// The stack of the device that exists only in tests: what fake-api.mjs answers under /stack.
const COMPOSE = "name: notes\nservices:\n  gateway:\n    image: localhost/tayberry/gateway:system\n  app:\n    image: registry.example.org/notes/app:1.4\n";
const service = (name, image, health, sentence, used) =>
  ({ name, image, health, sentence, memory_bytes: used, memory_limit_bytes: 268_435_456, restarts: 0 });
const volume = (name, bytes, declared) => ({ service: name.split("/")[0], volume: name.split("/")[1], bytes, declared });

export const freshStack = () => ({
  source: "own", compose: COMPOSE, gateway_serves: true, can_roll_back: true, busy: false, problem: null,
  services: [
    service("app", "registry.example.org/notes/app:1.4", "restarting", "It ended with code 1 and is started again in a moment.", null),
    service("gateway", "localhost/tayberry/gateway:system", "healthy", "It runs, and says that it is ready.", 41_000_000),
    service("mongo", "localhost/tayberry/mongo-stand-in:system", "healthy", "It runs.", 88_000_000),
  ],
});

/** What a request is answered; undefined if it is none of these. */
export function answer(state, route, body, { good, problem }) {
  state.stack ??= freshStack();
  state.volumes ??= [volume("mongo/data", 4_200_000_000, true), volume("old-blog/files", 812_000_000, false), volume("app/files", 17_000_000, true)];
  state.images ??= [
    { id: "5c".repeat(32), names: ["registry.example.org/notes/app:1.4"], bytes: 143_000_000, declared: true },
    { id: "9f".repeat(32), names: [], bytes: 139_000_000, declared: false },
  ];
  const data = () => good({ free_bytes: 97_400_000_000, total_bytes: 118_000_000_000, volumes: state.volumes, images: state.images });
  switch (route.split("?")[0]) {
    case "GET /stack": return good(state.stack);
    case "GET /stack/log":
      state.asked = (state.asked ?? 0) + 1;
      return good({ lines: Array.from({ length: state.asked }, (_, at) => `2026-11-26T12:00:0${at}+0100 stack-app[812]: request ${at + 1}`) });
    case "GET /stack/data": return data();
    case "POST /stack/data/remove":
      state.volumes = state.volumes.filter((one) => one.service !== body.service || one.volume !== body.volume);
      return data();
    case "POST /stack/images/remove":
      state.images = state.images.filter((one) => one.id !== body.image);
      return data();
    case "POST /stack/plan":
      if (!body.compose.startsWith("name:")) return problem("stack-refused", { detail: "Line 3: image a/b names no version." });
      return good({ changes: [{ service: "app", change: "replace" }, { service: "mongo", change: "stop" }],
        warnings: [{ line: 5, sentence: "app has no healthcheck: it counts as healthy as soon as it runs." }] });
    case "PUT /stack":
      state.stack = { ...state.stack, compose: body.compose, services: state.stack.services.slice(0, 2) };
      return good(state.stack);
    case "POST /stack/restart":
      state.stack.services[0] = service("app", "registry.example.org/notes/app:1.5", "healthy", "It runs.", 33_000_000);
      return good(state.stack);
    case "POST /stack/secrets/renew": state.renewed = true; return good(state.stack);
    case "PUT /stack/system": state.stack = { ...state.stack, source: "system" }; return good(state.stack);
    case "POST /stack/rollback": return good(state.stack);
  }
  return undefined;
}
