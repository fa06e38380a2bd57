// Access tokens: the list, making one, ending one. A secret is shown once and kept nowhere.
import { useCallback, useState } from "react";
import { device } from "../api/client";
import type { Token } from "../api/types";
import { day } from "../model/format";
import { Copy } from "../parts/copy";
import { Action, Trouble } from "../parts/form";
import { Notice } from "../parts/notice";
import { Sure } from "../parts/sure";
import { useAsk } from "../parts/use-ask";
import { useOnce } from "../parts/use-once";
import { useSpeech, useWords } from "../text/language";
import { TokenForm } from "./token-form";

export function TokensPart() {
  const words = useWords();
  const text = words.tokens;
  const [tokens, setTokens] = useState<Token[]>();
  const [secret, setSecret] = useState<string>();
  const [making, setMaking] = useState(false);
  const [revoked, setRevoked] = useState(false);
  const asking = useAsk();
  const { ask } = asking;
  const load = useCallback(async () => setTokens((await device.tokens()).tokens), []);
  useOnce(() => void ask(load));
  const revoke = (id: string) => ask(async () => {
    await device.revokeToken(id);
    setRevoked(true);
    await load();
  });
  return (
    <section className="card">
      <h2>{text.title}</h2>
      <p>{text.text}</p>
      <Trouble asking={asking} />
      {tokens === undefined ? <p role="status">{asking.busy ? words.common.loading : ""}</p>
        : tokens.length === 0 ? <p className="muted">{text.none}</p> : (
          <ul className="tokens">
            {tokens.map((token) => <TokenRow key={token.id} token={token} onRevoke={() => void revoke(token.id)} />)}
          </ul>
        )}
      <p className="unseen" role="status">{revoked ? text.revoked : ""}</p>
      <div role="status">
        {secret !== undefined && (
          <Notice kind="good" title={text.secret}>
            <p>{text.secretText}</p>
            <p className="code" data-testid="token-secret">{secret}</p>
            <div className="row">
              <Copy text={secret} label={text.secret} />
              <Action className="secondary" onClick={() => setSecret(undefined)}>{text.secretDone}</Action>
            </div>
          </Notice>
        )}
      </div>
      {making ? (
        <TokenForm onCancel={() => setMaking(false)} onMade={async (made) => {
          setSecret(made.secret);
          setMaking(false);
          setRevoked(false);
          await load();
        }} />
      ) : <div className="buttons"><Action className="secondary" onClick={() => setMaking(true)}>{text.create}</Action></div>}
    </section>
  );
}

function TokenRow({ token, onRevoke }: { token: Token; onRevoke: () => void }) {
  const { words, language } = useSpeech();
  const text = words.tokens;
  return (
    <li className="token">
      <div>
        <strong>{token.name}</strong>
        <p className="muted">{token.scopes.map((scope) => text[scope]).join(", ")}</p>
        <p className="muted">
          {text.created(day(token.created, language))}, {token.expires === undefined ? text.never : text.expires(day(token.expires, language))}
        </p>
      </div>
      <Sure label={text.revoke} what={text.revokeWhat(token.name)} sure={text.revokeSure(token.name)} yes={text.revokeYes} quiet onYes={onRevoke} />
    </li>
  );
}
