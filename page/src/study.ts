// A study from top to bottom: first what was found, then pictures, then the record. Shown once, or
// again and again of newer data: what has not changed stays as it is, with its scroll and focus.

import { duration, FAILED, leader, objectiveName, PRUNED, RUNNING, shown, STATES, Study } from "./data";
import { el, section } from "./dom";
import * as how from "./how";
import * as pictures from "./pictures";
import { TrialTable, trialTable } from "./table";

export function card(what: string, big: string, small: string, kind = ""): HTMLElement {
  return el("div", { class: "card" }, el("div", { class: "what" }, what), el("div", { class: `big ${kind}` }, big), el("div", { class: "what" }, small));
}

function cards(s: Study, live: boolean): HTMLElement {
  const f = s.found, t = s.trials, box = el("div", { class: "cards" });
  // While a study goes on, its trials may be ahead of what was found.
  const told = f.best === null ? -1 : t.number.indexOf(f.best);
  const place = s.directions.length > 1 ? -1 : live ? leader(s) : told;
  if (place >= 0) box.append(card("best value", shown(t.values[0][place]), `trial ${t.number[place]}, ${s.directions[0]}`));
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
  const count = (state: number) => t.state.filter((x) => x === state).length;
  const states = [RUNNING, PRUNED, FAILED].map((state) => [count(state), STATES[state]] as const).filter(([n]) => n > 0).map(([n, name]) => `${n} ${name}`);
  box.append(card("trials", String(t.number.length), [...states, `${duration(seconds)} of work`].join(", ")));
  return box;
}

export function said(texts: string[]): HTMLElement {
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
  for (const [name, text] of Object.entries(s.attributes).filter(([name]) => !name.startsWith("attune:param:"))) list.append(el("dt", {}, name), el("dd", {}, text));
  return section("record", "The record", el("p", { class: "hint" }, "Ranges, seeds, and what else was noted in the study."), list);
}

// What is shown where; `live` above the rest, `table` kept with what was typed into it.
export interface Shown {
  main: HTMLElement;
  table: TrialTable | null;
}

export function shell(): Shown {
  return { main: el("main"), table: null };
}

// Puts the sections in place of those that are there, which stay where nothing in them is new.
export function sync(main: HTMLElement, wanted: (HTMLElement | null)[]): void {
  const list = wanted.filter((w): w is HTMLElement => w !== null);
  list.forEach((want, i) => {
    const there = main.children[i];
    if (there === want || (there && there.outerHTML === want.outerHTML && !want.querySelector("figure"))) return;
    if (there && there.id === want.id) there.replaceWith(want);
    else main.insertBefore(want, there ?? null);
  });
  while (main.children.length > list.length) main.lastElementChild!.remove();
}

// A section of pictures: the one that is there already, if it has just these.
function pictured(main: HTMLElement, id: string, title: string, hint: string, ...rows: (HTMLElement | null)[]): HTMLElement | null {
  const some = rows.filter((r): r is HTMLElement => r !== null);
  if (some.length === 0) return null;
  const figures = some.flatMap((r) => (r.tagName === "FIGURE" ? [r] : [...(wrapped.get(r) ?? [])]));
  const there = main.querySelector<HTMLElement>(`#${id}`);
  const has = there ? [...there.querySelectorAll("figure")] : [];
  if (there && has.length === figures.length && has.every((f, i) => f === figures[i])) return there;
  for (const row of some) row.append(...(wrapped.get(row) ?? []));
  return section(id, title, hint ? el("p", { class: "hint" }, hint) : null, ...some);
}

const wrapped = new WeakMap<Element, HTMLElement[]>();

function row(kind: string, ...figures: (HTMLElement | null)[]): HTMLElement | null {
  const some = figures.filter((f): f is HTMLElement => f !== null);
  if (some.length === 0) return null;
  const box = el("div", { class: some.length === 1 && kind === "two" ? "" : kind });
  wrapped.set(box, some);
  return box;
}

export function show(s: Study, shown: Shown, header: HTMLElement, live = false): void {
  const main = shown.main;
  if (shown.table) shown.table.update(s);
  else shown.table = trialTable(s);
  const one = s.directions.length === 1;
  sync(main, [
    header,
    cards(s, live),
    section("found", "What was found", said(s.found.sentences)),
    s.found.advice.length ? section("next", "What to try next", said(s.found.advice)) : null,
    configuration(s),
    how.sealed(s),
    pictured(main, "pictures", "Pictures", "",
      row("two", ...pictures.fronts(s), one ? pictures.history(s) : null, pictures.importances(s)), pictures.parallel(s),
      row("two", pictures.curves(s), pictures.distribution(s), pictures.ranks(s))),
    pictured(main, "slices", "One parameter at a time",
      "Dots are trials. The line is what the model expects when only this parameter changes from the best configuration, the band how sure it is (95 %).",
      row("three", ...pictures.slices(s))),
    pictured(main, "contours", "Two parameters at a time", "What the model expects; orange is good.", row("three", ...pictures.contours(s))),
    pictured(main, "work", "How it went", "", how.timeline(s, live), row("two", how.lineage(s), how.cost(s))),
    failures(s),
    shown.table.element,
    record(s),
  ]);
}
