"""What a whole trial of five floats costs in Optuna and Rustuna, in memory: ask, suggest, tell."""
import json
import time

import optuna
import rustuna

optuna.logging.set_verbosity(optuna.logging.ERROR)


def objective(trial):
    return sum((trial.suggest_float(f"x{i}", 0, 1) - 0.3) ** 2 for i in range(5))


def emit(library, name, trials, sampler):
    study = library.create_study(sampler=sampler)
    start = time.perf_counter()
    study.optimize(objective, n_trials=trials)
    us = (time.perf_counter() - start) / trials * 1e6
    print(json.dumps({"name": f"{name}, {trials} trials", "framework": library.__name__, "us": us}))


for trials in (100, 1000):
    emit(optuna, "random", trials, optuna.samplers.RandomSampler(seed=1))
    emit(rustuna, "random", trials, rustuna.samplers.RandomSampler())
    emit(optuna, "TPE", trials, optuna.samplers.TPESampler(seed=1))
    emit(rustuna, "TPE", trials, rustuna.samplers.TPESampler())
emit(optuna, "Gaussian process", 100, optuna.samplers.GPSampler(seed=1))
