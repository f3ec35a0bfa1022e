// The pictures of a study. Each function returns a figure, or null where the study has nothing for it.

import { axis, Colors, figure, GRID, Option, SCALE } from "./chart";
import { better, objectiveName, Param, PRUNED, results, Scalar, shown, STATES, Study } from "./data";

type Picture = HTMLElement | null;

// Hovering says which trial it is, and with what.
export function told(s: Study, i: number): string {
  const t = s.trials;
  const lines = [`trial ${t.number[i]} (${STATES[t.state[i]]})`];
  t.values.forEach((of, k) => {
    if (of[i] !== null) lines.push(`${objectiveName(s, k)}: ${shown(of[i])}`);
  });
  for (const p of s.params.slice(0, 12)) {
    const value = t.params[p.name][i];
    if (value !== null) lines.push(`${cut(p.name)}: ${cut(shown(value))}`);
  }
  return lines.join("\n");
}

export function cut(text: string, longest = 40): string {
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
}

export function hover(s: Study): Option {
  return { trigger: "item", formatter: (p: { data: { trial?: number } }) => (p.data?.trial === undefined ? "" : told(s, p.data.trial)) };
}

function bestSoFar(s: Study, of: number[]): number[][] {
  const line: number[][] = [];
  let best: number | null = null;
  for (const i of of) {
    const value = s.trials.values[0][i]!;
    if (best === null || better(s, 0, value, best)) best = value;
    line.push([s.trials.number[i], best]);
  }
  return line;
}

// An axis for a parameter's values, and where on it a value stands.
function paramAxis(c: Colors, p: Param, name: string): Option {
  if (p.kind === "categorical") return axis(c, { type: "category", data: p.choices.map((x) => cut(x, 14)), name });
  return axis(c, { type: p.log ? "log" : "value", min: p.low, max: p.high, name, axisLabel: { color: c.faint, hideOverlap: true, formatter: (v: number) => shown(Number(v.toPrecision(3))) } });
}

function place(p: Param, value: Scalar): number | null {
  if (value === null) return null;
  if (p.kind !== "categorical") return value as number;
  const at = p.choices.indexOf(String(value));
  return at < 0 ? null : at;
}

// Values around the better half: a few terrible trials would press all others flat. What lies beyond
// is drawn at the edge.
export function window(values: number[], maximize: boolean): [number, number] {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
  const best = maximize ? sorted[sorted.length - 1] : sorted[0];
  const middle = at(0.5);
  const reach = 4 * Math.abs(middle - best);
  const low = maximize ? Math.max(sorted[0], best - reach) : sorted[0];
  const high = maximize ? sorted[sorted.length - 1] : Math.min(sorted[sorted.length - 1], best + reach);
  const room = 0.04 * (high - low || Math.abs(high) || 1);
  return [low - room, high + room];
}

export function history(s: Study): Picture {
  const of = results(s);
  if (of.length === 0) return null;
  const [low, high] = window(of.map((i) => s.trials.values[0][i]!), s.directions[0] === "maximize");
  const inside = (v: number) => Math.min(high, Math.max(low, v));
  const best = bestSoFar(s, of);
  return figure("History", "Each dot is a trial; the line is the best so far.",
    `${of.length} complete trials; the best value is ${shown(best[best.length - 1][1])}.`, 320, (c) => ({
      grid: GRID, tooltip: hover(s),
      xAxis: axis(c, { type: "value", name: "trial", min: 0, minInterval: 1 }),
      yAxis: axis(c, { type: "value", name: objectiveName(s, 0), nameGap: 46, min: low, max: high, axisLabel: { color: c.faint, showMinLabel: false, showMaxLabel: false, formatter: (v: number) => shown(Number(v.toPrecision(4))) } }),
      series: [
        { type: "scatter", name: "trials", progressive: 0, symbolSize: of.length > 2000 ? 3 : 6, itemStyle: { color: c.accent, opacity: 0.65 },
          data: of.map((i) => ({ value: [s.trials.number[i], inside(s.trials.values[0][i]!)], trial: i })) },
        { type: "line", name: "best so far", step: "end", showSymbol: false, silent: true, lineStyle: { color: c.bad, width: 2 },
          data: best.map(([x, y]) => [x, inside(y)]) },
      ],
    }));
}

