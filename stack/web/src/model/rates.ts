// What happened between two looks at the device.
import type { Metrics } from "../api/types";

export interface Rates {
  /** Share of all cores that worked: 0 to 1. */
  busy: number;
  /** Bytes a second, of all networks. */
  received: number;
  sent: number;
  /** Share of one core, by service. */
  services: Record<string, number>;
}

/** Counters that went back belong to something that was started anew: they count from nothing. */
export function between(before: Metrics, now: Metrics): Rates {
  const seconds = Math.max(1, now.uptime_s - before.uptime_s);
  const rate = (old: number, later: number) => Math.max(0, later - old) / seconds;
  const sum = (of: Metrics, what: "received_bytes" | "sent_bytes") =>
    of.networks.filter(({ interface: name }) => name !== "lo").reduce((all, one) => all + one[what], 0);
  const old = new Map(before.services.map((one) => [one.service, one.cpu_s]));
  const services = now.services.flatMap(({ service, cpu_s }) => {
    const earlier = old.get(service);
    return earlier === undefined ? [] : [[service, rate(earlier, cpu_s)] as const];
  });
  return {
    busy: Math.min(1, rate(before.processor.busy_s, now.processor.busy_s) / Math.max(1, now.processor.cores)),
    received: rate(sum(before, "received_bytes"), sum(now, "received_bytes")),
    sent: rate(sum(before, "sent_bytes"), sum(now, "sent_bytes")),
    services: Object.fromEntries(services),
  };
}
