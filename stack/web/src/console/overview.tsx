// Is it up, safe, current, healthy? In one look. The device answers its owner alone; others see how the console itself is.
import { useEffect, useState } from "react";
import type { Stack, Status, Updates } from "../api/types";
import { bytes, celsius, span } from "../model/format";
import { Heading } from "../parts/frame";
import { useSpeech } from "../text/language";
import { api, device, devicePages, type Ready, type Who } from "./api";

const LOOK_MS = 10_000;

interface Seen {
  ready?: Ready | undefined;
  status?: Status | undefined;
  stack?: Stack | undefined;
  updates?: Updates | undefined;
}

/** Whatever answers; what does not is not shown. */
async function see(): Promise<Seen> {
  const silent = () => undefined;
  const [ready, status, stack, updates] = await Promise.all([
    api.ready().catch(silent), device.status().catch(silent), device.stack().catch(silent), device.updates().catch(silent),
  ]);
  return { ready, status, stack, updates };
}

function useSeen(): Seen {
  const [seen, setSeen] = useState<Seen>({});
  useEffect(() => {
    let over = false;
    const look = () => void see().then((found) => { if (!over) setSeen(found); });
    look();
    const timer = setInterval(look, LOOK_MS);
    return () => {
      over = true;
      clearInterval(timer);
    };
  }, []);
  return seen;
}

export function OverviewPage({ who }: { who: Who }) {
  const { words, language } = useSpeech();
  const text = words.console;
  const { ready, status, stack, updates } = useSeen();
  if (ready === undefined) return <><Heading>{text.pages.overview}</Heading><p role="status">{words.common.loading}</p></>;
  const services = stack?.services ?? [];
  const ill = services.filter((one) => one.health !== "healthy");
  const good = ready.database && ready.redis && status?.health !== "attention" && ill.length === 0;
  return (
    <>
      <Heading>{text.pages.overview}</Heading>
      <section className={`verdict ${good ? "good" : "attention"}`} role="status">
        <span className="verdict-sign" aria-hidden="true">{good ? "✓" : "!"}</span>
        <div>
          <h2 className="verdict-word">{good ? text.good : text.attention}</h2>
          <p>{good ? text.goodText : text.attentionText}</p>
        </div>
      </section>
      <div className="tiles">
        <section className="tile">
          <h2>{text.databases}</h2>
          <p>{text.database}: {ready.database ? text.answers : text.silent}</p>
          <p>{text.redis}: {ready.redis ? text.answers : text.silent}</p>
        </section>
        {stack !== undefined && (
          <section className="tile">
            <h2>{text.pages.services}</h2>
            <p>{text.working(services.length - ill.length, services.length)}</p>
            {ill.map((one) => <p key={one.name}>{one.name}: {words.stack.healths[one.health]}</p>)}
          </section>
        )}
        {status !== undefined && (
          <section className="tile">
            <h2>{text.device}</h2>
            <p>{words.version(status.version)}</p>
            <p>{status.state === "committed" ? text.committed : text.onTrial}</p>
            {updates !== undefined && <p>{updates.available === undefined ? text.noNewer : text.newer(updates.available.version)}</p>}
            <p>{text.uptime(span(status.uptime_s, language))}</p>
            {status.temperature_c !== undefined && <p>{celsius(status.temperature_c, language)}</p>}
            <p>{text.free(bytes(status.data.free, language))}</p>
          </section>
        )}
        <section className="tile">
          <h2>{text.you}</h2>
          <p>{who.name}, {text.roles[who.role]}</p>
          {who.role === "owner" && <p><a href={devicePages()}>{text.devicePages}</a></p>}
        </section>
      </div>
    </>
  );
}
