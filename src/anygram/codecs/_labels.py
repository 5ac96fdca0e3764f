"""Labels as symbols: what classifiers tell apart.

Axes: C labels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from anygram.errors import DataError
from anygram.protocols import Encoded, Ids, Side

_NAMED = 8


class Labels:
    """A codec of labels: a symbol each, in the order of their names; several of one document in a line each.

    `counts` says how often each was there in the training part, which has so many `documents`.
    """

    unknown = None
    unit = "label"
    lossless = True

    def __init__(
        self, names: Sequence[str], counts: Sequence[int], multiple: bool = False, documents: int = 0
    ) -> None:
        self.names, self.counts, self.multiple = tuple(names), tuple(counts), multiple
        self.documents = documents or sum(self.counts)
        self._number = {name: number for number, name in enumerate(self.names)}

    @property
    def vocabulary_size(self) -> int:
        """How many labels there are, and the boundary."""
        return len(self.names) + 1

    @property
    def boundary(self) -> int:
        return len(self.names)

    def knows(self, datum: str) -> bool:
        """Return whether the training part had all of these labels, and as many at once."""
        words = datum.split("\n") if datum else []
        return (self.multiple or len(words) == 1) and all(word in self._number for word in words)

    def encode(self, datum: str, side: Side | None = None) -> Encoded:
        """Return the symbols of a document's labels; DataError for one that training did not have."""
        words = datum.split("\n") if datum else []
        for word in words:
            if word not in self._number:
                known = ", ".join(self.names[:_NAMED]) + (", …" if len(self.names) > _NAMED else "")
                raise DataError(f"no label '{word}' in the training part (known: {known}); train with it")
        ids = np.array([self._number[word] for word in words], dtype=np.int32)
        units = np.array([len(word.encode("utf-8", "surrogateescape")) for word in words], dtype=np.int64)
        units[1:] += 1  # the line break before it
        return Encoded(ids, units)

    def decode(self, ids: Ids, side: Side | None = None) -> str:
        return "\n".join(self.names[number] for number in ids.tolist())

    def decoder(self, side: Side | None = None) -> _Decoder:
        return _Decoder(self)

    def symbol(self, identifier: int) -> str:
        return self.names[identifier]

    def to_json(self) -> dict[str, Any]:
        return {
            "names": list(self.names),
            "counts": list(self.counts),
            "multiple": self.multiple,
            "documents": self.documents,
        }


class _Decoder:
    """Decodes labels as they come, each as a line."""

    def __init__(self, labels: Labels) -> None:
        self._labels, self._first = labels, True

    def push(self, symbol: int) -> str:
        before, self._first = "" if self._first else "\n", False
        return before + self._labels.names[symbol]

    def finish(self) -> str:
        return ""


def fit(givens: Iterable[str]) -> Labels:
    """Return the labels of a training part; DataError where there are not two to tell apart.

    >>> labels = fit(["ham", "spam", "ham"])
    >>> labels.names, labels.counts, labels.encode("spam").ids
    (('ham', 'spam'), (2, 1), array([1], dtype=int32))
    """
    found: Counter[str] = Counter()
    multiple, documents = False, 0
    for given in givens:
        documents += 1
        words = given.split("\n") if given else []
        multiple = multiple or len(words) != 1
        found.update(words)
    if len(found) < 2:
        only = f"only '{next(iter(found))}'" if found else "none"
        raise DataError(f"a classifier needs two labels at least, and there is {only}; name another field")
    names = sorted(found)
    return Labels(names, [found[name] for name in names], multiple, documents)


def from_json(fields: dict[str, Any]) -> Labels:
    """Return the labels that `to_json` described."""
    return Labels(fields["names"], fields["counts"], fields["multiple"], fields["documents"])
