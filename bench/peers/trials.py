"""What a whole trial of five floats costs in Optuna and Rustuna, in memory: ask, suggest, tell.

Whole studies: the mean over all their trials, as attune_bench's trials/ rows. "after N": the trials
that follow after N finished ones, given values from outside, as its trials_after/ rows.
trials.py [LARGEST]: leaves out counts above LARGEST.
"""
import json
import random
import sys
import time

import optuna

try:
    import rustuna
except ImportError:
    rustuna = None

try:
    import torch
except ImportError:
    torch = None  # Optuna's Gaussian process needs it: no rows of it then

optuna.logging.set_verbosity(optuna.logging.ERROR)
LARGEST = int(sys.argv[1]) if len(sys.argv) > 1 else 10**9
FLOATS = [f"x{i}" for i in range(5)]


def objective(trial):
    return sum((trial.suggest_float(name, 0, 1) - 0.3) ** 2 for name in FLOATS)


def emit(library, name, us):
    print(json.dumps({"name": name, "framework": library.__name__, "us": us}), flush=True)


def timed(study, trials):
    start = time.perf_counter()
    study.optimize(objective, n_trials=trials)
    return (time.perf_counter() - start) / trials * 1e6


def whole(library, name, trials, make):
    if library is not None and trials <= LARGEST:
        library.create_study(sampler=make()).optimize(objective, n_trials=15)  # imports what is lazy
        emit(library, f"{name}, {trials} trials", timed(library.create_study(sampler=make()), trials))


def after(name, finished, make, trials=10):
    if finished > LARGEST:
        return
    draw = random.Random(2)
    ranges = {n: optuna.distributions.FloatDistribution(0, 1) for n in FLOATS}
    study = optuna.create_study(sampler=make())
    for _ in range(finished):
        params = {n: draw.random() for n in FLOATS}
        value = sum((x - 0.3) ** 2 for x in params.values())
        study.add_trial(optuna.trial.create_trial(params=params, distributions=ranges, value=value))
    study.optimize(objective, n_trials=1)
    emit(optuna, f"{name}, after {finished}", timed(study, trials))


def random_sampler():
    return optuna.samplers.RandomSampler(seed=1)


def tpe():
    return optuna.samplers.TPESampler(seed=1)


def cmaes():
    return optuna.samplers.CmaEsSampler(seed=1)


def gp():
    return optuna.samplers.GPSampler(seed=1)


for count in (100, 1000):
    whole(optuna, "random", count, random_sampler)
    whole(optuna, "TPE", count, tpe)
    whole(optuna, "CMA-ES", count, cmaes)
    for title, kind in (("random", "RandomSampler"), ("TPE", "TPESampler"), ("CMA-ES", "CmaEsSampler")):
        if rustuna is not None and hasattr(rustuna.samplers, kind):
            whole(rustuna, title, count, getattr(rustuna.samplers, kind))
if torch is not None:
    torch.set_num_threads(1)
    whole(optuna, "Gaussian process", 100, gp)
    after("Gaussian process", 100, gp)
    after("Gaussian process", 300, gp)
    after("Gaussian process", 1000, gp, trials=3)
after("TPE", 1000, tpe)
after("CMA-ES", 1000, cmaes)
after("random", 100_000, random_sampler)
after("TPE", 100_000, tpe, trials=3)
after("CMA-ES", 100_000, cmaes, trials=3)
if rustuna is not None:
    whole(rustuna, "random", 100_000, rustuna.samplers.RandomSampler)
