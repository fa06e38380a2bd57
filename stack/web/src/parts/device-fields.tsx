// The fields for the device's name, time zone and channel, for the setup and the settings alike.
import { useId, useMemo } from "react";
import type { Channel } from "../api/types";
import { originAt, timeZones } from "../model/places";
import { useWords } from "../text/language";
import { Choices, TextField } from "./field";

interface Of {
  value: string;
  error?: string | undefined;
  onValue: (value: string) => void;
}

/** Where the device will answer under a name, at the port of this page. */
export const addressOf = (name: string) => originAt(`${name}.local`, location.port);

export function NameField({ value, error, onValue }: Of) {
  const text = useWords().setup.device;
  return (
    <div className="group">
      <TextField label={text.name} hint={text.nameHint} value={value} error={error} autoComplete="off" autoCapitalize="none"
        autoCorrect="off" spellCheck={false} maxLength={63}
        onValue={(name) => onValue(name.toLowerCase().replace(/\s/g, "-"))} />
      <p className="muted">{text.address} <output className="address">{`https://${value === "" ? "…" : value}.local`}</output></p>
    </div>
  );
}

export function TimeZoneField({ value, error, onValue }: Of) {
  const text = useWords().setup.device;
  const list = useId();
  const zones = useMemo(timeZones, []);
  return (
    <>
      <TextField label={text.timezone} hint={text.timezoneHint} value={value} error={error} list={list} autoComplete="off"
        autoCapitalize="none" spellCheck={false} maxLength={64} onValue={onValue} />
      <datalist id={list}>{zones.map((zone) => <option key={zone} value={zone} />)}</datalist>
    </>
  );
}

export function ChannelField({ value, onValue }: { value: Channel; onValue: (channel: Channel) => void }) {
  const { channels } = useWords();
  return (
    <Choices label={channels.legend} value={value} onValue={onValue}
      choices={[
        { value: "stable", label: channels.stable, text: channels.stableText },
        { value: "beta", label: channels.beta, text: channels.betaText },
        ...(["stable", "beta"].includes(value) ? [] : [{ value, label: value }]),
      ]} />
  );
}
