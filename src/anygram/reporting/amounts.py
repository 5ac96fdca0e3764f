"""Amounts as people read them: sizes, times, rates; a dash where there is none."""

from __future__ import annotations

from collections.abc import Sequence

NONE = "–"
_SIZES = [(1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "KB"), (1, "bytes")]


def bits(value: float | None) -> str:
    """Return a figure in bits, to the thousandth.

    >>> bits(2.15449), bits(-0.0001), bits(None)
    ('2.154', '0.000', '–')
    """
    return NONE if value is None else f"{round(value, 3) + 0.0:,.3f}"


def number(value: float | None) -> str:
    """Return a number with three significant digits at least, and all of its whole ones.

    >>> number(1234567), number(12.3456), number(0.001234), number(5), number(None)
    ('1,234,567', '12.3', '0.00123', '5', '–')
    """
    if value is None:
        return NONE
    if abs(value) >= 1e15:
        return f"{value:.3g}"
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def tick(value: float) -> str:
    """Return a number of an axis, in its first six digits.

    >>> tick(0.25), tick(20000.0), tick(1.2345678), tick(1e20), tick(2e-7)
    ('0.25', '20,000', '1.23457', '1e+20', '2e-07')
    """
    if value and not 1e-4 <= abs(value) < 1e9:
        return f"{value:g}"
    return f"{float(f'{value:.6g}'):,.10f}".rstrip("0").rstrip(".")


def size(count: float | None) -> str:
    """Return a number of bytes in the unit that suits it; a KB is 1,000 bytes.

    >>> size(0), size(999), size(1500), size(2e6), size(None)
    ('0 bytes', '999 bytes', '1.5 KB', '2 MB', '–')
    """
    if count is None:
        return NONE
    unit, name = next(((unit, name) for unit, name in _SIZES if abs(count) >= unit), _SIZES[-1])
    return f"{number(count / unit)} {name}"


def duration(seconds: float | None) -> str:
    """Return a time in the unit that suits it.

    >>> duration(0.0004), duration(0.25), duration(75.2), duration(7500), duration(None)
    ('0.4 ms', '250 ms', '75.2 s', '2 h 5 min', '–')
    """
    if seconds is None:
        return NONE
    if seconds < 1:
        return f"{number(seconds * 1000)} ms"
    if seconds < 300:
        return f"{number(seconds)} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 100 else f"{minutes} min"


def rate(count: float | None) -> str:
    """Return bytes a second.

    >>> rate(2.5e6), rate(None)
    ('2.5 MB/s', '–')
    """
    return NONE if count is None else f"{size(count)}/s"


def share(part: float | None) -> str:
    """Return a part of one in hundredths.

    >>> share(0.0625), share(1 / 3), share(None)
    ('6.25 %', '33.3 %', '–')
    """
    return NONE if part is None else f"{number(part * 100)} %"


def times(factor: float) -> str:
    """Return how many times as much.

    >>> times(2.04), times(31.4)
    ('2.04 times', '31.4 times')
    """
    return f"{number(factor)} times"


def names(some: Sequence[str]) -> str:
    """Return names as a sentence lists them.

    >>> names(["a"]), names(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return " and ".join([*([", ".join(some[:-1])] if some[:-1] else []), *some[-1:]])


def interval(low: float | None, high: float | None) -> str:
    """Return both ends of an interval of bits.

    >>> interval(1.9, 2.01), interval(None, 2.0)
    ('1.900 to 2.010', '–')
    """
    return NONE if low is None or high is None else f"{bits(low)} to {bits(high)}"


def counted(count: float | None, noun: str) -> str:
    """Return how many there are of what is named.

    >>> counted(1, "document"), counted(2000, "document"), counted(None, "document")
    ('1 document', '2,000 documents', '– documents')
    """
    return f"{number(count)} {noun}{'' if count == 1 else 's'}"
