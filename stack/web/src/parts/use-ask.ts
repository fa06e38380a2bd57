// One question to the device at a time: whether it is under way, what went wrong, how long to wait before the next.
import { createContext, useCallback, useContext, useEffect, useRef, useState } from "react";
import { asProblem, type Problem } from "../api/client";
import { explain, useWords } from "../text/language";

/** What to do when the device says that nobody is signed in. */
export const SignedOut = createContext<() => void>(() => undefined);

export interface Asking {
  busy: boolean;
  problem: Problem | undefined;
  /** Seconds until the device looks at another answer. */
  wait: number;
  /** A wait has just ended. */
  waited: boolean;
  explain: (problem: Problem) => string;
  /** Runs a question; answers whether it went well. A second one is ignored while the first runs or the wait lasts. */
  ask: (question: () => Promise<void>) => Promise<boolean>;
  clear: () => void;
}

export function useAsk(): Asking {
  const words = useWords();
  const signedOut = useContext(SignedOut);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const [until, setUntil] = useState(0);
  const [wait, setWait] = useState(0);
  const [waited, setWaited] = useState(false);

  useEffect(() => {
    if (until === 0) return;
    const timer = setInterval(() => {
      const left = Math.max(0, Math.ceil((until - Date.now()) / 1000));
      setWait(left);
      if (left > 0) return;
      setUntil(0);
      setWaited(true);
      setProblem(undefined);
    }, 250);
    return () => clearInterval(timer);
  }, [until]);

  // No reasons for a new function: pages that look again when they get one would never rest.
  const off = useRef(false);
  const waits = useRef(false);
  useEffect(() => {
    waits.current = wait > 0;
  }, [wait]);
  const ask = useCallback(async (question: () => Promise<void>) => {
    if (off.current || waits.current) return false;
    off.current = true;
    setBusy(true);
    setProblem(undefined);
    setWaited(false);
    try {
      await question();
      return true;
    } catch (error) {
      const found = asProblem(error);
      if (found.kind === "sign-in-first") signedOut();
      setProblem(found);
      if (found.retryAfter !== undefined && found.retryAfter > 0) {
        waits.current = true;
        setWait(found.retryAfter);
        setUntil(Date.now() + found.retryAfter * 1000);
      }
      return false;
    } finally {
      off.current = false;
      setBusy(false);
    }
  }, [signedOut]);
  const clear = useCallback(() => setProblem(undefined), []);
  const inWords = useCallback((one: Problem) => explain(one, words), [words]);
  return { busy, problem, wait, waited, ask, clear, explain: inWords };
}
