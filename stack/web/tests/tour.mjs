// A walk through every screen, in the order in which an owner meets them.
import { check } from "./browse.mjs";
import { CLAIM, PASSWORD } from "./fake-api.mjs";

const button = (page, name) => page.getByRole("button", { name, exact: true });
const heading = (page, name) => page.getByRole("heading", { name, exact: true, level: 1 }).waitFor();

async function screen({ page, shot }, title, name) {
  await heading(page, title);
  check(await page.evaluate(() => document.activeElement?.tagName) === "H1", `${name}: the heading has no focus`);
  await shot(name);
}

/** A domain of one's own: mistakes, a proof in the DNS that fails, another try, and the end of it. */
async function domain({ page, text: { domain: text }, shot }) {
  await button(page, text.save).click();
  await page.getByText(text.needName).waitFor();
  await page.getByLabel(text.name, { exact: true }).fill("shop.example.org");
  await button(page, text.save).click();
  await page.getByText(text.needTerms).waitFor();
  await page.getByRole("radio", { name: new RegExp(text.proofs.dns.slice(0, 6)) }).check();
  await page.getByLabel(text.server, { exact: true }).fill("ns.example.org");
  await page.getByLabel(text.zone, { exact: true }).fill("example.org");
  await page.getByLabel(text.key, { exact: true }).fill("home");
  await page.getByLabel(text.secret, { exact: true }).fill("c2VjcmV0LXNlY3JldC1zZWNyZXQ=");
  await page.getByText(text.authority, { exact: true }).click();
  await page.getByLabel(text.terms).check();
  await shot("25-settings-domain-form");
  await button(page, text.save).click();
  await page.getByText(text.failed).waitFor();
  await page.getByText(text.secretKept).waitFor();
  await shot("25-settings-domain-failed");
  await button(page, text.tryNow).click();
  await page.getByRole("link", { name: "https://shop.example.org" }).waitFor();
  await shot("25-settings-domain");
  await button(page, text.remove).click();
  await button(page, text.removeYes).click();
  await page.getByText(text.secretKept).waitFor({ state: "detached" });
}

