"""How much to take from an n-gram seen j times, from how many n-grams of its order were seen how often.

With nj the number of n-grams of one order that have count j:

    Kneser-Ney  Y = n1 / (n1 + 2 n2),  Dj = j − (j + 1) Y n(j+1) / nj      (Chen & Goodman 1999, eq. 26)
    absolute    D = n1 / (n1 + 2 n2)                                       (Ney, Essen & Kneser 1994)
    Katz        dr = (r*/r − z) / (1 − z),  r* = (r + 1) n(r+1) / nr,  z = 6 n6 / n1,  r ≤ 5   (Katz 1987)

Dj is taken from the count, dr is what it is multiplied by; counts above 5 Katz trusts as they are. None of
them is defined for every text: where one is not, or leaves nothing to symbols that were not seen, `FALLBACK`
is used if the user allows it.

Axes: G k-grams of a level.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anygram.compiled import kernel
from anygram.models.ngram.trie import Words

Discounts = tuple[float, ...]

TRUSTED = 6
"""The count from which on Katz discounts nothing: one more than his k = 5."""

FALLBACK: dict[str, Discounts] = {
    "kneser_ney": (0.5, 1.0, 1.5),
    "absolute": (0.5,),
    "katz": tuple((r - min(r, 3) / 2) / r for r in range(1, TRUSTED)),
}
"""Where counts of counts give none: for Kneser-Ney as KenLM's `--discount_fallback`; for Katz the same taken
from each count."""


def modified(counts_G: Words) -> Discounts | None:
    """Return D1, D2, D3+, or None where one of them is undefined or not in 0 < Dj <= j."""
    n = counts_of_counts(counts_G)
    if not n[1:4].all():
        return None
    # in single precision, as KenLM does: a discount is a figure to compare
    n = n.astype(np.float32)
    y = n[1] / (n[1] + 2 * n[2])
    first, second, third = (float(j - np.float32(j + 1) * y * n[j + 1] / n[j]) for j in (1, 2, 3))
    # none may be 0: γ of a context whose successors all had that count would be 0, and log γ infinite
    return (first, second, third) if min(first, second, third) > 0 else None


def absolute(counts_G: Words) -> Discounts | None:
    """Return D, or None where no n-gram was seen once, or none twice.

    >>> absolute(np.array([1, 1, 2, 5], dtype=np.uint32))
    (0.5,)
    """
    _, once, twice = counts_of_counts(counts_G)[:3].tolist()
    return (once / (once + 2 * twice),) if once and twice else None


def good_turing(counts_G: Words) -> Discounts | None:
    """Return d1 .. d5, or None where one of them is undefined or not in 0 < dr <= 1."""
    n = counts_of_counts(counts_G).astype(np.float64)
    if not n[1 : TRUSTED + 1].all() or n[1] <= TRUSTED * n[TRUSTED]:
        return None
    z = TRUSTED * n[TRUSTED] / n[1]
    adjusted = [(r + 1) * n[r + 1] / n[r] for r in range(1, TRUSTED)]
    ratios = tuple(float((r_star / r - z) / (1 - z)) for r, r_star in enumerate(adjusted, 1))
    return ratios if min(ratios) > 0 and max(ratios) <= 1 else None


@kernel
def counts_of_counts(counts_G: Words) -> NDArray[np.int64]:
    """Return how many counts are 0, 1, 2, 3, 4, 5, 6, and more."""
    n = np.zeros(8, dtype=np.int64)
    for count in counts_G:
        n[min(count, np.uint32(7))] += 1
    return n
