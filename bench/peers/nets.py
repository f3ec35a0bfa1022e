"""One training step of the networks of bench/nets.cpp with Adam, in PyTorch: nets.py WHO NET

WHO: eager, channels_last or compile. Prints the median and the least of the single steps, as attune_nets does.
"""
import json
import statistics
import sys
import time

import torch
from torch import nn
import torch.nn.functional as functional

WHO, NET = sys.argv[1:]
torch.set_num_threads(1)
torch.manual_seed(1)


class Sequences(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer, self.out = layer(32, 64, batch_first=True), nn.Linear(64, 10)

    def forward(self, x):
        return self.out(self.layer(x)[0][:, -1])


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(64, 4, batch_first=True)
        self.norm, self.out = nn.LayerNorm(64), nn.Linear(64, 10)

    def forward(self, x):
        return self.out(self.norm(x + self.attention(x, x, x, need_weights=False)[0]).mean(1))


def conv_net(c1, c2, window, padding, *rest):
    return nn.Sequential(nn.Conv2d(1, c1, window, padding=padding), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Conv2d(c1, c2, window, padding=padding), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), *rest)


def tiny():
    return nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 16), nn.Tanh(), nn.Linear(16, 4))


def lenet():
    return conv_net(6, 16, 5, 0, nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))


def layer_norm():
    return nn.Sequential(nn.Linear(64, 128), nn.LayerNorm(128), nn.GELU(), nn.Linear(128, 10))


net, shape, classes = {
    "tiny": (tiny, (128, 4), 4),
    "lenet": (lenet, (64, 1, 28, 28), 10),
    "cnn": (lambda: conv_net(16, 32, 3, 1, nn.Linear(1568, 10)), (64, 1, 28, 28), 10),
    "lstm": (lambda: Sequences(nn.LSTM), (32, 20, 32), 10),
    "gru": (lambda: Sequences(nn.GRU), (32, 20, 32), 10),
    "attention": (Attention, (16, 32, 64), 10),
    "layer_norm": (layer_norm, (64, 64), 10),
}[NET]
net = net()
x, y = torch.randn(shape), torch.randint(0, classes, (shape[0],))
if WHO == "channels_last":
    net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
adam = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)


def loss_of(x, y):
    return functional.cross_entropy(net(x), y)


if WHO == "compile":
    loss_of = torch.compile(loss_of)


def step():
    adam.zero_grad(set_to_none=True)
    loss = loss_of(x, y)
    loss.backward()
    adam.step()
    return loss.item()


for _ in range(11):
    step()
times = []
while len(times) < 50 or (sum(times) < 5e5 and len(times) < 2000):
    start = time.perf_counter_ns()
    step()
    times.append((time.perf_counter_ns() - start) / 1e3)
print(json.dumps({"net": NET, "step_us": round(statistics.median(times), 1), "least_us": round(min(times), 1)}))
