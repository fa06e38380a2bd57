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

/** The digits of a SHA-256 that is written in pairs with colons. */
function digits(text: string): string {
  return text.replace(/[\s:]/g, "").toLowerCase();
}

/** Whether the link's digest, of which it may carry the first 128 bits alone, is that of the device. */
export function sameFingerprint(link: string, device: string): boolean {
  const wanted = digits(link);
  return /^[0-9a-f]{32,64}$/.test(wanted) && digits(device).startsWith(wanted);
}
