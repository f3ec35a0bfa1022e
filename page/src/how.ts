// How a study went: who ran what and when, which trial came from which, what it cost, and how often
// the sealed test was opened.

import { axis, Colors, figure, GRID, Option } from "./chart";
import { COMPLETE, duration, FAILED, PAUSED, PRUNED, RUNNING, shown, Study } from "./data";
import { el, section } from "./dom";
import { hover } from "./pictures";

type Picture = HTMLElement | null;

function color(c: Colors, state: number): string {
  return state === COMPLETE ? c.accent : state === PRUNED ? c.amber : state === FAILED ? c.bad : state === RUNNING ? c.good : c.faint;
}

const kRowsOfOne = 12;

export function timeline(s: Study, live: boolean): Picture {
  const t = s.trials, now = live ? Date.now() / 1000 : Math.max(0, ...t.ended);
  const end = (i: number) => (t.state[i] === RUNNING ? Math.max(now, t.started[i]) : t.ended[i]);
  const of = t.number.map((_, i) => i).filter((i) => t.started[i] > 0 && end(i) >= t.started[i]).slice(-2000);
  if (of.length === 0) return null;
  const begin = Math.min(...of.map((i) => t.started[i]));
  // A worker with several trials at a time gets several rows, up to a point.
  const names: string[] = [], lane = new Map<number, number>();
  const workers = [...new Set(of.map((i) => t.worker[i]))];
  workers.forEach((worker, w) => {
    const ends: number[] = [];
    for (const i of [...of].filter((k) => t.worker[k] === worker).sort((a, b) => t.started[a] - t.started[b])) {
      let row = ends.findIndex((e) => e <= t.started[i]);
      if (row < 0) row = ends.length < kRowsOfOne ? ends.length : ends.indexOf(Math.min(...ends));
      ends[row] = end(i);
      lane.set(i, names.length + row);
    }
    ends.forEach((_, row) => names.push(row === 0 ? `worker ${w + 1}` : ""));
  });
  const running = of.some((i) => t.state[i] === RUNNING);
  return figure("Timeline", `When each trial ran, by worker: blue complete, amber stopped early, red failed${running ? ", green running" : ""}.`,
    `${of.length} trials by ${workers.length} ${workers.length === 1 ? "worker" : "workers"}.`, Math.min(480, 90 + (names.length > workers.length ? 20 : 34) * names.length), (c) => ({
      grid: { ...GRID, left: 84 }, tooltip: hover(s),
      xAxis: axis(c, { type: "value", min: 0, name: "since the first trial", axisLabel: { color: c.faint, hideOverlap: true, formatter: (v: number) => duration(v) } }),
      yAxis: axis(c, { type: "category", inverse: true, data: names.map((name, k) => ({ value: `${k} ${name}` })), axisLabel: { color: c.faint, formatter: (text: string) => text.replace(/^\d+ /, "") } }),
      series: [{ type: "custom", encode: { x: [1, 2], y: 0 },
        data: of.map((i) => ({ value: [lane.get(i), t.started[i] - begin, end(i) - begin], trial: i })),
        renderItem: (p: { dataIndex: number }, api: Option) => {
          const [x0, y] = api.coord([api.value(1), api.value(0)]);
          const [x1] = api.coord([api.value(2), api.value(0)]);
          const height = 0.7 * api.size([0, 1])[1];
          return { type: "rect", shape: { x: x0, y: y - height / 2, width: Math.max(1.5, x1 - x0 - 0.5), height },
            style: { fill: color(c, t.state[of[p.dataIndex]]), opacity: 0.8 } };
        } }],
    }));
}

// Trials that went on from others: a row each, from the step where it began to its last, with a line
// from its parent. The family of the best, and the newest of the others.
export function lineage(s: Study): Picture {
  const t = s.trials;
  if (!t.parent || !t.parent.some((p) => p >= 0)) return null;
  const places = new Map(t.number.map((n, i) => [n, i]));
  const parent = (i: number) => places.get(t.parent![i]);
  const root = (i: number): number => {
    for (let up = parent(i); up !== undefined; up = parent(i)) i = up;
    return i;
  };
  const families = new Map<number, number[]>();
  t.number.forEach((_, i) => {
    const r = root(i);
    families.set(r, [...(families.get(r) ?? []), i]);
  });
  const best = s.found.best === null ? undefined : places.get(s.found.best);
  const ancestors = new Set<number>();
  for (let up = best; up !== undefined; up = parent(up)) ancestors.add(up);
  const sorted = [...families.values()].filter((f) => f.length > 1)
    .sort((a, b) => Number(b.some((i) => ancestors.has(i))) - Number(a.some((i) => ancestors.has(i))) || b.length - a.length);
  const rows: number[] = [];
  for (const family of sorted) if (rows.length < 120) rows.push(...family.slice(0, 120 - rows.length));
  const at = new Map(rows.map((i, k) => [i, k]));
  const curves = new Map(s.curves.shown.map((curve) => [curve.trial, curve]));
  const first = (i: number) => (t.parent![i] >= 0 ? t.fork_step![i] : 0);
  const last = (i: number) => Math.max(first(i), ...(curves.get(t.number[i])?.steps.slice(-1) ?? [first(i) + t.steps[i]]));
  return figure("Lineage", `A row is a trial, from the step where it began to its last; a line leads down from the trial it was forked from. Orange: the best and its ancestors.${rows.length < t.number.length ? ` ${rows.length} trials are drawn.` : ""}`,
    `${rows.length} trials that were forked, or forked from.`, Math.max(160, Math.min(560, 70 + 9 * rows.length)), (c) => ({
      grid: { ...GRID, left: 24 }, tooltip: hover(s),
      xAxis: axis(c, { type: "value", name: "step", minInterval: 1, min: 0 }),
      yAxis: { type: "category", inverse: true, data: rows.map((i) => t.number[i]), show: false },
      series: [{ type: "custom", encode: { x: [1, 2], y: 0 },
        data: rows.map((i, k) => ({ value: [k, first(i), last(i)], trial: i })),
        renderItem: (p: { dataIndex: number }, api: Option) => {
          const i = rows[p.dataIndex], strong = ancestors.has(i), up = parent(i);
          const [x0, y] = api.coord([api.value(1), api.value(0)]);
          const [x1] = api.coord([api.value(2), api.value(0)]);
          const ink = strong ? c.best : t.state[i] === FAILED ? c.bad : c.accent;
          const children: Option[] = [{ type: "rect", shape: { x: x0, y: y - 2, width: Math.max(3, x1 - x0), height: 4, r: 2 }, style: { fill: ink, opacity: strong ? 1 : 0.6 } }];
          if (up !== undefined && at.has(up)) {
            const above = api.coord([api.value(1), at.get(up)!])[1];
            children.push({ type: "line", shape: { x1: x0, y1: above, x2: x0, y2: y }, style: { stroke: ink, lineWidth: strong ? 2 : 1, opacity: strong ? 1 : 0.5 } });
          }
          return { type: "group", children };
        } }],
    }));
}

