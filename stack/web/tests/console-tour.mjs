// A walk through every screen of the console, as its owner and as somebody whom the owner let in; and the way in by keyboard alone.
import { check, keysOf, open } from "./browse.mjs";
import { PASSWORD } from "./fake-api.mjs";
import { note } from "./fake-console.mjs";

const USER = { name: "Frieder", password: "auch-lang-genug" };
const button = (page, name) => page.getByRole("button", { name, exact: true });
const at = (page, name) => page.getByRole("heading", { name, exact: true, level: 1 }).waitFor();
const field = (page, name) => page.getByLabel(name, { exact: true });

async function signIn({ page, text }, { name, password }) {
  await field(page, text.signIn.name).fill(name);
  await field(page, text.common.password).fill(password);
  await button(page, text.signIn.go).click();
}

async function users({ page, text, shot }) {
  const words = text.console;
  await button(page, words.pages.users).click();
  await at(page, words.pages.users);
  await button(page, words.addUser).click();
  await page.getByText(words.needName).waitFor();
  await shot("53-users-mistakes");
  await field(page, text.signIn.name).fill(USER.name);
  await field(page, text.common.password).fill(USER.password);
  await button(page, words.addUser).click();
  await page.getByText(words.userAdded(USER.name)).waitFor({ state: "attached" });
  await field(page, text.signIn.name).fill("Zweite");
  await field(page, text.common.password).fill("noch-ein-langes");
  await button(page, words.addUser).click();
  await button(page, words.removeWhat("Zweite")).click();
  await shot("54-users-remove");
  await button(page, words.removeYes("Zweite")).click();
  await page.getByText(words.userRemoved("Zweite")).waitFor({ state: "attached" });
}

async function audit({ page, text, shot }, device) {
  const words = text.console;
  await button(page, words.pages.audit).click();
  await at(page, words.pages.audit);
  await page.getByRole("listitem").filter({ hasText: words.actions["user-removed"]("Zweite") }).waitFor();
  note(device.console, "Frieder", "user-added", "Dritte");
  await page.getByRole("listitem").filter({ hasText: words.actions["user-added"]("Dritte") }).waitFor();
  await shot("55-audit");
  device.cut();
  await page.getByText(words.notLive).waitFor();
  await shot("56-audit-not-live");
  await page.getByText(words.live).waitFor();
}

/** Every screen. */
export async function consolePages(window, device) {
  const { page, text, shot, go } = window;
  const words = text.console;
  device.reset({ phase: "owned", language: window.language, name: "kitchen", role: undefined });
  device.console.away = true;
  await go();
  await at(page, words.away);
  await shot("50-away");
  device.console.away = false;
  await at(page, words.signIn);
  await signIn(window, { name: "ada", password: "wrong" });
  await page.getByRole("alert").first().waitFor();
  await shot("51-sign-in");
  await signIn(window, { name: "ada", password: PASSWORD });
  await at(page, words.pages.overview);
  await page.getByRole("heading", { level: 2, name: words.attention }).waitFor();
  await page.getByText(text.stack.healths.restarting).waitFor();
  await shot("52-overview");
  await button(page, words.pages.services).click();
  await at(page, words.pages.services);
  await button(page, `${text.stack.log}: app`).click();
  await page.getByLabel(text.stack.logWhat("app"), { exact: true }).waitFor();
  await shot("52-services");
  await users(window);
  await audit(window, device);
  await button(page, text.nav.signOut).click();
  await at(page, words.signIn);
  await page.getByRole("radio", { name: words.asUser }).check();
  await signIn(window, USER);
  await at(page, words.pages.overview);
  check(await button(page, words.pages.users).count() === 0, "who only looks is not offered users");
  device.console.ready = { database: false, redis: true };
  await page.reload();
  await page.getByText(words.silent).waitFor();
  await shot("57-overview-of-a-user");
}

/** In, a user added, and out, without a mouse. */
export async function consoleByKeyboard(browser, device) {
  device.reset({ phase: "owned", language: "en", name: "kitchen", role: undefined });
  const { page, context, go, text } = await open(browser, device, { label: "console-keyboard" });
  const words = text.console;
  const { enter, activate } = keysOf(page);
  await go();
  await at(page, words.signIn);
  await enter(text.signIn.name, "ada");
  await enter(text.common.password, PASSWORD);
  await page.keyboard.press("Enter");
  await at(page, words.pages.overview);
  check(await page.evaluate(() => document.activeElement?.tagName) === "H1", "the overview's heading has the focus");
  await activate(words.pages.users);
  await at(page, words.pages.users);
  await enter(text.signIn.name, USER.name);
  await enter(text.common.password, USER.password);
  await page.keyboard.press("Enter");
  await activate(words.removeWhat(USER.name), "Space");
  await activate(words.removeYes(USER.name));
  await page.getByText(words.noUsers).waitFor();
  await activate(words.pages.services);
  await activate(`${text.stack.log}: app`);
  await activate(words.pages.audit);
  await page.getByRole("listitem").filter({ hasText: words.actions["user-removed"](USER.name) }).waitFor();
  await activate(text.nav.signOut);
  await at(page, words.signIn);
  await context.close();
}
