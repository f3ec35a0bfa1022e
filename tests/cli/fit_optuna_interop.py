"""A study written by `attune fit`: Optuna reads it, value for value, and goes on; then attune goes on.

usage: fit_optuna_interop.py BUILD_FOLDER   (needs optuna 5; `script/test interop` provides it)
"""

import json
import os
import subprocess
import sys
import tempfile

import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)
ATTUNE = os.path.abspath(os.path.join(sys.argv[1], "attune"))
DIGITS = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../examples/data/digits.csv"))


def attune(folder, *arguments):
    command = [ATTUNE, *arguments, "--storage", "sqlite:///fit.db", "--json"]
    result = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return json.loads(result.stdout)


def fit(folder, trials):
    return attune(folder, "fit", DIGITS, "--target", "digit", "--study", "digits", "--jobs", "2",
                  "--trials", str(trials), "--quiet")


def compare(folder, study):
    """Every trial, as both see it; exact equality, types too."""
    ours = attune(folder, "trials", "digits")
    assert len(ours) == len(study.trials), (len(ours), len(study.trials))
    for mine, theirs in zip(ours, study.trials):
        where = f"trial {theirs.number}"
        assert mine["number"] == theirs.number, where
        assert mine["state"] == {"COMPLETE": "complete", "PRUNED": "pruned"}[theirs.state.name], where
        assert mine["value"] == theirs.value, (where, mine["value"], theirs.value)
        assert list(mine["params"].items()) == list(theirs.params.items()), where
        assert [type(v) for v in mine["params"].values()] == [type(v) for v in theirs.params.values()], where
        assert dict(map(tuple, mine["intermediate"])) == theirs.intermediate_values, where
        assert len(theirs.intermediate_values) > 0, where
        assert mine["user"] == theirs.user_attrs, where
        for name, distribution in theirs.distributions.items():
            assert distribution._contains(distribution.to_internal_repr(theirs.params[name])), (where, name)


def main():
    with tempfile.TemporaryDirectory() as folder:
        first = fit(folder, 15)
        study = optuna.load_study(study_name="digits", storage=f"sqlite:///{folder}/fit.db")
        assert study.direction.name == "MAXIMIZE"
        assert len(study.trials) == 15
        compare(folder, study)
        best = study.best_trial
        assert (best.number, best.params) == (first["best"]["number"], first["best"]["params"])
        assert best.value == first["validation"]
        print("Optuna reads a study of `attune fit`, 15 trials")

        space = best.distributions
        for k in range(10):
            trial = study.ask(space)
            assert trial.number == 15 + k
            for step in range(5):
                trial.report(0.05 * step, step)
            study.tell(trial, 0.1 + 0.01 * k)
        compare(folder, study)
        print("Optuna goes on with it, 10 trials, and attune reads them")

        again = fit(folder, 30)
        assert again["trials"] == 30
        study = optuna.load_study(study_name="digits", storage=f"sqlite:///{folder}/fit.db")
        compare(folder, study)
        assert [t.number for t in study.trials] == list(range(30))
        assert study.best_trial.number == again["best"]["number"]
        assert study.best_value == again["validation"] >= first["validation"]
        print("attune goes on with that, 5 trials more, and Optuna reads them")


if __name__ == "__main__":
    main()
