"""Optuna's samplers on the problems of bench/quality/multi_objective.h: the same JSON lines.

usage: hypervolume.py SAMPLER SEEDS TRIALS [PROBLEM ...]     hypervolume.py nsga2 0-9 200 zdt1_8
SAMPLER: nsga2, nsga3, tpe, random, gp (needs PyTorch too), each as Optuna ships it.
"""

import json
import math
import sys
import time
import warnings

import numpy as np
import optuna
from optuna._hypervolume import compute_hypervolume

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.filterwarnings("ignore")

SAMPLERS = {
    "nsga2": optuna.samplers.NSGAIISampler,
    "nsga3": optuna.samplers.NSGAIIISampler,
    "tpe": optuna.samplers.TPESampler,
    "random": optuna.samplers.RandomSampler,
    "gp": optuna.samplers.GPSampler,
}
CHECKPOINTS = (50, 100, 150, 200)


def zdt(which, x):
    g = 1 + 9 * sum(x[1:]) / (len(x) - 1)
    ratio = x[0] / g
    h = 1 - ratio**2 if which == 2 else 1 - math.sqrt(ratio)
    if which == 3:
        h -= ratio * math.sin(10 * math.pi * x[0])
    return x[0], g * h


def dtlz2(x):
    g = sum((v - 0.5) ** 2 for v in x[2:])
    a, b = x[0] * math.pi / 2, x[1] * math.pi / 2
    return (
        (1 + g) * math.cos(a) * math.cos(b),
        (1 + g) * math.cos(a) * math.sin(b),
        (1 + g) * math.sin(a),
    )


def problems():
    for suffix, zdt_dims, dtlz_dims in (("", 30, 12), ("_8", 8, 8)):
        for which in (1, 2, 3):
            yield f"zdt{which}{suffix}", zdt_dims, lambda x, which=which: zdt(which, x), [11, 11]
        yield f"dtlz2{suffix}", dtlz_dims, dtlz2, [1.1, 1.1, 1.1]


def hypervolume(points, reference):
    below = [p for p in points if all(a < b for a, b in zip(p, reference))]
    return float(compute_hypervolume(np.array(below), np.array(reference, float))) if below else 0.0


def run(sampler, seed, trials, name, dims, value, reference):
    study = optuna.create_study(directions=["minimize"] * len(reference), sampler=SAMPLERS[sampler](seed=seed))
    seen, milliseconds, curve = [], [], {}
    for count in range(1, trials + 1):
        start = time.perf_counter()
        trial = study.ask()
        x = [trial.suggest_float(f"x{i}", 0, 1) for i in range(dims)]
        milliseconds.append(1000 * (time.perf_counter() - start))
        seen.append(value(x))
        study.tell(trial, seen[-1])
        if count in CHECKPOINTS:
            curve[str(count)] = hypervolume(seen, reference)
    around = sorted(milliseconds[95:105])
    return {
        "problem": name,
        "opt": f"optuna_{sampler}",
        "seed": seed,
        "n": trials,
        "curve": curve,
        "ms100": round(around[len(around) // 2], 3) if around else None,
        "ms_mean": round(sum(milliseconds) / len(milliseconds), 3),
    }


def main():
    sampler, seeds, trials, *wanted = sys.argv[1:]
    first, _, last = seeds.partition("-")
    for seed in range(int(first), int(last or first) + 1):
        for name, dims, value, reference in problems():
            if not wanted or name in wanted:
                print(json.dumps(run(sampler, seed, int(trials), name, dims, value, reference)), flush=True)


if __name__ == "__main__":
    main()
