"""Shares of a part, for learning curves: each holds the smaller ones, and is spread over the whole.

Of many documents a share is a seeded choice in their order; of few (as for splits) 256 stretches of equal
length come in one by one, spread evenly, so that every share is of the same kind of text. Beginnings of
16 long stretches would not do: the last half then has what nothing before was near to, as the play that a
test part goes on with. Of 12 learning curves (n-grams over plays, articles, source code) 6 kept their
word with those and all 12 with spread ones. D documents, P pieces.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from anygram.data.splitting import FEWEST_DOCUMENTS
from anygram.data.store import Parted, Selection
from anygram.data.text import parted as text_parted

STRETCHES = 256


def share_of(documents: Selection, share: float, seed: int, parted: Parted = text_parted) -> Selection:
    """Return about this share of the documents' bytes, at least one document; all of them for 1.

    A cut lies where `parted` allows one. The separators between documents stay with whole ones.
    """
    if share >= 1:
        return documents
    if len(documents) < FEWEST_DOCUMENTS:
        return _spread(documents, share, parted)
    order_D = np.random.default_rng(seed).permutation(len(documents))
    bytes_D = documents.units_D[order_D].cumsum()
    taken = int(np.searchsorted(bytes_D, share * bytes_D[-1])) + 1
    return _pieces(documents, [(int(position), None) for position in np.sort(order_D[:taken])])


def _spread(documents: Selection, share: float, parted: Parted) -> Selection:
    """Return this share of the stretches, one in part; each may run over several documents.

    A cut where none may be is moved on, though not into the next stretch, so that shares are nested.
    """
    spans = [documents.span(position) for position in range(len(documents))]
    ends_D = np.cumsum([end - start for start, end in spans])
    edges = np.linspace(0, ends_D[-1], STRETCHES + 1).astype(np.int64)
    pieces: list[tuple[int, tuple[int, int] | None]] = []
    for number, (edge, following) in enumerate(pairwise(edges.tolist())):
        taken = min(share * STRETCHES - _turn(number), 1.0)
        if taken <= 0:
            continue
        until = edge + math.ceil(taken * (following - edge))
        for position, (start, end) in enumerate(spans):
            shift = start - (int(ends_D[position]) - (end - start))  # from places in all texts to one's own
            first, cut, last = (min(max(place + shift, start), end) for place in (edge, until, following))
            first, last = (
                max(start, documents.parted(position, place, parted)[0]) for place in (first, last)
            )
            last = min(last, documents.parted(position, cut, parted)[1])
            if first < last:
                pieces.append((position, (first, last)))
    return _pieces(documents, pieces)


def _turn(number: int) -> int:
    """Return when a stretch comes in: its number with the bits reversed (van der Corput 1935), so that those
    that came in so far are spread evenly.

    >>> sorted(range(STRETCHES), key=_turn)[:5]
    [0, 128, 64, 192, 32]
    """
    return int(f"{number:08b}"[::-1], 2)


def _pieces(documents: Selection, pieces: list[tuple[int, tuple[int, int] | None]]) -> Selection:
    """Return these pieces, by position and bytes; None for a document as it is."""
    index_P = documents.index_D[[position for position, _ in pieces]]
    cuts = {
        place: documents.cuts[position] if cut is None else cut
        for place, (position, cut) in enumerate(pieces)
        if cut is not None or position in documents.cuts
    }
    return Selection(documents.store, index_P, cuts)