/** From an unclaimed device to an owned one. */
export async function setup(window, device) {
  const { page, text, shot, go } = window;
  const next = () => button(page, text.common.next).click();
  device.reset({ cable: false, trialLasts: 60_000 });
  await go();
  await screen(window, text.setup.claim.title, "01-claim");
  await page.getByText(text.setup.claim.where).click();
  await page.getByLabel(text.setup.claim.label).fill("1234");
  await button(page, text.setup.claim.go).click();
  await page.getByText(text.setup.claim.need).waitFor();
  await shot("02-claim-mistake");
  await page.getByLabel(text.setup.claim.label).fill(CLAIM);
  await button(page, text.setup.claim.go).click();

  await screen(window, text.setup.owner.title, "03-owner");
  await page.getByLabel(text.setup.owner.name).fill("ada");
  await page.getByLabel(text.common.password, { exact: true }).fill("password1");
  await page.getByText(text.password["well-known"]).waitFor();
  await next();
  await page.getByRole("alert").getByText(text.password["well-known"]).waitFor();
  await shot("04-owner-weak");
  await page.getByLabel(text.common.password, { exact: true }).fill(PASSWORD);
  await page.getByText(text.password.enough).waitFor();
  await shot("05-owner-strong");
  await next();

  await heading(page, text.setup.codes.title);
  await page.getByText("7KQF-M2XP-R9TD-C4WH").waitFor();
  await screen(window, text.setup.codes.title, "06-codes");
  const [file] = await Promise.all([page.waitForEvent("download"), button(page, text.setup.codes.download).click()]);
  check(file.suggestedFilename() === "tayberry-tayberry-codes.txt", "the codes can be downloaded");
  await button(page, text.common.copy).click();
  await page.getByText(text.common.copied).waitFor();
  check((await page.evaluate(() => navigator.clipboard.readText())).includes("8. S8QD-5PFM-Y6VJ-R3HB"), "the codes can be copied");
  await page.emulateMedia({ media: "print" });
  check(await page.getByText("7KQF-M2XP-R9TD-C4WH").isVisible() && !(await button(page, text.common.back).isVisible()), "only the codes are printed");
  await page.screenshot({ path: shot.path("06-codes-printed") });
  await page.emulateMedia({ media: "screen" });
  await button(page, text.setup.codes.next).click();
  await screen(window, text.setup.kept.title, "07-kept");
  await page.getByRole("textbox").fill("ABC");
  await next();
  await page.getByRole("alert").waitFor();
  await shot("08-kept-mistake");
  await button(page, text.common.back).click();
  await heading(page, text.setup.codes.title);
  await button(page, text.setup.codes.next).click();
  await page.getByRole("textbox").fill("7xw");
  await next();
  check(device.state.codesMade === 1, "going back made new codes");

  await screen(window, text.setup.device.title, "09-device");
  await page.getByLabel(text.setup.device.name).fill("-Kitchen-");
  await page.getByLabel(text.setup.device.timezone).fill("Europe/Atlantis");
  await next();
  await page.getByText(text.setup.device.badName).waitFor();
  await shot("10-device-mistake");
  await page.getByLabel(text.setup.device.name).fill("kitchen");
  await page.getByLabel(text.setup.device.timezone).fill("Europe/Vienna");
  check(await page.getByText("https://kitchen.local").isVisible(), "the address follows the name");
  await next();

  await heading(page, text.setup.network.title);
  await page.getByText("Brombeere").waitFor();
  await screen(window, text.setup.network.title, "11-network");
  await page.getByRole("radio", { name: /Brombeere/ }).check();
  await page.getByLabel(text.network.password, { exact: true }).fill("secret of the bramble");
  await shot("12-network-wifi");
  await button(page, text.network.join).click();
  await page.getByRole("heading", { name: text.network.trial }).waitFor();
  await shot("13-network-trial");
  await page.getByText(text.network.kept).waitFor();
  await shot("14-network-kept");
  await next();

  await screen(window, text.setup.channel.title, "15-channel");
  await page.getByRole("radio", { name: new RegExp(text.channels.beta) }).check();
  await next();
  await screen(window, text.setup.check.title, "16-check");
  await button(page, text.setup.check.finish).click();
  await heading(page, text.setup.done.title);
  await page.getByTestId("fingerprint").waitFor();
  await screen(window, text.setup.done.title, "17-done");
  check(device.state.answers.timezone === "Europe/Vienna" && device.state.answers.channel === "beta" && device.state.answers.owner === "ada", "the answers arrived");
  for (const tab of Object.values(text.trust.tabs)) {
    await page.getByRole("tab", { name: tab.name }).click();
    await page.getByText(tab.steps.at(-1)).waitFor();
  }
  await button(page, text.trust.test).click();
  await page.getByText(text.trust.trusted).waitFor();
  await shot("18-done-trusted");
  const link = page.getByRole("link", { name: text.setup.done.status });
  check(await link.getAttribute("href") === `https://kitchen.local:${device.port}`, "the status page is at the new name");
  await link.click();
}

