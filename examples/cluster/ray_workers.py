"""ray_workers.py STORAGE [STUDY [WORKERS]]: workers as Ray tasks, on whatever nodes Ray has."""
import pathlib
import subprocess
import sys

import ray

TUNE = pathlib.Path(__file__).resolve().parent / "tune.sh"
storage = sys.argv[1]
study = sys.argv[2] if len(sys.argv) > 2 else "cluster"
workers = int(sys.argv[3]) if len(sys.argv) > 3 else 8


@ray.remote(num_cpus=1, max_retries=3)
def work():
    return subprocess.run([str(TUNE), storage, study]).returncode


ray.init()
codes = ray.get([work.remote() for _ in range(workers)])
sys.exit(max(codes))
