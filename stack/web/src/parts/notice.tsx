// A sentence that stands out. Which one is left to the screens.
import type { ReactNode } from "react";

interface NoticeProps {
  kind: "info" | "good" | "warn" | "bad";
  title?: string;
  /** Read out at once. */
  alert?: boolean;
  children?: ReactNode;
}

const SIGNS = { info: "i", good: "✓", warn: "!", bad: "!" };

export function Notice({ kind, title, alert = false, children }: NoticeProps) {
  return (
    <div className={`notice ${kind}`} role={alert ? "alert" : undefined}>
      <span className="notice-sign" aria-hidden="true">{SIGNS[kind]}</span>
      <div className="notice-text">
        {title !== undefined && <p className="notice-title">{title}</p>}
        {typeof children === "string" ? <p>{children}</p> : children}
      </div>
    </div>
  );
}
