"""Optuna and attune on one study: each reads what the other wrote, value for value, and goes on; in a
SQLite file and in a journal.

usage: optuna_interop.py BUILD_FOLDER   (needs optuna 5; `script/test interop` provides it)
"""

import json
import math
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import tempfile

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

optuna.logging.set_verbosity(optuna.logging.ERROR)
DRIVER = os.path.join(sys.argv[1], "optuna_driver")


def driver(*arguments):
    return subprocess.run([DRIVER, *arguments], check=True, capture_output=True, text=True).stdout


def objective(trial):
    lr = trial.suggest_float("lr", 1e-5, 1e-1, log=True)
    keep = trial.suggest_float("keep", 0, 0.9, step=0.3)
    x = trial.suggest_float("x", -1, 1)
    width = trial.suggest_int("width", 1, 1000, log=True)
    depth = trial.suggest_int("depth", 0, 98, step=7)
    trial.suggest_categorical("act", ["relu", "gelu", "tänh"])
    trial.suggest_categorical("mix", [None, True, 2, 1.5, "s"])
    trial.set_constraint("x", x)
    trial.set_constraint("depth", depth - 50)
    trial.set_user_attr("author", "optuna \U0001f600")
    value = math.log10(lr) + keep + x + (width % 7 + depth) / 10
    for step in range(4):
        trial.report(float("nan") if step == 1 else value - step, step)
        if trial.should_prune():
            raise optuna.TrialPruned()
    return float("nan") if trial.number % 10 == 3 else value


def same(a, b):
    if isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b):
        return True
    return type(a) is type(b) and a == b


class SqliteFile:
    """A place for studies, as attune and as Optuna open it."""

    def __init__(self, folder, name):
        self.path = os.path.join(folder, name + ".db")
        self.url = "sqlite:///" + self.path

    def theirs(self):
        return self.url


class Journal:
    def __init__(self, folder, name):
        self.path = os.path.join(folder, name + ".log")
        self.url = "journal:///" + self.path

    def theirs(self):
        return JournalStorage(JournalFileBackend(self.path))


def compare(place):
    """Every trial, as both see it."""
    url = place.url
    study = optuna.load_study(study_name="shared", storage=place.theirs())
    ours = [json.loads(line) for line in driver("show", url).splitlines()]
    assert len(ours) == len(study.trials), (len(ours), len(study.trials))
    for mine, theirs in zip(ours, study.trials):
        where = f"trial {theirs.number}"
        assert mine["number"] == theirs.number, where
        assert mine["state"] == theirs.state.name, where
        assert mine["values"] == (theirs.values or []), where
        assert list(mine["params"]) == list(theirs.params), where
        for name, value in theirs.params.items():
            assert same(mine["params"][name], value), (where, name, mine["params"][name], value)
        assert [int(k) for k in mine["reports"]] == sorted(theirs.intermediate_values), where
        for step, value in mine["reports"].items():
            assert same(value, theirs.intermediate_values[int(step)]), (where, step)
        assert mine["user"] == theirs.user_attrs, where
        assert mine["constraints"] == theirs.constraints, (where, mine["constraints"], theirs.constraints)
        if theirs.duration is not None:
            assert abs(mine["seconds"] - theirs.duration.total_seconds()) < 1e-3, where
    return study


def columns(path):
    """Of Optuna's tables; attune adds some of its own beside them."""
    with sqlite3.connect(path) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table' "
                                               "AND name NOT LIKE 'attune%' ORDER BY name")]
        return {t: db.execute(f"PRAGMA table_info({t})").fetchall() for t in tables}


def work(place, trials):
    study = optuna.load_study(study_name="shared", storage=place.theirs())
    study.optimize(objective, n_trials=trials)


def check(place_of, folder):
    ours, theirs = place_of(folder, "ours"), place_of(folder, "theirs")
    print(f"== {place_of.__name__}")
    driver("run", ours.url, "30")
    optuna.create_study(storage=theirs.theirs())
    if place_of is SqliteFile:
        assert columns(ours.path) == columns(theirs.path), "the tables differ"
    study = compare(ours)
    assert study.direction.name == "MAXIMIZE"
    print("Optuna reads 30 trials of attune's")

    study.enqueue_trial({"lr": 0.01, "mix": None})
    study.optimize(objective, n_trials=15)
    compare(ours)
    driver("run", ours.url, "10")
    study = compare(ours)
    assert len(study.trials) == 55
    print("each goes on with the other's study")

    for k in range(20):
        study.enqueue_trial({"x": k / 20})
    workers = [multiprocessing.Process(target=work, args=(ours, 15)) for _ in range(2)]
    for worker in workers:
        worker.start()
    driver("run", ours.url, "30")
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    study = compare(ours)
    assert [t.number for t in study.trials] == list(range(len(study.trials)))
    assert all(t.state.is_finished() for t in study.trials)
    assert len(study.trials) == 115, len(study.trials)  # 55, then 60, 20 of them queued: none twice
    print("three workers at once, of both kinds: no number, no queued trial taken twice")

    study = optuna.create_study(study_name="shared", storage=theirs.theirs(), direction="maximize")
    study.optimize(objective, n_trials=12)
    study.add_trial(study.trials[0])
    driver("run", theirs.url, "8")
    assert len(compare(theirs).trials) == 21
    print("attune goes on with a study of Optuna's")


def main():
    for place_of in (SqliteFile, Journal):
        with tempfile.TemporaryDirectory() as folder:
            check(place_of, folder)


if __name__ == "__main__":
    main()
