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
  params: Record<string, Scalar[]>;
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
  curves: { of: number; shown: { trial: number; steps: number[]; values: (number | null)[] }[] };
  slices: { name: string; x: Scalar[]; mean: number[]; deviation: number[] }[];
  contours: { x_name: string; y_name: string; x: Scalar[]; y: Scalar[]; mean: number[] }[];
  causes: { error: string; trials: number[] }[];
  attributes: Record<string, string>;
}

export const STATES = ["waiting", "running", "paused", "complete", "pruned", "failed"];
export const COMPLETE = 3;
export const PRUNED = 4;
export const FAILED = 5;

export function read(): Study {
  return JSON.parse(document.getElementById("data")!.textContent!) as Study;
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
