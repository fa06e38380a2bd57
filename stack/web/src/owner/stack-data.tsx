// What services keep and the images that they are made of: the five largest, and removing what no service has any more.
import { useState } from "react";
import { device } from "../api/client";
import type { StackData } from "../api/types";
import { bytes } from "../model/format";
import { stored, type Stored } from "../model/stored";
import { Trouble } from "../parts/form";
import { Sure } from "../parts/sure";
import { useAsk } from "../parts/use-ask";
import { useOnce } from "../parts/use-once";
import { useSpeech } from "../text/language";

const SHOWN = 5;

export function DataPart() {
  const { words, language } = useSpeech();
  const text = words.stack;
  const [data, setData] = useState<StackData>();
  const [removed, setRemoved] = useState("");
  const asking = useAsk();
  const { ask } = asking;
  useOnce(() => void ask(async () => setData(await device.stackData())));
  const remove = (one: Stored) => void asking.ask(async () => {
    setData(await ("volume" in one ? device.removeVolume(one.volume) : device.removeImage(one.image.id)));
    setRemoved(text.removed(one.name));
  });
  const sure = (one: Stored) => ("volume" in one ? text.removeSure : text.removeImageSure)(one.name, size(one.bytes));
  const size = (count: number) => bytes(count, language);
  const all = data === undefined ? [] : stored(data, text.imageOf);
  const rest = all.length - SHOWN;
  return (
    <section className="card">
      <h2>{text.data}</h2>
      <Trouble asking={asking} />
      {data === undefined && asking.problem === undefined && <p role="status">{words.common.loading}</p>}
      {data !== undefined && <p>{text.free(size(data.free_bytes), size(data.total_bytes))}</p>}
      {data !== undefined && all.length === 0 && <p className="muted">{text.nothingKept}</p>}
      {all.length > 0 && (
        <ul className="tokens">
          {all.slice(0, SHOWN).map((one) => (
            <li key={one.name} className="token">
              <div>
                <strong>{one.name}</strong>
                {!one.declared && <p>{text.undeclared}</p>}
              </div>
              <p className="tile-value">{size(one.bytes)}</p>
              {!one.declared && (
                <Sure label={text.remove} what={text.removeWhat(one.name)} sure={sure(one)}
                  yes={"volume" in one ? text.removeYes : text.removeImageYes} quiet off={asking.busy} onYes={() => remove(one)} />
              )}
            </li>
          ))}
        </ul>
      )}
      {rest > 0 && <p className="muted">{text.more(rest)}</p>}
      <p className="unseen" role="status">{removed}</p>
    </section>
  );
}
