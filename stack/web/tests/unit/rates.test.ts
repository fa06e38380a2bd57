// Rates are the difference of two looks.
import { expect, it } from "vitest";
import type { Metrics } from "../../src/api/types";
import { between } from "../../src/model/rates";

const look = (uptime_s: number, busy_s: number, received_bytes: number, cpu_s: number): Metrics => ({
  uptime_s, processor: { cores: 4, busy_s, load: 0 }, drives: [],
  networks: [{ interface: "lo", received_bytes: received_bytes * 9, sent_bytes: 0 }, { interface: "eth0", received_bytes, sent_bytes: 7 }],
  services: [{ service: "web", memory_bytes: 1, cpu_s, written_bytes: 0 }],
});

it("are per second, without the loopback, and never negative", () => {
  expect(between(look(100, 10, 1000, 5), look(110, 30, 6000, 6))).toEqual({ busy: 0.5, received: 500, sent: 0, services: { web: 0.1 } });
  expect(between(look(100, 10, 1000, 5), look(105, 9, 0, 1))).toEqual({ busy: 0, received: 0, sent: 0, services: { web: 0 } });
  expect(between({ ...look(1, 0, 0, 0), services: [] }, look(1, 0, 0, 0)).services).toEqual({});
});
