"""A two-layer recurrent network in plain NumPy: forward pass, back-propagation through time, training.

    h1_t = tanh(x_t W_xh1 + h1_{t−1} W_hh1 + b_h1)
    h2_t = tanh(h1_t W_xh2 + h2_{t−1} W_hh2 + b_h2)
    P(next symbol | all so far) = softmax(h2_t W_hy + b_y)

(Elman 1990; Werbos 1990.) The task: digits that go up by a stride of 1, 2 or 3, modulo 10; one time in
ten the stride is drawn anew. One digit tells little of the next, two tell what can be known: so the
least possible surprisal is known too, and can be reached.

    python examples/numpy_rnn.py            some seconds
    python examples/numpy_rnn.py --small    about one second

Errors that such programs often have, and what is done here instead:

- No biases. Here every layer has one, and so has the output.
- W_hh has the shape X × H. Here H × H: it maps a hidden vector to the next one.
- Both layers share one hidden vector. Here each carries its own.
- exp overflows. Here the largest logit is subtracted first.
- The loss is a sum. Here it is the mean over rows and positions, so that one rate fits all batches.
- Gradients explode. Here their common norm is clipped.
- The gradient is believed. Here it is compared with finite differences before training.

Axes: B rows, T positions, X inputs, H hidden units, Y outputs.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SYMBOLS, HIDDEN = 10, 20
STRIDES, CHANGE = 3, 0.1
Array = NDArray[np.float64]
Digits = NDArray[np.int64]
Weights = dict[str, Array]


def create(seed: int, symbols: int = SYMBOLS, hidden: int = HIDDEN) -> Weights:
    """Return random weights by name; a step's sum keeps about the size of what it reads."""
    shapes = {
        "W_xh1": (symbols, hidden),
        "W_hh1": (hidden, hidden),
        "W_xh2": (hidden, hidden),
        "W_hh2": (hidden, hidden),
        "W_hy": (hidden, symbols),
    }
    generator = np.random.default_rng(seed)
    weights = {name: generator.normal(0, shape[0] ** -0.5, shape) for name, shape in shapes.items()}
    biases = {"b_h1": np.zeros(hidden), "b_h2": np.zeros(hidden), "b_y": np.zeros(symbols)}
    return weights | biases


@dataclass(frozen=True)
class Trace:
    """What the forward pass found, kept for the backward pass.

    The hidden vectors begin with those before the first position, so h1_SBH[t] stands before position t
    and h1_SBH[t + 1] after it (S = T + 1).
    """

    x_TBX: Array
    h1_SBH: Array
    h2_SBH: Array
    log_p_TBY: Array


def forward(weights: Weights, ids_BT: Digits) -> Trace:
    """Return the log-probabilities, in nats, of what follows each symbol, and how they came about."""
    symbols, hidden = weights["W_xh1"].shape
    rows, positions = ids_BT.shape
    x_TBX = np.eye(symbols)[ids_BT.T]
    h1_SBH = np.zeros((positions + 1, rows, hidden))
    h2_SBH = np.zeros((positions + 1, rows, hidden))
    for t in range(positions):
        a1_BH = x_TBX[t] @ weights["W_xh1"] + h1_SBH[t] @ weights["W_hh1"] + weights["b_h1"]
        h1_SBH[t + 1] = np.tanh(a1_BH)
        a2_BH = h1_SBH[t + 1] @ weights["W_xh2"] + h2_SBH[t] @ weights["W_hh2"] + weights["b_h2"]
        h2_SBH[t + 1] = np.tanh(a2_BH)
    logits_TBY = h2_SBH[1:] @ weights["W_hy"] + weights["b_y"]
    return Trace(x_TBX, h1_SBH, h2_SBH, log_softmax(logits_TBY))


def log_softmax(logits: Array) -> Array:
    """Return log-probabilities over the last axis.

    >>> log_softmax(np.array([1000.0, 1000.0])).round(3)
    array([-0.693, -0.693])
    """
    # softmax is the same for shifted logits; shifted so, the largest exp is 1 and cannot overflow
    shifted = logits - logits.max(axis=-1, keepdims=True)
    log_p: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return log_p


