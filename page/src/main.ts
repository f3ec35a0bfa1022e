// The report from top to bottom: first what was found, then pictures, then the record.

import { redrawAll } from "./chart";
import { duration, objectiveName, read, shown, Study } from "./data";
import { el, section } from "./dom";
import * as pictures from "./pictures";
import { trialTable } from "./table";

function card(what: string, big: string, small: string, kind = ""): HTMLElement {
  return el("div", { class: "card" }, el("div", { class: "what" }, what), el("div", { class: `big ${kind}` }, big), el("div", { class: "what" }, small));
}

function cards(s: Study): HTMLElement {
  const f = s.found, t = s.trials, box = el("div", { class: "cards" });
  const place = f.best === null ? -1 : t.number.indexOf(f.best);
  if (place >= 0) box.append(card("best value", shown(t.values[0][place]), `trial ${f.best}, ${s.directions[0]}`));
  if (f.gain) {
    box.append(card("better than the default by", shown(Number(f.gain.value.toPrecision(3))),
      `${shown(Number(f.gain.low.toPrecision(3)))} to ${shown(Number(f.gain.high.toPrecision(3)))} (95 %)`, f.gain.low > 0 ? "good" : ""));
  }
  if (f.front.length > 0) box.append(card("none beats", `${f.front.length} trials`, "the Pareto front"));
  if (f.outlook) {
    box.append(card(`another ${f.outlook.trials} trials would bring`, f.outlook.converged ? "little" : `about ${shown(Number(f.outlook.likely.toPrecision(2)))}`,
      f.outlook.converged ? "the search has converged" : `up to ${shown(Number(f.outlook.high.toPrecision(2)))}`));
  }
  const seconds = t.seconds.reduce((sum: number, v) => sum + (v ?? 0), 0);
  box.append(card("trials", String(t.number.length), `${duration(seconds)} of work in all`));
  return box;
}

function said(texts: string[]): HTMLElement {
  return el("ul", { class: "said" }, ...texts.map((text) => el("li", {}, text)));
}

function configuration(s: Study): HTMLElement | null {
  if (!s.found.params) return null;
  const list = el("dl");
  for (const [name, value] of Object.entries(s.found.params)) list.append(el("dt", {}, name), el("dd", {}, shown(value)));
  return section("best", "The best configuration", list);
}

function failures(s: Study): HTMLElement | null {
  if (s.causes.length === 0) return null;
  const list = el("dl");
  for (const cause of s.causes.slice(0, 20)) {
    const which = cause.trials.slice(0, 8).join(", ") + (cause.trials.length > 8 ? ", …" : "");
    list.append(el("dt", {}, `${cause.trials.length} × (trial ${which})`), el("dd", {}, cause.error || "no reason given"));
  }
  return section("failures", "Failures and their causes", list);
}

function record(s: Study): HTMLElement {
  const list = el("dl");
  list.append(el("dt", {}, "objectives"), el("dd", {}, s.directions.map((d, k) => `${objectiveName(s, k)}: ${d}`).join("; ")));
  for (const p of s.params) {
    const range = p.kind === "categorical" ? p.choices.join(", ") : `${shown(p.low)} to ${shown(p.high)}${p.log ? ", logarithmic" : ""}${p.kind === "int" ? ", whole numbers" : ""}`;
    list.append(el("dt", {}, p.name), el("dd", {}, range));
  }
  for (const [name, text] of Object.entries(s.attributes)) list.append(el("dt", {}, name), el("dd", {}, text));
  return section("record", "The record", el("p", { class: "hint" }, "Ranges, seeds, and what else was noted in the study."), list);
}

function show(s: Study): void {
  document.title = `${s.study}: report`;
  const page = document.getElementById("page")!;
  const two = (...figures: (HTMLElement | null)[]) => {
    const some = figures.filter((f): f is HTMLElement => f !== null);
    return some.length ? el("div", { class: some.length === 1 ? "" : "two" }, ...some) : null;
  };
  const wide = pictures.parallel(s);
  const slices = pictures.slices(s), contours = pictures.contours(s), fronts = pictures.fronts(s);
  const body = [
    el("header", {}, el("h1", {}, s.study), el("p", { class: "sub" }, "Report of a search for hyperparameters")),
    cards(s),
    section("found", "What was found", said(s.found.sentences)),
    s.found.advice.length ? section("next", "What to try next", said(s.found.advice)) : null,
    configuration(s),
    section("pictures", "Pictures", two(...fronts, s.directions.length === 1 ? pictures.history(s) : null, pictures.importances(s)), wide,
      two(pictures.curves(s), pictures.distribution(s))),
    slices.length ? section("slices", "One parameter at a time",
      el("p", { class: "hint" }, "Dots are trials. The line is what the model expects when only this parameter changes from the best configuration, the band how sure it is (95 %)."),
      el("div", { class: "three" }, ...slices)) : null,
    contours.length ? section("contours", "Two parameters at a time", el("p", { class: "hint" }, "What the model expects; orange is good."), el("div", { class: "three" }, ...contours)) : null,
    section("work", "How it went", pictures.timeline(s)),
    failures(s),
    trialTable(s),
    record(s),
  ];
  page.replaceChildren(el("main", {}, ...body.filter((b): b is HTMLElement => b !== null)));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawAll);
}

show(read());
