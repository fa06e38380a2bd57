// The whole setup without a mouse.
import { check, keysOf, open, tabTo } from "./browse.mjs";
import { CLAIM, PASSWORD } from "./fake-api.mjs";

export async function keyboard(browser, device) {
  device.reset({ cable: false });
  const { page, context, go, text } = await open(browser, device, { label: "keyboard" });
  const press = (key) => page.keyboard.press(key);
  const at = (title) => page.getByRole("heading", { level: 1, name: title, exact: true }).waitFor();
  const field = (name) => page.getByLabel(name, { exact: true });
  const { enter, activate } = keysOf(page);

  await go();
  await at(text.setup.claim.title);
  await tabTo(page, page.locator("summary"));
  await press("Enter");
  await enterCode();
  async function enterCode() {
    await page.keyboard.press("Shift+Tab");
    await tabTo(page, field(text.setup.claim.label));
    await page.keyboard.type(CLAIM);
    await press("Enter");
  }
  await at(text.setup.owner.title);
  await enter(text.setup.owner.name, "ada");
  await enter(text.common.password, PASSWORD);
  await activate(`${text.common.showPassword}: ${text.common.password}`, "Space");
  check(await field(text.common.password).getAttribute("type") === "text", "the password is shown");
  await activate(text.common.next);
  await at(text.setup.codes.title);
  await activate(text.setup.codes.next, "Space");
  await at(text.setup.kept.title);
  await tabTo(page, page.getByRole("textbox"));
  await page.keyboard.type("7XW");
  await press("Enter");
  await at(text.setup.device.title);
  await enter(text.setup.device.name, "cane");
  await activate(text.common.next);
  await at(text.setup.network.title);
  await page.getByText("Brombeere").waitFor();
  await tabTo(page, page.getByRole("radio").first());
  await press("Space");
  await press("ArrowDown");
  check(await page.getByRole("radio", { name: /Café/ }).isChecked(), "arrow keys choose a network");
  await press("ArrowUp");
  await enter(text.network.password, "secret of the bramble");
  await activate(text.network.join);
  await page.getByText(text.network.kept).waitFor();
  await activate(text.common.next);
  await at(text.setup.channel.title);
  await tabTo(page, page.getByRole("radio", { checked: true }));
  await press("ArrowDown");
  await activate(text.common.next);
  await at(text.setup.check.title);
  await activate(text.setup.check.changeWhat(text.setup.check.owner));
  await at(text.setup.owner.title);
  check(await field(text.setup.owner.name).inputValue() === "ada" && await field(text.common.password).inputValue() === PASSWORD, "going back loses nothing");
  await page.goBack();
  await at(text.setup.check.title);
  await activate(text.setup.check.finish);
  await at(text.setup.done.title);
  check(device.state.phase === "owned" && device.state.name === "cane" && device.state.channel === "beta", "the device is owned");
  await tabTo(page, page.getByRole("tab", { selected: true }));
  await press("Home");
  check(await page.getByRole("tab", { name: "Windows" }).getAttribute("aria-selected") === "true", "Home chooses the first tab");
  await activate(text.trust.test);
  await page.getByText(text.trust.trusted).waitFor();
  await tabTo(page, page.getByRole("button", { name: "Deutsch" }));
  await press("Enter");
  check(await page.evaluate(() => document.documentElement.lang) === "de", "the language switch works");
  await context.close();
}
