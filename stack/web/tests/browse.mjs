// A browser that looks after what no page may do: break the policy, complain in the console, fail an accessibility rule.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { runnerImport } from "vite";

const here = dirname(fileURLToPath(import.meta.url));
export const DIST = join(here, "../dist");
export const CONSOLE = join(here, "../dist-console");
const SHOTS = process.env.SHOTS ?? join(here, "screenshots");
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const words = async (file, name) => (await runnerImport(join(here, "../src/text", file))).module[name];
export const WORDS = { en: await words("en.ts", "en"), de: await words("de.ts", "de") };

export const results = { failures: [], screens: 0, checks: 0 };
export function check(is, what) {
  results.checks += 1;
  if (!is) {
    results.failures.push(what);
    console.log(`FAILED: ${what}`);
  }
}

/** With an `http3` origin, such as `attic.local:8443`, everything from there comes over HTTP/3 or not at all. */
export async function launch({ http3 } = {}) {
  mkdirSync(SHOTS, { recursive: true });
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
      ...(http3 ? ["--enable-quic", `--origin-to-force-quic-on=${http3}`] : ["--disable-quic"]), "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP *.local 127.0.0.1, MAP 10.0.2.15 127.0.0.1"],
  });
}

/** A window with a language, a theme and a size; everything it complains about is a failure. */
export async function open(browser, device, { language = "en", theme = "light", width = 1280, height = 860, label = "", strict = false } = {}) {
  const context = await browser.newContext({
    ignoreHTTPSErrors: !strict, locale: language === "de" ? "de-DE" : "en-GB", timezoneId: "Europe/Berlin", colorScheme: theme,
    viewport: { width, height }, bypassCSP: false, permissions: ["clipboard-read", "clipboard-write"],
  });
  const page = await context.newPage();
  page.setDefaultTimeout(8000);
  const tag = label || `${language}-${theme}-${width}`;
  // An API that refuses is no error of the page; Chromium writes it into the console all the same.
  // ERR_FAILED is what a request gets that a test cuts.
  const expected = (message) => /status of (401|403|409|422|429|503)|net::ERR_FAILED/.test(message.text()) && message.location().url.includes("/api/");
  page.on("console", (message) => {
    if (device.state.silent || !["error", "warning"].includes(message.type()) || expected(message)) return;
    check(false, `${tag}: console: ${message.text()} (${message.location().url})`);
  });
  page.on("pageerror", (error) => check(false, `${tag}: ${error.stack}`));
  await page.addInitScript(() => {
    window.policyBroken = [];
    document.addEventListener("securitypolicyviolation", (event) => window.policyBroken.push(`${event.violatedDirective} ${event.blockedURI}`));
  });
  const shot = async (name) => {
    await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => undefined))));
    results.screens += 1;
    const where = `${tag} ${name}`;
    // Asked through the debugger, which no policy forbids.
    await page.evaluate(AXE);
    const { violations } = await page.evaluate((tags) => window.axe.run(document, { runOnly: tags }), TAGS);
    for (const { id, nodes } of violations) check(false, `${where}: axe ${id}: ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 160)} ${failureSummary}`).join(" | ")}`);
    results.checks += 1;
    check((await page.evaluate(() => window.policyBroken)).length === 0, `${where}: policy broken: ${await page.evaluate(() => window.policyBroken.join(", "))}`);
    check(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), `${where}: wider than the window`);
    check(await page.evaluate(() => document.querySelectorAll('[style]:not([style=""])').length) === 0, `${where}: a style attribute`);
    check(await page.evaluate(() => document.documentElement.lang) === language, `${where}: lang attribute`);
    const title = await page.title();
    const heading = await page.locator("h1").innerText();
    check(title === `${heading} – Tayberry`, `${where}: title ${title}`);
    await page.screenshot({ path: shot.path(name), fullPage: true });
  };
  shot.path = (name) => join(SHOTS, `${tag}-${name}.png`);
  const go = (path = "/") => page.goto(`https://tayberry.local:${device.port}${path}`);
  return { page, context, shot, go, language, text: WORDS[language] };
}

/** Presses Tab until the focus is where it should be, as somebody without a mouse would. */
export async function tabTo(page, target) {
  for (let count = 0; count < 80; count += 1) {
    if (await target.evaluateAll((found) => found.includes(document.activeElement))) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab never reaches ${target}`);
}

/** Fills fields and presses buttons without a mouse; where the focus is must be seen. */
export function keysOf(page) {
  return {
    enter: async (name, value) => {
      await tabTo(page, page.getByLabel(name, { exact: true }));
      await page.keyboard.press("Control+a");
      await page.keyboard.type(value);
    },
    activate: async (name, key = "Enter") => {
      await tabTo(page, page.getByRole("button", { name, exact: true }));
      const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
      check(outline !== "none", `the focus on ${name} cannot be seen`);
      await page.keyboard.press(key);
    },
  };
}
