// The status page: a verdict, then the facts. Where the values come from is left to use-status.ts.
import type { Language, Room, Status } from "../api/types";
import { ago, bytes, celsius, clock, decimal, moment, span } from "../model/format";
import { linkable, originAt } from "../model/places";
import { addressOf } from "../parts/device-fields";
import { Heading } from "../parts/frame";
import { Fact, Tile } from "../parts/tile";
import { useSpeech } from "../text/language";
import type { Words } from "../text/en";
import { Readings } from "./readings";
import { useStatus } from "./use-status";

export function StatusPage({ onSignedOut }: { onSignedOut: () => void }) {
  const { words, language } = useSpeech();
  const { status, at, connected } = useStatus(onSignedOut);
  const text = words.status;
  return (
    <>
      <Heading>{text.title}</Heading>
      {status === undefined && connected && <p role="status">{words.common.loading}</p>}
      <Verdict status={status} connected={connected} words={words} stale={status === undefined ? "" : text.stale(clock(at, language))} />
      {status !== undefined && <Facts status={status} words={words} language={language} />}
      {status !== undefined && connected && <Readings />}
    </>
  );
}

interface VerdictProps {
  status: Status | undefined;
  connected: boolean;
  words: Words;
  stale: string;
}

function Verdict({ status, connected, words, stale }: VerdictProps) {
  const text = words.status;
  if (status === undefined && connected) return null;
  const kind = !connected ? "lost" : status?.health ?? "lost";
  const says = { lost: text.lostText, good: text.goodText, attention: text.attentionText }[kind];
  return (
    <section className={`verdict ${kind}`} role="status">
      <span className="verdict-sign" aria-hidden="true">{kind === "good" ? "✓" : kind === "lost" ? "…" : "!"}</span>
      <div>
        <h2 className="verdict-word">{text[kind]}</h2>
        <p>{says}{kind === "lost" && stale !== "" ? ` ${stale}` : ""}</p>
        {connected && status !== undefined && status.notices.length > 0 && (
          <ul className="list" lang="en">{status.notices.map((notice) => <li key={notice}>{notice}</li>)}</ul>
        )}
      </div>
    </section>
  );
}

function Facts({ status, words, language }: { status: Status; words: Words; language: Language }) {
  const text = words.status;
  const states = text.states as Record<string, string | undefined>;
  const event = status.last_event;
  const next = status.next_slot !== undefined && status.next_slot !== status.slot ? text.nextSlot(status.next_slot) : undefined;
  return (
    <div className="tiles">
      <Tile title={text.address}>
        <p><a className="address" href={addressOf(status.name)}>{`${status.name}.local`}</a></p>
        <Fact what={text.also}>
          {linkable(status.addresses).map((address) => (
            <a key={address} className="address line" href={originAt(address, location.port)}>{address}</a>
          ))}
        </Fact>
      </Tile>
      <Tile title={text.system}>
        <Fact what={text.version}>{status.version}</Fact>
        <Fact what={text.slot}>{text.slotState(status.slot, states[status.state] ?? status.state)}</Fact>
        {next !== undefined && <p className="muted">{next}</p>}
        <Fact what={text.uptime}>{span(status.uptime_s, language)}</Fact>
      </Tile>
      <Tile title={text.hardware}>
        {status.temperature_c !== undefined && <Fact what={text.temperature}>{celsius(status.temperature_c, language)}</Fact>}
        <Fact what={text.load}>{decimal(status.load, language)}</Fact>
        <p className="muted small">{text.loadHint}</p>
      </Tile>
      <Tile title={text.storage}>
        <RoomFact what={text.data} room={status.data} words={words} language={language} />
        <RoomFact what={text.memory} room={status.memory} words={words} language={language} />
      </Tile>
      <Tile title={text.time}>
        <p>{moment(status.now, language)}</p>
        <p className="muted">{text.timeSources[status.time]}</p>
      </Tile>
      <Tile title={text.event}>
        {event === undefined ? <p>{words.common.none}</p> : (
          <>
            <p>{(text.events as Record<string, string | undefined>)[event.kind] ?? event.kind}</p>
            <p className="muted">
              <time dateTime={new Date(event.at * 1000).toISOString()} title={moment(event.at, language)}>
                {ago(status.now - event.at, language)}
              </time>{event.from === undefined ? "" : `, ${text.eventFrom(event.from)}`}
            </p>
          </>
        )}
      </Tile>
    </div>
  );
}

function RoomFact({ what, room, words, language }: { what: string; room: Room; words: Words; language: Language }) {
  const says = words.status.free(bytes(room.free, language), bytes(room.total, language));
  return (
    <div className="tile-fact">
      <span className="muted">{what}</span><span className="tile-value">{says}</span>
      <progress max={Math.max(room.total, 1)} value={Math.max(0, room.total - room.free)} aria-label={`${what}: ${says}`} />
    </div>
  );
}
