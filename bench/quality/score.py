#!/usr/bin/env python3
"""Scores the JSON lines that attune_quality writes, beside the peers and against random search.

  score.py RUNS.jsonl ... [--set ten|more] [--at 30,50,100] [--problems a,b] [--no-peers]
  score.py --compare BEFORE.jsonl AFTER.jsonl      the same seeds, paired
  score.py --table random RUNS.jsonl               a table of regrets, as more_random.csv

Regret: the true value of the incumbent (best observed) less the optimum. The log score of a run is
log10(random search's median regret after 100 trials / regret) / 3, between -1 and 1: 0 as good as
that, 1 three decades better or at the optimum. Ranks go by the geometric mean of the regrets, none
counted below a thousandth of random's median, among the peers and the optimizer itself. Standard errors are over seeds, problems being fixed.
Random search is that of peers.csv (50 seeds, the ten) and more_random.csv (the second set).
"""
import argparse
import collections
import csv
import json
import math
import pathlib
import statistics
import sys

HERE = pathlib.Path(__file__).resolve().parent
BUDGETS = (30, 50, 100)
TEN = "branin hartmann6 ackley5 rosenbrock5 levy8 sphere10 noisy_h6 mlp_toy branches digits_mlp".split()


def read_tables(paths=(HERE / "peers.csv", HERE / "more_random.csv")):
    """Tables of regrets: {(problem, optimizer): {seed: {budget: regret}}}."""
    runs = collections.defaultdict(dict)
    for path in paths:
        if not path.exists():
            continue
        with open(path, newline="") as file:
            for row in csv.DictReader(line for line in file if not line.startswith("#")):
                curve = {b: float(row[f"at_{b}"]) for b in BUDGETS if row[f"at_{b}"]}
                runs[row["problem"], row["optimizer"]][int(row["seed"])] = curve
    return runs


def read_runs(paths, runs=None):
    """JSON lines of attune_quality (or of the peers' runner); a longer run of a seed wins."""
    runs = collections.defaultdict(dict) if runs is None else runs
    for path in paths:
        for number, line in enumerate(open(path), 1):
            try:
                run = json.loads(line)
                curve = {int(b): max(v - run["opt_value"], 0.0) for b, v in run["curve"].items()}
            except (ValueError, KeyError, TypeError) as error:
                sys.exit(f"score: {path}:{number}: no line of attune_quality: {error!r}")
            seeds = runs[run["problem"], run["opt"]]
            if len(curve) >= len(seeds.get(run["seed"], {})):
                seeds[run["seed"]] = curve
    return runs


def baseline(runs, problem):
    regrets = [curve[100] for curve in runs.get((problem, "random"), {}).values() if 100 in curve]
    if not regrets:
        sys.exit(f"score: no runs of random search on {problem}: add them by score.py --table random")
    return statistics.median(regrets)


def log_score(base, regret):
    return max(-1.0, min(1.0, math.log10(base / regret) / 3)) if regret > 0 else 1.0


def standard_error(values):
    return statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0


class Result:
    """An optimizer on one problem after one budget."""

    def __init__(self, regrets, base):
        self.median = statistics.median(regrets)
        self.mean = math.exp(statistics.fmean(math.log(max(r, 1e-3 * base, 1e-300)) for r in regrets))
        self.logs = [log_score(base, r) for r in regrets]
        self.score, self.error = statistics.fmean(self.logs), standard_error(self.logs)


class Summary:
    """An optimizer on all problems after one budget."""

    def __init__(self, name, results, ranks):
        self.name, self.results, self.ranks = name, results, ranks
        self.score = statistics.fmean(r.score for r in results.values())
        self.error = math.sqrt(sum(r.error**2 for r in results.values())) / len(results)
        self.rank = statistics.fmean(ranks.values())


def summaries(runs, budget, problems, min_seeds=3):
    """One Summary per optimizer with enough seeds, the best score first."""
    found = collections.defaultdict(dict)
    for problem in problems:
        base = baseline(runs, problem)
        for (other, name), seeds in runs.items():
            regrets = [curve[budget] for curve in seeds.values() if budget in curve]
            if other == problem and len(regrets) >= min_seeds:
                found[name][problem] = Result(regrets, base)
    result = []
    for name, row in found.items():
        ranks = {}
        for problem, mine in row.items():
            others = [other[problem].mean for rival, other in found.items() if problem in other and
                      (rival == name or not rival.startswith("attune_"))]  # the peers and itself
            better = sum(v < mine.mean - 1e-15 for v in others)
            equal = sum(abs(v - mine.mean) <= 1e-15 for v in others) - 1  # beside itself
            ranks[problem] = 1 + better + equal / 2
        result.append(Summary(name, row, ranks))
    return sorted(result, key=lambda s: -s.score)


