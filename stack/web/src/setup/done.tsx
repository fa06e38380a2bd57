// The end of the setup: the address to keep, and what is next.
import type { Finished } from "../api/types";
import { Copy } from "../parts/copy";
import { Heading } from "../parts/frame";
import { Notice } from "../parts/notice";
import { useWords } from "../text/language";
import { TrustPanel } from "../trust/panel";

/** An SVG as the source of an image, which cannot run scripts. */
function picture(svg: string): string {
  const bytes = new TextEncoder().encode(svg);
  return `data:image/svg+xml;base64,${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))}`;
}

export function DoneScreen({ finished, onOwned }: { finished: Finished; onOwned: () => void }) {
  const words = useWords();
  const text = words.setup.done;
  return (
    <>
      <section className="card">
        <Notice kind="good">{null}</Notice>
        <Heading>{text.title}</Heading>
        <p className="lead">{text.text}</p>
        <div className="keep">
          <div className="keep-address">
            <p><a className="address big" href={finished.address}>{finished.address}</a></p>
            <Copy text={finished.address} label={finished.address} />
          </div>
          <figure className="qr">
            <img src={picture(finished.qr_svg)} alt={text.qr} width="160" height="160" />
            <figcaption className="muted">{text.qrText}</figcaption>
          </figure>
        </div>
        <p>{text.next}</p>
        <div className="buttons"><button type="button" className="primary" onClick={onOwned}>{text.status}</button></div>
      </section>
      <section className="card"><TrustPanel level="h2" /></section>
    </>
  );
}
