// The setup shows a screen only when everything before it was answered, and nothing is lost on the way back.
import { describe, expect, it } from "vitest";
import type { RecoveryCodes } from "../../src/api/types";
import { after, askedCharacters, before, begin, charactersMatch, isClaimCode, isName, reach, reduce, SCREENS, stepOf, type Action } from "../../src/model/flow";

const DRAFT = { owner: "", name: "tayberry", timezone: "Europe/Berlin", channel: "stable" } as const;
const CODES: RecoveryCodes = { codes: ["AB2C-DE3F", "GH4J-KL5M"], ask_code: 1, ask_characters: [1, 3, 5] };
const ALL: Action[] = [
  { does: "claim" }, { does: "draft", change: { owner: "ada" } }, { does: "password", password: "x", good: true },
  { does: "codes", codes: CODES }, { does: "characters", characters: "h j l" }, { does: "seen", screen: "device" },
  { does: "seen", screen: "network" }, { does: "seen", screen: "channel" },
];
const start = (claimed = false) => begin({ ...DRAFT }, claimed);

describe("flow", () => {
  it("goes through every screen, each time no further than was answered", () => {
    let setup = start();
    const shown = [reach("check", setup)];
    for (const action of ALL) {
      setup = reduce(setup, action);
      shown.push(reach("check", setup));
    }
    expect(shown).toEqual(["claim", "owner", "owner", "codes", "kept", "device", "network", "channel", "check"]);
  });

  it("keeps the answers on the way back, but not the claim", () => {
    const setup = ALL.reduce(reduce, start());
    for (const screen of SCREENS.slice(1)) expect(reach(screen, setup)).toBe(screen);
    expect(reach("claim", setup)).toBe("owner");
    expect(SCREENS.map(before)).toEqual([undefined, undefined, "owner", "codes", "kept", "device", "network", "channel"]);
    expect(SCREENS.map(after)).toEqual([...SCREENS.slice(1), "check"]);
    expect(SCREENS.map(stepOf)).toEqual([1, 2, 2, 2, 3, 3, 3, 4]);
  });

  it("after an interruption asks for the claim and makes new codes, and keeps the rest", () => {
    const cut = reduce(ALL.reduce(reduce, start()), { does: "interrupt" });
    expect(reach("check", cut)).toBe("claim");
    const again = reduce(cut, { does: "claim" });
    expect(reach("check", again)).toBe("codes");
    expect(again).toMatchObject({ draft: { owner: "ada" }, password: "x", codes: undefined, characters: "" });
  });

  it("asks for the password again after a reload, for it is in no storage", () => {
    expect(reach("network", begin({ ...DRAFT, owner: "ada" }, true))).toBe("owner");
  });

  it("compares the three characters without hyphens, blanks and case", () => {
    expect(askedCharacters(CODES)).toBe("HJL");
    expect(charactersMatch(CODES, " h-jl")).toBe(true);
    expect(charactersMatch(CODES, "HJK")).toBe(false);
    expect(charactersMatch(CODES, "")).toBe(false);
    expect(charactersMatch(undefined, "HJL")).toBe(false);
  });

  it("knows names and claim codes", () => {
    for (const good of ["a", "kitchen", "a-1", "0", "x".repeat(63)]) expect(isName(good), good).toBe(true);
    for (const bad of ["", "-a", "a-", "A", "a.b", "ä", "x".repeat(64), "a\n"]) expect(isName(bad), bad).toBe(false);
    expect(isClaimCode("1234 5678")).toBe(true);
    expect(isClaimCode("1234-5678")).toBe(true);
    expect(isClaimCode("1234567")).toBe(false);
    expect(isClaimCode("1234567a")).toBe(false);
  });
});
