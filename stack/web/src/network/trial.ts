// A network change on trial: how it ended, as far as the device's answers tell. Asking is left to panel.tsx.
import type { Network, Trial } from "../api/types";

/** What was asked for: a network to join, or to be in none. */
export interface Wish {
  ssid: string | undefined;
}

export type Ending = "kept" | "reverted" | "unknown";

/** How a trial that runs no more has ended. */
export function ending(wish: Wish | undefined, network: Network): Ending {
  if (wish === undefined) return "unknown";
  return network.wanted_wifi === wish.ssid ? "kept" : "reverted";
}

/** Seconds left of a trial that was seen at `seenAt`, both moments in milliseconds. */
export function secondsLeft(trial: Trial, seenAt: number, now: number): number {
  return Math.max(0, Math.ceil(trial.reverts_in_s - (now - seenAt) / 1000));
}
