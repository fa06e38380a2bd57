// Numbers, spans and moments in the owner's language.
import type { Language } from "../api/types";

/** As people and the device count them: a smiley is one. */
export const countCharacters = (text: string) => Array.from(text).length;

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

export function bytes(count: number, language: Language): string {
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const maximumFractionDigits = unit > 1 && value < 100 ? 1 : 0;
  return new Intl.NumberFormat(language, { style: "unit", unit: UNITS[unit] ?? "byte", maximumFractionDigits }).format(value);
}

/** The two largest units that are not zero, such as "3 days, 4 hours". */
export function span(seconds: number, language: Language): string {
  const parts: [number, string][] = [
    [Math.floor(seconds / 86400), "day"], [Math.floor(seconds / 3600) % 24, "hour"],
    [Math.floor(seconds / 60) % 60, "minute"], [Math.floor(seconds) % 60, "second"],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  const shown = first < 0 ? parts.slice(3) : parts.slice(first, first + 2).filter(([count]) => count > 0);
  return shown
    .map(([count, unit]) => new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(count))
    .join(", ");
}

export function celsius(degrees: number, language: Language): string {
  return new Intl.NumberFormat(language, { style: "unit", unit: "celsius", maximumFractionDigits: 0 }).format(degrees);
}

/** Per cent, as a whole number. */
export function percent(value: number, language: Language): string {
  return new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 }).format(value / 100);
}

export function tenths(value: number, language: Language): string {
  return new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(value);
}

export function decimal(value: number, language: Language): string {
  return new Intl.NumberFormat(language, { minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(value);
}

/** The language as it is spoken where the browser is: dates are written otherwise in London than in New York. */
export function locale(language: Language, languages: readonly string[] = globalThis.navigator.languages): string {
  return languages.find((tag) => tag.startsWith(language)) ?? language;
}

export function moment(seconds: number, language: Language): string {
  return new Intl.DateTimeFormat(locale(language), { dateStyle: "medium", timeStyle: "short" }).format(seconds * 1000);
}

export function day(seconds: number, language: Language): string {
  return new Intl.DateTimeFormat(locale(language), { dateStyle: "medium" }).format(seconds * 1000);
}

export function clock(milliseconds: number, language: Language): string {
  return new Intl.DateTimeFormat(locale(language), { timeStyle: "medium" }).format(milliseconds);
}

/** How long ago, in the largest unit that fits. */
export function ago(seconds: number, language: Language): string {
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const past = Math.max(0, Math.round(seconds));
  if (past < 60) return format.format(-past, "second");
  if (past < 3600) return format.format(-Math.floor(past / 60), "minute");
  if (past < 86400) return format.format(-Math.floor(past / 3600), "hour");
  return format.format(-Math.floor(past / 86400), "day");
}