export function importances(s: Study): Picture {
  const all = s.found.importances.slice(0, 20);
  if (all.length === 0) return null;
  return figure("What mattered", "How much of the differences between trials each parameter explains by itself (fANOVA).",
    all.map((p) => `${p.name} ${Math.round(100 * p.importance)} %`).join(", "), Math.max(140, 60 + 26 * all.length), (c) => ({
      grid: { ...GRID, left: 8, right: 50, containLabel: true }, tooltip: { show: false },
      xAxis: axis(c, { type: "value", min: 0, axisLabel: { color: c.faint, formatter: (v: number) => `${Math.round(100 * v)} %` } }),
      yAxis: axis(c, { type: "category", inverse: true, data: all.map((p) => cut(p.name, 28)), axisLabel: { color: c.ink } }),
      series: [{ type: "bar", itemStyle: { color: c.accent }, barMaxWidth: 18, data: all.map((p) => p.importance),
        label: { show: true, position: "right", color: c.ink, formatter: (p: { value: number }) => `${Math.round(100 * p.value)} %` } }],
    }));
}

export function parallel(s: Study): Picture {
  const of = results(s).slice(-3000);
  const order = new Map(s.found.importances.map((p, i) => [p.name, i]));
  const params = [...s.params].sort((a, b) => (order.get(a.name) ?? 99) - (order.get(b.name) ?? 99)).slice(0, 10);
  if (of.length < 2 || params.length < 2) return null;
  const values = of.map((i) => s.trials.values[0][i]!);
  const [low, high] = window(values, s.directions[0] === "maximize");
  const colors = s.directions[0] === "maximize" ? SCALE : [...SCALE].reverse();
  // The best are drawn last, on top.
  const sorted = [...of].sort((a, b) => (better(s, 0, s.trials.values[0][a]!, s.trials.values[0][b]!) ? 1 : -1));
  return figure("All parameters at once", "Each line is a trial, from its parameters to its value; the best are orange. The most important parameters come first.",
    `${of.length} trials over ${params.length} parameters.`, 360, (c) => ({
      tooltip: { show: false },
      parallel: { left: 44, right: 70, top: 40, bottom: 26 },
      visualMap: { show: false, type: "continuous", dimension: params.length, min: low, max: high, inRange: { color: colors } },
      parallelAxis: [...params.map((p, dim) => ({
        dim, name: cut(p.name, 16), nameTextStyle: { color: c.ink }, axisLabel: { color: c.faint, formatter: (v: number | string) => (typeof v === "number" ? shown(Number(v.toPrecision(3))) : v) },
        axisLine: { lineStyle: { color: c.faint } },
        ...(p.kind === "categorical" ? { type: "category", data: p.choices.map((x) => cut(x, 12)) } : { type: p.log ? "log" : "value", min: p.low, max: p.high }),
      })), { dim: params.length, name: objectiveName(s, 0), min: low, max: high, nameTextStyle: { color: c.ink }, axisLabel: { color: c.faint, formatter: (v: number) => shown(Number(v.toPrecision(3))) }, axisLine: { lineStyle: { color: c.faint } } }],
      series: [{ type: "parallel", progressive: 0, lineStyle: { width: 1.2, opacity: of.length > 300 ? 0.25 : 0.5 },
        data: sorted.map((i) => [...params.map((p) => {
          const v = place(p, s.trials.params[p.name][i]);
          return v === null ? "-" : v;
        }), Math.min(high, Math.max(low, s.trials.values[0][i]!))]) }],
    }));
}

