#!/usr/bin/env python3
"""Runs the benchmarks and writes bench/RESULTS.md.

Every comparison alternates the programs compared, on one pinned core with one thread each, and is
given as the ratio attune / other: the median over the rounds, and the smallest and largest in
brackets. Below 1 attune is faster. script/bench builds the programs and calls this.
"""
import argparse
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench/quality"))
import report  # noqa: E402
STEPS = {  # name: batch and layer sizes
    "64-128-10, 16": [16, 64, 128, 10],
    "64-128-10, 64": [64, 64, 128, 10],
    "64-128-10, 256": [256, 64, 128, 10],
    "64-64-64-64-10, 64": [64, 64, 64, 64, 64, 10],
    "784-128-10, 64": [64, 784, 128, 10],
    "784-512-512-10, 128": [128, 784, 512, 512, 10],
}
PEERS = "## Beside its peers"
TRIALS = "## Whole trials"
NETS = "## Other networks"
WHAT_NETS = ["tiny", "lenet", "cnn", "lstm", "gru", "attention", "layer_norm"]  # bench/nets.cpp
CAPPED = {"avx2": {"OPENBLAS_CORETYPE": "Haswell"}}  # what keeps OpenBLAS to a target
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def run(command, core, env={}):
    """Runs a program pinned to one core; returns its output."""
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, env={**os.environ, **ONE_THREAD, **env},
        preexec_fn=lambda: os.sched_setaffinity(0, {core}))
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(map(str, command))} failed:\n{done.stderr.strip()}")
    return done.stdout


def json_lines(text):
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def spread(values, digits=2):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows]) + "\n"


def step_section(build, python, core, rounds, target=None):
    """Training steps: attune, the floor, and the peers whose environment is there."""
    peers = ["torch", "jax", "numpy"] if python else []
    step, hand = [build / "attune_step"], [build / "attune_floor"]
    if target:
        step, hand = step + ["--target", target], [build / f"attune_floor_{target}"]
    rows = []
    for name, sizes in STEPS.items():
        ours, floor, theirs = [], [], {peer: [] for peer in peers}
        for _ in range(rounds):
            ours.append(json_lines(run([*step, *sizes], core))[0]["step_us"])
            floor.append(json_lines(run([*hand, *sizes], core, CAPPED.get(target, {})))[0]["step_us"])
            for peer in peers:
                out = run([python, ROOT / "bench/peers/steps.py", peer, *sizes], core)
                theirs[peer].append(json_lines(out)[0]["step_us"])
        ratio = [a / b for a, b in zip(ours, floor)]
        row = [name, f"{statistics.median(ours):.1f}", f"{statistics.median(floor):.1f}", spread(ratio)]
        row += [spread([a / b for a, b in zip(ours, theirs[peer])]) for peer in peers]
        rows.append(row)
        print("  " + ", ".join(row), file=sys.stderr)
    head = ["perceptron, batch", "attune, us", "floor, us", "attune / floor"]
    return table(head + [f"attune / {peer}" for peer in peers], rows)


def rows_section(build, core, only):
    """The Google Benchmark rows: median and spread over repetitions."""
    command = [build / "attune_bench", "--benchmark_format=json", "--benchmark_repetitions=5",
               "--benchmark_min_time=0.05", f"--benchmark_filter={only}"]
    found = {}
    for row in json.loads(run(command, core))["benchmarks"]:
        if row.get("run_type") == "iteration":
            found.setdefault(row["run_name"], []).append(row)
    rows = []
    for name, runs in found.items():
        trial = [r["s/trial"] for r in runs if "s/trial" in r]
        scale = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}[runs[0]["time_unit"]]
        ns = [t * 1e9 for t in trial] or [r["cpu_time"] * scale for r in runs]
        unit, by = ("ns", 1) if min(ns) < 1e4 else ("us", 1e3) if min(ns) < 1e7 else ("ms", 1e6)
        extra = ""
        if "GFLOP/s" in runs[0]:
            extra = f"{statistics.median(r['GFLOP/s'] for r in runs):.0f} GFLOP/s"
        rows.append([name.replace("|", "/"), spread([n / by for n in ns], 1) + " " + unit, extra])
    return table(["row", "time per call (per trial in trials)", ""], rows)


def product_section(build, core, target=None):
    """The products of those networks, attune and OpenBLAS by turns in one program."""
    command = [build / "attune_gemm", *(["--target", target] if target else [])]
    rows = [[r["product"], f"{r['us']:.2f}", f"{r['openblas_us']:.2f}", f"{r['gflops']:.0f}",
             f"{r['openblas_gflops']:.0f}", f"{r['ratio']:.2f} ({r['median_ratio']:.2f})"]
            for r in json_lines(run(command, core))]
    return table(["m x n x k, transposed factors", "attune, us", "OpenBLAS, us", "attune, GFLOP/s",
                  "OpenBLAS, GFLOP/s", "attune / OpenBLAS, shortest (median)"], rows)


