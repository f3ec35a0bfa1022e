"""The section of bench/RESULTS.md on how few trials the samplers need: `script/bench --quality`.

Runs attune_quality for the samplers there are, 20 fresh seeds a problem, one process after the
other on one core, and keeps the lines in build/quality/ (a run that is there is not repeated while
the program is the same). Reasons for losses come from notes.md, problem by problem.
"""
import json
import pathlib
import statistics
import subprocess
import sys

import score

HERE = pathlib.Path(__file__).resolve().parent
TITLE = "## How few trials"
SAMPLERS = ["bayesian", "bayesian_plain", "automatic", "tpe", "cmaes", "sobol", "random"]
JUDGED = ["bayesian", "bayesian_plain", "automatic"]  # whose losses are listed
PEER_NOTE = """Seeds {seeds}; regrets and scores as bench/quality/score.py defines them: 0 is random search with 100
trials, 1 three decades better. `attune_NAME_plain` does without the default configuration (the
middle of each range) as first trial. Peers: bench/quality/peers.csv, which names their versions;
fewer seeds. In the tables of regrets, medians, and the number of seeds in brackets.
"""


def run(build, core_run, sampler, seeds, problems):
    """The file of that sampler's lines, made if need be; None when the build has no such sampler."""
    program = build / "attune_quality"
    kept = build.parent / "quality" / f"{sampler}-{'-'.join(problems)}-{seeds}.jsonl"
    if kept.exists() and kept.stat().st_mtime > program.stat().st_mtime:
        return kept
    known = subprocess.run([program, sampler, "0", "1", "-", "branin"], capture_output=True, text=True)
    if known.returncode != 0:
        if "unknown sampler" not in known.stderr:
            sys.exit(f"bench: {known.stderr.strip()}")
        print(f"  {sampler}: not in this build", file=sys.stderr)
        return None
    print(f"  {sampler}, {', '.join(problems)}", file=sys.stderr)
    text = core_run([program, sampler, seeds, "100", HERE / "digits_mlp.csv", *problems])
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(text)
    return kept


def milliseconds(path):
    return statistics.fmean(json.loads(line)["ms_mean"] for line in path.read_text().splitlines())


def notes():
    """Reasons by problem: the paragraphs of notes.md, "problem: reason"."""
    path = HERE / "notes.md"
    if not path.exists():
        return {}
    paragraphs = [" ".join(p.split()) for p in path.read_text().split("\n\n") if ":" in p]
    return {p.split(":", 1)[0].strip(): p.split(":", 1)[1].strip() for p in paragraphs}


def losses(by_budget, names):
    """A line for each problem and sampler that a peer beats, by the geometric mean of regrets."""
    why, lines = notes(), []
    for name in names:
        for problem in score.TEN:
            behind = []
            for budget, rows in by_budget.items():
                mine = next((r.results[problem] for r in rows if r.name == f"attune_{name}"), None)
                peers = {r.name: r.results[problem].mean for r in rows
                         if problem in r.results and not r.name.startswith("attune_")}
                if mine is None or not peers:
                    continue
                best = min(peers, key=peers.get)
                if peers[best] < mine.mean:
                    worse = " (below the median peer)" if mine.mean > statistics.median(peers.values()) else ""
                    behind.append(f"at {budget} {best}, {peers[best]:.2g} against {mine.mean:.2g}{worse}")
            if behind:
                reason = why.get(problem) if name == names[0] else None
                lines.append(f"- `{name}`, {problem}: {'; '.join(behind)}." + (f" {reason}" if reason else ""))
    return "\n".join(lines) if lines else "None.\n"


def section(build, core_run, seeds="100-119"):
    ten = {s: f for s in SAMPLERS if (f := run(build, core_run, s, seeds, ["ten"]))}
    more = {s: f for s in SAMPLERS if (f := run(build, core_run, s, seeds, ["more"]))}
    parts = [TITLE + "\n", PEER_NOTE.format(seeds=seeds)]
    runs, by_budget = score.read_runs(ten.values(), score.read_tables()), {}
    for budget in score.BUDGETS:
        rows = by_budget[budget] = score.summaries(runs, budget, score.TEN)
        parts += [f"### The ten problems after {budget} trials\n", score.regret_table(rows, score.TEN) + "\n",
                  "Log score ± standard error:\n",
                  score.score_table([r for r in rows if r.name.startswith("attune_")], score.TEN) + "\n"]
    parts += ["### Where a peer is ahead\n\nGeometric means of the regrets.\n",
              losses(by_budget, [n for n in JUDGED if n in ten]) + "\n"]
    second = score.read_runs(more.values(), score.read_tables())
    problems = sorted({p for p, _ in second if p not in score.TEN})
    for budget in score.BUDGETS:
        rows = [r for r in score.summaries(second, budget, problems) if r.name.startswith("attune_")]
        parts += [f"### The second set after {budget} trials\n", score.regret_table(rows, problems) + "\n"]
    times = [f"| {name} | {milliseconds(ten[name]):.3f} | {milliseconds(more[name]):.3f} |" for name in ten]
    parts += ["### Time of ask and tell\n\nMilliseconds, the mean over the first 100 trials.\n",
              "\n".join(["| sampler | the ten | the second set |", "|---|---|---|", *times]) + "\n"]
    return "\n".join(parts)


def kept_section(text, title=TITLE):
    """The section of that title as it stands in a RESULTS.md, or nothing."""
    start = text.find(title + "\n")
    if start < 0:
        return ""
    end = text.find("\n## ", start + 1)
    return text[start:] if end < 0 else text[start:end + 1]


def replaced(text, new, title=TITLE):
    """The text with its section replaced, or put at the end."""
    old = kept_section(text, title)
    return text.replace(old, new) if old else text.rstrip("\n") + "\n\n" + new
