// node test.mjs ATTUNE FOLDER: reports of real studies in a real browser. ATTUNE is the command, and
// FOLDER has studies.db, which attune_report_studies made (tests/page/studies.cpp).
import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const [attune, folder] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
let failed = 0;
const check = (fine, what) => {
  if (!fine) ++failed;
  if (!fine) console.log(`FAILED: ${what}`);
};

const url = `sqlite:///${join(folder, "studies.db")}`;
const names = JSON.parse(execFileSync(attune, ["studies", "--storage", url, "--json"])).map((s) => s.name);
for (const [k, name] of names.entries()) {
  const file = join(folder, `report-${k}.html`);
  execFileSync(attune, ["report", "--study", name, "--storage", url, "-o", file, "--quiet"]);
  const trials = JSON.parse(execFileSync(attune, ["trials", "--study", name, "--storage", url, "--json"], { maxBuffer: 1 << 28 }));
  check(statSync(file).size <= 6e6, `${name}: the file is over 6 MB`);
  for (const [width, colorScheme] of [[1600, "light"], [900, "dark"], [360, "light"]]) {
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, bypassCSP: true });
    const page = await context.newPage();
    const where = `${name} at ${width}`;
    page.on("console", (m) => check(!["error", "warning"].includes(m.type()), `${where}: console: ${m.text()}`));
    page.on("pageerror", (e) => check(false, `${where}: ${e}`));
    page.on("dialog", (d) => { check(false, `${where}: a dialog: ${d.message()}`); d.dismiss(); });
    page.on("request", (r) => check(/^(file|data|blob):/.test(r.url()), `${where}: asked for ${r.url()}`));
    await page.goto(`file://${file}`);
    await page.waitForSelector("#trials tbody", { state: "attached" });
    await page.waitForFunction(() => document.documentElement.dataset.drawn !== "false", null, { timeout: 30000 });

    check((await page.title()) === `${name}: report`, `${where}: title`);
    check((await page.locator("h1").textContent()) === name, `${where}: heading`);
    check((await page.locator("img").count()) === 0, `${where}: markup of the study became elements`);
    check(!(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth + 1)), `${where}: wider than the window`);
    await page.evaluate(axe);
    const faults = await page.evaluate(async () => (await globalThis.axe.run()).violations.filter((v) => ["serious", "critical"].includes(v.impact)).map((v) => v.id));
    check(faults.length === 0, `${where}: axe: ${faults}`);

    // As many marks as complete trials, and hovering names the right one.
    const complete = trials.filter((t) => t.state === "complete");
    const marks = await page.evaluate(() => [...document.querySelectorAll(".plot")].filter((p) => p.getAttribute("aria-label").startsWith("History"))
      .map((p) => p.chart.getOption().series[0].data.map((d) => d.trial))[0]);
    if (marks) {
      check(marks.length === complete.length, `${where}: ${marks.length} marks for ${complete.length} trials`);
      const text = await page.evaluate(() => {
        const chart = [...document.querySelectorAll(".plot")].find((p) => p.getAttribute("aria-label").startsWith("History")).chart;
        const option = chart.getOption();
        return option.tooltip[0].formatter({ data: option.series[0].data[0] });
      });
      check(text.startsWith(`trial ${complete[0].number} (complete)`), `${where}: hovering says ${text}`);
    }

    // The table: sorted, filtered, by keyboard alone.
    await page.getByRole("button", { name: /^trial/ }).focus();
    await page.keyboard.press("Enter");
    if (trials.length > 0) {
      const first = await page.locator("#trials tbody tr td").first().textContent();
      check(first === String(trials.length - 1), `${where}: the last trial first, not ${first}`);
    }
    await page.getByRole("searchbox").fill("trial<3");
    check((await page.locator("#trials tbody tr").count()) === Math.min(3, trials.length), `${where}: trial<3`);
    await page.getByRole("searchbox").fill("no such text");
    check((await page.locator("#trials tbody tr").count()) === 0, `${where}: nothing has that text`);
    await page.getByRole("searchbox").fill("");
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save as CSV" }).click();
    const csv = readFileSync(await (await download).path(), "utf8");
    check(csv.split("\n")[0].startsWith("trial,state,"), `${where}: CSV`);
    await context.close();
  }
}
await browser.close();
console.log(failed === 0 ? `page: ${names.length} studies are right` : `page: ${failed} checks failed`);
process.exit(failed === 0 ? 0 : 1);
