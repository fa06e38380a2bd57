// What surrounds every screen: skip link, header, navigation, footer with the language switch. And the heading of a
// screen, which names the document and takes the focus. What is inside is left to the screens.
import { useEffect, useRef, type ReactNode } from "react";
import { LANGUAGES, useSpeech } from "../text/language";
import { Logo } from "./logo";

interface FrameProps {
  name?: string | undefined;
  version?: string | undefined;
  wide?: boolean;
  nav?: ReactNode;
  children: ReactNode;
}

export function Frame({ name, version, wide = false, nav, children }: FrameProps) {
  const { words } = useSpeech();
  return (
    <div className={wide ? "frame wide" : "frame"}>
      <a className="skip" href="#main" onClick={(event) => {
        event.preventDefault();
        document.querySelector("h1")?.focus();
      }}>{words.skip}</a>
      <header className="header">
        <div className="brand"><Logo /><span className="brand-name">Tayberry</span>
          {name !== undefined && <span className="brand-device">{name}</span>}</div>
        {nav}
      </header>
      <main id="main" className="main">{children}</main>
      <footer className="footer">
        <LanguageSwitch />
        {version !== undefined && <span className="muted">{words.version(version)}</span>}
      </footer>
    </div>
  );
}

function LanguageSwitch() {
  const { language, words, choose } = useSpeech();
  return (
    <div className="languages" role="group" aria-label={words.language}>
      {LANGUAGES.map(({ code, name }) => (
        <button key={code} type="button" lang={code} className="quiet" aria-pressed={code === language}
          onClick={() => choose(code)}>{name}</button>
      ))}
    </div>
  );
}

interface HeadingProps {
  children: string;
  /** Said before the heading, such as the step of the setup. */
  above?: string;
}

/** The heading of a screen. A screen that appears gives it the focus, so that screen readers begin there. */
export function Heading({ children, above }: HeadingProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${children} – Tayberry`;
  }, [children]);
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, []);
  return (
    <>
      {above !== undefined && <p className="eyebrow">{above}</p>}
      <h1 ref={heading} tabIndex={-1}>{children}</h1>
    </>
  );
}
