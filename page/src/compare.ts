// Studies side by side: how fast each got how far, their best configurations, and what was found.

import { axis, Colors, figure, GRID } from "./chart";
import { better, duration, leader, results, shown, Study } from "./data";
import { el, section } from "./dom";
import { said, sync } from "./study";

const ink = (c: Colors, k: number) => [c.accent, c.best, c.good, c.bad][k];

// The best so far: over trials, and over the time of work.
function progress(s: Study, byTime: boolean): number[][] {
  const points: number[][] = [];
  let best: number | null = null, count = 0, seconds = 0;
  const of = new Set(results(s));
  s.trials.number.forEach((_, i) => {
    ++count;
    seconds += s.trials.seconds[i] ?? 0;
    if (!of.has(i)) return;
    const value = s.trials.values[0][i]!;
    if (best === null || better(s, 0, value, best)) best = value;
    points.push([byTime ? seconds : count, best]);
  });
  return points;
}

function race(studies: Study[], byTime: boolean): HTMLElement {
  const lines = studies.map((s) => progress(s, byTime));
  const last = lines.flatMap((line) => line.slice(Math.floor(line.length / 10)).map(([, y]) => y));
  const low = Math.min(...last), high = Math.max(...last), room = 0.05 * (high - low || Math.abs(high) || 1);
  return figure(byTime ? "Best so far, by time of work" : "Best so far, by trials", `${studies.map((s, k) => `${["Blue", "orange", "green", "red"][k]}: ${s.study}`).join("; ")}.`,
    studies.map((s, k) => `${s.study}: ${lines[k].length ? shown(lines[k][lines[k].length - 1][1]) : "nothing"}`).join("; "), 320, (c) => ({
      grid: GRID, tooltip: { trigger: "axis" },
      xAxis: axis(c, { type: "value", min: 0, name: byTime ? "time of work" : "trials", axisLabel: { color: c.faint, hideOverlap: true, formatter: (v: number) => (byTime ? duration(v) : String(v)) } }),
      yAxis: axis(c, { type: "value", min: low - room, max: high + room, axisLabel: { color: c.faint, showMinLabel: false, showMaxLabel: false, formatter: (v: number) => shown(Number(v.toPrecision(4))) } }),
      series: lines.map((line, k) => ({ type: "line", name: studies[k].study, step: "end", showSymbol: false, lineStyle: { color: ink(c, k), width: 2 }, itemStyle: { color: ink(c, k) },
        data: line.map(([x, y]) => [x, Math.min(high + room, Math.max(low - room, y))]) })),
    }), byTime ? "race by time" : "race by trials");
}

function table(studies: Study[]): HTMLElement {
  const places = studies.map((s) => (s.directions.length === 1 ? leader(s) : -1));
  const rows: [string, string[]][] = [
    ["direction", studies.map((s) => s.directions.join(", "))],
    ["best value", studies.map((s, k) => (places[k] < 0 ? "–" : shown(s.trials.values[0][places[k]])))],
    ["best trial", studies.map((s, k) => (places[k] < 0 ? "–" : String(s.trials.number[places[k]])))],
    ["trials", studies.map((s) => String(s.trials.number.length))],
    ["time of work", studies.map((s) => duration(s.trials.seconds.reduce((sum: number, v) => sum + (v ?? 0), 0)))],
  ];
  for (const name of [...new Set(studies.flatMap((s) => s.params.map((p) => p.name)))]) {
    rows.push([name, studies.map((s, k) => (places[k] < 0 || !s.trials.params[name] ? "–" : shown(s.trials.params[name][places[k]])))]);
  }
  const importance = (s: Study, name: string) => s.found.importances.find((p) => p.name === name)?.importance;
  const body = rows.map(([what, cells]) => el("tr", { class: new Set(cells).size > 1 && !cells.includes("–") ? "best" : "" }, el("th", { scope: "row" }, what),
    ...cells.map((text, k) => {
      const share = importance(studies[k], what);
      return el("td", { class: "number" }, text, share === undefined ? null : el("span", { class: "sub" }, ` (${Math.round(100 * share)} %)`));
    })));
  return section("both", "Side by side", el("p", { class: "hint" }, "What differs is bold; in brackets how much a parameter explains."),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Studies side by side" },
      el("table", {}, el("thead", {}, el("tr", {}, el("td"), ...studies.map((s) => el("th", { scope: "col", class: "number" }, s.study)))), el("tbody", {}, ...body))));
}

export function compare(studies: Study[], main: HTMLElement, header: HTMLElement): void {
  const comparable = studies.every((s) => s.directions.length === 1 && s.directions[0] === studies[0].directions[0]);
  let races = main.querySelector<HTMLElement>("#races");
  if (comparable) {
    const figures = [race(studies, false), race(studies, true)];
    races ??= section("races", "How fast they got there", el("div", { class: "two" }, ...figures));
  } else {
    races = section("races", "How fast they got there", el("p", {}, "They do not look for the same: their objectives or directions differ."));
  }
  sync(main, [
    header, table(studies), races,
    ...studies.map((s, k) => section(`found-${k}`, s.study, said(s.found.sentences))),
  ]);
}
