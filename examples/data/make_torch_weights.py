"""make_torch_weights.py: trains a small network in PyTorch for examples/torch_weights.cpp."""

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

torch.manual_seed(0)
table = torch.tensor(np.loadtxt("digits.csv", delimiter=",", skiprows=1), dtype=torch.float32)
images, labels = (table[:, :64] / 16).reshape(-1, 1, 8, 8), table[:, 64].long()
net = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
                    nn.Flatten(), nn.Linear(128, 10))
adam = torch.optim.Adam(net.parameters(), 1e-2)
for epoch in range(10):
    for rows in torch.randperm(1400).split(64):
        loss = nn.functional.cross_entropy(net(images[rows]), labels[rows])
        adam.zero_grad()
        loss.backward()
        adam.step()
net.eval()
with torch.no_grad():
    logits = net(images[1400:])
accuracy = (logits.argmax(1) == labels[1400:]).float().mean()
print(accuracy)
save_file(net.state_dict(), "torch_digits.safetensors")
np.savez("torch_digits.npz", logits=logits[:3].numpy(), accuracy=accuracy.numpy())
