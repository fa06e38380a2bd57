// What can go is named first, and the largest of it before that.
import { expect, it } from "vitest";
import { stored } from "../../src/model/stored";

const volume = (name: string, bytes: number, declared: boolean) => ({ service: name, volume: "data", bytes, declared });
const image = (id: string, names: string[], bytes: number, declared: boolean) => ({ id, names, bytes, declared });

it("names what can go first, the largest before the smaller", () => {
  const all = stored({
    free_bytes: 1, total_bytes: 2,
    volumes: [volume("mongo", 900, true), volume("old", 20, false)],
    images: [image("ab".repeat(32), [], 300, false), image("c", ["example.org/app:1"], 50, true)],
  }, (name) => `Image ${name}`);
  expect(all.map((one) => one.name)).toEqual(["Image abababababab", "old/data", "mongo/data", "Image example.org/app:1"]);
});