def nets_section(build, python, core, rounds):
    """Networks with convolutions, recurrence and attention, beside PyTorch's ways of running them."""
    peers = ["eager", "channels_last", "compile"] if python else []
    rows = []
    for net in WHAT_NETS:
        ours, theirs = [], {peer: [] for peer in peers}
        for _ in range(rounds):
            ours.append(json_lines(run([build / "attune_nets", net], core))[0]["step_us"])
            for peer in peers:
                if peer != "channels_last" or net in ("lenet", "cnn"):
                    out = run([python, ROOT / "bench/peers/nets.py", peer, net], core)
                    theirs[peer].append(json_lines(out)[0]["step_us"])
        ratios = [spread([a / b for a, b in zip(ours, theirs[peer])]) if theirs[peer] else "" for peer in peers]
        rows.append([net, spread(ours, 1), *ratios])
        print("  " + ", ".join(rows[-1]), file=sys.stderr)
    head = ["network", "attune, us", *(f"attune / PyTorch {peer}" for peer in peers)]
    return (f"{NETS}\n\n{datetime.date.today()}, {machine()}. Forward, loss, backward and Adam on one batch in "
            "memory, f32, one pinned core; the networks are in bench/nets.cpp.\n\n" + table(head, rows) + "\n")


def target_section(build, core, rounds, target):
    return (f"{target_title(target)}\n\n{datetime.date.today()}, {machine()}. attune, the loops by hand and "
            f"OpenBLAS all keep to {target.upper()}.\n\n" + step_section(build, None, core, rounds, target) +
            "\n" + product_section(build, core, target) + "\n")


def target_title(target):
    return f"## Steps and products with {target.upper()}"


def peer_section(python, core, script, title):
    rows = [[r["name"], r["framework"], f"{r['us']:.2f} us"]
            for r in json_lines(run([python, ROOT / "bench/peers" / script], core))]
    return f"\n{title}\n\n" + table(["what", "by", "time"], rows)


def trials_section(build, python, core):
    text = (f"{TRIALS}\n\n{datetime.date.today()}, {machine()}. Ask, five floats, tell, in memory. "
            "`trials/NAME/N`: the mean over a study of N; `trials_after/NAME/N`: the 20 after N finished "
            "ones.\n\n" + rows_section(build, core, "^trials"))
    return text + (peer_section(python, core, "trials.py", "The same elsewhere:") if python else "") + "\n"


def titles(text):
    return [line for line in text.splitlines() if line.startswith("## ")]


def machine():
    model = "unknown processor"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return f"{model}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="build folder with the programs")
    parser.add_argument("--peers", action="store_true", help="also run the other libraries")
    parser.add_argument("--quality", action="store_true",
                        help="only the section on how few trials the samplers need")
    parser.add_argument("--trials", action="store_true", help="only the section on whole trials")
    parser.add_argument("--nets", action="store_true", help="only the section on other networks")
    parser.add_argument("--target", choices=CAPPED, help="only the section on an older instruction set")
    parser.add_argument("--seeds", default="100-119", help="of --quality")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "bench/RESULTS.md")
    args = parser.parse_args()
    python = ROOT / ".env/peers/bin/python" if args.peers else None
    if python and not python.exists():
        sys.exit("bench: the peers are not installed; script/bench --peers installs them")
    build = args.build.resolve()

    before = args.output.read_text() if args.output.exists() else "# Results\n"
    if args.quality:
        new = report.section(build, lambda command: run(command, args.core), args.seeds)
        args.output.write_text(report.replaced(before, new))
        return
    if args.trials:
        args.output.write_text(
            report.replaced(before, trials_section(build, python, args.core), TRIALS))
        return
    if args.nets:
        args.output.write_text(
            report.replaced(before, nets_section(build, python, args.core, args.rounds), NETS))
        return
    if args.target:
        args.output.write_text(report.replaced(
            before, target_section(build, args.core, args.rounds, args.target), target_title(args.target)))
        return
    print("training steps", file=sys.stderr)
    parts = [
        "<!-- Written by script/bench. What the samplers reach: docs/search.md. -->\n"
        "# Results\n\n"
        f"{datetime.date.today()}, {machine()}. One pinned core, one thread, {args.rounds} rounds; medians, "
        "smallest and largest in brackets. Ratios compare runs that followed each other.\n",
        "## Training steps\n\nForward, loss, backward and Adam on one batch in memory, f32.\n",
        step_section(build, python, args.core, args.rounds),
    ]
    print("matrix products", file=sys.stderr)
    parts += ["## Matrix products\n", product_section(build, args.core)]
    for title, only in [("Small and common operations", "add_one|product_sum|empty|elementwise"),
                        ("Two threads against one", "on_threads")]:
        print(title.lower(), file=sys.stderr)
        parts += [f"## {title}\n", rows_section(build, args.core, only)]
        if python and title == "Small and common operations":
            parts.append(peer_section(python, args.core, "dispatch.py", "The same elsewhere:"))
    print(TRIALS, file=sys.stderr)
    parts.append(trials_section(build, python, args.core))
    print(NETS, file=sys.stderr)
    parts.append(nets_section(build, python, args.core, args.rounds))
    # What is measured on its own stays as it stands; a run with --peers has their figures beside attune's.
    written = set(titles("\n".join(parts))) | ({PEERS} if python else set())
    parts += [report.kept_section(before, title) for title in titles(before) if title not in written]
    args.output.write_text("\n".join(parts))
    print(f"wrote {args.output.relative_to(ROOT) if args.output.is_relative_to(ROOT) else args.output}")


if __name__ == "__main__":
    main()