/** The owner's pages, from the status page that the setup ends with. */
export async function owned(window, device) {
  const { page, text, shot, go } = window;
  await heading(page, text.status.title);
  await page.getByText(text.status.good).waitFor();
  await screen(window, text.status.title, "20-status");
  device.state.health = "attention";
  device.state.notices = ["The data partition has less than 5 % of its room left.", "The power supply was too weak 3 times since the start."];
  await page.getByText(text.status.attention).waitFor();
  await shot("21-status-attention");

  await button(page, text.nav.updates).click();
  await page.getByText(text.updates.phases.idle).waitFor();
  await screen(window, text.updates.title, "31-updates");
  await button(page, text.updates.send).click();
  await page.getByText(text.updates.needFile).waitFor();
  await button(page, text.updates.check).click();
  await page.getByText(text.updates.offered("0.3.0")).waitFor();
  await button(page, text.updates.backTo("0.1.9")).click();
  await shot("34-updates-offered");
  await button(page, text.common.cancel).click();
  const progress = { done: 61e6, total: 103e6, per_second: 7.1e6, seconds_left: 6, stalled: false };
  device.state.update = { phase: "writing", target: "0.3.0", progress, offset: 61e6,
    last: { at: 1_789_000_000, version: "0.2.9", stayed: false, sentence: "Stayed on 0.2.0. The health check \"front\" failed: The front is failed.", log: ["[   31.2] systemd[1]: tayberry-front.service: Failed with result 'exit-code'."] } };
  await page.getByText(text.updates.phases.writing).waitFor();
  await shot("32-updates-writing");
  const services = ["api", "gateway", "mongo"].map((service) => ({ service, change: service === "mongo" ? "replace" : "roll" }));
  device.state.update = { phase: "staged", target: "0.3.0", plan: { live: true, why: [], services, gap_seconds: 1.94 } };
  await page.getByText(text.updates.plan.live).waitFor();
  await shot("35-updates-live");
  const stopped = services.map(({ service }) => ({ service, change: "replace" }));
  device.state.update = { phase: "staged", target: "0.3.0", plan: { live: false, why: ["kernel_2712.img"], services: stopped } };
  await page.getByText(text.updates.plan.restart).waitFor();
  await shot("33-updates-staged");
  await button(page, text.updates.restart).click();
  await page.getByText(text.updates.phases.restarting).waitFor();
  device.state.update = {};

  await stack(window, device);

  await button(page, text.nav.settings).click();
  await page.getByText("Brombeere", { exact: true }).first().waitFor();
  await page.getByText(text.tokens.none).waitFor();
  await screen(window, text.settings.title, "22-settings");
  await button(page, text.tokens.create).click();
  await page.getByLabel(text.tokens.name).fill("Home automation");
  await shot("23-settings-token-form");
  await button(page, text.tokens.create).click();
  await page.getByTestId("token-secret").waitFor();
  await shot("24-settings-token-secret");
  await button(page, text.tokens.secretDone).click();
  await button(page, text.tokens.revokeWhat("Home automation")).click();
  await shot("25-settings-token-revoke");
  await button(page, text.tokens.revokeYes).click();
  await page.getByText(text.tokens.none).waitFor();
  await domain(window);
  await page.getByLabel(text.settings.current, { exact: true }).fill(PASSWORD);
  await page.getByLabel(text.settings.next, { exact: true }).fill("another tractor violin");
  await button(page, text.settings.changePassword).click();
  await page.getByText(text.settings.passwordChanged).waitFor();
  check(device.state.password === "another tractor violin", "the password was changed");
  await button(page, text.rescue.eraseGo).click();
  await page.getByText(text.rescue.eraseNeed(device.state.name)).waitFor();
  await page.getByLabel(text.rescue.eraseName(device.state.name)).fill(device.state.name);
  await page.getByLabel(text.rescue.erasePassword, { exact: true }).fill("a wrong one");
  await button(page, text.rescue.eraseGo).click();
  await page.getByText(text.problem["wrong-password"]).waitFor();
  await shot("26-settings-erase");
  await page.getByLabel(text.setup.device.name).fill("cellar");
  await button(page, text.settings.saveDevice).click();
  await page.getByText(text.settings.renamed).waitFor();
  await shot("26-settings-renamed");
  await page.reload();

  await button(page, text.nav.trust).click();
  await page.getByTestId("fingerprint").waitFor();
  await screen(window, text.trust.title, "27-trust");
  await button(page, text.nav.signOut).click();
  await screen(window, text.signIn.title, "28-sign-in");
  await button(page, text.signIn.go).click();
  await page.getByText(text.signIn.empty).first().waitFor();
  await button(page, text.signIn.lost).click();
  await screen(window, text.lost.title, "29-lost");
  await page.getByLabel(text.lost.code, { exact: true }).fill("7kqf m2xp r9td c4wh");
  await page.getByLabel(text.lost.password, { exact: true }).fill("a fresh violin tractor");
  await button(page, text.lost.go).click();
  await heading(page, text.status.title);
  device.state.silent = true;
  device.cut();
  await page.getByText(text.status.lost).waitFor();
  await shot("30-status-lost");
  device.state.silent = false;
  await page.getByText(text.status.attention).or(page.getByText(text.status.good)).first().waitFor({ timeout: 15_000 });
  await go();
  await heading(page, text.status.title);
}

