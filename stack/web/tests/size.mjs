// Measures what a browser has to load, compressed, against the bar. Needs `npm run build` before.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const BAR = 120_000;
const dist = join(dirname(fileURLToPath(import.meta.url)), "../dist");
let total = 0;
for (const file of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  if (!file.isFile()) continue;
  const bytes = readFileSync(join(file.parentPath, file.name));
  const small = gzipSync(bytes, { level: 9 }).length;
  total += small;
  console.log(`${file.name}: ${bytes.length} bytes, ${small} compressed`);
}
console.log(`together ${total} bytes compressed, bar ${BAR}`);
process.exit(total <= BAR ? 0 : 1);
