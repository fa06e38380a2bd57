// Which screen is shown, in the browser's history but not in the address: its Back button works, and nothing about the
// setup is in a link. What a word means is left to whoever uses it.
import { useCallback, useEffect, useState } from "react";

interface Place {
  at: string;
  depth: number;
}

function here(): Place {
  const state = history.state as Partial<Place> | null;
  return { at: state?.at ?? "", depth: state?.depth ?? 0 };
}

export interface Route {
  at: string;
  go: (at: string) => void;
  /** In place of the screen that is shown. */
  replace: (at: string) => void;
  /** Back in the history where there is one, else to `at`. */
  back: (at: string) => void;
}

export function useRoute(): Route {
  const [at, setAt] = useState(() => here().at);
  useEffect(() => {
    const follow = () => setAt(here().at);
    addEventListener("popstate", follow);
    return () => removeEventListener("popstate", follow);
  }, []);
  const go = useCallback((next: string) => {
    history.pushState({ at: next, depth: here().depth + 1 }, "");
    setAt(next);
  }, []);
  const replace = useCallback((next: string) => {
    history.replaceState({ at: next, depth: here().depth }, "");
    setAt(next);
  }, []);
  const back = useCallback((to: string) => {
    if (here().depth > 0) history.back();
    else replace(to);
  }, [replace]);
  return { at, go, replace, back };
}
