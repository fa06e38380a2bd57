// Two people at the console of a real device (virtual or not): its owner at a desk and a user with a phone. What one does, the other
// sees at once. The browser trusts the device's authority and nothing else.
// Usage: node tests/console.mjs PORT, with HOME where the authority is known and SHOTS where pictures go.
import { check, launch, open, results } from "./browse.mjs";

const [port] = process.argv.slice(2);
const OWNER = { name: "Margarete", password: "quark-Teller-77-Mond" };
const USER = { name: "Frieder", password: "auch-lang-genug" };
const device = { port, state: { silent: false } };
const browser = await launch();
const desk = await open(browser, device, { label: "console-en", strict: true });
const phone = await open(browser, device, { label: "console-de", language: "de", theme: "dark", width: 390, height: 844, strict: true });
for (const { page } of [desk, phone]) page.setDefaultTimeout(90_000);

const at = ({ page }, title) => page.getByRole("heading", { level: 1, name: title, exact: true }).waitFor();
const go = ({ page, text }, name) => page.getByRole("button", { name: text.console.pages[name], exact: true }).click();
const entry = ({ page, text }, name) => page.getByRole("listitem").filter({ hasText: text.console.actions["user-added"](name) }).waitFor();

async function signIn(one, as, { name, password }) {
  const { page, text } = one;
  await page.goto(`https://attic.local:${port}/`);
  // Before the page asks, the device's own language is shown; a person may choose.
  await page.getByRole("button", { name: text === desk.text ? "English" : "Deutsch", exact: true }).click();
  await at(one, text.console.signIn);
  await page.getByRole("radio", { name: as }).check();
  await page.getByLabel(text.signIn.name, { exact: true }).fill(name);
  await page.getByLabel(text.common.password, { exact: true }).fill(password);
  await one.shot("1-sign-in");
  await page.keyboard.press("Enter");
  await at(one, text.console.pages.overview);
  await page.getByRole("heading", { level: 2, name: text.console.good }).waitFor();
  await one.shot("2-overview");
}

async function add({ page, text }, { name, password }) {
  await page.getByLabel(text.signIn.name, { exact: true }).fill(name);
  await page.getByLabel(text.common.password, { exact: true }).fill(password);
  await page.keyboard.press("Enter");
  await page.getByText(text.console.userAdded(name)).waitFor({ state: "attached" });
}

try {
  await signIn(desk, desk.text.console.asOwner, OWNER);
  await go(desk, "services");
  await at(desk, desk.text.console.pages.services);
  await desk.page.getByText("gateway", { exact: true }).waitFor();
  await desk.page.getByRole("button", { name: `${desk.text.stack.log}: api`, exact: true }).click();
  await desk.page.getByText("answered").first().waitFor();
  await desk.shot("3-services");
  await go(desk, "users");
  await at(desk, desk.text.console.pages.users);
  await add(desk, USER);
  await desk.shot("4-users");
  await signIn(phone, phone.text.console.asUser, USER);
  await go(phone, "audit");
  await at(phone, phone.text.console.pages.audit);
  await entry(phone, USER.name);
  await phone.shot("3-audit");
  // Another window of the owner's: what happens in one is seen in the other, and on the phone.
  const second = await desk.context.newPage();
  await second.goto(`https://attic.local:${port}/`);
  await second.getByRole("button", { name: desk.text.console.pages.audit, exact: true }).click();
  await entry({ page: second, text: desk.text }, USER.name);
  await add(desk, { name: "Zweite", password: "noch-ein-langes" });
  await Promise.all([entry({ page: second, text: desk.text }, "Zweite"), entry(phone, "Zweite")]);
  await phone.shot("4-audit-live");
} catch (error) {
  for (const { page, shot } of [desk, phone]) await page.screenshot({ path: shot.path("failed"), fullPage: true });
  check(false, error.stack);
}
await browser.close();
console.log(`${results.screens} screens, ${results.checks} checks, ${results.failures.length} failures`);
process.exit(results.failures.length === 0 ? 0 : 1);
