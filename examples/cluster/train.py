"""What the examples of this folder tune: a stand-in for a training script."""
import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, required=True)
parser.add_argument("--layers", type=int, required=True)
options = parser.parse_args()
loss = (options.lr - 0.01) ** 2 * 1e3 + 0.1 * abs(options.layers - 3)
print("loss:", loss)
