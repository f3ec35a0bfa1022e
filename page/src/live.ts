// Studies that are served live: the list of them, one as it goes on, or two side by side. The server
// sends news (cli/serve/server.cpp) for as long as the page is open.

import { ago, Changes, merge, Scalar, shown, Study } from "./data";
import { compare } from "./compare";
import { el } from "./dom";
import { shell, show } from "./study";

const query = new URLSearchParams(location.search);
const token = query.get("token") ?? "";

function address(path: string, studies: string[]): string {
  const parts = new URLSearchParams();
  for (const name of studies) parts.append("study", name);
  parts.append("token", token);
  return `${path}?${parts}`;
}

// A line that says whether the page is up to date.
class Status {
  readonly element = el("p", { class: "live", role: "status" });
  private what = "";

  constructor(private readonly of = "") {} // which study, where there are several

  set(kind: "waiting" | "live" | "lost", text: string): void {
    if (`${kind}${text}` === this.what) return; // read aloud once only
    this.what = `${kind}${text}`;
    this.element.className = `live ${kind === "live" ? "fresh" : kind}`;
    this.element.textContent = this.of ? `${this.of}: ${text}` : text;
  }
}

type Handlers = Record<string, (data: never) => void>;

// Hears of a study, or with an empty name of all. A lost connection is made again, and then the
// server tells everything from the start.
function listen(study: string, status: Status, handlers: Handlers): void {
  const source = new EventSource(address("events", study ? [study] : []));
  source.onopen = () => status.set("waiting", "connected");
  source.onerror = () => {
    if (source.readyState !== EventSource.CLOSED) {
      status.set("lost", "the connection is lost; trying again …");
      return;
    }
    status.set("lost", "the server does not answer; trying again …");
    setTimeout(() => listen(study, status, handlers), 5000);
  };
  for (const [name, handler] of Object.entries(handlers)) {
    source.addEventListener(name, (e) => handler(JSON.parse((e as MessageEvent).data) as never));
  }
}

// Calls `draw` soon, and not again before a few times as long as it took.
function paced(draw: () => void): () => void {
  let asked = false, next = 0;
  return () => {
    if (asked) return;
    asked = true;
    setTimeout(() => {
      asked = false;
      const begin = performance.now();
      draw();
      next = performance.now() + Math.max(300, 4 * (performance.now() - begin));
    }, Math.max(0, next - performance.now()));
  };
}

interface Summary {
  name: string; directions: string[]; trials: number; complete: number; running: number; paused: number; pruned: number; failed: number;
  waiting: number; best: Scalar; best_trial: number | null; feasible?: boolean; changed: number; error?: string;
}

function studyList(page: HTMLElement): void {
  document.title = "Studies";
  const status = new Status(), main = el("main"), body = el("tbody"), chosen = new Set<string>();
  const empty = el("p", { class: "sub" }, "There is no study yet.");
  const go = el("button", { type: "button" }, "Compare") as HTMLButtonElement;
  const hint = el("span", { class: "sub" }, "choose two");
  const table = el("table", {}, el("thead", {}, el("tr", {},
    ...["", "study", "best", "trials", "state", "last change"].map((title, k) => el("th", { scope: "col", class: k === 2 || k === 3 ? "number" : "" }, title || el("span", { class: "unseen" }, "compare"))))), body);
  const box = el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Studies" }, table);
  main.append(el("header", { id: "top" }, el("h1", {}, "Studies"), status.element), el("div", { class: "tools" }, go, hint), box, empty);
  page.replaceChildren(main);
  const choose = () => {
    go.disabled = chosen.size !== 2;
    hint.textContent = chosen.size === 2 ? [...chosen].join(" and ") : "choose two";
  };
  choose();
  go.addEventListener("click", () => location.assign(address("", [...chosen])));

  const rows = new Map<string, HTMLElement>();
  let known: Summary[] = [];
  const fill = (row: HTMLElement, s: Summary) => {
    const check = row.querySelector("input");
    const states = ([["running", s.running], ["complete", s.complete], ["paused", s.paused], ["waiting", s.waiting], ["pruned", s.pruned], ["failed", s.failed]] as const)
      .filter(([, n]) => n > 0).map(([name, n]) => `${n} ${name}`).join(", ");
    const box = check ?? el("input", { type: "checkbox", "aria-label": `Compare ${s.name}` }) as HTMLInputElement;
    if (!check) box.addEventListener("change", () => {
      if (box.checked) chosen.add(s.name);
      else chosen.delete(s.name);
      choose();
    });
    const link = row.querySelector("a") ?? el("a", { href: address("", [s.name]) }, s.name);
    const cells = s.error !== undefined
      ? [el("td", { class: "number" }, "–"), el("td", { class: "number" }, "–"), el("td", { class: "failed" }, s.error), el("td", {}, "–")]
      : [
        el("td", { class: "number" }, s.directions.length > 1 ? `${s.directions.length} objectives` : `${shown(s.best)}${s.feasible === false ? " (infeasible)" : ""}`),
        el("td", { class: "number" }, String(s.trials)),
        el("td", { class: s.running > 0 ? "complete" : "" }, states || "no trials"),
        el("td", {}, ago(s.changed)),
      ];
    if (row.children.length === 0) row.append(el("td", {}, box), el("td", {}, link));
    while (row.children.length > 2) row.lastElementChild!.remove();
    row.append(...cells);
  };
  const draw = () => {
    const sorted = [...known].sort((a, b) => (b.changed ?? 0) - (a.changed ?? 0) || a.name.localeCompare(b.name));
    for (const s of sorted) {
      if (!rows.has(s.name)) rows.set(s.name, el("tr"));
      fill(rows.get(s.name)!, s);
    }
    const order = sorted.map((s) => rows.get(s.name)!);
    if (order.length !== body.children.length || order.some((row, i) => row !== body.children[i])) body.replaceChildren(...order);
    empty.hidden = known.length > 0;
    box.hidden = known.length === 0;
  };
  const soon = paced(draw);
  setInterval(soon, 5000); // "3 s ago" goes on
  listen("", status, {
    studies: (list: Summary[]) => {
      known = list;
      status.set("live", list.some((s) => s.running > 0) ? "live, trials are running" : "live, nothing is running");
      soon();
    },
    trouble: (text: string) => status.set("lost", text),
  });
}

