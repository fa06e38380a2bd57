// The gateway of a real device (virtual or not) over HTTP/3: the page, its parts and the API, with no other way to get them.
// Usage: node tests/http3.mjs PORT, with HOME where the authority is known. PORT leads to the device's by UDP.
import { check, launch, results } from "./browse.mjs";

const [port] = process.argv.slice(2);
const browser = await launch({ http3: `attic.local:${port}` });
const page = await browser.newPage();
page.setDefaultTimeout(90_000);

/** Chromium gives up on a handshake after ten seconds; an emulated board on a busy machine may take longer. */
async function arrive(tries) {
  try {
    await page.goto(`https://attic.local:${port}/`);
  } catch (error) {
    if (tries <= 1) throw error;
    await arrive(tries - 1);
  }
}

try {
  await arrive(5);
  await page.getByRole("heading", { level: 1 }).waitFor();
  const health = await page.evaluate(async () => (await window.fetch("/api/health")).status);
  check(health === 200, `the API's health: ${health}`);
  const ways = await page.evaluate(() => ["navigation", "resource"].flatMap((kind) => window.performance.getEntriesByType(kind)
    .map((entry) => `${entry.name}: ${entry.nextHopProtocol}`)));
  check(ways.length > 2, `too few answers: ${ways.join(", ")}`);
  for (const way of ways) check(way.endsWith(": h3"), way);
} catch (error) {
  check(false, error.stack);
}
await browser.close();
console.log(`${results.checks} checks, ${results.failures.length} failures`);
process.exit(results.failures.length === 0 ? 0 : 1);
