"""One training step of a ReLU perceptron with Adam, in PyTorch, JAX or NumPy: steps.py WHO BATCH IN HIDDEN... OUT

Prints the median of 400 single steps, as attune_step and attune_floor do. PyTorch is eager with its
fused Adam, its fastest eager form; JAX is one jit of the whole step with its buffers donated; NumPy is
written by hand over preallocated arrays.
"""
import json
import statistics
import sys
import time

import numpy as np

WHO, BATCH, SIZES = sys.argv[1], int(sys.argv[2]), [int(s) for s in sys.argv[3:]]
RNG = np.random.default_rng(1)
X = RNG.standard_normal((BATCH, SIZES[0]), dtype=np.float32)
LABELS = RNG.integers(0, SIZES[-1], BATCH)


def torch_step():
    import torch
    import torch.nn.functional as functional
    torch.set_num_threads(1)
    layers = []
    for i, (a, b) in enumerate(zip(SIZES, SIZES[1:])):
        layers += ([torch.nn.ReLU()] if i else []) + [torch.nn.Linear(a, b)]
    net = torch.nn.Sequential(*layers)
    adam = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)
    x, y = torch.from_numpy(X), torch.from_numpy(LABELS)

    def step():
        adam.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(net(x), y)
        loss.backward()
        adam.step()
        return loss.item()
    return step


def jax_step():
    import functools

    import jax
    import jax.numpy as jnp
    params = [(jnp.asarray(RNG.standard_normal((a, b), dtype=np.float32) * (2 / a) ** 0.5), jnp.zeros(b))
              for a, b in zip(SIZES, SIZES[1:])]
    zeros = jax.tree.map(jnp.zeros_like, params)

    def loss_of(params, x, y):
        for i, (w, b) in enumerate(params):
            x = (jax.nn.relu(x) if i else x) @ w + b
        return -jnp.take_along_axis(jax.nn.log_softmax(x), y[:, None], 1).mean()

    @functools.partial(jax.jit, donate_argnums=(0, 1, 2))
    def update(params, mean, square, count, x, y):
        loss, grads = jax.value_and_grad(loss_of)(params, x, y)
        mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, grads)
        square = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, square, grads)
        c1, c2 = 1 / (1 - 0.9 ** count), 1 / (1 - 0.999 ** count)
        params = jax.tree.map(lambda p, m, v: p - 1e-3 * m * c1 / (jnp.sqrt(v * c2) + 1e-8), params, mean, square)
        return params, mean, square, loss
    state = [params, zeros, jax.tree.map(jnp.zeros_like, params)]
    x, y, count = jnp.asarray(X), jnp.asarray(LABELS), [0]

    def step():
        count[0] += 1
        *state[:], loss = update(*state, float(count[0]), x, y)
        return float(loss)
    return step


def numpy_step():
    w = [RNG.standard_normal((a, b), dtype=np.float32) * np.float32((2 / a) ** 0.5) for a, b in zip(SIZES, SIZES[1:])]
    params = [p for pair in zip(w, [np.zeros(b, np.float32) for b in SIZES[1:]]) for p in pair]
    grads, mean, square = ([np.zeros_like(p) for p in params] for _ in range(3))
    rows, count = np.arange(BATCH), [0]

    def step():
        count[0] += 1
        acts = [X]
        for i in range(len(SIZES) - 1):
            y = acts[-1] @ params[2 * i]
            y += params[2 * i + 1]
            if i + 2 < len(SIZES):
                np.maximum(y, 0, out=y)
            acts.append(y)
        z = acts[-1]
        z -= z.max(1, keepdims=True)
        loss = float((np.log(np.exp(z).sum(1)) - z[rows, LABELS]).mean())
        g = np.exp(z)
        g /= g.sum(1, keepdims=True)
        g[rows, LABELS] -= 1
        g /= BATCH
        for i in reversed(range(len(SIZES) - 1)):
            np.matmul(acts[i].T, g, out=grads[2 * i])
            g.sum(0, out=grads[2 * i + 1])
            if i:
                g = g @ params[2 * i].T
                g *= acts[i] > 0
        c1, c2 = 1 / (1 - 0.9 ** count[0]), 1 / (1 - 0.999 ** count[0])
        for p, d, m, v in zip(params, grads, mean, square):
            m *= 0.9
            m += np.float32(0.1) * d
            v *= 0.999
            v += np.float32(0.001) * d * d
            p -= np.float32(1e-3 * c1) * m / (np.sqrt(v * np.float32(c2)) + np.float32(1e-8))
        return loss
    return step


step = {"torch": torch_step, "jax": jax_step, "numpy": numpy_step}[WHO]()
for _ in range(30):
    step()
times = []
for _ in range(400):
    start = time.perf_counter_ns()
    step()
    times.append((time.perf_counter_ns() - start) / 1e3)
print(json.dumps({"batch": BATCH, "step_us": round(statistics.median(times), 1)}))
