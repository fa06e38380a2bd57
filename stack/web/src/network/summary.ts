// A network in one line.
import type { Network } from "../api/types";
import { linkable } from "../model/places";
import type { Words } from "../text/en";

export function summary(network: Network, words: Words): string {
  const parts = network.interfaces
    .filter(({ connected }) => connected)
    .map(({ kind, addresses }) => {
      const address = linkable(addresses)[0];
      const what = kind === "ethernet" ? words.network.cable : words.network.wifi;
      return address === undefined ? what : `${what} (${address})`;
    });
  return parts.length === 0 ? words.common.none : parts.join(", ");
}
