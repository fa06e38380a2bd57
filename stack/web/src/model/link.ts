// What a link to the pages may carry after its #: the claim of the QR code, or the trial of a network to confirm. Reading
// it from the address bar and removing it there is left to main.tsx.

export interface Carried {
  claim?: string;
  fingerprint?: string;
  confirm?: string;
}

/** Reads a fragment such as `#claim=12345678&fp=...`. */
export function carried(fragment: string): Carried {
  const values = new URLSearchParams(fragment.replace(/^#/, ""));
  const found: Carried = {};
  const claim = values.get("claim")?.replace(/\D/g, "");
  if (claim?.length === 8) found.claim = claim;
  const fingerprint = values.get("fp");
  if (fingerprint !== null && fingerprint !== "") found.fingerprint = fingerprint;
  const confirm = values.get("confirm");
  if (confirm !== null && confirm !== "" && confirm.length <= 64) found.confirm = confirm;
  return found;
}

/** SHA-256 as 64 lower-case hexadecimal digits, from pairs with colons, plain digits or URL-safe Base64. */
export function fingerprintDigits(text: string): string | undefined {
  const hex = text.replace(/^sha-?256[:/]/i, "").replace(/[\s:-]/g, "").toLowerCase();
  if (/^[0-9a-f]{64}$/.test(hex)) return hex;
  if (!/^[\w-]{43}=?$/.test(text)) return undefined;
  const bytes = atob(text.replace(/=$/, "").replace(/-/g, "+").replace(/_/g, "/"));
  return Array.from(bytes, (byte) => byte.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}

export function sameFingerprint(one: string, other: string): boolean {
  const digits = fingerprintDigits(one);
  return digits !== undefined && digits === fingerprintDigits(other);
}
