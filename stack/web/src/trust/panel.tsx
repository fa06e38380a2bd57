// How to make a browser trust the device, and a test whether it does. The words of the steps are left to text/.
import { useEffect, useState } from "react";
import { device } from "../api/client";
import type { Overview } from "../api/types";
import { otherOrigins } from "../model/places";
import { Copy } from "../parts/copy";
import { Fingerprint } from "../parts/fingerprint";
import { Action } from "../parts/form";
import { Heading } from "../parts/frame";
import { Notice } from "../parts/notice";
import { useWords } from "../text/language";
import { system } from "./system";
import { Tabs } from "./tabs";

const FILES = "/api/v1/authority";

interface TrustProps {
  level: "h1" | "h2";
  /** What is known of the device already; it is asked otherwise. */
  known?: Overview;
}

export function TrustPanel({ level, known }: TrustProps) {
  const words = useWords();
  const { trust } = words;
  const [overview, setOverview] = useState(known);
  useEffect(() => {
    if (known !== undefined) return;
    let over = false;
    device.overview().then((found) => { if (!over) setOverview(found); }, () => undefined);
    return () => { over = true; };
  }, [known]);
  const Part = level === "h1" ? "h2" : "h3";
  return (
    <div className="trust">
      {level === "h1" ? <Heading>{trust.title}</Heading> : <h2>{trust.title}</h2>}
      <p className="lead">{trust.text}</p>
      <Part>{trust.step1}</Part>
      <ul className="downloads">
        <li><a href={`${FILES}.crt`} download="tayberry.crt">{trust.crt}</a></li>
        <li><a href={`${FILES}.pem`} download="tayberry.pem">{trust.pem}</a></li>
        {/* iOS installs a profile that it navigates to, not one that is downloaded. */}
        <li><a href={`${FILES}.mobileconfig`}>{trust.profile}</a></li>
      </ul>
      {overview !== undefined && (
        <div className="fingerprint">
          <p><strong>{trust.fingerprint}</strong> <span className="muted">{trust.fingerprintHint}</span></p>
          <Fingerprint text={overview.authority_fingerprint} />
          <Copy text={overview.authority_fingerprint} label={trust.fingerprint} />
        </div>
      )}
      <Part>{trust.step2}</Part>
      <Tabs label={trust.systems} start={system(navigator.userAgent)}
        tabs={Object.entries(trust.tabs).map(([id, { name, steps }]) => ({
          id, name, panel: <ol className="list">{steps.map((step) => <li key={step}>{step}</li>)}</ol>,
        }))} />
      <Part>{trust.step3}</Part>
      <TrustTest overview={overview} />
    </div>
  );
}

type Result = "none" | "testing" | "trusted" | "not-yet";

function TrustTest({ overview }: { overview: Overview | undefined }) {
  const { trust } = useWords();
  const [result, setResult] = useState<Result>("none");
  const other = overview === undefined ? undefined
    : otherOrigins(location.hostname, location.port, overview.name, overview.addresses)[0];
  if (overview !== undefined && other === undefined) return <p>{trust.noOther}</p>;
  const test = async () => {
    if (other === undefined) return;
    setResult("testing");
    setResult(await device.trustTest(other) ? "trusted" : "not-yet");
  };
  return (
    <div className="test">
      <p>{trust.testText}</p>
      <Action className="secondary" off={result === "testing" || other === undefined} onClick={() => void test()}>
        {result === "testing" ? trust.testing : trust.test}
      </Action>
      <div role="status">
        {result === "trusted" && <Notice kind="good">{trust.trusted}</Notice>}
        {result === "not-yet" && <Notice kind="warn" title={trust.notYet}>{trust.notYetText}</Notice>}
      </div>
      {other !== undefined && result !== "none" && <p className="muted address">{trust.asked(other)}</p>}
    </div>
  );
}
