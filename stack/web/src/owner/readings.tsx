// Readings of the hardware and of services, looked at again every few seconds; rates are the difference of two looks.
import { useRef, useState } from "react";
import { device } from "../api/client";
import type { Drive, Language, Metrics } from "../api/types";
import { between, type Rates } from "../model/rates";
import { bytes, celsius, percent, tenths } from "../model/format";
import { Fact, Tile } from "../parts/tile";
import { useAsk } from "../parts/use-ask";
import { useLook } from "../parts/use-look";
import { useSpeech } from "../text/language";
import type { Words } from "../text/en";

const EVERY_MS = 5000;
/** The services that use the most memory. */
const SHOWN = 8;

interface Look {
  metrics: Metrics;
  rates?: Rates;
}

export function Readings() {
  const { words, language } = useSpeech();
  const [look, setLook] = useState<Look>();
  const last = useRef<Metrics>(undefined);
  const asking = useAsk();
  useLook(asking, async () => {
    const metrics = await device.metrics();
    const before = last.current;
    last.current = metrics;
    setLook(before === undefined ? { metrics } : { metrics, rates: between(before, metrics) });
  }, EVERY_MS);
  if (look === undefined) return null;
  return (
    <div className="tiles">
      <Cooling metrics={look.metrics} words={words} language={language} />
      {look.metrics.drives.map((drive) => <DriveTile key={drive.name} drive={drive} words={words} language={language} />)}
      <Uses look={look} words={words} language={language} />
    </div>
  );
}

interface Part {
  metrics: Metrics;
  words: Words;
  language: Language;
}

function Cooling({ metrics, words, language }: Part) {
  const text = words.readings;
  const { cooling, supply } = metrics;
  const weak = supply?.under_voltage === true ? text.weakNow : supply?.under_voltage_since_start === true ? text.weakBefore : text.good;
  const slow = supply?.slowed === true ? text.slowNow : supply?.slowed_since_start === true ? text.slowBefore : text.no;
  return (
    <Tile title={text.cooling}>
      {cooling?.temperatures.map((one) => (
        <Fact key={one.sensor} what={one.sensor === "processor" ? text.processor : one.sensor}>{celsius(one.celsius, language)}</Fact>
      ))}
      {cooling !== undefined && <Fact what={text.fan}>{percent(cooling.duty_percent, language)}</Fact>}
      {cooling?.turns_per_minute !== undefined && <Fact what={text.turns}>{cooling.turns_per_minute}</Fact>}
      {supply !== undefined && <Fact what={text.supply}>{weak}</Fact>}
      {supply !== undefined && <Fact what={text.slowed}>{slow}</Fact>}
    </Tile>
  );
}

function DriveTile({ drive, words, language }: { drive: Drive; words: Words; language: Language }) {
  const text = words.readings;
  const { wear } = drive;
  const size = (count: number) => bytes(count, language);
  return (
    <Tile title={text.drive(text.kinds[drive.kind])}>
      <Fact what={text.model}>{drive.model === "" ? drive.name : drive.model}</Fact>
      <Fact what={text.size}>{size(drive.bytes)}</Fact>
      {!drive.system && <p className="muted">{text.foreign}</p>}
      {wear !== undefined && <Fact what={text.used}>{percent(wear.used_percent, language)}</Fact>}
      {wear?.years_left !== undefined && <Fact what={text.lasts}>{text.years(tenths(wear.years_left, language))}</Fact>}
      <Fact what={text.written}>{size(drive.written_bytes)}</Fact>
      {drive.written_bytes_a_day !== undefined && <Fact what={text.aDay}>{size(drive.written_bytes_a_day)}</Fact>}
    </Tile>
  );
}

function Uses({ look, words, language }: { look: Look; words: Words; language: Language }) {
  const text = words.readings;
  const services = [...look.metrics.services].sort((one, other) => other.memory_bytes - one.memory_bytes).slice(0, SHOWN);
  const writer = [...look.metrics.services].sort((one, other) => other.written_bytes - one.written_bytes)[0];
  const { rates } = look;
  return (
    <Tile title={text.uses}>
      {rates !== undefined && <Fact what={text.busy}>{percent(rates.busy * 100, language)}</Fact>}
      {rates !== undefined && (
        <Fact what={text.network}>{text.perSecond(bytes(rates.received, language), bytes(rates.sent, language))}</Fact>
      )}
      {services.map((one) => (
        <Fact key={one.service} what={one.service}>
          {bytes(one.memory_bytes, language)}
          {rates?.services[one.service] !== undefined && `, ${percent((rates.services[one.service] ?? 0) * 100, language)}`}
        </Fact>
      ))}
      {writer !== undefined && writer.written_bytes > 0 && (
        <Fact what={text.writer}>{`${writer.service}, ${bytes(writer.written_bytes, language)}`}</Fact>
      )}
    </Tile>
  );
}
