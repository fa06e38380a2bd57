// A box with a title and facts.
import type { ReactNode } from "react";

export function Tile({ title, children }: { title: string; children: ReactNode }) {
  return <section className="tile"><h2>{title}</h2><div className="tile-facts">{children}</div></section>;
}

export function Fact({ what, children }: { what: string; children: ReactNode }) {
  return <div className="tile-fact"><span className="muted">{what}</span><span className="tile-value">{children}</span></div>;
}
