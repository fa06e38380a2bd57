// What takes room on the data partition: what can go is said first, and the largest of it.
import type { StackData, StoredImage, Volume } from "../api/types";

export type Stored = { name: string; bytes: number; declared: boolean } & ({ volume: Volume } | { image: StoredImage });

/** How much of an image's number is shown if it has no name, in digits. */
const SHORT = 12;

export function stored(data: StackData, imageOf: (name: string) => string): Stored[] {
  const volumes = data.volumes.map((volume): Stored =>
    ({ name: `${volume.service}/${volume.volume}`, bytes: volume.bytes, declared: volume.declared, volume }));
  const images = data.images.map((image): Stored =>
    ({ name: imageOf(image.names[0] ?? image.id.slice(0, SHORT)), bytes: image.bytes, declared: image.declared, image }));
  return [...volumes, ...images].sort((one, other) => Number(one.declared) - Number(other.declared) || other.bytes - one.bytes);
}
