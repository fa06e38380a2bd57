// The status of the device as it changes: asked once, then told by server-sent events. When the connection breaks, says
// so and connects again; when the session is over, says that instead.
import { useEffect, useState } from "react";
import { asProblem, device } from "../api/client";
import type { Status } from "../api/types";

const AGAIN_MS = 4000;

export interface Live {
  status: Status | undefined;
  /** When the status came, in milliseconds. */
  at: number;
  connected: boolean;
}

export function useStatus(onSignedOut: () => void): Live {
  const [live, setLive] = useState<Live>({ status: undefined, at: 0, connected: true });
  useEffect(() => {
    let over = false;
    let source: EventSource | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const show = (status: Status) => { if (!over) setLive({ status, at: Date.now(), connected: true }); };
    const broken = () => {
      source?.close();
      if (over) return;
      setLive((before) => ({ ...before, connected: false }));
      clearTimeout(timer);
      timer = setTimeout(() => void connect(), AGAIN_MS);
    };
    const connect = async () => {
      try {
        show(await device.status());
      } catch (error) {
        if (asProblem(error).kind === "sign-in-first") {
          if (!over) onSignedOut();
        } else broken();
        return;
      }
      if (over) return;
      source = new EventSource("/api/v1/status/events");
      source.addEventListener("status", (event: MessageEvent<string>) => show(JSON.parse(event.data) as Status));
      source.addEventListener("error", broken);
    };
    void connect();
    return () => {
      over = true;
      source?.close();
      clearTimeout(timer);
    };
  }, [onSignedOut]);
  return live;
}
