"""Other runs combined symbol by symbol; the weights are fitted on validation and go on learning on line.

linear       P = Σ_i w_i P_i                                     (Jelinek & Mercer 1980)
log_linear   P ∝ Π_i P_i^{w_i}                                   (Klakow 1998)
logistic     P = Π over a symbol's bits of σ(± Σ_i w_i s_i)      (Mahoney 2005, Adaptive Weighing of Context
             Models), the bits those of its id, s_i = ln P_i(bit is 1) / P_i(bit is 0)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from anygram.errors import UsageError
from anygram.models.mixture.combination import Combination
from anygram.models.mixture.linear import Linear
from anygram.models.mixture.log_linear import LogLinear
from anygram.models.mixture.logistic import Logistic
from anygram.models.mixture.model import Mixture
from anygram.protocols import LanguageModel

__all__ = ["Config", "Mixture", "create"]

KINDS: dict[str, type[Combination]] = {"linear": Linear, "log_linear": LogLinear, "logistic": Logistic}


@dataclass(frozen=True)
class Config:
    """How members are combined.

    `gate=context` gives weights of their own to the symbol before (in `logistic` to the bits before, too);
    `rate` is how fast the weights learn while a reader reads, 0 not at all, none what suits the kind.
    """

    kind: Literal["linear", "log_linear", "logistic"] = "logistic"
    gate: Literal["none", "context"] = "context"
    rate: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UsageError(f"kind must be one of {', '.join(KINDS)}, got '{self.kind}'")
        if self.gate not in ("none", "context"):
            raise UsageError(f"gate must be none or context, got '{self.gate}'")
        if self.rate is not None and not 0 <= self.rate <= 1:
            raise UsageError(f"rate must be from 0 to 1, got {self.rate}; 0 lets the weights be")


def create(
    config: Config, vocabulary_size: int, seed: int, members: Mapping[str, LanguageModel] | None = None
) -> Mixture:
    """Return an unfitted mixture of these members, by name; of none it is uniform. No seed is needed."""
    gated = config.gate == "context"
    combination = KINDS[config.kind](max(1, len(members or {})), vocabulary_size, gated)
    rate = combination.usual_rate if config.rate is None else config.rate
    return Mixture(members or {}, vocabulary_size, combination, rate)
