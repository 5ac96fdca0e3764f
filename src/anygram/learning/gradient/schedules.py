"""The learning rate at each moment of a budget: it rises in a line, then falls as the schedule says."""

from __future__ import annotations

import math
from typing import assert_never

from anygram.learning.gradient.config import Config

# A warmup begins here and not at zero, so that the first step learns something
_FIRST = 0.01


def factor_at(spent: float, config: Config) -> float:
    """Return the rate after this fraction of the budget, as a share of its highest.

    Linear warmup, and then: half a cosine down (Loshchilov & Hutter 2017, eq. 5, without restarts); a line
    down; level and then, over the last `decay_share` of the budget, a line down (warmup-stable-decay: Hu et
    al. 2024); or level.

    >>> factor_at(1.0, Config(schedule="linear", final_rate=0.25))
    0.25
    """
    if spent < config.warmup:
        return (spent / config.warmup + _FIRST) / (1 + _FIRST)
    return config.final_rate + (1 - config.final_rate) * _left(min(1.0, spent), config)


def _left(spent: float, config: Config) -> float:
    """Return how much of the way from `rate` down to `final_rate` is still ahead."""
    progress = (spent - config.warmup) / (1 - config.warmup)
    match config.schedule:
        case "cosine":
            return 0.5 * (1 + math.cos(math.pi * progress))
        case "linear":
            return 1 - progress
        case "wsd":
            return min(1.0, (1 - spent) / config.decay_share)
        case "constant":
            return 1.0
        case _:
            assert_never(config.schedule)