/** The stack: a service is restarted, a file is planned and applied, what nothing needs is removed. */
async function stack({ page, text, shot }, device) {
  const words = text.stack;
  await button(page, text.nav.stack).click();
  await page.getByText("old-blog/files").waitFor();
  await screen({ page, shot }, words.title, "35-stack");
  await button(page, words.restartWhat("app")).click();
  await page.getByText("app:1.5").waitFor();
  await button(page, `${words.log}: app`).click();
  const log = page.getByLabel(words.logWhat("app"), { exact: true });
  await log.waitFor();
  check(await log.evaluate((box) => new Promise((seen) => {
    const look = () => (box.value.includes("request 2") ? seen(true) : setTimeout(look, 100));
    look();
  })), "the log is followed");
  await shot("35-stack-log");
  await button(page, `${words.hideLog}: app`).click();
  await page.getByLabel(words.compose, { exact: true }).fill("services: {}");
  await button(page, words.plan).click();
  await page.getByText("Line 3").waitFor();
  await shot("36-stack-refused");
  await page.getByLabel(words.compose, { exact: true }).fill("name: notes\nservices: {}\n");
  await button(page, words.plan).click();
  await page.getByRole("heading", { name: words.difference, exact: true }).waitFor();
  await shot("37-stack-plan");
  await button(page, words.apply).click();
  await page.getByText("mongo-stand-in").waitFor({ state: "detached" });
  await button(page, words.renew).click();
  await button(page, words.yes).click();
  await button(page, words.removeWhat("old-blog/files")).click();
  await shot("38-stack-remove");
  await button(page, words.removeYes).click();
  await page.getByText(words.removed("old-blog/files")).waitFor({ state: "attached" });
  await button(page, words.removeWhat(words.imageOf("9f".repeat(6)))).click();
  await button(page, words.removeImageYes).click();
  await page.getByText(words.undeclared).waitFor({ state: "detached" });
  check(device.state.renewed && device.state.volumes.length === 2 && device.state.images.length === 1, "secrets were renewed, and what nobody needs was removed");
}

/** Rescue: the door with and without an owner, what is wrong, what helps. */
export async function rescue(window, device) {
  const { page, text, shot, go } = window;
  const words = text.rescue;
  const slots = [{ slot: "A", default: true, problem: "block 1234 of the system partition is damaged" }, { slot: "B", default: false }];
  const one = { cause: "both-damaged", sentence: "The systems in both slots are damaged.", slots: [slots[0], { slot: "B", default: false, problem: "the boot partition is empty" }], name: device.state.name };
  Object.assign(device.state, { role: undefined, phase: "rescue-without-owner", rescue: { ...one, data_problem: "It was never set up." }, update: {} });
  await go();
  await screen(window, words.title, "41-rescue-without-owner");
  device.state.phase = "rescue";
  await go();
  await screen(window, words.title, "42-rescue-sign-in");
  await button(page, words.open).click();
  await page.getByText(words.needCode).waitFor();
  await page.getByLabel(words.code, { exact: true }).fill("1111 1111");
  await button(page, words.open).click();
  await page.getByText(words.wrongCode).waitFor();
  await page.getByLabel(words.code, { exact: true }).fill(CLAIM);
  await button(page, words.open).click();
  await page.getByText(words.causes["both-damaged"]).waitFor();
  await page.getByText(words.noData).waitFor();
  await screen(window, words.title, "43-rescue");
  device.state.rescue = { ...one, cause: "does-not-start", slots: [{ slot: "A", default: true }, { slot: "B", default: false }] };
  device.state.update = { phase: "staged", target: "0.3.0" };
  await go();
  await page.getByText(words.saveGo).waitFor();
  await shot("44-rescue-staged");
  device.state.update = {};
  await button(page, words.eraseGo).click();
  await page.getByText(words.eraseNeed(device.state.name)).waitFor();
  await page.getByLabel(words.eraseName(device.state.name)).fill(device.state.name);
  await button(page, words.eraseGo).click();
  await page.getByText(words.erased).waitFor();
  await button(page, words.startOther("B")).click();
  await page.getByText(words.restarting).waitFor();
  await shot("45-rescue-erased");
  Object.assign(device.state, { role: undefined, phase: "owned", rescue: undefined, update: {} });
}
