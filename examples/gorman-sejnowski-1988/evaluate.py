"""Scores the trained networks on the returns they have seen and on the 16 that each has not, and the nearest neighbour
that the paper compares them with.

usage: python evaluate.py --folds FOLDER --model WEIGHTS.npz --curve CURVE.jsonl --scores SCORES.json
                          --table SETS.csv --figure CURVE.svg
"""

import argparse
import json

import numpy as np

from network import FOLDS, members, percent_right

parser = argparse.ArgumentParser()
for name in ("folds", "model", "curve", "scores", "table", "figure"):
    parser.add_argument("--" + name, required=True)
arguments = parser.parse_args()

patterns = np.load(arguments.folds + "/patterns.npy")
cylinder = np.load(arguments.folds + "/cylinder.npy")
fold = np.load(arguments.folds + "/fold.npy")
with np.load(arguments.model) as file:
    layers = [file[f"layer{depth}"] for depth in range(len(file.files))]


def by_set(indices):
    """Percentage right for each of the 13 divisions, the mean of its repeats."""
    return percent_right(layers, patterns, cylinder, indices).reshape(-1, FOLDS).mean(axis=0)


inside, outside = members(fold, layers[0].shape[0])
train, test = by_set(inside), by_set(outside)

# Nearest neighbour among the other 207, Euclidean.
distances = ((patterns[:, None, :] - patterns[None, :, :]) ** 2).sum(axis=2)
np.fill_diagonal(distances, np.inf)
nearest = 100.0 * (cylinder[distances.argmin(axis=1)] == cylinder).mean()

scores = {
    "training_sets": {"mean": round(train.mean(), 6), "std": round(train.std(ddof=1), 6)},
    "test_sets": {"mean": round(test.mean(), 6), "std": round(test.std(ddof=1), 6)},
    "nearest_neighbour": round(nearest, 6),
}
with open(arguments.scores, "w", encoding="ascii") as file:
    json.dump(scores, file, indent=2)
    file.write("\n")
with open(arguments.table, "w", encoding="ascii") as file:
    file.write("held_out_set,train_percent,test_percent\n")
    for number, (seen, unseen) in enumerate(zip(train, test), start=1):
        file.write(f"{number},{seen:.4f},{unseen:.4f}\n")

print(f"training sets {train.mean():.1f} % right, standard deviation {train.std(ddof=1):.1f}")
print(f"test sets {test.mean():.1f} % right, standard deviation {test.std(ddof=1):.1f}")
print(f"nearest neighbour {nearest:.1f} % right")


def draw(points):
    """The learning curve as SVG: epochs to the right, percentage right upwards from 50."""
    last = points[-1]["step"]

    def path(key):
        places = [(60 + 480 * p["step"] / last, 330 - 5.6 * (max(p[key], 50.0) - 50.0)) for p in points]
        return "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in places)

    grid = "".join(
        f'<path d="M60 {330 - 5.6 * (p - 50):.0f} H540" stroke="#ddd"/>'
        f'<text x="52" y="{334 - 5.6 * (p - 50):.0f}" text-anchor="end">{p}</text>\n'
        for p in range(50, 101, 10)
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 570 390" font-family="sans-serif" font-size="13">
<rect width="570" height="390" fill="white"/>
{grid}<path d="{path("training_right")}" fill="none" stroke="#036" stroke-width="2"/>
<path d="{path("held_out_right")}" fill="none" stroke="#b00" stroke-width="2"/>
<path d="M60 50 V330 H540" fill="none" stroke="black"/>
<text x="70" y="28" fill="#036">training sets {train.mean():.1f} %</text>
<text x="270" y="28" fill="#b00">test sets {test.mean():.1f} %</text>
<text x="60" y="350" text-anchor="middle">0</text>
<text x="540" y="350" text-anchor="middle">{last}</text>
<text x="300" y="374" text-anchor="middle">epochs</text>
<text x="18" y="190" text-anchor="middle" transform="rotate(-90 18 190)">returns classified correctly, %</text>
</svg>
"""


with open(arguments.curve, encoding="ascii") as file:
    points = [json.loads(line) for line in file]
with open(arguments.figure, "w", encoding="ascii") as file:
    file.write(draw(points))
