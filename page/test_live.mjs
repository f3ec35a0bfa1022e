// node test_live.mjs ATTUNE FOLDER: the served pages in a real browser. ATTUNE is the command with
// attune-serve beside it, and FOLDER has studies.db, which attune_report_studies made.
import { execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const [attune, folder] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const storage = `sqlite:///${join(folder, "studies.db")}`;
const server = spawn(attune, ["serve", "--storage", storage, "--port=0", "--json", "--quiet"], { stdio: ["ignore", "pipe", "inherit"] });
const told = JSON.parse(await new Promise((line) => createInterface(server.stdout).once("line", line)));
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
let failed = 0, gone = false; // gone: the server, whose loss browsers report
const check = (fine, what) => {
  if (!fine) ++failed;
  if (!fine) console.log(`FAILED: ${what}`);
};
const address = (...studies) => {
  const url = new URL(told.url);
  for (const name of studies) url.searchParams.append("study", name);
  return url.href;
};

async function open(url, where, width = 900, colorScheme = "light") {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
  const page = await context.newPage();
  page.on("console", (m) => check(gone || !["error", "warning"].includes(m.type()), `${where}: console: ${m.text()}`));
  page.on("pageerror", (e) => check(false, `${where}: ${e}`));
  page.on("dialog", (d) => { check(false, `${where}: a dialog: ${d.message()}`); d.dismiss(); });
  page.on("request", (r) => check(r.url().startsWith(`http://127.0.0.1:${told.port}/`) || /^(data|blob):/.test(r.url()), `${where}: asked for ${r.url()}`));
  await page.goto(url);
  return page;
}

async function look(page, where) {
  await page.waitForFunction(() => document.documentElement.dataset.drawn !== "false", null, { timeout: 60000 });
  check((await page.locator("img").count()) === 0, `${where}: markup of the study became elements`);
  check(!(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth + 1)), `${where}: wider than the window`);
  await page.evaluate(axe);
  const faults = await page.evaluate(async () => (await globalThis.axe.run()).violations.filter((v) => ["serious", "critical"].includes(v.impact)).map((v) => v.id));
  check(faults.length === 0, `${where}: axe: ${faults}`);
}

// The list: every study, then two of them chosen by keyboard alone.
const names = JSON.parse(execFileSync(attune, ["studies", "--storage", storage, "--json"])).map((s) => s.name);
for (const [width, scheme] of [[1600, "light"], [360, "dark"]]) {
  const page = await open(told.url, `list at ${width}`, width, scheme);
  await page.waitForFunction((n) => document.querySelectorAll("tbody tr").length === n, names.length, { timeout: 60000 });
  const links = await page.locator("tbody a").allTextContents();
  check(JSON.stringify([...links].sort()) === JSON.stringify([...names].sort()), `list: ${links}`);
  await look(page, `list at ${width}`);
  for (const name of ["small", "population"]) {
    await page.getByRole("checkbox", { name: `Compare ${name}` }).focus();
    await page.keyboard.press("Space");
  }
  await page.getByRole("button", { name: "Compare" }).focus();
  await page.keyboard.press("Enter");
  await page.waitForSelector("#races figure", { timeout: 60000 });
  check((await page.locator("#both thead th").allTextContents()).join() === "small,population", "compare: two columns");
  await look(page, `compared at ${width}`);
  await page.context().close();
}

// One study as it goes on: trials come by themselves, what was typed stays, a lost server is told.
const one = await open(address("small"), "small");
await one.waitForSelector("#trials tbody tr", { timeout: 60000 });
await one.getByRole("searchbox").fill("trial<30");
const shown = () => one.locator("#trials tbody tr").count();
check((await shown()) === 20, `small: ${await shown()} trials at first`);
const space = '{"x": {"type": "float", "low": -1, "high": 1}}';
execFileSync(attune, ["ask-tell", "--storage", storage, "--study", "small", "--sampler", "random", "--trials", "30", "--space", space],
  { input: Array.from({ length: 30 }, (_, k) => `{"number": ${20 + k}, "value": ${-2 - k}}\n`).join("") });
await one.waitForFunction(() => document.querySelectorAll("#trials tbody tr").length === 30, null, { timeout: 30000 })
  .catch(async () => check(false, `small: ${await shown()} trials after 30 more, of which 10 match`));
check(await one.evaluate(() => document.activeElement?.matches("input[type=search]") && document.activeElement.value === "trial<30"), "small: the filter was lost");
await one.waitForFunction(() => [...document.querySelectorAll(".card .big")].some((c) => c.textContent === "-31"), null, { timeout: 30000 })
  .catch(() => check(false, "small: the best value did not follow"));
await one.waitForFunction(() => document.querySelector("#found")?.textContent.includes("50 trials"), null, { timeout: 30000 })
  .catch(() => check(false, "small: the findings did not follow"));
// What is out of sight is drawn once it comes into sight.
await one.locator(".plot").first().scrollIntoViewIfNeeded();
await one.waitForFunction(() => [...document.querySelectorAll(".plot")].find((p) => p.getAttribute("aria-label").startsWith("History")).chart.getOption().series[0].data.length === 50, null, { timeout: 30000 })
  .catch(() => check(false, "small: the history does not have 50 marks"));
await look(one, "small");

// Every study opens, at once and without a fault.
for (const name of names) {
  const page = await open(address(name), name);
  await page.waitForSelector("#found", { timeout: 60000 });
  check((await page.locator("h1").textContent()) === name, `${name}: heading`);
  await look(page, name);
  await page.context().close();
}

gone = true;
server.kill("SIGINT");
check((await new Promise((end) => server.once("exit", end))) === 0, "the server's exit status");
await one.waitForFunction(() => document.querySelector(".live.lost") !== null, null, { timeout: 30000 })
  .catch(() => check(false, "a server that is gone is not told"));
await browser.close();
console.log(failed === 0 ? `page: ${names.length} served studies are right` : `page: ${failed} checks failed`);
process.exit(failed === 0 ? 0 : 1);
