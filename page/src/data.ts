// What report_json() in tune/report/report_json.cpp writes.

export type Scalar = number | string | boolean | null;

export interface Param {
  name: string;
  kind: "float" | "int" | "categorical";
  low: number;
  high: number;
  log: boolean;
  choices: string[];
}

export interface Trials {
  number: number[];
  state: number[];
  values: (number | null)[][]; // by objective
  seconds: (number | null)[];
  started: number[];
  ended: number[];
  worker: number[];
  workers: string[];
  confirms: number[];
  error: string[];
  user: Record<string, string>[];
  steps: number[]; // reports
  params: Record<string, Scalar[]>;
  violation?: number[]; // of constraints
  // Only where some trial was forked, retried or paused: -1 and 0 where this one was not.
  parent?: number[];
  fork_step?: number[];
  retry_of?: number[];
  resumed?: number[];
}

export interface Curve {
  trial: number;
  steps: number[];
  values: (number | null)[];
}

export interface Found {
  sentences: string[];
  advice: string[];
  best: number | null;
  front: number[];
  noise: number;
  gain?: { value: number; low: number; high: number; optimism: number; confirmed: boolean };
  outlook?: { trials: number; likely: number; high: number; converged: boolean };
  importances: { name: string; importance: number }[];
  params?: Record<string, Scalar>;
}

export interface Study {
  study: string;
  directions: ("minimize" | "maximize")[];
  found: Found;
  params: Param[];
  trials: Trials;
  curves: { of: number; shown: Curve[] };
  slices: { name: string; x: Scalar[]; mean: number[]; deviation: number[] }[];
  contours: { x_name: string; y_name: string; x: Scalar[]; y: Scalar[]; mean: number[] }[];
  causes: { error: string; trials: number[] }[];
  attributes: Record<string, string>;
}

// What LiveReports (tune/report/live.h) tells of trials that have changed.
export interface Changes {
  params: Param[];
  trials: Trials;
  curves: Curve[];
}

export const STATES = ["waiting", "running", "paused", "complete", "pruned", "failed"];
export const RUNNING = 1;
export const PAUSED = 2;
export const COMPLETE = 3;
export const PRUNED = 4;
export const FAILED = 5;

export function read(): Study | { live: true } {
  return JSON.parse(document.getElementById("data")!.textContent!) as Study | { live: true };
}

// Puts the changes into the study's columns.
export function merge(s: Study, changes: Changes): void {
  const to = s.trials, from = changes.trials;
  const places = new Map(to.number.map((n, i) => [n, i]));
  for (const p of changes.params) {
    const at = s.params.findIndex((q) => q.name === p.name);
    if (at >= 0) s.params[at] = p;
    else s.params.push(p);
    to.params[p.name] ??= to.number.map(() => null);
  }
  if (from.parent && !to.parent) {
    to.parent = to.number.map(() => -1);
    to.fork_step = to.number.map(() => -1);
    to.retry_of = to.number.map(() => -1);
    to.resumed = to.number.map(() => 0);
  }
  if (from.violation && !to.violation) to.violation = to.number.map(() => 0);
  const workers = from.workers.map((name) => {
    const at = to.workers.indexOf(name);
    return at >= 0 ? at : to.workers.push(name) - 1;
  });
  from.number.forEach((number, k) => {
    const i = places.get(number) ?? to.number.length;
    places.set(number, i);
    to.number[i] = number;
    to.state[i] = from.state[k];
    to.values.forEach((column, objective) => (column[i] = from.values[objective][k]));
    for (const name of ["seconds", "started", "ended", "confirms", "error", "user", "steps"] as const) {
      (to[name] as unknown[])[i] = from[name][k];
    }
    to.worker[i] = workers[from.worker[k]];
    for (const name of Object.keys(to.params)) to.params[name][i] = from.params[name]?.[k] ?? null;
    if (to.violation) to.violation[i] = from.violation?.[k] ?? 0;
    if (to.parent) {
      to.parent[i] = from.parent?.[k] ?? -1;
      to.fork_step![i] = from.fork_step?.[k] ?? -1;
      to.retry_of![i] = from.retry_of?.[k] ?? -1;
      to.resumed![i] = from.resumed?.[k] ?? 0;
    }
  });
  const curves = new Map(s.curves.shown.map((c, i) => [c.trial, i]));
  for (const c of changes.curves) {
    const at = curves.get(c.trial);
    if (at !== undefined) s.curves.shown[at] = c;
    else if (s.curves.shown.length < 400) s.curves.shown.push(c);
    if (at === undefined) ++s.curves.of;
  }
}

// The place of the best value so far, without what the model says of it; -1: none.
export function leader(s: Study): number {
  let best = -1;
  for (const i of results(s)) {
    if ((s.trials.violation?.[i] ?? 0) > 0) continue;
    if (best < 0 || better(s, 0, s.trials.values[0][i]!, s.trials.values[0][best]!)) best = i;
  }
  return best;
}

export function ago(time: number): string {
  if (time <= 0) return "–";
  const seconds = Math.max(0, Date.now() / 1000 - time);
  if (seconds < 5) return "now";
  if (seconds < 60) return `${Math.round(seconds)} s ago`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86400)} days ago`;
}

// The places in the columns of the trials that a picture of results shows: complete, and no run of
// confirm().
export function results(s: Study): number[] {
  return s.trials.number
    .map((_, i) => i)
    .filter((i) => s.trials.state[i] === COMPLETE && !s.trials.confirms[i] && s.trials.values[0][i] !== null);
}

export function better(s: Study, objective: number, a: number, b: number): boolean {
  return s.directions[objective] === "maximize" ? a > b : a < b;
}

export function objectiveName(s: Study, k: number): string {
  return s.directions.length === 1 ? "value" : `objective ${k}`;
}

export function shown(v: Scalar | undefined): string {
  if (v === null || v === undefined) return "–";
  if (typeof v !== "number") return String(v);
  return Number.isInteger(v) && Math.abs(v) < 1e15 ? String(v) : String(Number(v.toPrecision(6)));
}

export function duration(seconds: number): string {
  if (!isFinite(seconds)) return "–";
  if (seconds < 1) return `${Number((1000 * seconds).toPrecision(2))} ms`;
  if (seconds < 120) return `${Number(seconds.toPrecision(3))} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Number((seconds / 3600).toPrecision(3))} h`;
}