// What it cost, by how it ended: time and steps.
export function cost(s: Study): Picture {
  const t = s.trials;
  const kinds: [string, (i: number) => boolean, (c: Colors) => string][] = [
    ["complete", (i) => t.state[i] === COMPLETE && !t.confirms[i], (c) => c.accent],
    ["confirming", (i) => t.state[i] === COMPLETE && t.confirms[i] > 0, (c) => c.good],
    ["stopped early", (i) => t.state[i] === PRUNED || t.state[i] === PAUSED, (c) => c.amber],
    ["failed", (i) => t.state[i] === FAILED, (c) => c.bad],
  ];
  const rows = kinds.map(([name, has, ink]) => {
    const of = t.number.map((_, i) => i).filter(has);
    return { name, ink, trials: of.length, seconds: of.reduce((sum, i) => sum + (t.seconds[i] ?? 0), 0), steps: of.reduce((sum, i) => sum + t.steps[i], 0) };
  }).filter((r) => r.trials > 0);
  const all = { seconds: rows.reduce((sum, r) => sum + r.seconds, 0), steps: rows.reduce((sum, r) => sum + r.steps, 0) };
  if (all.seconds <= 0) return null;
  const words = rows.map((r) => `${r.name}: ${r.trials} trials, ${duration(r.seconds)}${r.steps ? `, ${r.steps} steps` : ""}`);
  return figure("What it cost", `${duration(all.seconds)} of work${all.steps ? ` and ${all.steps} steps` : ""} in all, by how the trials ended.`,
    words.join("; "), 80 + 34 * rows.length, (c) => ({
      grid: { ...GRID, left: 8, right: 120, containLabel: true }, tooltip: { show: false },
      xAxis: axis(c, { type: "value", min: 0, axisLabel: { color: c.faint, hideOverlap: true, formatter: (v: number) => duration(v) } }),
      yAxis: axis(c, { type: "category", inverse: true, data: rows.map((r) => r.name), axisLabel: { color: c.ink } }),
      series: [{ type: "bar", barMaxWidth: 20,
        data: rows.map((r) => ({ value: r.seconds, itemStyle: { color: r.ink(c) } })),
        label: { show: true, position: "right", color: c.ink,
          formatter: (p: { dataIndex: number }) => `${rows[p.dataIndex].trials} ${rows[p.dataIndex].trials === 1 ? "trial" : "trials"}, ${duration(rows[p.dataIndex].seconds)}` } }],
    }));
}

function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return text;
  }
}

// A part of the data that nothing was chosen by: its score can be trusted if it was opened once.
export function sealed(s: Study): HTMLElement | null {
  const list = el("dl");
  const add = (what: string, text: string) => list.append(el("dt", {}, what), el("dd", {}, text));
  const fit = parsed(s.attributes["attune:test"]);
  if (fit && typeof fit === "object") {
    const test = fit as Record<string, unknown>;
    const times = Number(test.opened ?? 1);
    add("opened", times === 1 ? "once" : `${times} times, so its figure is no longer that of unseen data`);
    for (const [name, value] of Object.entries(test)) {
      if (name !== "opened" && name !== "weights" && (typeof value === "number" || typeof value === "string")) add(name.replaceAll("_", " "), shown(value));
    }
  }
  const by = parsed(s.attributes["attune:test_opened"]), score = parsed(s.attributes["attune:test_score"]);
  if (by !== undefined) add("opened by", `trial ${String(by)}`);
  if (typeof score === "number") add("score", shown(score));
  return list.children.length > 0
    ? section("sealed", "The sealed test", el("p", { class: "hint" }, "Rows that neither trained nor chose anything, kept back until the end."), list)
    : null;
}