export function slices(s: Study): HTMLElement[] {
  const of = results(s).slice(-3000);
  const [low, high] = of.length ? window(of.map((i) => s.trials.values[0][i]!), s.directions[0] === "maximize") : [0, 1];
  const pictures: HTMLElement[] = [];
  for (const slice of s.slices) {
    const p = s.params.find((q) => q.name === slice.name);
    if (!p) continue;
    const inside = (v: number) => Math.min(high, Math.max(low, v));
    const band = slice.mean.map((m, i) => [place(p, slice.x[i]), inside(m - 1.96 * slice.deviation[i]), inside(m + 1.96 * slice.deviation[i]), inside(m)]);
    pictures.push(figure(cut(slice.name), "", `The value over ${slice.name}.`, 230, (c) => ({
      grid: { ...GRID, bottom: 30 }, tooltip: hover(s),
      xAxis: paramAxis(c, p, ""),
      yAxis: axis(c, { type: "value", min: low, max: high, axisLabel: { color: c.faint, showMinLabel: false, showMaxLabel: false, formatter: (v: number) => shown(Number(v.toPrecision(3))) } }),
      series: [
        { type: "scatter", progressive: 0, symbolSize: of.length > 500 ? 3 : 5, itemStyle: { color: c.accent, opacity: 0.55 },
          data: of.flatMap((i) => {
            const x = place(p, s.trials.params[p.name][i]);
            return x === null ? [] : [{ value: [x, inside(s.trials.values[0][i]!)], trial: i }];
          }) },
        ...(band.length === 0 ? [] : p.kind === "categorical" ? [{
          type: "custom", silent: true, data: band,
          renderItem: (_: unknown, api: Option) => {
            const [a, b] = [api.coord([api.value(0), api.value(1)]), api.coord([api.value(0), api.value(2)])];
            const m = api.coord([api.value(0), api.value(3)]);
            return { type: "group", children: [
              { type: "line", shape: { x1: a[0] + 8, y1: a[1], x2: b[0] + 8, y2: b[1] }, style: { stroke: c.bad, lineWidth: 2 } },
              { type: "circle", shape: { cx: m[0] + 8, cy: m[1], r: 4 }, style: { fill: c.bad } },
            ] };
          },
        }] : [
          { type: "line", silent: true, showSymbol: false, lineStyle: { opacity: 0 }, stack: "band", stackStrategy: "all", data: band.map((b) => [b[0], b[1]]) },
          { type: "line", silent: true, showSymbol: false, lineStyle: { opacity: 0 }, stack: "band", stackStrategy: "all", areaStyle: { color: c.bad, opacity: 0.16 }, data: band.map((b) => [b[0], b[2]! - b[1]!]) },
          { type: "line", silent: true, showSymbol: false, lineStyle: { color: c.bad, width: 2 }, data: band.map((b) => [b[0], b[3]]) },
        ]),
      ],
    }), `slice ${slice.name}`));
  }
  return pictures;
}

export function contours(s: Study): HTMLElement[] {
  return s.contours.map((map) => {
    const mean = map.mean;
    const [low, high] = window(mean, s.directions[0] === "maximize");
    const colors = s.directions[0] === "maximize" ? SCALE : [...SCALE].reverse();
    const label = (v: Scalar) => cut(typeof v === "number" ? shown(Number(v.toPrecision(2))) : shown(v), 12);
    return figure(`${cut(map.x_name, 24)} and ${cut(map.y_name, 24)}`, "", `What the model expects over ${map.x_name} and ${map.y_name}.`, 280, (c) => ({
      grid: { ...GRID, right: 16 },
      tooltip: { formatter: (p: { data: number[] }) => `${cut(map.x_name)}: ${shown(map.x[p.data[0]])}\n${cut(map.y_name)}: ${shown(map.y[p.data[1]])}\nexpected: ${shown(p.data[2])}` },
      visualMap: { show: false, type: "continuous", min: low, max: high, inRange: { color: colors } },
      xAxis: { ...axis(c, { type: "category", data: map.x.map(label), name: cut(map.x_name, 24) }), splitLine: { show: false } },
      yAxis: { ...axis(c, { type: "category", data: map.y.map(label), name: cut(map.y_name, 24), nameGap: 46 }), splitLine: { show: false } },
      series: [{ type: "heatmap", data: mean.map((v, i) => [i % map.x.length, Math.floor(i / map.x.length), v]) }],
    }), `contour ${map.x_name} ${map.y_name}`);
  });
}

