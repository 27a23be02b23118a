"""Trains one network for each of the 13 held-out sets and each repeat.

usage: python train.py --folds FOLDER --model WEIGHTS.npz --curve CURVE.jsonl
                       [--epochs N] [--hidden N] [--lr X] [--repeats N] [--seed N]
"""

import argparse
import json

import numpy as np

from network import FOLDS, initial_weights, members, percent_right, train_epoch

parser = argparse.ArgumentParser()
parser.add_argument("--folds", required=True)
parser.add_argument("--model", required=True)
parser.add_argument("--curve", required=True)
parser.add_argument("--epochs", type=int, default=300)
parser.add_argument("--hidden", type=int, default=12)
parser.add_argument("--lr", type=float, default=2.0)
parser.add_argument("--repeats", type=int, default=10)
parser.add_argument("--seed", type=int, default=1)
arguments = parser.parse_args()

patterns = np.load(arguments.folds + "/patterns.npy")
cylinder = np.load(arguments.folds + "/cylinder.npy")
fold = np.load(arguments.folds + "/fold.npy")
targets = np.where(cylinder[:, None], [1.0, 0.0], [0.0, 1.0])

networks = FOLDS * arguments.repeats
inside, outside = members(fold, networks)
rng = np.random.default_rng([arguments.seed, 1])
layers = initial_weights(rng, networks, patterns.shape[1], arguments.hidden)
print(f"{networks} networks of 60 inputs, {arguments.hidden} hidden units and 2 outputs, {inside.shape[1]} returns each")

every = max(1, arguments.epochs // 30)
with open(arguments.curve, "w", encoding="ascii") as curve:
    for epoch in range(1, arguments.epochs + 1):
        order = rng.permuted(inside, axis=1)
        learnt = train_epoch(layers, patterns, targets, order, arguments.lr)
        if epoch % every == 0 or epoch == arguments.epochs:
            right = percent_right(layers, patterns, cylinder, inside).mean()
            held_out = percent_right(layers, patterns, cylinder, outside).mean()
            line = {
                "step": epoch,
                "training_right": round(right, 6),
                "held_out_right": round(held_out, 6),
                "unlearnt": round(100.0 * learnt.mean(), 6),
            }
            curve.write(json.dumps(line) + "\n")
            print(f"epoch {epoch} training {right:.2f} % held out {held_out:.2f} %", flush=True)

np.savez(arguments.model, **{f"layer{depth}": weights for depth, weights in enumerate(layers)})
