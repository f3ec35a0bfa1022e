"""scikit-learn's GridSearchCV of an MLPClassifier on digits: the job of bench/grid_search.cpp.

    python3 bench/peers/grid_search.py examples/data/digits.csv

One thread. One JSON line: seconds by the clock and of the processor, the best point, each point's mean over 5 stratified folds.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import json
import sys
import time
import warnings

import numpy
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neural_network import MLPClassifier

warnings.filterwarnings("ignore")  # 30 epochs are not until convergence

table = numpy.loadtxt(sys.argv[1], delimiter=",", skiprows=1)
x, y = (table[:, :64] / 16).astype(numpy.float32), table[:, 64].astype(int)
search = GridSearchCV(
    MLPClassifier(solver="adam", alpha=0, batch_size=64, max_iter=30, tol=0,
                  n_iter_no_change=1000, random_state=0),
    {"learning_rate_init": [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2],
     "hidden_layer_sizes": [(32,), (64,), (128,)]},
    cv=StratifiedKFold(5, shuffle=True, random_state=0))
began, cpu = time.perf_counter(), time.process_time()
search.fit(x, y)
seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
results = search.cv_results_
point = lambda p: {"lr": p["learning_rate_init"], "width": p["hidden_layer_sizes"][0]}
print(json.dumps({
    "how": "GridSearchCV", "seconds": round(seconds, 3), "cpu": round(cpu, 3),
    "best": point(search.best_params_),
    "mean": round(search.best_score_, 4),
    "points": [{**point(p), "mean": round(m, 4)}
               for p, m in zip(results["params"], results["mean_test_score"])]}))
