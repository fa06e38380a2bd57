// Something that is done once, when a part of a page appears: React's strict mode shows each part twice.
import { useEffect, useRef } from "react";

export function useOnce(work: () => void) {
  const done = useRef(false);
  useEffect(() => {
    if (done.current) return;
    done.current = true;
    work();
  });
}
