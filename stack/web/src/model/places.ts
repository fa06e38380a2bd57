// Addresses, time zones, countries and wireless names: what a browser knows about them, and what the device allows.

/** An origin of the device under another host, at the port of this page. */
export function originAt(host: string, port: string): string {
  const bracketed = host.includes(":") ? `[${host}]` : host;
  return `https://${bracketed}${port === "" ? "" : `:${port}`}`;
}

const plain = (host: string) => host.replace(/^\[|\]$/g, "").toLowerCase();
const isAddress = (host: string) => host.includes(":") || /^\d+(\.\d+){3}$/.test(host);
/** Link-local addresses of IPv6 need a zone, which no URL can carry. */
const usable = (address: string) => !/^fe[89ab]/i.test(address);

/** Addresses that a link can name, the old kind first: people read and type it more easily. */
export function linkable(addresses: readonly string[]): string[] {
  const good = addresses.filter(usable);
  return [...good.filter((address) => !address.includes(":")), ...good.filter((address) => address.includes(":"))];
}

/** Origins of the device under names or addresses that are not the one of this page, the best first. */
export function otherOrigins(hostname: string, port: string, name: string, addresses: readonly string[]): string[] {
  const here = plain(hostname);
  const byName = `${name}.local`;
  const hosts = isAddress(here) ? [byName, ...linkable(addresses)] : [...linkable(addresses), byName];
  return hosts.filter((host) => plain(host) !== here).map((host) => originAt(host, port));
}

/** Time zones that this browser knows. */
export function timeZones(): string[] {
  const known = Intl.supportedValuesOf("timeZone");
  return known.includes("UTC") ? known : [...known, "UTC"];
}

export function ownTimeZone(): string {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone as string | undefined;
  return zone ?? "UTC";
}

/** Whether the browser knows the zone; links such as `Asia/Calcutta` count. */
export function isTimeZone(zone: string): boolean {
  if (!/^[A-Za-z][\w+-]*(\/[A-Za-z][\w+-]*){0,2}$/.test(zone) || zone.length > 64) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

const COUNTRIES =
  "AD AE AF AG AI AL AM AO AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BW BY BZ CA CC CD CF " +
  "CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG " +
  "GH GI GL GM GN GP GQ GR GT GU GW GY HK HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR " +
  "KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC " +
  "NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SK " +
  "SL SM SN SO SR SS ST SV SX SY SZ TC TD TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG US UY UZ VA VC VE VG VI VN VU WF " +
  "WS YE YT ZA ZM ZW";

/** Countries with their names in a language, in its order. */
export function countries(language: string): { code: string; name: string }[] {
  const names = new Intl.DisplayNames(language, { type: "region" });
  return COUNTRIES.split(" ")
    .map((code) => ({ code, name: names.of(code) ?? code }))
    .sort((one, other) => one.name.localeCompare(other.name, language));
}

/** The country of the browser's first language that names one. */
export function ownCountry(languages: readonly string[]): string {
  for (const tag of languages) {
    const region = /^[a-z]{2,3}-(?:[A-Z][a-z]{3}-)?([A-Z]{2})\b/.exec(tag)?.[1];
    if (region !== undefined && COUNTRIES.includes(region)) return region;
  }
  return "";
}

/** As `Ssid` of tayberry-format. */
export function isSsid(text: string): boolean {
  const length = new TextEncoder().encode(text).length;
  return length >= 1 && length <= 32 && !/\p{Cc}/u.test(text);
}

/** As `WifiPassword` of tayberry-format. */
export const isWifiPassword = (text: string) => /^[ -~]{8,63}$/.test(text) || /^[0-9a-fA-F]{64}$/.test(text);
