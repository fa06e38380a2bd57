// Networks: what is connected, joining and leaving a Wi-Fi, and the trial of a change. The form is left to wifi.tsx, the
// look of a trial to trial-view.tsx.
import { useCallback, useEffect, useRef, useState } from "react";
import { device } from "../api/client";
import type { Interface, Network, WifiChoice } from "../api/types";
import { linkable, originAt } from "../model/places";
import { Notice } from "../parts/notice";
import { Trouble } from "../parts/form";
import { useAsk } from "../parts/use-ask";
import { useOnce } from "../parts/use-once";
import { useWords } from "../text/language";
import { ending, type Ending, type Wish } from "./trial";
import { TrialView } from "./trial-view";
import { LeaveWifi, WifiForm } from "./wifi";

const LOOK_MS = 5000;
const CONFIRM_MS = 2000;

interface Seen {
  network: Network;
  at: number;
}

export function NetworkPanel({ onTrial }: { onTrial?: (running: boolean) => void }) {
  const words = useWords();
  const text = words.network;
  const [seen, setSeen] = useState<Seen>();
  const [ended, setEnded] = useState<Ending>();
  const wish = useRef<Wish>(undefined);
  const hadTrial = useRef(false);
  const first = useAsk();
  const asking = useAsk();
  const { ask: askFirst } = first;

  const take = useCallback((network: Network) => {
    setSeen({ network, at: Date.now() });
    if (hadTrial.current && network.trial === undefined) {
      setEnded(ending(wish.current, network));
      wish.current = undefined;
    }
    hadTrial.current = network.trial !== undefined;
  }, []);

  useOnce(() => void askFirst(async () => take(await device.network())));
  useEffect(() => {
    // A device that changes networks may be silent for a while.
    const timer = setInterval(() => {
      if (!document.hidden) void device.network().then(take, () => undefined);
    }, LOOK_MS);
    return () => clearInterval(timer);
  }, [take]);

  const trial = seen?.network.trial;
  const id = trial?.id;
  useEffect(() => onTrial?.(id !== undefined), [onTrial, id]);
  const addresses = linkable(trial?.addresses ?? []);
  const origins = ["", ...addresses.map((address) => originAt(address, location.port))].join(" ");
  useEffect(() => {
    if (id === undefined) return;
    let over = false;
    const attempt = async () => {
      const answers = await Promise.allSettled(origins.split(" ").map((origin) => device.confirmNetwork(id, origin)));
      if (over || !answers.some(({ status }) => status === "fulfilled")) return;
      take(await device.network());
      setEnded("kept");
    };
    const timer = setInterval(() => void attempt().catch(() => undefined), CONFIRM_MS);
    return () => {
      over = true;
      clearInterval(timer);
    };
  }, [id, origins, take]);

  if (seen === undefined) {
    return <><p role="status">{first.busy ? words.common.loading : ""}</p><Trouble asking={first} /></>;
  }
  const { network } = seen;
  const start = (wanted: Wish, question: () => Promise<Network>) => asking.ask(async () => {
    setEnded(undefined);
    wish.current = wanted;
    take(await question());
  });
  const join = async (choice: WifiChoice) => start({ ssid: choice.ssid }, () => device.joinWifi(choice));
  const connected = network.interfaces.some((one) => one.connected);
  const radio = network.interfaces.some(({ kind }) => kind === "wifi");
  return (
    <div className="network">
      <ul className="interfaces">
        {network.interfaces.map((one) => <InterfaceRow key={one.name} one={one} network={network} />)}
      </ul>
      {!connected && trial === undefined && <Notice kind="warn">{text.noneYet}</Notice>}
      <div role="status">
        {ended === "kept" && <Notice kind="good">{text.kept}</Notice>}
        {ended === "reverted" && <Notice kind="bad">{text.reverted}</Notice>}
      </div>
      <Trouble asking={asking} />
      {trial !== undefined && <TrialView trial={trial} seenAt={seen.at} />}
      {trial === undefined && radio && (
        <>
          <WifiForm networks={network.wifi} asking={asking} onJoin={join} onRefresh={() => void device.network().then(take, () => undefined)} />
          {network.wanted_wifi !== undefined && (
            <LeaveWifi asking={asking} onLeave={() => void start({ ssid: undefined }, () => device.leaveWifi())} />
          )}
        </>
      )}
      {!radio && <p className="muted">{text.noRadio}</p>}
    </div>
  );
}

function InterfaceRow({ one, network }: { one: Interface; network: Network }) {
  const text = useWords().network;
  const joined = network.wifi.find((wifi) => wifi.joined)?.ssid ?? network.wanted_wifi;
  const state = one.kind === "ethernet" ? (one.connected ? text.cableYes : text.cableNo)
    : one.connected ? (joined === undefined ? text.cableYes : text.wifiIn(joined)) : text.wifiNot;
  return (
    <li className={one.connected ? "interface on" : "interface"}>
      <span className="dot" aria-hidden="true" />
      <div className="interface-text">
        <span className="interface-what">{one.kind === "ethernet" ? text.cable : text.wifi}</span>
        <span>{state}</span>
        {one.connected && <span className="muted address">{linkable(one.addresses).join(", ") || text.waiting}</span>}
      </div>
    </li>
  );
}
