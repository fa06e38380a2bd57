// Looks at every page as people meet it: both languages, both themes, phone and desktop; by keyboard alone; when things
// go wrong. Needs `scripts/web` before, and Chromium (CHROMIUM names another than Debian's).
import { CONSOLE, DIST, check, launch, open, results } from "./browse.mjs";
import { consoleByKeyboard, consolePages } from "./console-tour.mjs";
import { start } from "./fake-device.mjs";
import { keyboard } from "./keyboard.mjs";
import { owned, rescue, setup } from "./tour.mjs";
import { troubles } from "./troubles.mjs";

const began = Date.now();
const device = await start(DIST);
const application = await start(CONSOLE, { console: true });
const browser = await launch();

async function part(name, work) {
  const before = results.screens;
  const from = Date.now();
  try {
    await work();
  } catch (error) {
    check(false, `${name}: ${error.stack}`);
  }
  console.log(`${name}: ${results.screens - before} screens, ${((Date.now() - from) / 1000).toFixed(1)} s`);
}

const only = process.argv[2];
if (only === undefined || only === "tour") {
  for (const language of ["en", "de"]) {
    for (const theme of ["light", "dark"]) {
      for (const [width, height] of [[320, 640], [390, 844], [1280, 860]]) {
        if (process.argv[3] !== undefined && process.argv[3] !== `${language}-${theme}-${width}`) continue;
        await part(`tour ${language} ${theme} ${width}x${height}`, async () => {
          const window = await open(browser, device, { language, theme, width, height });
          await setup(window, device);
          await owned(window, device);
          await rescue(window, device);
          await window.context.close();
          const other = await open(browser, application, { language, theme, width, height });
          await consolePages(other, application);
          await other.context.close();
        });
      }
    }
  }
}
if (only === undefined || only === "keyboard") {
  await part("setup by keyboard alone", () => keyboard(browser, device));
  await part("console by keyboard alone", () => consoleByKeyboard(browser, application));
}
if (only === undefined || only === "troubles") await troubles(browser, device, part);

await browser.close();
device.stop();
application.stop();
console.log(`${results.screens} screens, ${results.checks} checks, ${results.failures.length} failures, ${((Date.now() - began) / 1000).toFixed(0)} s`);
process.exit(results.failures.length === 0 ? 0 : 1);
