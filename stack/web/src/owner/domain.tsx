// A domain of the owner's own: whether there is a certificate for it, and how one is had. What is allowed is left to the device.
import { useState } from "react";
import { device } from "../api/client";
import type { DnsServer, Domain, DomainWish } from "../api/types";
import { day, moment } from "../model/format";
import { Check, Choices, FieldError, PasswordField, Select, TextField } from "../parts/field";
import { Action, Form, Submit, Trouble } from "../parts/form";
import { Notice } from "../parts/notice";
import { Sure } from "../parts/sure";
import { useAsk } from "../parts/use-ask";
import { useLook } from "../parts/use-look";
import { useSpeech, useWords } from "../text/language";

const LOOK_MS = 3000;
const ALGORITHMS = ["hmac-sha256", "hmac-sha384", "hmac-sha512"] as const;
/** What browsers do not complete or correct. */
const plain = { autoComplete: "off", autoCapitalize: "none", spellCheck: false } as const;
const NO_SERVER: DnsServer = { server: "", zone: "", key: "", algorithm: "hmac-sha256", wait_s: 60 };
const NO_WISH: DomainWish = { name: "", proof: "http", terms_agreed: false };

export function DomainPart() {
  const words = useWords();
  const text = words.domain;
  const [domain, setDomain] = useState<Domain>();
  const asking = useAsk();
  const busy = domain?.busy === true;
  useLook(asking, async () => setDomain(await device.domain()), busy ? LOOK_MS : undefined);
  const act = (question: () => Promise<Domain>) => void asking.ask(async () => setDomain(await question()));
  return (
    <section className="card">
      <h2>{text.title}</h2>
      <p>{text.text}</p>
      {domain === undefined && asking.problem === undefined && <p role="status">{words.common.loading}</p>}
      {domain !== undefined && <Now domain={domain} />}
      <Trouble asking={asking} />
      {domain?.wish !== undefined && (
        <div className="buttons">
          {domain.problem !== undefined && (
            <Action className="secondary" off={busy || asking.busy} onClick={() => act(device.tryDomain)}>{text.tryNow}</Action>
          )}
          <Sure label={text.remove} sure={text.removeSure} yes={text.removeYes} quiet off={asking.busy} onYes={() => act(device.forgetDomain)} />
        </div>
      )}
      {domain !== undefined && <WishForm key={domain.wish?.name ?? ""} before={domain.wish} onKept={setDomain} />}
    </section>
  );
}

/** How it stands with the certificate. */
function Now({ domain }: { domain: Domain }) {
  const { words, language } = useSpeech();
  const text = words.domain;
  const { certificate } = domain;
  return (
    <div role="status">
      {certificate !== undefined && (
        <Notice kind="good"><p>{text.holds(day(certificate.not_after, language))} <a className="address" href={`https://${certificate.name}`}>{`https://${certificate.name}`}</a></p></Notice>
      )}
      {domain.busy && <p>{text.busy}</p>}
      {!domain.busy && domain.problem !== undefined && (
        <Notice kind="warn" title={text.failed}>
          <p lang="en">{domain.problem}</p>
          {domain.next_try !== undefined && <p>{text.again(moment(domain.next_try, language))}</p>}
        </Notice>
      )}
    </div>
  );
}

function WishForm({ before, onKept }: { before: DomainWish | undefined; onKept: (domain: Domain) => void }) {
  const text = useWords().domain;
  const saving = useAsk();
  const [wish, setWish] = useState(before ?? NO_WISH);
  const [server, setServer] = useState(before === undefined || before.proof === "http" ? NO_SERVER : before.proof.dns);
  const [bad, setBad] = useState<"name" | "terms">();
  const dns = wish.proof !== "http";
  const change = (part: Partial<DomainWish>) => {
    setWish({ ...wish, ...part });
    setBad(undefined);
  };
  const submit = async () => {
    const wrong = wish.name.trim() === "" ? "name" : wish.terms_agreed ? undefined : "terms";
    setBad(wrong);
    if (wrong !== undefined) return;
    // What was left empty is not said.
    const said = <T extends object>(all: T) => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== "")) as T;
    const proof = dns ? { dns: said(server) } : "http";
    await saving.ask(async () => onKept(await device.wishDomain({ ...said(wish), name: wish.name.trim(), proof })));
  };
  return (
    <Form onSubmit={submit} label={text.title}>
      <TextField {...plain} label={text.name} hint={text.nameHint} value={wish.name} maxLength={253} inputMode="url"
        error={bad === "name" ? text.needName : undefined} onValue={(name) => change({ name })} />
      <Choices label={text.proof} value={dns ? "dns" : "http"} onValue={(value) => change({ proof: value === "dns" ? { dns: server } : "http" })}
        choices={(["http", "dns"] as const).map((value) => ({ value, label: text.proofs[value], text: text.proofTexts[value] }))} />
      {dns && <ServerFields server={server} known={before !== undefined && before.proof !== "http"} onServer={setServer} />}
      <details>
        <summary>{text.authority}</summary>
        <div className="group">
          <TextField {...plain} label={text.email} hint={text.emailHint} type="email" value={wish.email ?? ""} maxLength={254} onValue={(email) => change({ email })} />
          <TextField {...plain} label={text.directory} hint={text.directoryHint} type="url" value={wish.directory ?? ""} maxLength={512}
            onValue={(directory) => change({ directory })} />
        </div>
      </details>
      <Check label={text.terms} checked={wish.terms_agreed} invalid={bad === "terms"} onChecked={(terms_agreed) => change({ terms_agreed })} />
      <FieldError error={bad === "terms" ? text.needTerms : undefined} />
      <Trouble asking={saving} />
      <div className="buttons"><Submit asking={saving}>{text.save}</Submit></div>
    </Form>
  );
}

function ServerFields({ server, known, onServer }: { server: DnsServer; known: boolean; onServer: (server: DnsServer) => void }) {
  const text = useWords().domain;
  const change = (part: Partial<DnsServer>) => onServer({ ...server, ...part });
  return (
    <>
      <TextField {...plain} label={text.server} hint={text.serverHint} value={server.server} maxLength={260} onValue={(one) => change({ server: one })} />
      <TextField {...plain} label={text.zone} hint={text.zoneHint} value={server.zone} maxLength={253} onValue={(zone) => change({ zone })} />
      <TextField {...plain} label={text.key} value={server.key} maxLength={253} onValue={(key) => change({ key })} />
      <Select label={text.algorithm} value={server.algorithm} onValue={(one) => change({ algorithm: one as DnsServer["algorithm"] })}>
        {ALGORITHMS.map((one) => <option key={one} value={one}>{one}</option>)}
      </Select>
      <PasswordField label={text.secret} hint={known ? text.secretKept : text.secretHint} autoComplete="off" value={server.secret ?? ""} maxLength={256}
        onValue={(secret) => change({ secret })} />
      <TextField label={text.wait} hint={text.waitHint} type="number" min={0} max={3600} value={String(server.wait_s)}
        onValue={(wait) => change({ wait_s: Math.min(3600, Math.max(0, Math.floor(Number(wait)))) })} />
    </>
  );
}
