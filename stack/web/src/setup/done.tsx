// The end of the setup: the address to keep, and what is next.
import type { Finished, Overview } from "../api/types";
import { Copy } from "../parts/copy";
import { addressOf } from "../parts/device-fields";
import { Heading } from "../parts/frame";
import { useWords } from "../text/language";
import { TrustPanel } from "../trust/panel";

/** An SVG as the source of an image, which cannot run scripts. */
function picture(svg: string): string {
  const bytes = new TextEncoder().encode(svg);
  return `data:image/svg+xml;base64,${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))}`;
}

interface DoneProps {
  finished: Finished;
  overview: Overview;
  name: string;
  onOwned: () => void;
}

export function DoneScreen({ finished, overview, name, onOwned }: DoneProps) {
  const words = useWords();
  const [scheme, rest] = finished.address.split("//");
  // This page's own name may be gone with the setup; an address stays.
  const moved = location.hostname.endsWith(".local") && location.hostname !== `${name}.local`;
  const text = words.setup.done;
  return (
    <>
      <section className="card">
        <Heading above={text.above}>{text.title}</Heading>
        <p className="lead">{text.text}</p>
        <div className="keep">
          <div className="keep-address">
            <p><a className="address big" href={finished.address}>{scheme}//<wbr />{rest}</a></p>
            <Copy text={finished.address} label={finished.address} />
          </div>
          <figure className="qr">
            <img src={picture(finished.qr_svg)} alt={text.qr} width="160" height="160" />
            <figcaption className="muted">{text.qrText}</figcaption>
          </figure>
        </div>
        <p>{text.next}{moved ? ` ${text.moved}` : ""}</p>
        <div className="buttons">
          {moved ? <a className="primary" href={addressOf(name)}>{text.status}</a>
            : <button type="button" className="primary" onClick={onOwned}>{text.status}</button>}
        </div>
      </section>
      <section className="card"><TrustPanel level="h2" known={{ ...overview, name, authority_fingerprint: finished.authority_fingerprint }} /></section>
    </>
  );
}