def mean_nats(trace: Trace, target_BT: Digits) -> float:
    """Return the mean of −log P(target) over rows and positions."""
    own_TB1 = np.take_along_axis(trace.log_p_TBY, target_BT.T[..., None], axis=-1)
    return float(-own_TB1.mean())


def backward(weights: Weights, trace: Trace, target_BT: Digits) -> Weights:
    """Return the gradient of `mean_nats`, from the last step to the first; d_z is the derivative by z."""
    symbols = trace.log_p_TBY.shape[-1]
    # d(−log softmax(y)_k) / dy = softmax(y) − 1_k, and the mean divides it by the number of symbols
    d_y_TBY = (np.exp(trace.log_p_TBY) - np.eye(symbols)[target_BT.T]) / target_BT.size
    gradient = {name: np.zeros_like(weight) for name, weight in weights.items()}
    later1_BH = later2_BH = np.zeros_like(trace.h1_SBH[0])
    for t in reversed(range(len(d_y_TBY))):
        h1_BH, h2_BH = trace.h1_SBH[t + 1], trace.h2_SBH[t + 1]
        # a hidden vector acts twice: upwards at this step, and on its own layer at the next
        d_h2_BH = d_y_TBY[t] @ weights["W_hy"].T + later2_BH
        d_a2_BH = d_h2_BH * (1 - h2_BH**2)
        d_h1_BH = d_a2_BH @ weights["W_xh2"].T + later1_BH
        d_a1_BH = d_h1_BH * (1 - h1_BH**2)
        later2_BH, later1_BH = d_a2_BH @ weights["W_hh2"].T, d_a1_BH @ weights["W_hh1"].T
        # the same weights act at every step, so their gradients add up
        gradient["W_hy"] += h2_BH.T @ d_y_TBY[t]
        gradient["W_xh2"] += h1_BH.T @ d_a2_BH
        gradient["W_hh2"] += trace.h2_SBH[t].T @ d_a2_BH
        gradient["W_xh1"] += trace.x_TBX[t].T @ d_a1_BH
        gradient["W_hh1"] += trace.h1_SBH[t].T @ d_a1_BH
        for name, d_BZ in (("b_y", d_y_TBY[t]), ("b_h2", d_a2_BH), ("b_h1", d_a1_BH)):
            gradient[name] += d_BZ.sum(axis=0)
    return gradient


def gradient_error(weights: Weights, text_BT: Digits, step: float = 1e-5) -> float:
    """Return how far `backward` is from central differences, over all weights, relative to its norm."""
    input_BT, target_BT = text_BT[:, :-1], text_BT[:, 1:]
    gradient = backward(weights, forward(weights, input_BT), target_BT)
    difference = {name: np.zeros_like(weight) for name, weight in weights.items()}
    for name, weight in weights.items():
        for index in np.ndindex(weight.shape):
            kept, nats = weight[index], []
            for moved in (kept + step, kept - step):
                weight[index] = moved
                nats.append(mean_nats(forward(weights, input_BT), target_BT))
            weight[index] = kept
            difference[name][index] = gradient[name][index] - (nats[0] - nats[1]) / (2 * step)
    return norm(difference) / norm(gradient)


def norm(gradient: Weights) -> float:
    """Return the length of the gradient as one vector."""
    return float(np.sqrt(sum((part**2).sum() for part in gradient.values())))


