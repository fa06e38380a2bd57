// Links, places, numbers, drafts and trials.
import { describe, expect, it } from "vitest";
import { ago, bytes, celsius, countCharacters, decimal, locale, span } from "../../src/model/format";
import { carried, sameFingerprint } from "../../src/model/link";
import { countries, isSsid, isTimeZone, isWifiPassword, linkable, originAt, otherOrigins, ownCountry, timeZones } from "../../src/model/places";
import { forget, keep, kept } from "../../src/model/store";
import { ending, secondsLeft } from "../../src/network/trial";
import { system } from "../../src/trust/system";

const HEX = "ab".repeat(32);
const COLONS = "AB:".repeat(31) + "AB";

describe("links", () => {
  it("carry a claim, a fingerprint, a trial", () => {
    expect(carried("#claim=12345678&fp=abc")).toEqual({ claim: "12345678", fingerprint: "abc" });
    expect(carried("#claim=1234&confirm=t1")).toEqual({ confirm: "t1" });
    expect(carried("")).toEqual({});
  });
  it("compare fingerprints in meaning", () => {
    expect(sameFingerprint(HEX.slice(0, 32), COLONS)).toBe(true);
    expect(sameFingerprint(HEX.slice(0, 30), COLONS)).toBe(false);
    expect(sameFingerprint(HEX, COLONS)).toBe(true);
    expect(sameFingerprint("cd".repeat(32), COLONS)).toBe(false);
    expect(sameFingerprint("short", "short")).toBe(false);
  });
});

describe("places", () => {
  it("name the device otherwise than this page does", () => {
    const addresses = ["fe80::1", "fd00::20", "192.0.2.20"];
    expect(linkable(addresses)).toEqual(["192.0.2.20", "fd00::20"]);
    expect(otherOrigins("192.0.2.20", "8443", "kitchen", addresses)).toEqual(["https://kitchen.local:8443", "https://[fd00::20]:8443"]);
    expect(otherOrigins("kitchen.local", "", "kitchen", addresses)).toEqual(["https://192.0.2.20", "https://[fd00::20]"]);
    expect(otherOrigins("[fd00::20]", "", "kitchen", ["fd00::20"])).toEqual(["https://kitchen.local"]);
    expect(otherOrigins("kitchen.local", "", "kitchen", [])).toEqual([]);
    expect(originAt("fd00::20", "8443")).toBe("https://[fd00::20]:8443");
  });
  it("know time zones and countries", () => {
    expect(timeZones()).toContain("Europe/Berlin");
    expect(timeZones()).toContain("UTC");
    expect(isTimeZone("Europe/Berlin") && isTimeZone("UTC") && isTimeZone("Asia/Calcutta")).toBe(true);
    expect(isTimeZone("Europe/Atlantis") || isTimeZone("") || isTimeZone("+01:00")).toBe(false);
    expect(countries("de").find(({ code }) => code === "DE")?.name).toBe("Deutschland");
    expect(ownCountry(["en", "de-AT"])).toBe("AT");
    expect(ownCountry(["en"])).toBe("");
  });
  it("allow what the device allows", () => {
    expect(isSsid("Café") && !isSsid("") && !isSsid("ä".repeat(17)) && !isSsid("a\n")).toBe(true);
    expect(isWifiPassword("12345678") && isWifiPassword("f".repeat(64))).toBe(true);
    expect(isWifiPassword("1234567") || isWifiPassword("g".repeat(64)) || isWifiPassword("pässwort")).toBe(false);
  });
});

describe("numbers", () => {
  it("are written as people write them", () => {
    expect(bytes(32_000_000_000, "en")).toBe("32 GB");
    expect(bytes(1_540_000_000, "de")).toBe("1,5\u00a0GB");
    expect(bytes(0, "en")).toBe("0 byte");
    expect(span(93_784, "en")).toBe("1 day, 2 hours");
    expect(span(59, "de")).toBe("59 Sekunden");
    expect(span(0, "en")).toBe("0 seconds");
    expect(celsius(47.6, "en")).toBe("48°C");
    expect(decimal(0.1, "de")).toBe("0,10");
    expect(ago(0, "en")).toBe("now");
    expect(ago(7300, "de")).toBe("vor 2 Stunden");
    expect(ago(-5, "en")).toBe("now");
    expect(countCharacters("a😀")).toBe(2);
    expect(locale("en", ["de", "en-GB"])).toBe("en-GB");
    expect(locale("en", ["de"])).toBe("en");
  });
});

describe("drafts", () => {
  const memory = () => {
    const map = new Map<string, string>();
    return {
      getItem: (key: string) => map.get(key) ?? null, setItem: (key: string, value: string) => void map.set(key, value),
      removeItem: (key: string) => void map.delete(key), clear: () => map.clear(), key: () => null, length: 0,
    } satisfies Storage;
  };
  it("come back, and go", () => {
    const storage = memory();
    keep("draft", { owner: "ada" }, storage);
    expect(kept("draft", storage)).toEqual({ owner: "ada" });
    forget("draft", storage);
    expect(kept("draft", storage)).toBeUndefined();
  });
  it("do not break a browser that forbids or damages them", () => {
    const storage = memory();
    storage.setItem("tayberry.draft", "{");
    expect(kept("draft", storage)).toBeUndefined();
    const forbids = { ...storage, setItem: () => { throw new Error("quota"); }, getItem: () => { throw new Error("no"); } };
    keep("draft", 1, forbids);
    expect(kept("draft", forbids)).toBeUndefined();
    expect(kept("draft", undefined)).toBeUndefined();
  });
});

describe("trials", () => {
  const network = { interfaces: [], wifi: [] };
  it("end as the device's wish for a network says", () => {
    expect(ending({ ssid: "home" }, { ...network, wanted_wifi: "home" })).toBe("kept");
    expect(ending({ ssid: "home" }, { ...network, wanted_wifi: "old" })).toBe("reverted");
    expect(ending({ ssid: undefined }, network)).toBe("kept");
    expect(ending(undefined, network)).toBe("unknown");
  });
  it("count down", () => {
    const trial = { id: "t", reverts_in_s: 60, addresses: [] };
    expect(secondsLeft(trial, 1000, 1000)).toBe(60);
    expect(secondsLeft(trial, 1000, 31_500)).toBe(30);
    expect(secondsLeft(trial, 1000, 99_000)).toBe(0);
  });
});

describe("the trust page", () => {
  it("opens at the steps for this system", () => {
    expect(system("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0")).toBe("firefox");
    expect(system("Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0")).toBe("linux");
    expect(system("Mozilla/5.0 (Linux; Android 16) Chrome/140.0")).toBe("android");
    expect(system("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X)")).toBe("ios");
    expect(system("Mozilla/5.0 (Windows NT 10.0) Firefox/140.0")).toBe("windows");
    expect(system("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)")).toBe("macos");
  });
});
