#!/usr/bin/env python3
"""attune fit beside scikit-learn on tables: python3 bench/tables/compare.py ATTUNE.

Each table is divided into 60, 20 and 20 of 100 rows, the same for all. Everything may train on the
first two parts and choose by the second; attune fit gets them as one table with --test 0, and so
never sees the third. scikit-learn's scores are computed once and kept in rivals.csv; --rivals
computes those that are not there. One thread each; seconds are of the processor.
"""
import argparse
import csv
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
import numpy as np  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import tables  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
FIELDS = ["table", "seed", "model", "score", "seconds"]


def score(truth, predicted, classes):
    """Accuracy, or R^2."""
    if classes:
        return float(np.mean([str(a) == str(b) for a, b in zip(truth, predicted)]))
    truth, predicted = np.asarray(truth, float), np.asarray(predicted, float)
    return float(1 - ((truth - predicted) ** 2).sum() / ((truth - truth.mean()) ** 2).sum())


def read(path):
    if not path.exists():
        return []
    with open(path) as file:
        return [{**row, "seed": int(row["seed"]), "score": float(row["score"]), "seconds": float(row["seconds"])}
                for row in csv.DictReader(file)]


def append(path, row):
    new = not path.exists()
    with open(path, "a") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)


def row_of(name, seed, model, score, seconds):
    return {"table": name, "seed": seed, "model": model, "score": f"{score:.5f}", "seconds": f"{seconds:.2f}"}


def run_rival(model, name, seed):
    import rivals

    frame, target, classes = tables.load(name)
    train, validation, test = tables.parts(frame, target, classes, seed)
    known = np.concatenate([train, validation])
    fold = np.concatenate([np.full(len(train), -1), np.zeros(len(validation))])
    inputs = frame.drop(columns=[target])
    for column in inputs.columns:  # a date is the day of the epoch and of the year
        if inputs[column].dtype.kind == "M":
            days = inputs[column]
            inputs[column] = days.astype("int64") / 864e11
            inputs[column + " of the year"] = days.dt.dayofyear
    labels = frame[target].astype(str) if classes else frame[target].astype(float)
    began = time.process_time()
    kind = labels.nunique() if classes else 0
    fitted = rivals.make(model, inputs, kind, seed, fold).fit(inputs.iloc[known], labels.iloc[known])
    seconds = time.process_time() - began
    return score(labels.iloc[test], fitted.predict(inputs.iloc[test]), classes), seconds


def run_attune(command, options, name, seed):
    frame, target, classes = tables.load(name)
    train, validation, test = tables.parts(frame, target, classes, seed)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        frame.iloc[np.sort(np.concatenate([train, validation]))].to_csv(folder / "known.csv", index=False)
        frame.iloc[test].drop(columns=[target]).to_csv(folder / "test.csv", index=False)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        fitted = subprocess.run(
            [command, "fit", "known.csv", "--target", target, "--validation", "0.25", "--test", "0",
             "--trials", "50", "--seed", str(seed), "--json", "--quiet",
             "--task", "classification" if classes else "regression", *options],
            cwd=folder, capture_output=True, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if fitted.returncode:
            sys.exit(f"attune fit, {name}: {fitted.stderr}")
        said = subprocess.run(
            [command, "predict", "model.safetensors", "test.csv", "--out", "said.csv"],
            cwd=folder, capture_output=True, text=True)
        if said.returncode:
            sys.exit(f"attune predict, {name}: {said.stderr}")
        with open(folder / "said.csv") as file:
            predicted = [row[target + "_predicted"] for row in csv.DictReader(file)]
    truth = frame[target].iloc[test]
    if classes and truth.dtype.kind == "f":  # attune's classes are the file's texts
        truth, predicted = truth.map(float), [float(p) for p in predicted]
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return score(truth, predicted, classes), seconds, json.loads(fitted.stdout)


def summary(rows, names, models):
    """Mean and standard error by table, then the differences that are behind."""
    found = {(r["table"], r["model"], r["seed"]): r for r in rows}
    lines = ["| table | " + " | ".join(models) + " | attune - best | two standard errors |",
             "|---" * (len(models) + 3) + "|"]
    totals = {model: [] for model in models}
    for name in names:
        cells, means = [], {}
        for model in models:
            mine = [r for (t, m, _), r in found.items() if t == name and m == model]
            if not mine:
                cells.append("")
                continue
            scores = [r["score"] for r in mine]
            means[model] = np.mean(scores)
            totals[model].append(means[model])
            cells.append(f"{means[model]:.4f} ({np.mean([r['seconds'] for r in mine]):.1f})")
        others = [m for m in means if m != "attune" and
                  len([s for (t, k, s) in found if (t, k) == (name, m)]) >= 3]
        if "attune" in means and others:
            best = max(others, key=means.get)
            seeds = [s for (t, m, s) in found if t == name and m == "attune" and (t, best, s) in found]
            off = [found[name, "attune", s]["score"] - found[name, best, s]["score"] for s in seeds]
            error = 2 * np.std(off, ddof=1) / np.sqrt(len(off)) if len(off) > 1 else np.nan
            mark = " behind" if np.mean(off) < -error else ""
            cells += [f"{np.mean(off):+.4f} ({best})", f"{error:.4f}{mark}"]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines.append("| mean | " + " | ".join(f"{np.mean(totals[m]):.4f}" if len(totals[m]) == len(names) else ""
                                          for m in models) + " | | |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("attune", nargs="?", help="the command; without it the rivals only")
    parser.add_argument("--set", default="main", choices=["main", "others"])
    parser.add_argument("--tables", default="", help="of the set: a,b")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rivals", default="", help="compute these where they are not kept: forest,boosting or all")
    parser.add_argument("--options", default="", help="further options of attune fit")
    parser.add_argument("--keep", help="a CSV file for attune's scores; those that it has are not computed again")
    arguments = parser.parse_args()
    import rivals

    names = arguments.tables.split(",") if arguments.tables else list(
        tables.MAIN if arguments.set == "main" else tables.OTHERS)
    wanted = rivals.NAMES if arguments.rivals == "all" else [m for m in arguments.rivals.split(",") if m]
    kept = read(HERE / "rivals.csv")
    for model in wanted:
        for seed in range(arguments.seeds):
            for name in names:
                if not any((r["table"], r["seed"], r["model"]) == (name, seed, model) for r in kept):
                    append(HERE / "rivals.csv", row_of(name, seed, model, *run_rival(model, name, seed)))
    rows = [r for r in read(HERE / "rivals.csv") if r["seed"] < arguments.seeds]
    if arguments.attune:
        own = pathlib.Path(arguments.keep) if arguments.keep else None
        mine = read(own) if own else []
        for seed in range(arguments.seeds):
            for name in names:
                if any((r["table"], r["seed"]) == (name, seed) for r in mine):
                    continue
                found, seconds, _ = run_attune(os.path.abspath(arguments.attune), arguments.options.split(), name, seed)
                row = row_of(name, seed, "attune", found, seconds)
                if own:
                    append(own, row)
                mine.append({**row, "score": found, "seconds": seconds})
        rows += [r for r in mine if r["seed"] < arguments.seeds]
    print(summary(rows, names, (["attune"] if arguments.attune else []) + rivals.NAMES))


if __name__ == "__main__":
    main()
