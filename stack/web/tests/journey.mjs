// The whole setup of a real device (virtual or not) on a phone's screen, by keyboard alone; then the owner's pages. The
// browser trusts the device's authority and nothing else, as after the steps of the trust page.
// Usage: node tests/journey.mjs PORT CODE, with HOME where the authority is known and SHOTS where pictures go.
import { check, launch, open, results, tabTo } from "./browse.mjs";

const [port, code] = process.argv.slice(2);
const PASSWORD = "quark-Teller-77-Mond";
const device = { port, state: { silent: false } };
const browser = await launch();
const language = process.env.LANGUAGE ?? "en";
const { page, context, shot, go, text } = await open(browser, device, { language, width: 390, height: 844, label: `device-${language}`, strict: true });
page.setDefaultTimeout(90_000);

const press = (key) => page.keyboard.press(key);
const at = (title) => page.getByRole("heading", { level: 1, name: title, exact: true }).waitFor();
const field = (name) => page.getByLabel(name, { exact: true });
const enter = async (name, value) => {
  await tabTo(page, field(name));
  await press("Control+a");
  await page.keyboard.type(value);
};
const activate = async (name) => {
  const button = page.getByRole("button", { name, exact: true });
  await page.waitForFunction((element) => element.getAttribute("aria-disabled") !== "true", await button.elementHandle());
  await tabTo(page, button);
  await press("Enter");
};

async function setup() {
  await go();
  await at(text.setup.claim.title);
  await shot("1-claim");
  await tabTo(page, field(text.setup.claim.label));
  await page.keyboard.type(code);
  await press("Enter");
  await at(text.setup.owner.title);
  await enter(text.setup.owner.name, "Margarete");
  await enter(text.common.password, PASSWORD);
  await activate(text.common.next);
  await at(text.setup.codes.title);
  // The codes come after their page: allInnerTexts() alone does not wait for them.
  const list = page.getByRole("list", { name: text.setup.codes.list });
  await list.waitFor();
  const codes = await list.locator("code").allInnerTexts();
  await shot("2-codes");
  await activate(text.setup.codes.next);
  await at(text.setup.kept.title);
  // Three places and the number of the code, as the label says them.
  const asked = (await page.locator("label").first().innerText()).match(/\d+/g).map(Number);
  const letters = codes[asked.at(-1) - 1].replace(/-/g, "");
  await tabTo(page, page.getByRole("textbox"));
  await page.keyboard.type(asked.slice(0, 3).map((place) => letters[place - 1]).join(""));
  await shot("3-kept");
  await press("Enter");
  await at(text.setup.device.title);
  await enter(text.setup.device.name, "kitchen");
  await activate(text.common.next);
  await at(text.setup.network.title);
  await shot("4-network");
  await activate(text.common.next);
  await at(text.setup.channel.title);
  await activate(text.common.next);
  await at(text.setup.check.title);
  await shot("5-check");
  await activate(text.setup.check.finish);
  await at(text.setup.done.title);
  await activate(text.trust.test);
  await page.getByText(text.trust.trusted).waitFor();
  await shot("6-done");
}

async function owned() {
  const home = `https://kitchen.local:${port}/`;
  // The device takes a moment to show a certificate of its new name.
  for (let tries = 0; ; tries += 1) {
    try {
      await page.goto(home);
      break;
    } catch (error) {
      if (tries === 60) throw error;
      await page.waitForTimeout(1000);
    }
  }
  await at(text.signIn.title);
  await shot("7-sign-in");
  await enter(text.signIn.name, "Margarete");
  await enter(text.common.password, PASSWORD);
  await press("Enter");
  await page.getByRole("heading", { level: 2, name: text.status.good }).waitFor();
  await shot("8-status");
  await activate(text.nav.settings);
  await at(text.settings.title);
  await shot("9-settings");
}

try {
  await setup();
  await owned();
} catch (error) {
  await page.screenshot({ path: shot.path("failed"), fullPage: true });
  check(false, error.stack);
}
await context.close();
await browser.close();
console.log(`${results.screens} screens, ${results.checks} checks, ${results.failures.length} failures`);
process.exit(results.failures.length === 0 ? 0 : 1);