export function curves(s: Study): Picture {
  const all = s.curves.shown, t = s.trials;
  if (all.length === 0) return null;
  const places = new Map(t.number.map((n, i) => [n, i]));
  const of = new Map(all.map((curve) => [curve.trial, curve]));
  const forked = all.filter((curve) => (t.parent?.[places.get(curve.trial) ?? -1] ?? -1) >= 0).length;
  const paused = all.filter((curve) => (t.resumed?.[places.get(curve.trial) ?? -1] ?? 0) > 0).length;
  const finite = all.flatMap((curve) => curve.values.filter((v): v is number => v !== null));
  const [low, high] = window(finite, s.directions[0] === "maximize");
  const inside = (v: number | null) => (v === null ? null : Math.min(high, Math.max(low, v)));
  const best = s.found.best;
  const hints = ["Each line is a trial's reports; the best trial is orange, one stopped early ends in a dot."];
  if (forked > 0) hints.push("A dashed line leads from where a trial was forked to the trial that went on from there.");
  if (paused > 0) hints.push("A ring is where a trial was paused and went on later.");
  if (s.curves.of > all.length) hints.push(`${all.length} of ${s.curves.of} are drawn, the best among them.`);
  return figure("Learning curves", hints.join(" "),
    `${s.curves.of} trials reported${forked > 0 ? `, ${forked} of them forked from others` : ""}.`, 340, (c) => ({
      grid: GRID, tooltip: { trigger: "item", formatter: (p: { seriesName: string; data: number[] | { value: number[] } }) => {
        const [step, value] = Array.isArray(p.data) ? p.data : p.data.value;
        return `${p.seriesName}\nstep ${step}: ${shown(value)}`;
      } },
      xAxis: axis(c, { type: "value", name: "step", minInterval: 1 }),
      yAxis: axis(c, { type: "value", min: low, max: high, axisLabel: { color: c.faint, showMinLabel: false, showMaxLabel: false, formatter: (v: number) => shown(Number(v.toPrecision(4))) } }),
      series: [...all].sort((a, b) => Number(a.trial === best) - Number(b.trial === best)).flatMap((curve) => {
        const i = places.get(curve.trial)!, ends = t.state[i] === PRUNED;
        const ring = (t.resumed?.[i] ?? 0) > 0 ? t.resumed![i] - 1 : null;
        const color = curve.trial === best ? c.best : c.accent, strong = curve.trial === best;
        const line = { color, width: strong ? 3 : 1, opacity: strong ? 1 : 0.35 };
        const lines: Option[] = [{ type: "line", name: `trial ${curve.trial}`, triggerLineEvent: true, showSymbol: ends || ring !== null, z: strong ? 3 : 2,
          lineStyle: line, itemStyle: { color, opacity: 0.7 }, symbolSize: 0,
          data: curve.steps.map((step, k) => {
            const value = [step, inside(curve.values[k])];
            if (step === ring && curve.values[k] === value[1]) return { value, symbol: "emptyCircle", symbolSize: 7 };
            return ends && k === curve.steps.length - 1 ? { value, symbol: "circle", symbolSize: 5 } : value;
          }) }];
        const parent = of.get(t.parent?.[i] ?? -1);
        const from = parent ? parent.steps.indexOf(t.fork_step![i]) : -1;
        if (parent && from >= 0) {
          lines.push({ type: "line", silent: true, showSymbol: false, z: strong ? 3 : 2, lineStyle: { ...line, type: "dashed" },
            data: [[parent.steps[from], inside(parent.values[from])], [curve.steps[0], inside(curve.values[0])]] });
        }
        return lines;
      }),
    }));
}

