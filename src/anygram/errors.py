"""What can go wrong, as one tree.

AnygramError            one line: what, got, allowed, remedy
├── UsageError          the call is wrong (also a ValueError); the command line exits with 2
│   └── UnknownName     no such model, codec, key or example; carries the nearest name
├── DataError           the data cannot be read or used as asked
│   └── BadRecord       one record of it; `--on-bad-record skip` steps over it
├── RunError            a run folder is missing, damaged, newer than this program, or in the way
└── TrainingStopped     training had to stop: a loss no longer finite, no memory, no disk
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AnygramError(Exception):
    """A failure the user can act on; its text is one line that names the remedy."""


class UsageError(AnygramError, ValueError):
    """The call itself is wrong: a value out of range, two options that exclude each other."""


class UnknownName(UsageError):
    """No such name.

    >>> raise UnknownName("model", "lsmt", ["lstm", "gru"])
    Traceback (most recent call last):
    anygram.errors.UnknownName: no model named 'lsmt'; did you mean 'lstm'? known: gru, lstm
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        # kept apart in args: an exception that comes home from another process is made again from them
        super().__init__(kind, name, sorted(known))

    def __str__(self) -> str:
        kind, name, known = self.args
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"did you mean '{nearest[0]}'? " if nearest else ""
        return f"no {kind} named '{name}'; {hint}known: {', '.join(known) or 'none'}"


class DataError(AnygramError):
    """The data cannot be read or used as asked."""


class BadRecord(DataError):
    """One record is unusable; the reader may step over it when told to."""


class RunError(AnygramError):
    """A run folder is missing, damaged, newer than this program, or in the way."""


class TrainingStopped(AnygramError):
    """Training had to stop; the last good weights are kept."""


def in_one_line(error: Exception) -> str:
    """Return what went wrong, whoever raised it: a model's or a plug-in's own error too.

    >>> in_one_line(RuntimeError("no  room"))
    'RuntimeError: no room'
    """
    if isinstance(error, AnygramError):
        return str(error)
    if isinstance(error, MemoryError):
        return "out of memory; give a smaller size or less data"
    return " ".join(f"{type(error).__name__}: {error}".split())