def regret_table(rows, problems):
    head = ["optimizer", "problems", "log score ± SE", "mean rank", *problems]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        cells = [f"{row.results[p].median:.2g} ({len(row.results[p].logs)})" if p in row.results else ""
                 for p in problems]
        lines.append("| " + " | ".join([row.name, str(len(row.results)), f"{row.score:.3f} ± {row.error:.3f}",
                                        f"{row.rank:.1f}", *cells]) + " |")
    return "\n".join(lines)


def score_table(rows, problems):
    """Log scores with standard errors, problem by problem."""
    lines = ["| problem | " + " | ".join(row.name for row in rows) + " |", "|" + "---|" * (len(rows) + 1)]
    for problem in problems:
        cells = [f"{r.score:.2f} ± {r.error:.2f}" if (r := row.results.get(problem)) else "" for row in rows]
        lines.append(f"| {problem} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def compare(before, after, runs, budgets):
    """Prints after - before in log score: pairs of the same optimizer, problem and seed."""
    old, new = read_runs([before]), read_runs([after])
    names = {name for _, name in old} | {name for _, name in new}
    alone = len({n for _, n in old}) == len({n for _, n in new}) == 1 and len(names) == 2
    for budget in budgets:
        print(f"\n### After {budget} trials: {after} less {before}\n")
        print("| optimizer | problem | pairs | before | after | difference ± SE |\n|---|---|---|---|---|---|")
        totals = collections.defaultdict(list)
        for (problem, name), seeds in sorted(new.items()):
            partner = next((n for p, n in old if p == problem), name) if alone else name
            pairs = [(seeds[s][budget], old[problem, partner][s][budget])
                     for s in sorted(seeds) if budget in seeds[s] and
                     budget in old.get((problem, partner), {}).get(s, {})]
            if not pairs:
                continue
            base = baseline(runs, problem)
            scores = [(log_score(base, b), log_score(base, a)) for a, b in pairs]
            gain = [a - b for b, a in scores]
            means = [statistics.fmean(column) for column in zip(*scores)]
            totals[name].append((statistics.fmean(gain), standard_error(gain), *means))
            print(f"| {name} | {problem} | {len(gain)} | {means[0]:.3f} | {means[1]:.3f} | "
                  f"{totals[name][-1][0]:+.3f} ± {totals[name][-1][1]:.3f} |")
        for name, rows in totals.items():
            mean, before_mean, after_mean = (statistics.fmean(r[k] for r in rows) for k in (0, 2, 3))
            error = math.sqrt(sum(r[1] ** 2 for r in rows)) / len(rows)
            print(f"| {name} | all {len(rows)} | | {before_mean:.3f} | {after_mean:.3f} | "
                  f"{mean:+.3f} ± {error:.3f} |")


def print_table(paths, rename=None):
    """Regrets to four digits, as read_tables() reads them."""
    print("optimizer,problem,seed," + ",".join(f"at_{b}" for b in BUDGETS))
    for (problem, name), seeds in sorted(read_runs(paths).items(), key=lambda item: item[0][::-1]):
        for seed, curve in sorted(seeds.items()):
            cells = [f"{curve[b]:.4g}" if b in curve else "" for b in BUDGETS]
            print(",".join([rename or name, problem, str(seed), *cells]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--at", default=",".join(map(str, BUDGETS)))
    parser.add_argument("--set", choices=["ten", "more"], help="only these problems (default: all that were run)")
    parser.add_argument("--problems")
    parser.add_argument("--min-seeds", type=int, default=3)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("--table", metavar="NAME")
    args = parser.parse_args()
    if args.table:
        return print_table(args.files, None if args.table == "-" else args.table)
    budgets, runs = [int(b) for b in args.at.split(",")], read_tables()
    if args.compare:
        if len(args.files) != 2:
            sys.exit("score: --compare takes two files")
        return compare(*args.files, runs, budgets)
    ours = read_runs(args.files)
    problems = args.problems.split(",") if args.problems else sorted({p for p, _ in ours})
    if args.set:
        problems = [p for p in problems if (p in TEN) == (args.set == "ten")]
    if args.no_peers:
        runs = collections.defaultdict(dict, {k: v for k, v in runs.items() if k[1] == "random"})
    for key, seeds in ours.items():
        runs[key] = seeds
    for budget in budgets:
        rows = summaries(runs, budget, problems, args.min_seeds)
        print(f"\n### After {budget} trials\n\n{regret_table(rows, problems)}\n")
        print(score_table([r for r in rows if any((p, r.name) in ours for p in problems)], problems))


if __name__ == "__main__":
    main()
