// When things go wrong: wrong codes and waits, a foreign QR code, an ended session, networks that do not come, an untrusted
// certificate, a device that is silent.
import { check, open } from "./browse.mjs";
import { CLAIM, FINGERPRINT, PASSWORD } from "./fake-api.mjs";

export async function troubles(browser, device, part) {
  const button = (page, name) => page.getByRole("button", { name, exact: true });
  const at = (page, name) => page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
  const toOwner = async ({ page, text }) => {
    await page.getByLabel(text.setup.claim.label).fill(CLAIM);
    await button(page, text.setup.claim.go).click();
    await at(page, text.setup.owner.title);
  };

  await part("wrong claim codes", async () => {
    device.reset();
    const window = await open(browser, device, { label: "trouble", width: 390, height: 844 });
    const { page, text, shot } = window;
    await window.go();
    for (let time = 0; time < 4; time += 1) {
      await page.getByLabel(text.setup.claim.label).fill(`1111 222${time}`);
      await button(page, text.setup.claim.go).click();
      if (time < 3) await page.getByText(text.problem["wrong-code"]).waitFor();
    }
    await page.getByText(text.problem["too-many-tries"]).waitFor();
    const submit = page.locator("button[type=submit]");
    check(await submit.isDisabled(), "waiting switches the button off");
    await shot("wait");
    await page.waitForFunction(() => document.querySelector("button[type=submit]").getAttribute("aria-disabled") === "false");
    await toOwner(window);
    await page.reload();
    await at(page, text.setup.owner.title);
    check(true, "a reload resumes the setup");
    await page.getByLabel(text.setup.owner.name).fill("ada");
    await page.getByLabel(text.common.password, { exact: true }).fill(PASSWORD);
    const stored = await page.evaluate(() => JSON.stringify(sessionStorage) + JSON.stringify(localStorage));
    check(stored.includes("ada") && !stored.includes("tractor") && !stored.includes(CLAIM), "neither password nor code is stored");
    device.state.role = undefined;
    await button(page, text.common.next).click();
    await page.getByText(text.setup.sessionOver).waitFor();
    await shot("session-over");
    await page.getByLabel(text.setup.claim.label).fill(CLAIM);
    await button(page, text.setup.claim.go).click();
    await at(page, text.setup.owner.title);
    check(await page.getByLabel(text.setup.owner.name).inputValue() === "ada", "the answers outlive the session");
    await window.context.close();
  });

  await part("QR codes", async () => {
    device.reset();
    const window = await open(browser, device, { label: "trouble" });
    const { page, text, shot } = window;
    await window.go(`/#claim=${CLAIM}&fp=${FINGERPRINT.replaceAll(":", "").toLowerCase()}`);
    await at(page, text.setup.claim.title);
    check(await page.getByLabel(text.setup.claim.label).inputValue() === "1234 5678", "the code is filled in");
    check(!page.url().includes("#"), "the code leaves the address bar");
    await shot("scanned");
    await window.context.close();
    const foreign = await open(browser, device, { label: "trouble" });
    await foreign.go(`/#claim=${CLAIM}&fp=${"ab".repeat(32)}`);
    await foreign.page.getByText(text.setup.claim.otherDevice).waitFor();
    check(await foreign.page.getByLabel(text.setup.claim.label).inputValue() === "", "a foreign code is not filled in");
    await foreign.shot("foreign");
    await foreign.context.close();
  });

  await part("networks", async () => {
    device.reset({ phase: "owned", role: "owner", language: "de", csrf: 1, trialLasts: 4000 });
    const window = await open(browser, device, { label: "trouble-de", language: "de", width: 390, height: 844 });
    const { page, text, shot } = window;
    await page.route("https://127.0.0.1:*/**", (route) => route.abort());
    await window.go();
    await button(page, text.nav.settings).click();
    const join = async (password) => {
      await page.getByRole("radio", { name: /Brombeere/ }).check();
      await page.getByLabel(text.network.password, { exact: true }).fill(password);
      await button(page, text.network.join).click();
    };
    await join("short");
    await page.getByText(text.network.badPassword).waitFor();
    await join("wrong password");
    await page.getByText(text.problem["cannot-join"]).waitFor();
    await join("right password");
    await page.getByRole("heading", { name: text.network.trial }).waitFor();
    await page.getByText(text.network.reverted).waitFor({ timeout: 20_000 });
    await shot("reverted");
    device.state.trialLasts = 60_000;
    await join("right password");
    const link = page.getByRole("link", { name: /127\.0\.0\.1/ }).last();
    const href = await page.locator(".trial a").getAttribute("href");
    check(await link.isVisible() && /#confirm=trial-/.test(href), "the trial has a link");
    const other = await open(browser, device, { label: "trouble-de-confirm", language: "de" });
    await other.page.goto(href);
    await other.page.getByText(text.network.confirmGood).waitFor();
    await other.shot("confirmed");
    await page.getByText(text.network.kept).waitFor({ timeout: 20_000 });
    await page.unroute("https://127.0.0.1:*/**");
    await button(page, text.network.leave).click();
    await button(page, text.network.leaveYes).click();
    await page.getByText(text.network.kept).waitFor({ timeout: 20_000 });
    await other.context.close();
    await window.context.close();
  });

  await part("trust and sign-in", async () => {
    device.reset({ phase: "owned", role: "owner", csrf: 1 });
    const window = await open(browser, device, { label: "trouble-dark", theme: "dark", width: 390, height: 844 });
    const { page, text, shot } = window;
    await page.route("https://127.0.0.1:*/**", (route) => route.abort());
    await window.go();
    await button(page, text.nav.trust).click();
    await button(page, text.trust.test).click();
    await page.getByText(text.trust.notYet).waitFor();
    await shot("not-trusted");
    device.state.role = undefined;
    device.cut();
    await button(page, text.nav.status).click();
    await at(page, text.signIn.title);
    for (let time = 0; time < 4; time += 1) {
      await page.getByLabel(text.signIn.name, { exact: true }).fill("ada");
      await page.getByLabel(text.common.password, { exact: true }).fill(`guess ${time}`);
      await button(page, text.signIn.go).click();
      if (time < 3) await page.getByText(text.problem["wrong-password"]).waitFor();
    }
    await page.getByText(text.problem["too-many-tries"]).waitFor();
    await shot("sign-in-wait");
    await window.context.close();
  });

  await part("a silent device", async () => {
    device.reset({ phase: "owned", role: "owner", csrf: 1 });
    for (const language of ["en", "de"]) {
      const window = await open(browser, device, { label: `trouble-${language}`, language, width: 320, height: 640 });
      const { page, text } = window;
      await page.route("**/api/v1/**", (route) => (device.state.deaf ? route.abort() : route.continue()));
      device.state.deaf = true; // The page is there, the API is silent: Chromium complains in the console.
      page.removeAllListeners("console");
      await window.go();
      await at(page, text.unreachable.title);
      await window.shot("unreachable");
      device.state.deaf = false;
      await at(page, text.status.title);
      await window.context.close();
    }
  });
}
