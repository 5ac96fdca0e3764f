"""The settings of learning by gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from anygram.errors import UsageError


@dataclass(frozen=True)
class Config:
    """`rows` x `block` symbols a step; `warmup` is a fraction of the budget, `final_rate` of `rate`."""

    rows: int = 32
    block: int = 128
    rate: float = 2e-3
    warmup: float = 0.03
    schedule: Literal["cosine", "linear", "wsd", "constant"] = "cosine"
    decay_share: float = 0.2
    final_rate: float = 0.02
    decay: float = 0.1
    clip: float = 1.0
    beta1: float = 0.9
    beta2: float = 0.99

    def __post_init__(self) -> None:
        for name in ("rows", "block", "rate", "clip", "decay_share"):
            if not getattr(self, name) > 0:
                raise UsageError(f"{name} must be more than 0, got {getattr(self, name)}")
        for name in ("warmup", "final_rate", "beta1", "beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise UsageError(f"{name} must be from 0 to below 1, got {getattr(self, name)}")
        if self.decay < 0:
            raise UsageError(f"decay must be at least 0, got {self.decay}")
        if self.schedule == "wsd" and self.warmup + self.decay_share > 1:
            raise UsageError(
                f"warmup and decay_share must add up to 1 at most, got {self.warmup} and {self.decay_share}; "
                "lower one of them"
            )
