// The setup as a value: which screens there are, what was answered, what may be shown next. Drawing the screens is left
// to setup/, asking the device to api/.
import type { Channel, RecoveryCodes } from "../api/types";

export const SCREENS = ["claim", "owner", "codes", "kept", "device", "network", "channel", "check"] as const;
export type Screen = (typeof SCREENS)[number];

/** Step of the progress indicator, from 1. */
export function stepOf(screen: Screen): number {
  const steps: Record<Screen, number> = {
    claim: 1, owner: 2, codes: 2, kept: 2, device: 3, network: 3, channel: 3, check: 4,
  };
  return steps[screen];
}

/** What may be kept in the tab's storage. */
export interface Draft {
  owner: string;
  name: string;
  timezone: string;
  channel: Channel;
}

export interface Setup {
  draft: Draft;
  claimed: boolean;
  /** The session ended in between. */
  interrupted: boolean;
  /** Only ever in memory, as the codes. */
  password: string;
  passwordGood: boolean;
  codes: RecoveryCodes | undefined;
  characters: string;
  deviceSeen: boolean;
  networkSeen: boolean;
  channelSeen: boolean;
}

export type Action =
  | { does: "claim" }
  | { does: "interrupt" }
  | { does: "draft"; change: Partial<Draft> }
  | { does: "password"; password: string; good: boolean }
  | { does: "codes"; codes: RecoveryCodes }
  | { does: "characters"; characters: string }
  | { does: "seen"; screen: "device" | "network" | "channel" };

export function begin(draft: Draft, claimed: boolean): Setup {
  return {
    draft, claimed, interrupted: false, password: "", passwordGood: false, codes: undefined, characters: "",
    deviceSeen: false, networkSeen: false, channelSeen: false,
  };
}

export function reduce(setup: Setup, action: Action): Setup {
  switch (action.does) {
    case "claim":
      return { ...setup, claimed: true, interrupted: false };
    case "interrupt":
      // The codes belong to the session that ended.
      return { ...setup, claimed: false, interrupted: true, codes: undefined, characters: "" };
    case "draft":
      return { ...setup, draft: { ...setup.draft, ...action.change } };
    case "password":
      return { ...setup, password: action.password, passwordGood: action.good };
    case "codes":
      return { ...setup, codes: action.codes, characters: "" };
    case "characters":
      return { ...setup, characters: action.characters };
    case "seen":
      return { ...setup, [`${action.screen}Seen`]: true };
  }
}

/** The screen to show when `wanted` is asked for: that one, or the first before it that still lacks its answer. */
export function reach(wanted: Screen, setup: Setup): Screen {
  const answered: Record<Screen, boolean> = {
    claim: setup.claimed,
    owner: setup.draft.owner.trim() !== "" && setup.password !== "" && setup.passwordGood,
    codes: setup.codes !== undefined,
    kept: charactersMatch(setup.codes, setup.characters),
    device: setup.deviceSeen && isName(setup.draft.name) && setup.draft.timezone !== "",
    network: setup.networkSeen,
    channel: setup.channelSeen,
    check: false,
  };
  if (wanted === "claim" && setup.claimed) return "owner";
  for (const screen of SCREENS) {
    if (screen === wanted || !answered[screen]) return screen;
  }
  return "check";
}

export function after(screen: Screen): Screen {
  return SCREENS[SCREENS.indexOf(screen) + 1] ?? "check";
}

/** The screen to go back to; none from the first and from the one after the claim, which cannot be undone. */
export function before(screen: Screen): Screen | undefined {
  const index = SCREENS.indexOf(screen);
  return index > 1 ? SCREENS[index - 1] : undefined;
}

/** One label of a host name, as `Hostname` of tayberry-format. */
export const isName = (text: string) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(text);

const bare = (text: string) => text.replace(/[\s-]/g, "");

/** The characters of the recovery code that are asked back, as they are printed. */
export function askedCharacters(codes: RecoveryCodes): string {
  const code = bare(codes.codes[codes.ask_code] ?? "");
  return codes.ask_characters.map((at) => code[at] ?? "").join("");
}

export function charactersMatch(codes: RecoveryCodes | undefined, typed: string): boolean {
  if (codes === undefined || bare(typed) === "") return false;
  return bare(typed).toUpperCase() === askedCharacters(codes).toUpperCase();
}

export const digitsOf = (code: string) => code.replace(/[\s-]/g, "");
export const isClaimCode = (code: string) => /^\d{8}$/.test(digitsOf(code));
