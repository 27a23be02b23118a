"""Reads the 208 sonar returns and divides them at random into 13 sets of 16 (the paper's aspect-angle independent series).

usage: python prepare.py --data SONAR.csv --out FOLDER --seed N
"""

import argparse
import csv
import os

import numpy as np

from network import FOLDS

parser = argparse.ArgumentParser()
parser.add_argument("--data", required=True)
parser.add_argument("--out", required=True)
parser.add_argument("--seed", type=int, required=True)
arguments = parser.parse_args()

with open(arguments.data, newline="", encoding="ascii") as file:
    rows = list(csv.reader(file))
header, rows = rows[0], rows[1:]
patterns = np.array([[float(cell) for cell in row[:-1]] for row in rows])
labels = [row[-1] for row in rows]
if patterns.shape != (208, 60) or header[-1] != "class" or set(labels) != {"M", "R"}:
    raise SystemExit("prepare.py: not the sonar data: " + str(patterns.shape))
if patterns.min() < 0.0 or patterns.max() > 1.0:
    raise SystemExit("prepare.py: a band's energy is outside 0 … 1")
cylinder = np.array([label == "M" for label in labels])

rng = np.random.default_rng([arguments.seed, 0])
fold = np.empty(len(rows), dtype=np.int64)
fold[rng.permutation(len(rows))] = np.arange(len(rows)) % FOLDS

os.makedirs(arguments.out, exist_ok=True)
for name, array in {"patterns": patterns, "cylinder": cylinder, "fold": fold}.items():
    np.save(os.path.join(arguments.out, name + ".npy"), array)
print(f"{len(rows)} returns, {int(cylinder.sum())} from the cylinder, in {FOLDS} sets of {len(rows) // FOLDS}")
