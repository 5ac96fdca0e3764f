"""ROUGE-N and ROUGE-L as F1 (Lin 2004), of words of any script.

Words are in lower case, without punctuation or stemming; scripts without spaces count characters. Of several
references the one with the largest F1 counts, for each figure by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from anygram.tasks.translation.scripts import words

NAMES = ("rouge1", "rouge2", "rougeL")


def rouge(text: str, references: Sequence[str]) -> tuple[float, float, float]:
    """Return F1 of ROUGE-1, ROUGE-2 and ROUGE-L, from 0 to 1; there must be a reference.

    >>> rouge("the gunman kill police", ["police kill the gunman"])
    (1.0, 0.3333333333333333, 0.5)
    """
    found = words(text)
    pairs = [(found, words(reference)) for reference in references]
    return (
        max(overlap_f1(found, wanted, 1) for found, wanted in pairs),
        max(overlap_f1(found, wanted, 2) for found, wanted in pairs),
        max(f1(subsequence(found, wanted), len(found), len(wanted)) for found, wanted in pairs),
    )


def overlap_f1(found: Sequence[str], wanted: Sequence[str], order: int) -> float:
    """Return F1 of the n-grams that two texts share, each as often as it is in both."""
    grams = [Counter(zip(*(one[start:] for start in range(order)), strict=False)) for one in (found, wanted)]
    return f1((grams[0] & grams[1]).total(), grams[0].total(), grams[1].total())


def f1(shared: int, found: int, wanted: int) -> float:
    """Return the harmonic mean of shared / found and shared / wanted; 0 where nothing is shared."""
    return 2 * shared / (found + wanted) if shared else 0.0


def subsequence(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the length of the longest common subsequence, a bit a word (Hyyrö 2004, figure 3).

    >>> subsequence("police killed the gunman".split(), "police kill the gunman".split())
    3
    """
    everywhere = (1 << len(one)) - 1
    places: dict[str, int] = {}
    for place, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << place
    unmatched = everywhere
    for word in other:
        hits = unmatched & places.get(word, 0)
        unmatched = ((unmatched + hits) | (unmatched - hits)) & everywhere
    return len(one) - unmatched.bit_count()
