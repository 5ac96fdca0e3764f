"""What is known of a value before it comes, as symbols that stand before it: its time's, and covariates'.

Axes: N values, C conditions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anygram.codecs._calendar import Calendar
from anygram.codecs._covariates import Covariate
from anygram.protocols import Ids, Side


class Conditions:
    """The calendar, if it has parts, and covariates in their order: `count` symbols before each value.

    Each has a range of symbols of its own, from 0 to below `size` together.
    """

    def __init__(self, calendar: Calendar, covariates: Sequence[Covariate] = ()) -> None:
        self.covariates = tuple(covariates)
        self._each: list[Calendar | Covariate] = [*([calendar] if calendar.size else []), *covariates]
        self._firsts = np.cumsum([0, *(one.size for one in self._each)]).astype(np.int32)

    @property
    def count(self) -> int:
        """How many symbols stand before a value."""
        return len(self._each)

    @property
    def size(self) -> int:
        """How many symbols there are."""
        return int(self._firsts[-1])

    def ids(self, side: Side | None, count: int, after: int = 0) -> Ids:
        """Return ids_NC of `count` values after the first `after`; DataError where a condition is unknown."""
        columns = [one.ids(side, count, after) for one in self._each]
        ids_CN = np.array(columns, dtype=np.int32).reshape(self.count, count)
        return ids_CN.T + self._firsts[:-1]

    def known(self, side: Side | None) -> int | None:
        """Return for how many values they are known, None where there is no end to it."""
        return min((one.known(side) for one in self.covariates), default=None)

    def name(self, identifier: int) -> str:
        """Return a symbol as a person reads it."""
        place = int(np.searchsorted(self._firsts, identifier, side="right")) - 1
        return self._each[place].name(identifier - int(self._firsts[place]))
