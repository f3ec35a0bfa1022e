// The table of trials: sorted by any column, filtered by words and conditions, saved as CSV.

import { FAILED, objectiveName, Scalar, shown, STATES, Study, duration } from "./data";
import { el, section } from "./dom";

interface Column {
  title: string;
  numeric: boolean;
  of: (i: number) => Scalar;
  text: (i: number) => string;
}

const kRows = 100; // shown at a time

function columns(s: Study): Column[] {
  const t = s.trials;
  const plain = (title: string, numeric: boolean, of: (i: number) => Scalar): Column => ({ title, numeric, of, text: (i) => shown(of(i)) });
  const all = [plain("trial", true, (i) => t.number[i]), plain("state", false, (i) => STATES[t.state[i]] + (t.confirms[i] ? " (confirms)" : ""))];
  t.values.forEach((of, k) => all.push(plain(objectiveName(s, k), true, (i) => of[i])));
  for (const p of s.params) all.push(plain(p.name, p.kind !== "categorical", (i) => t.params[p.name][i]));
  all.push({ title: "time", numeric: true, of: (i) => t.seconds[i], text: (i) => (t.seconds[i] === null ? "–" : duration(t.seconds[i]!)) });
  if (t.state.some((state) => state === FAILED)) all.push(plain("error", false, (i) => t.error[i] || null));
  for (const name of [...new Set(t.user.flatMap((u) => Object.keys(u)))].slice(0, 20)) {
    all.push(plain(name, false, (i) => t.user[i][name] ?? null));
  }
  return all;
}

// "lr<0.01" compares a column; any other word is looked for in all cells.
function filter(text: string, all: Column[]): (i: number) => boolean {
  const tests = text.trim().split(/\s+/).filter(Boolean).map((word) => {
    const m = /^(.+?)(<=|>=|=|<|>)(.+)$/.exec(word);
    const column = m && all.find((c) => c.title === m[1]);
    if (!m || !column) {
      const low = word.toLowerCase();
      return (i: number) => all.some((c) => c.text(i).toLowerCase().includes(low));
    }
    const [, , op, right] = m;
    const number = Number(right);
    return (i: number) => {
      const v = column.of(i);
      if (v === null) return false;
      if (op === "=") return String(v) === right || (right !== "" && v === number);
      if (typeof v !== "number" || isNaN(number)) return false;
      return op === "<" ? v < number : op === ">" ? v > number : op === "<=" ? v <= number : v >= number;
    };
  });
  return (i) => tests.every((test) => test(i));
}

function csvCell(v: Scalar): string {
  const text = v === null ? "" : String(v);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export interface TrialTable {
  element: HTMLElement;
  update: (s: Study) => void; // newer data: what was typed and sorted stays
}

export function trialTable(first: Study): TrialTable {
  let s = first, all: Column[] = [], buttons: HTMLElement[] = [];
  let sorted: number[] = [], by = 0, down = false, count = kRows;
  const input = el("input", { type: "search", placeholder: "word, or column<number", "aria-label": "Filter the trials" }) as HTMLInputElement;
  const save = el("button", { type: "button" }, "Save as CSV");
  const more = el("button", { type: "button" }, "Show more");
  const status = el("span", { class: "sub", role: "status" });
  const head = el("tr"), body = el("tbody");
  const table = el("table", {}, el("thead", {}, head), body);
  const makeHead = () => {
    head.replaceChildren();
    table.className = all.length > 10 ? "wide" : "";
    buttons = all.map((c, k) => {
      const button = el("button", { type: "button" }, c.title);
      button.addEventListener("click", () => {
        down = by === k ? !down : false;
        by = k;
        sort();
      });
      head.append(el("th", { scope: "col", class: c.numeric ? "number" : "" }, button));
      return button;
    });
  };
  let kept = sorted;

  const draw = () => {
    const best = s.found.best;
    const onFront = new Set(s.found.front.length < s.trials.number.length ? s.found.front : []); // all: none stands out
    body.replaceChildren(...kept.slice(0, count).map((i) => {
      const number = s.trials.number[i];
      const row = el("tr", { class: number === best || onFront.has(number) ? "best" : "" });
      all.forEach((c, k) => {
        const text = c.text(i);
        row.append(el("td", { class: c.numeric ? "number" : k === 1 ? STATES[s.trials.state[i]] : "", ...(text.length > 30 ? { title: text } : {}) }, text));
      });
      return row;
    }));
    status.textContent = `${Math.min(count, kept.length)} of ${kept.length} shown, ${sorted.length} in all`;
    more.hidden = count >= kept.length;
  };
  const refilter = (anew = true) => {
    kept = sorted.filter(filter(input.value, all));
    if (anew) count = kRows;
    draw();
  };
  const sort = (anew = true) => {
    const column = all[by];
    const rank = (v: Scalar) => (v === null ? 1 : 0);
    sorted = [...sorted].sort((a, b) => {
      const x = column.of(a), y = column.of(b);
      if (rank(x) !== rank(y)) return rank(x) - rank(y); // what is missing comes last either way
      const order = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
      return (down ? -order : order) || a - b;
    });
    buttons.forEach((button, k) => {
      button.parentElement!.setAttribute("aria-sort", k === by ? (down ? "descending" : "ascending") : "none");
      button.textContent = all[k].title + (k === by ? (down ? " ▼" : " ▲") : "");
    });
    refilter(anew);
  };
  input.addEventListener("input", () => refilter());
  more.addEventListener("click", () => {
    count += 10 * kRows;
    draw();
  });
  save.addEventListener("click", () => {
    const lines = [all.map((c) => csvCell(c.title)), ...kept.map((i) => all.map((c) => csvCell(c.of(i))))].map((line) => line.join(","));
    const link = el("a", { download: "trials.csv", href: URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/csv" })) });
    link.click();
  });
  const update = (newer: Study) => {
    s = newer;
    const before = all.map((c) => c.title).join("\n"), title = all[by]?.title;
    all = columns(s);
    sorted = s.trials.number.map((_, i) => i);
    if (before !== all.map((c) => c.title).join("\n")) {
      makeHead();
      by = Math.max(0, all.findIndex((c) => c.title === title));
    }
    sort(before === "");
  };
  update(first);
  const element = section("trials", "Trials",
    el("div", { class: "tools" }, input, save, more, status),
    el("div", { class: "scroll tall", tabindex: "0", role: "region", "aria-label": "Table of trials" }, table));
  return { element, update };
}
