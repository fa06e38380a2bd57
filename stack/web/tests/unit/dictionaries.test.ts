// Every text exists in both languages, is not empty, and was translated.
import { describe, expect, it } from "vitest";
import { EVENT_KINDS, PROBLEM_KINDS } from "../../src/api/types";
import { Problem } from "../../src/api/client";
import { de } from "../../src/text/de";
import { en } from "../../src/text/en";
import { explain, preferred } from "../../src/text/language";

/** Every text with its path; functions are called with numbers that read as words, too. */
function texts(value: unknown, path = ""): [string, string][] {
  if (typeof value === "string") return [[path, value]];
  if (typeof value === "function") {
    return [[path, (value as (...of: unknown[]) => string)("7", 7)]];
  }
  return Object.entries(value as object).flatMap(([key, inner]) => texts(inner, `${path}/${key}`));
}

/** The same word in both languages. */
const SAME = /\/(version|name|network\/cable|status\/(title|system|live|version|slot|hardware)|nav\/(status|updates)|updates\/(title|slot|version)|channels\/(legend|beta)|check\/(channel|name)|signIn\/name|status\/slotState|wifiIn|trust\/tabs\/\w+\/name|network\/open|stack\/imageOf|kinds\/(nvme|emmc|usb))$/;

describe("dictionaries", () => {
  it("have the same texts, none of them empty", () => {
    const english = texts(en);
    const german = texts(de);
    expect(german.map(([path]) => path)).toEqual(english.map(([path]) => path));
    expect([...english, ...german].filter(([, text]) => text.trim() === "")).toEqual([]);
  });

  it("are translated", () => {
    const english = new Map(texts(en));
    const left = texts(de).filter(([path, text]) => english.get(path) === text && !SAME.test(path));
    expect(left).toEqual([]);
  });

  it("know every problem and event of the API", () => {
    for (const words of [en, de]) {
      expect(Object.keys(words.problem)).toEqual(expect.arrayContaining([...PROBLEM_KINDS, "unreachable"]));
      expect(Object.keys(words.status.events)).toEqual([...EVENT_KINDS]);
    }
  });

  it("explain a problem by its kind, else in the device's words", () => {
    expect(explain(new Problem("wrong-code", { detail: "x" }), de)).toBe(de.problem["wrong-code"]);
    expect(explain(new Problem("not-allowed", { detail: "1 to 63 letters" }), en)).toContain("1 to 63 letters");
    expect(explain(new Problem("brand-new", { title: "Title", detail: "Detail" }), en)).toBe("Detail");
    expect(explain(new Problem("brand-new", { title: "Title" }), en)).toBe("Title");
    expect(explain(new TypeError("network"), en)).toBe(en.problem.unreachable);
  });

  it("choose the browser's first language that is spoken", () => {
    expect(preferred(["fr-FR", "de-AT", "en"])).toBe("de");
    expect(preferred(["fr"])).toBe("en");
  });
});
