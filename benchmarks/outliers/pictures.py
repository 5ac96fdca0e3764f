"""Pictures: handwritten digits, all but one learnt from; the one that was left out is odd.

They are scikit-learn's, 8 × 8 pixels of 17 greys. Faults to choose by are digits turned by a quarter. (The
upper part of one with the lower part of another told no setting from another.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from outliers.search import Candidate, Features, Search

NEEDED = ()
CANDIDATES = [Candidate("ngram", "image", {"order": order}) for order in (3, 6, 10)]
Picture = NDArray[np.uint8]


def searches(data: Path, seed: int) -> Iterator[Search[Picture]]:
    """Yield one search for each digit that is left out."""
    digits = load_digits()
    planes_DHW, label_D = digits.images.astype(np.uint8), digits.target
    for left_out in range(10):
        generator = np.random.default_rng(seed)
        like = planes_DHW[label_D != left_out]
        order = generator.permutation(len(like))
        trained, kept, normal = np.split(like[order], [len(like) // 2, len(like) * 3 // 4])
        faulty = np.rot90(kept, axes=(1, 2))
        odd = planes_DHW[label_D == left_out]
        yield Search(f"all but {left_out}", [*trained], [*kept], [*faulty], [*normal], [*odd])


def write(pictures: Sequence[Picture], path: Path) -> Path:
    """Write a file a picture."""
    path.mkdir(exist_ok=True)
    for old in path.glob("*.pgm"):
        old.unlink()
    for number, plane_HW in enumerate(pictures):
        height, width = plane_HW.shape
        raw = f"P5 {width} {height} 255\n".encode() + plane_HW.tobytes()
        (path / f"{number:05}.pgm").write_bytes(raw)
    return path


def features_for(search: Search[Picture]) -> Features[Picture]:
    """Return how pictures become numbers: as their pixels."""
    return lambda pictures: np.stack(pictures).reshape(len(pictures), -1).astype(np.float64)