// Follows one study and calls `changed` whenever there is anything new.
function follow(name: string, status: Status, changed: (s: Study) => void): void {
  let study: Study | null = null;
  const running = () => {
    if (!study) return;
    const n = study.trials.state.filter((state) => state === 1).length;
    status.set("live", n > 0 ? `live, ${n} ${n === 1 ? "trial is" : "trials are"} running` : "live, nothing is running");
  };
  const told = () => {
    running();
    if (study) changed(study);
  };
  listen(name, status, {
    report: (all: Study) => {
      study = all;
      told();
    },
    trials: (changes: Changes) => {
      if (study) merge(study, changes);
      told();
    },
    found: (rest: Partial<Study>) => {
      if (study) Object.assign(study, rest);
      told();
    },
    trouble: (text: string) => (text ? status.set("lost", text) : running()),
  });
}

function heading(name: string, status: Status): HTMLElement {
  const links = el("nav", { class: "sub", "aria-label": "Studies" }, el("a", { href: address("", []) }, "All studies"), " · ",
    el("a", { href: address("report.html", [name]), download: "report.html" }, "Save as a file"), " · ",
    el("a", { href: address("report.json", [name]), download: "report.json" }, "Data"));
  return el("header", { id: "top" }, links, el("h1", {}, name), status.element);
}

function oneStudy(page: HTMLElement, name: string): void {
  document.title = name;
  const status = new Status(), place = shell(), header = heading(name, status);
  status.set("waiting", "reading the study …");
  place.main.append(header);
  page.replaceChildren(place.main);
  let latest: Study | null = null;
  const draw = paced(() => {
    if (latest) show(latest, place, header, true);
  });
  follow(name, status, (s) => {
    latest = s;
    draw();
  });
}

function twoStudies(page: HTMLElement, names: string[]): void {
  document.title = names.join(" and ");
  const main = el("main"), statuses = names.map((name) => new Status(name)), latest: (Study | null)[] = names.map(() => null);
  const header = el("header", { id: "top" }, el("nav", { class: "sub", "aria-label": "Studies" }, el("a", { href: address("", []) }, "All studies"), ...names.flatMap((n) => [" · ", el("a", { href: address("", [n]) }, n)])),
    el("h1", {}, names.join(" and ")), ...statuses.map((s) => s.element));
  main.append(header);
  page.replaceChildren(main);
  const draw = paced(() => {
    const both = latest.filter((s): s is Study => s !== null);
    if (both.length === names.length) compare(both, main, header);
  });
  names.forEach((name, k) => {
    statuses[k].set("waiting", "reading the study …");
    follow(name, statuses[k], (s) => {
      latest[k] = s;
      draw();
    });
  });
}

export function goLive(page: HTMLElement): void {
  const names = [...new Set(query.getAll("study"))].slice(0, 4);
  if (names.length === 0) studyList(page);
  else if (names.length === 1) oneStudy(page, names[0]);
  else twoStudies(page, names);
}