// Where the good trials are: the two parameters that matter most, coloured by rank.
export function ranks(s: Study): Picture {
  const names = s.found.importances.map((p) => p.name);
  const params = names.map((name) => s.params.find((p) => p.name === name)).filter((p): p is Param => p !== undefined).slice(0, 2);
  const of = results(s).slice(-3000);
  if (params.length < 2 || of.length < 10 || s.directions.length > 1) return null;
  const sorted = [...of].sort((a, b) => (better(s, 0, s.trials.values[0][a]!, s.trials.values[0][b]!) ? 1 : -1)); // the best last
  const [x, y] = params;
  return figure("Where the good ones are", `Each dot is a trial, from grey, the worst, to orange, the best. Over ${cut(x.name, 24)} and ${cut(y.name, 24)}, which mattered most.`,
    `${of.length} trials by rank.`, 300, (c) => ({
      grid: GRID, tooltip: hover(s),
      visualMap: { show: false, type: "continuous", dimension: 2, min: 0, max: sorted.length - 1, inRange: { color: SCALE } },
      xAxis: { ...paramAxis(c, x, cut(x.name, 24)) }, yAxis: { ...paramAxis(c, y, cut(y.name, 24)), nameGap: 46 },
      series: [{ type: "scatter", progressive: 0, symbolSize: of.length > 500 ? 4 : 8,
        data: sorted.flatMap((i, rank) => {
          const at = [place(x, s.trials.params[x.name][i]), place(y, s.trials.params[y.name][i])];
          return at[0] === null || at[1] === null ? [] : [{ value: [...at, rank], trial: i }];
        }) }],
    }));
}

export function distribution(s: Study): Picture {
  const values = results(s).map((i) => s.trials.values[0][i]!).sort((a, b) => a - b);
  if (values.length < 5 || s.directions.length > 1) return null;
  const [low, high] = window(values, s.directions[0] === "maximize");
  return figure("How good were they?", "The share of trials with a value no higher than this.", `${values.length} values.`, 260, (c) => ({
    grid: GRID, tooltip: { trigger: "axis", valueFormatter: (v: number) => `${Math.round(100 * v)} % of trials` },
    xAxis: axis(c, { type: "value", name: "value", min: low, max: high, axisLabel: { color: c.faint, showMinLabel: false, showMaxLabel: false, hideOverlap: true, formatter: (v: number) => shown(Number(v.toPrecision(3))) } }),
    yAxis: axis(c, { type: "value", min: 0, max: 1, axisLabel: { color: c.faint, formatter: (v: number) => `${100 * v} %` } }),
    series: [{ type: "line", step: "end", showSymbol: false, lineStyle: { color: c.accent, width: 2 },
      data: values.map((v, i) => [Math.min(high, Math.max(low, v)), (i + 1) / values.length]) }],
  }));
}

// Two objectives against each other, the front in orange. Three: each pair.
export function fronts(s: Study): HTMLElement[] {
  if (s.directions.length < 2) return [];
  const of = results(s), front = new Set(s.found.front), pictures: HTMLElement[] = [];
  for (let a = 0; a < Math.min(3, s.directions.length); ++a) {
    for (let b = a + 1; b < Math.min(3, s.directions.length); ++b) {
      const point = (i: number) => ({ value: [s.trials.values[a][i], s.trials.values[b][i]], trial: i });
      pictures.push(figure(`${objectiveName(s, a)} and ${objectiveName(s, b)}`, `Orange: no other trial is as good in all objectives and better in one. (${s.directions[a]}, ${s.directions[b]})`,
        `${front.size} of ${of.length} trials are on the front.`, 340, (c) => ({
          grid: GRID, tooltip: hover(s),
          xAxis: axis(c, { type: "value", name: objectiveName(s, a) }), yAxis: axis(c, { type: "value", name: objectiveName(s, b), nameGap: 46 }),
          series: [
            { type: "scatter", name: "others", symbolSize: 5, itemStyle: { color: c.accent, opacity: 0.4 }, data: of.filter((i) => !front.has(s.trials.number[i])).map(point) },
            { type: "scatter", name: "front", symbolSize: 8, itemStyle: { color: c.best }, data: of.filter((i) => front.has(s.trials.number[i])).map(point) },
          ],
        })));
    }
  }
  return pictures;
}