def draw(generator: np.random.Generator, rows: int, positions: int) -> Digits:
    """Return text_BT: each row begins anywhere and goes up by strides that seldom change.

    >>> draw(np.random.default_rng(0), rows=1, positions=8)
    array([[8, 0, 2, 4, 6, 8, 0, 2]])
    """
    first_B1 = generator.integers(SYMBOLS, size=(rows, 1))
    drawn_BT = generator.integers(1, STRIDES + 1, size=(rows, positions - 1))
    changes_BT = generator.random(drawn_BT.shape) < CHANGE
    changes_BT[:, 0] = True
    # a stride lasts until the next change: take it from the last position that had one
    since_BT = np.maximum.accumulate(np.where(changes_BT, np.arange(positions - 1), 0), axis=1)
    stride_BT = np.take_along_axis(drawn_BT, since_BT, axis=1)
    return np.concatenate([first_B1, first_B1 + stride_BT.cumsum(axis=1)], axis=1) % SYMBOLS


def least_nats(positions: int) -> float:
    """Return the expected surprisal, in nats a symbol, of who knows the rule but not the dice."""
    other = CHANGE / STRIDES
    same = 1 - CHANGE + other
    known = -same * np.log(same) - (STRIDES - 1) * other * np.log(other)
    return float((np.log(STRIDES) + (positions - 2) * known) / (positions - 1))


@dataclass(frozen=True)
class Setting:
    """A training: `steps` of `rows` × `positions` digits; momentum and a falling rate, clipped gradients."""

    steps: int = 3000
    rows: int = 32
    positions: int = 12
    rate: float = 0.05
    momentum: float = 0.9
    clip: float = 1.0
    seed: int = 0


def train(weights: Weights, setting: Setting) -> list[float]:
    """Improve the weights in place; return the mean nats a symbol of each step, measured before it."""
    generator = np.random.default_rng(setting.seed)
    velocity = {name: np.zeros_like(weight) for name, weight in weights.items()}
    history = []
    for step in range(setting.steps):
        text_BT = draw(generator, setting.rows, setting.positions)
        input_BT, target_BT = text_BT[:, :-1], text_BT[:, 1:]
        trace = forward(weights, input_BT)
        history.append(mean_nats(trace, target_BT))
        gradient = backward(weights, trace, target_BT)
        scale = min(1.0, setting.clip / norm(gradient))
        rate = setting.rate * (1 - step / setting.steps)
        for name, weight in weights.items():
            velocity[name] = setting.momentum * velocity[name] + scale * gradient[name]
            weight -= rate * velocity[name]
        if step % max(1, setting.steps // 10) == 0:
            print(f"step {step:5}  {history[-1]:.4f} nats a symbol")
    return history


@dataclass(frozen=True)
class Outcome:
    """How exact the gradient was, and the mean nats a symbol: of each step, and on held-out digits."""

    gradient_error: float
    history: list[float]
    held_out_nats: float


def main(arguments: Sequence[str] | None = None) -> Outcome:
    """Check the gradient, train, show what was learnt and return it as figures."""
    parser = argparse.ArgumentParser(description="A two-layer recurrent network in plain NumPy.")
    parser.add_argument("--small", action="store_true", help="fewer steps: about a second")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    setting = Setting(steps=600 if chosen.small else Setting.steps, seed=chosen.seed)

    weights = create(chosen.seed)
    generator = np.random.default_rng(chosen.seed + 1)  # other digits than those of training
    error = gradient_error(weights, draw(generator, rows=2, positions=5))
    print(f"gradient against finite differences: relative error {error:.1e}")
    history = train(weights, setting)

    held_out_BT = draw(generator, rows=1000, positions=setting.positions)
    nats = mean_nats(forward(weights, held_out_BT[:, :-1]), held_out_BT[:, 1:])
    print(f"held out: {nats:.4f} nats a symbol; least possible: {least_nats(setting.positions):.4f}")
    by_rule = 1 - CHANGE + CHANGE / STRIDES
    for text in ([3, 4, 5], [3, 5, 7], [3, 6, 9]):
        p_Y = np.exp(forward(weights, np.array([text])).log_p_TBY[-1, 0])
        print(f"after {text}: {p_Y.argmax()} with probability {p_Y.max():.3f} (by the rule {by_rule:.3f})")
    return Outcome(error, history, nats)


if __name__ == "__main__":
    main()
