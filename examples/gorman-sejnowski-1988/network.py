"""The network of Gorman and Sejnowski (1988), many of them side by side.

60 inputs, one hidden layer of logistic units or none, two logistic outputs (cylinder, rock). The first axis of every array
is the network: all folds and repeats are trained at once, each on its own patterns in its own order.
"""

import numpy as np

FOLDS = 13
OUTPUTS = 2


def logistic(x):
    return 1.0 / (1.0 + np.exp(-x))


def with_bias(values):
    """Appends the constant input 1 on the last axis."""
    return np.concatenate([values, np.ones(values.shape[:-1] + (1,))], axis=-1)


def initial_weights(rng, networks, inputs, hidden):
    """Uniform in -0.3 … 0.3, as in the paper. A list of layers, each (networks, units, inputs of the layer + 1)."""
    sizes = [inputs, hidden, OUTPUTS] if hidden else [inputs, OUTPUTS]
    return [rng.uniform(-0.3, 0.3, (networks, out, into + 1)) for into, out in zip(sizes, sizes[1:])]


def outputs(layers, patterns):
    """(networks, patterns, 2) for patterns (networks, patterns, inputs)."""
    values = patterns
    for weights in layers:
        values = logistic(with_bias(values) @ weights.transpose(0, 2, 1))
    return values


def train_epoch(layers, patterns, targets, order, lr):
    """Shows every network its patterns once, in the order given, and changes its weights after each. Plain gradient
    descent on the squared error; errors below 0.2 count as none, so a network rests on patterns it knows.

    patterns (all, inputs), targets (all, 2), order (networks, shown) of indices into both. Returns the share of
    patterns from which each network had to learn.
    """
    learnt = np.zeros(order.shape[0])
    biased = with_bias(patterns)
    for shown in order.T:
        values = [biased[shown]]
        for weights in layers[:-1]:
            values.append(with_bias(logistic(np.matmul(weights, values[-1][:, :, None])[:, :, 0])))
        output = logistic(np.matmul(layers[-1], values[-1][:, :, None])[:, :, 0])
        error = targets[shown] - output
        error[np.abs(error) < 0.2] = 0.0
        active = np.flatnonzero(error.any(axis=1))
        if active.size == 0:
            continue
        learnt[active] += 1
        delta = (error * output * (1.0 - output))[active]
        for depth in range(len(layers) - 1, -1, -1):
            here = values[depth][active]
            weights = layers[depth][active]
            if depth > 0:
                unit = here[:, :-1]
                below = np.matmul(delta[:, None, :], weights[:, :, :-1])[:, 0] * unit * (1.0 - unit)
            layers[depth][active] = weights + lr * delta[:, :, None] * here[:, None, :]
            if depth > 0:
                delta = below
    return learnt / order.shape[1]


def percent_right(layers, patterns, cylinder, indices):
    """Percentage of patterns whose stronger output is the right one, per network, over its own indices."""
    answer = outputs(layers, patterns[indices])
    return 100.0 * ((answer[:, :, 0] > answer[:, :, 1]) == cylinder[indices]).mean(axis=1)


def members(fold, networks):
    """(networks, in training), (networks, held out): network n holds out fold n modulo 13."""
    inside = np.array([np.flatnonzero(fold != n % FOLDS) for n in range(networks)])
    outside = np.array([np.flatnonzero(fold == n % FOLDS) for n in range(networks)])
    return inside, outside
