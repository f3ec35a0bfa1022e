"""What a call on a tiny tensor costs in PyTorch and NumPy, one thread."""
import json
import time

import numpy as np
import torch

torch.set_num_threads(1)


def emit(name, framework, call):
    """The least of five windows of about 0.1 s, per call."""
    count, best = 1000, float("inf")
    for _ in range(5):
        while True:
            start = time.perf_counter()
            for _ in range(count):
                call()
            seconds = time.perf_counter() - start
            if seconds > 0.05:
                break
            count *= 2
        best = min(best, seconds / count)
    print(json.dumps({"name": name, "framework": framework, "us": best * 1e6}))


TORCH, NUMPY = f"PyTorch {torch.__version__}", f"NumPy {np.__version__}"
a, b = torch.ones(1), torch.ones(1)
emit("a + b, one element", TORCH, lambda: a + b)
watched = torch.ones(1, requires_grad=True)
emit("a + b, one element, recorded", TORCH, lambda: watched + b)
p, q = torch.ones(4, requires_grad=True), torch.ones(4, requires_grad=True)
emit("(a * b).sum() and its gradient, 4 elements", TORCH, lambda: torch.autograd.grad((p * q).sum(), (p, q)))
m, n = np.ones(1, np.float32), np.ones(1, np.float32)
emit("a + b, one element", NUMPY, lambda: m + n)
