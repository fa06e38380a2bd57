// What services keep: the five largest, and removing what no service has any more.
import { useState } from "react";
import { device } from "../api/client";
import type { StackData, Volume } from "../api/types";
import { bytes } from "../model/format";
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
  const remove = (volume: Volume) => void asking.ask(async () => {
    setData(await device.removeVolume(volume));
    setRemoved(text.removed(nameOf(volume)));
  });
  const size = (count: number) => bytes(count, language);
  const rest = (data?.volumes.length ?? 0) - SHOWN;
  return (
    <section className="card">
      <h2>{text.data}</h2>
      <Trouble asking={asking} />
      {data === undefined && asking.problem === undefined && <p role="status">{words.common.loading}</p>}
      {data !== undefined && <p>{text.free(size(data.free_bytes), size(data.total_bytes))}</p>}
      {data?.volumes.length === 0 && <p className="muted">{text.nothingKept}</p>}
      {data !== undefined && data.volumes.length > 0 && (
        <ul className="tokens">
          {data.volumes.slice(0, SHOWN).map((one) => (
            <li key={nameOf(one)} className="token">
              <div>
                <strong>{nameOf(one)}</strong>
                {!one.declared && <p>{text.undeclared}</p>}
              </div>
              <p className="tile-value">{size(one.bytes)}</p>
              {!one.declared && (
                <Sure label={text.remove} what={text.removeWhat(nameOf(one))} sure={text.removeSure(nameOf(one), size(one.bytes))}
                  yes={text.removeYes} quiet off={asking.busy} onYes={() => remove(one)} />
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

const nameOf = ({ service, volume }: Volume) => `${service}/${volume}`;
