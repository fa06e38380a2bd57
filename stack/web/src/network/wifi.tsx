// Choosing a Wi-Fi and giving its password, and forgetting one. The password stays in this form.
import { useMemo, useState } from "react";
import type { WifiChoice, WifiNetwork } from "../api/types";
import { countries, isSsid, isWifiPassword, ownCountry } from "../model/places";
import { Choices, PasswordField, Select, TextField } from "../parts/field";
import { Action, Form } from "../parts/form";
import { Sure } from "../parts/sure";
import type { Asking } from "../parts/use-ask";
import { useSpeech, useWords } from "../text/language";

interface WifiFormProps {
  networks: readonly WifiNetwork[];
  asking: Asking;
  onJoin: (choice: WifiChoice) => Promise<boolean>;
  onRefresh: () => void;
}

/** Cannot be the name of a network: it has a control character. */
const OTHER = "\u0000";

export function WifiForm({ networks, asking, onJoin, onRefresh }: WifiFormProps) {
  const { words, language } = useSpeech();
  const text = words.network;
  const [picked, setPicked] = useState("");
  const [ssid, setSsid] = useState("");
  const [password, setPassword] = useState("");
  const [country, setCountry] = useState(() => ownCountry(navigator.languages));
  const [errors, setErrors] = useState<{ picked?: string; ssid?: string; password?: string }>({});
  const list = useMemo(() => countries(language), [language]);
  const secured = networks.find((network) => network.ssid === picked)?.secured;

  const submit = async () => {
    const name = picked === OTHER ? ssid : picked;
    const found: typeof errors = {};
    if (picked === "") found.picked = text.chooseOne;
    else if (!isSsid(name)) found.ssid = text.badSsid;
    if (secured === true && password === "") found.password = text.needPassword;
    else if (secured !== false && password !== "" && !isWifiPassword(password)) found.password = text.badPassword;
    setErrors(found);
    if (Object.keys(found).length > 0) return;
    const done = await onJoin({
      ssid: name,
      ...(secured === false || password === "" ? {} : { password }),
      ...(country === "" ? {} : { country }),
    });
    if (done) setPassword("");
  };
  return (
    <Form onSubmit={submit} label={text.wifi}>
      <Choices label={text.choose} value={picked} error={errors.picked}
        onValue={(value) => {
          setPicked(value);
          setErrors({});
        }}
        choices={[
          ...networks.map((network) => ({
            value: network.ssid, label: network.ssid,
            text: [text.strength(network.strength), network.secured ? text.secured : text.open,
              ...(network.joined ? [text.joined] : [])].join(", "),
            mark: <Bars strength={network.strength} />,
          })),
          { value: OTHER, label: text.other },
        ]} />
      <Action className="quiet" onClick={onRefresh}>{text.refresh}</Action>
      {picked === OTHER && (
        <TextField label={text.ssid} value={ssid} error={errors.ssid} autoComplete="off" autoCapitalize="none"
          spellCheck={false} onValue={setSsid} />
      )}
      {picked !== "" && secured !== false && (
        <PasswordField label={text.password} hint={picked === OTHER ? text.passwordHint : undefined} value={password}
          error={errors.password} autoComplete="off" onValue={(value) => {
            setPassword(value);
            setErrors({});
          }} />
      )}
      {picked !== "" && (
        <>
          <Select label={text.country} hint={text.countryHint} value={country} onValue={setCountry}>
            <option value="">–</option>
            {list.map(({ code, name }) => <option key={code} value={code}>{name}</option>)}
          </Select>
          <div className="buttons">
            <Action type="submit" className="accent" off={asking.busy}>{asking.busy ? words.common.busy : text.join}</Action>
          </div>
        </>
      )}
    </Form>
  );
}

function Bars({ strength }: { strength: number }) {
  return (
    <svg className="bars" viewBox="0 0 20 16" width="20" height="16" aria-hidden="true" focusable="false">
      {[0, 1, 2, 3].map((bar) => (
        <rect key={bar} className={strength > bar * 25 ? "bar-on" : "bar-off"} x={bar * 5} y={12 - bar * 4} width="4"
          height={4 + bar * 4} rx="1" />
      ))}
    </svg>
  );
}

export function LeaveWifi({ asking, onLeave }: { asking: Asking; onLeave: () => void }) {
  const text = useWords().network;
  return <Sure label={text.leave} sure={text.leaveSure} yes={text.leaveYes} quiet off={asking.busy} onYes={onLeave} />;
}
