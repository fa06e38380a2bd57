// Something that is looked at when a part of a page appears, and again as long as it may change.
import { useEffect, useRef } from "react";
import type { Asking } from "./use-ask";

/** Looks now, and every so many milliseconds; once if there are none. */
export function useLook({ ask }: Asking, look: () => Promise<void>, everyMs?: number) {
  const now = useRef(look);
  useEffect(() => {
    now.current = look;
  });
  useEffect(() => {
    const again = () => void ask(() => now.current());
    again();
    if (everyMs === undefined) return;
    const timer = setInterval(again, everyMs);
    return () => clearInterval(timer);
  }, [ask, everyMs]);
}
