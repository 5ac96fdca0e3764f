"""What a figure is made of: a trained run and what is held out, and the sums that come of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from anygram.data.splitting import Splits
from anygram.protocols import FloatArray
from anygram.runs import StoredRun


@dataclass(frozen=True)
class Held:
    """A trained run, its folder, the parts of the data, the seed of draws; how many values ahead are told."""

    run: StoredRun
    path: Path
    splits: Splits
    seed: int
    horizon: int | None = None


@dataclass(frozen=True)
class Sums:
    """What documents, or windows, add to a figure, as sums_DK.

    `in_time`: they stand one behind another in time, so that neighbours are alike. `how` says how the figure
    is computed, for whoever wants to do so elsewhere.
    """

    sums_DK: FloatArray
    in_time: bool = False
    how: str = ""
