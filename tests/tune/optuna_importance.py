"""Writes optuna_importance.h: two studies and what Optuna 5 takes for the importances in them.

usage: optuna_importance.py >optuna_importance.h   (needs optuna 5 and scikit-learn)

Optuna's forest sees parameters without logarithms, choices as one column each, and only parameters that
every trial has; so the study for fANOVA has numbers alone. Its values are the mean over forests of several seeds.
"""

import json
import math

import optuna
from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator

optuna.logging.set_verbosity(optuna.logging.ERROR)


def smooth(trial):
    x = trial.suggest_float("x", -1, 1)
    y = trial.suggest_float("y", 0, 3)
    n = trial.suggest_int("n", 0, 9)
    gate = trial.suggest_int("gate", 0, 1)
    trial.suggest_float("nothing", 0, 1)
    return x * x + 0.3 * y + 0.02 * (n - 4) ** 2 + 0.4 * gate


def mixed(trial):
    lr = trial.suggest_float("lr", 1e-4, 1e-1, log=True)
    width = trial.suggest_int("width", 1, 300, log=True)
    depth = trial.suggest_int("depth", 2, 20, step=3)
    act = trial.suggest_categorical("act", ["relu", "gelu", "tanh"])
    loss = (math.log10(lr) + 2.5) ** 2 + 0.1 * depth + 0.2 * math.log(width)
    if act == "gelu":
        loss += 2 * trial.suggest_float("slope", 0, 1) - 1.2
    return loss - (0.5 if act == "tanh" else 0)


def run(objective, trials, seed):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    study.optimize(objective, n_trials=trials)
    return study


def importances(study, evaluators):
    mean = {}
    for evaluator in evaluators:
        for name, value in optuna.importance.get_param_importances(study, evaluator=evaluator).items():
            mean[name] = mean.get(name, 0) + float(value) / len(evaluators)
    return mean


def rows(study, name):
    print(f"inline const std::vector<OptunaTrial> {name} = {{")
    for trial in study.trials:
        params = ", ".join(f"{{{json.dumps(k)}, {json.dumps(v)}}}" for k, v in trial.params.items())
        print(f"    {{{{{params}}}, {trial.value!r}}},")
    print("};")


def shares(found, name):
    print(f"inline const std::map<std::string, double> {name} = {{")
    print("    " + ",\n    ".join(f"{{{json.dumps(k)}, {v!r}}}" for k, v in found.items()))
    print("};")


print("#pragma once")
print(f"// Optuna {optuna.__version__}'s importances. Made by optuna_importance.py.\n")
print("// clang-format off")
print("#include <map>\n#include <string>\n#include <vector>\n\n#include \"attune/tune/value.h\"\n")
print("namespace attune::tune::test {\n")
print("struct OptunaTrial {\n  Params params;\n  double value;\n};\n")
one = run(smooth, 150, 1)
rows(one, "kSmooth")
shares(importances(one, [FanovaImportanceEvaluator(seed=s) for s in range(10)]), "kSmoothFanova")
shares(importances(one, [PedAnovaImportanceEvaluator()]), "kSmoothPedAnova")
two = run(mixed, 100, 2)
rows(two, "kMixed")
shares(importances(two, [PedAnovaImportanceEvaluator()]), "kMixedPedAnova")
print("\n}  // namespace attune::tune::test")
