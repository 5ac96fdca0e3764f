"""What followed the last time that the last symbols stood there.

Two matches, one of at least 5 symbols and one of at least 12, each found by a hash of them and then
compared; while what follows agrees, a match goes on (Mahoney, "Data Compression Explained", section 4.3.5).

Axes: N numbers of a row, M matches.
"""

from __future__ import annotations

import numpy as np

from anygram.compiled import borrowing
from anygram.models.contextmix import contexts
from anygram.models.contextmix.contexts import Numbers
from anygram.models.contextmix.fixed import Whole, folded, hashed
from anygram.models.contextmix.tables import MATCHES, Tables

SHORTEST_M = np.array([5, 12], dtype=np.int64)
_LONGEST = 65_535


@borrowing
def go_on(t: Tables, n: Numbers, symbol: Whole) -> None:
    """Lengthen the matches that expected this symbol, end the others."""
    last = len(t.history) - 1
    for match in range(MATCHES):
        place = n[contexts.MATCHES + match]
        if n[contexts.MATCHED + match] > 0 and t.history[place] == symbol:
            n[contexts.MATCHED + match] = min(n[contexts.MATCHED + match] + 1, _LONGEST)
            n[contexts.MATCHES + match] = (place + 1) & last
        else:
            n[contexts.MATCHED + match] = 0


@borrowing
def find(t: Tables, n: Numbers, learn: bool) -> None:
    """Look for matches where there are none; what is learnt goes to the tables.

    The history's newest symbol is the row's where it is learnt.
    """
    last = len(t.history) - 1
    for match in range(MATCHES):
        h = np.int64(match)
        for place in range(SHORTEST_M[match]):
            h = folded(h, n[place])
        h = hashed(h) & (t.places_MH.shape[1] - 1)
        if n[contexts.MATCHED + match] == 0 and t.places_MH[match, h] > 0:
            goes_on = np.int64(t.places_MH[match, h]) - 1
            length = 0
            while length < contexts.REMEMBERED and t.history[(goes_on - 1 - length) & last] == n[length]:
                length += 1
            if length >= SHORTEST_M[match]:
                n[contexts.MATCHES + match] = goes_on
                n[contexts.MATCHED + match] = length
        if learn:
            t.places_MH[match, h] = np.int32((t.clock[0] & last) + 1)
