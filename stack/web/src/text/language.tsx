// Which language the pages speak: what this browser chose, else what the owner chose, else what the browser prefers.
// The words are left to en.ts and de.ts.
import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import { asProblem } from "../api/client";
import type { Language } from "../api/types";
import { keep, kept } from "../model/store";
import { de } from "./de";
import { en, type Words } from "./en";

const WORDS: Record<Language, Words> = { en, de };
export const LANGUAGES: readonly { code: Language; name: string }[] = [
  { code: "en", name: "English" },
  { code: "de", name: "Deutsch" },
];

const isLanguage = (text: unknown): text is Language => text === "en" || text === "de";

/** The first language of the browser's that the pages speak. */
export function preferred(languages: readonly string[]): Language {
  return languages.map((tag) => tag.slice(0, 2).toLowerCase()).find(isLanguage) ?? "en";
}

interface Speaking {
  language: Language;
  words: Words;
  /** Chosen by a person: wins from now on in this tab. */
  choose: (language: Language) => void;
  /** Suggested by the device: loses against a choice. */
  suggest: (language: Language) => void;
}

const Context = createContext<Speaking>({ language: "en", words: en, choose: () => undefined, suggest: () => undefined });

export function Speech({ children }: { children: ReactNode }) {
  const [chosen, setChosen] = useState<Language | undefined>(() => {
    const before = kept("language");
    return isLanguage(before) ? before : undefined;
  });
  const [suggested, suggest] = useState<Language>(() => preferred(navigator.languages));
  const language = chosen ?? suggested;
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  const choose = useCallback((next: Language) => {
    keep("language", next);
    setChosen(next);
  }, []);
  const speaking = useMemo(
    () => ({ language, words: WORDS[language], choose, suggest }),
    [language, choose],
  );
  return <Context value={speaking}>{children}</Context>;
}

export const useSpeech = () => useContext(Context);
export const useWords = () => useContext(Context).words;

/** A problem in words: by kind, with the device's own sentence where the kind alone says too little. */
export function explain(error: unknown, words: Words): string {
  const problem = asProblem(error);
  const known = words.problem as Record<string, string | undefined>;
  const sentence = known[problem.kind];
  if (sentence === undefined) return problem.detail ?? problem.message;
  const detail = ["not-allowed", "failed", "bad-request"].includes(problem.kind) ? problem.detail : undefined;
  return detail === undefined ? sentence : `${sentence} (${detail})`;
}
