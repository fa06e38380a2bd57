// Where updates are, looked at every second. A device that restarts does not answer for a while: then it is asked again until
// it does.
import { useCallback, useEffect, useState } from "react";
import { asProblem, device } from "../api/client";
import type { Updates } from "../api/types";

const AGAIN_MS = 1000;

export interface Seen {
  updates: Updates | undefined;
  connected: boolean;
  /** Looks at once. */
  look: () => void;
}

export function useUpdates(onSignedOut: () => void): Seen {
  const [seen, setSeen] = useState<{ updates: Updates | undefined; connected: boolean }>({ updates: undefined, connected: true });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let over = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      try {
        const updates = await device.updates();
        if (!over) setSeen({ updates, connected: true });
      } catch (error) {
        if (over) return;
        if (asProblem(error).kind === "sign-in-first") {
          onSignedOut();
          return;
        }
        setSeen((before) => ({ ...before, connected: false }));
      }
      if (!over) timer = setTimeout(() => void ask(), AGAIN_MS);
    };
    void ask();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [onSignedOut, turn]);
  const look = useCallback(() => setTurn((before) => before + 1), []);
  return { ...seen, look };
}
