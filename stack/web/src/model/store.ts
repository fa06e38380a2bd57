// Keeps drafts for this tab, so that going back or reloading loses nothing. Passwords, codes and secrets are never given
// to it; flow.ts sees to that.

const PREFIX = "tayberry.";

/** What was kept under this name; nothing when the browser forbids it or the text is damaged. */
export function kept(name: string, storage: Storage | undefined = available()): unknown {
  try {
    const text = storage?.getItem(PREFIX + name);
    return typeof text === "string" ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}

export function keep(name: string, value: unknown, storage: Storage | undefined = available()): void {
  try {
    storage?.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Private windows may forbid it; then the draft lives in memory alone.
  }
}

export function forget(name: string, storage: Storage | undefined = available()): void {
  try {
    storage?.removeItem(PREFIX + name);
  } catch {
    // As above.
  }
}

function available(): Storage | undefined {
  try {
    return globalThis.sessionStorage;
  } catch {
    return undefined;
  }
}
