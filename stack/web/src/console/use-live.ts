// The audit log as it grows: asked once, then told over a WebSocket. When that breaks, asks and connects again: what was missed is in
// the log.
import { useEffect, useState } from "react";
import { asProblem } from "../api/client";
import { api, type Entry } from "./api";

const AGAIN_MS = 2000;
// The close codes of a service, and of the gateway, that another one takes the place of: it is there already.
const REPLACED = [1012, 1001];

export interface Live {
  entries: readonly Entry[] | undefined;
  connected: boolean;
}

/** The newest first, each once. */
export function merged(known: readonly Entry[], news: readonly Entry[]): Entry[] {
  const byNumber = new Map([...known, ...news].map((entry) => [entry._id, entry]));
  return [...byNumber.values()].sort((one, other) => other._id - one._id);
}

export function useLive(onSignedOut: () => void): Live {
  const [live, setLive] = useState<Live>({ entries: undefined, connected: true });
  useEffect(() => {
    let over = false;
    let socket: WebSocket | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const add = (news: readonly Entry[]) => {
      if (!over) setLive((before) => ({ entries: merged(before.entries ?? [], news), connected: true }));
    };
    const again = ({ code }: { code: number }) => {
      if (over) return;
      const replaced = REPLACED.includes(code);
      setLive((before) => ({ ...before, connected: replaced }));
      timer = setTimeout(connect, replaced ? 0 : AGAIN_MS);
    };
    const connect = () => {
      socket = new WebSocket(`wss://${location.host}/api/live`);
      // Asked only once events are heard: nothing is missed in between.
      socket.onopen = () => void api.audit().then(add).catch((error: unknown) => {
        if (asProblem(error).kind === "sign-in-first" && !over) onSignedOut();
        else socket?.close();
      });
      socket.onmessage = (event: MessageEvent<string>) => {
        const told = JSON.parse(event.data) as { kind: string; entry?: Entry };
        if (told.kind === "audit" && told.entry !== undefined) add([told.entry]);
      };
      socket.onclose = again;
    };
    connect();
    return () => {
      over = true;
      socket?.close();
      clearTimeout(timer);
    };
  }, [onSignedOut]);
  return live;
}
