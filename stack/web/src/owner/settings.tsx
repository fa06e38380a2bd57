// The settings page: what the device is called and speaks, its networks, the password, tokens. Each part saves itself.
import { useState } from "react";
import { device } from "../api/client";
import type { Fan, Language, Settings } from "../api/types";
import { isName } from "../model/flow";
import { isTimeZone } from "../model/places";
import { NetworkPanel } from "../network/panel";
import { addressOf, ChannelField, NameField, TimeZoneField } from "../parts/device-fields";
import { ErasePart } from "../parts/erase";
import { Choices, Select } from "../parts/field";
import { Form, Submit, Trouble } from "../parts/form";
import { Heading } from "../parts/frame";
import { Notice } from "../parts/notice";
import { useAsk } from "../parts/use-ask";
import { useOnce } from "../parts/use-once";
import { LANGUAGES, useSpeech, useWords } from "../text/language";
import { DomainPart } from "./domain";
import { PasswordPart } from "./password";
import { TokensPart } from "./tokens";

export function SettingsPage({ owner, name, onChanged }: { owner: string; name: string; onChanged: () => void }) {
  const text = useWords().settings;
  return (
    <>
      <Heading>{text.title}</Heading>
      <p className="lead">{text.text}</p>
      <DevicePart onChanged={onChanged} />
      <section className="card"><h2>{text.network}</h2><NetworkPanel /></section>
      <DomainPart />
      <PasswordPart owner={owner} />
      <TokensPart />
      <ErasePart name={name} signed />
    </>
  );
}

function DevicePart({ onChanged }: { onChanged: () => void }) {
  const { words, choose } = useSpeech();
  const text = words.settings;
  const loading = useAsk();
  const saving = useAsk();
  const [before, setBefore] = useState<Settings>();
  const [now, setNow] = useState<Settings>();
  const [saved, setSaved] = useState(false);
  const [renamed, setRenamed] = useState<string>();
  const [errors, setErrors] = useState<{ name?: string; timezone?: string }>({});
  const { ask } = loading;
  useOnce(() => {
    void ask(async () => {
      const settings = await device.settings();
      setBefore(settings);
      setNow(settings);
    });
  });
  if (before === undefined || now === undefined) {
    return <section className="card"><h2>{text.device}</h2><p role="status">{loading.busy ? words.common.loading : ""}</p><Trouble asking={loading} /></section>;
  }
  const change = (part: Partial<Settings>) => {
    setNow({ ...now, ...part });
    setSaved(false);
    setErrors({});
  };
  const submit = async () => {
    const found: typeof errors = {};
    if (!isName(now.name)) found.name = words.setup.device.badName;
    if (!isTimeZone(now.timezone)) found.timezone = words.setup.device.badTimezone;
    setErrors(found);
    if (Object.keys(found).length > 0) return;
    await saving.ask(async () => {
      const changed = Object.fromEntries(
        Object.entries(now).filter(([key, value]) => before[key as keyof Settings] !== value),
      ) as Partial<Settings>;
      const kept = await device.changeSettings(changed);
      if (changed.name !== undefined) setRenamed(addressOf(kept.name));
      if (changed.language !== undefined) choose(kept.language);
      setBefore(kept);
      setNow(kept);
      setSaved(true);
      // After a new name this address may be gone: the link to the new one has to stay.
      if (changed.name === undefined) onChanged();
    });
  };
  return (
    <section className="card">
      <h2>{text.device}</h2>
      <Form onSubmit={submit} label={text.device}>
        <Choices label={words.language} value={now.language} onValue={(language) => change({ language: language as Language })}
          choices={LANGUAGES.map(({ code, name }) => ({ value: code, label: name }))} />
        <p className="hint">{text.languageHint}</p>
        <NameField value={now.name} error={errors.name} onValue={(name) => change({ name })} />
        <TimeZoneField value={now.timezone} error={errors.timezone} onValue={(timezone) => change({ timezone })} />
        <ChannelField value={now.channel} onValue={(channel) => change({ channel })} />
        <FanField value={now.fan} onValue={(fan) => change({ fan })} />
        <Trouble asking={saving} />
        <div role="status">
          {saved && <Notice kind="good">{words.common.saved}</Notice>}
          {renamed !== undefined && (
            <Notice kind="info"><p>{text.renamed} <a className="address" href={renamed}>{renamed}</a></p></Notice>
          )}
        </div>
        <div className="buttons"><Submit asking={saving}>{text.saveDevice}</Submit></div>
      </Form>
    </section>
  );
}

/** The three ready policies; points of the owner's own are made by scripts, and kept unless another is chosen. */
function FanField({ value, onValue }: { value: Fan; onValue: (fan: Fan) => void }) {
  const text = useWords().settings;
  const own = typeof value === "object";
  return (
    <Select label={text.fan} value={own ? "curve" : value} onValue={(fan) => fan !== "curve" && onValue(fan as Fan)}>
      <option value="quiet">{text.fans.quiet}</option>
      <option value="balanced">{text.fans.balanced}</option>
      <option value="cool">{text.fans.cool}</option>
      {own && <option value="curve">{text.fans.curve}</option>}
    </Select>
  );
}
