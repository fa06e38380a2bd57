// A fingerprint that breaks between its pairs, not within one.
import { Fragment } from "react";

export function Fingerprint({ text }: { text: string }) {
  return (
    <p className="code" data-testid="fingerprint">
      {text.split(":").map((pair, at) => <Fragment key={at}>{at > 0 && <>:<wbr /></>}{pair}</Fragment>)}
    </p>
  );
}
