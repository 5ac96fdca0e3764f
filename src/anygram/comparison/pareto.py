"""Quality against what a person cares about: the costs, the Pareto front, the choice.

Quality is bits per byte, or the figure of a task where one is ranked by; less of `Standing.loss` is better.
Beside it stands one cost of *use*, in an own unit: every contestant was given the
same budget to train in, so that what training took says little of them.

    quality, speed   seconds to read (score) a megabyte
    memory           bytes on disk and, at the most, in memory
    latency          seconds to answer: the first symbol of it and then 100 bytes
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from anygram.comparison.standing import Standing

PREFERENCES = ("quality", "speed", "memory", "latency")

MARGIN = 0.05
"""For the other preferences: the cheapest among those within 5 % of the best figure."""

ANSWER_BYTES = 100


def cost(prefer: str, one: Standing) -> float | None:
    """Return what using the contestant costs; None where that was not measured."""
    return _COSTS[prefer](one)


def front(contestants: Sequence[Standing], prefer: str) -> list[Standing]:
    """Return those whom no other beats in quality or cost without losing in the other, the best first.

    Who has no cost is not on the front. Of equals, all are.
    """
    measured = [(one, price) for one in contestants if (price := cost(prefer, one)) is not None]
    measured.sort(key=lambda each: (each[0].loss, each[1], each[0].who))
    found: list[tuple[Standing, float]] = []
    for one, price in measured:
        if not found or price < found[-1][1] or (one.loss, price) == (found[-1][0].loss, found[-1][1]):
            found.append((one, price))
    return [one for one, _ in found]


def choose(contestants: Sequence[Standing], prefer: str) -> Standing:
    """Return the contestant for this preference, of at least one.

    For quality the best, else the cheapest within MARGIN of it; of equals the
    cheaper, or the better.
    """
    best = min(one.loss for one in contestants)
    if prefer == "quality":
        return min(contestants, key=lambda one: (one.loss, _price(prefer, one), one.who))
    within = [one for one in contestants if one.loss <= best + MARGIN * abs(best)]
    return min(within, key=lambda one: (_price(prefer, one), one.loss, one.who))


def _price(prefer: str, one: Standing) -> float:
    """Return the cost, beyond all others where it was not measured."""
    price = cost(prefer, one)
    return float("inf") if price is None else price


def _seconds_to_read(one: Standing) -> float | None:
    return 1e6 / one.score_bytes_per_second if one.score_bytes_per_second else None


def _bytes_held(one: Standing) -> float | None:
    if one.model_bytes is None or one.peak_memory_bytes is None:
        return None
    return one.model_bytes + one.peak_memory_bytes


def _seconds_to_answer(one: Standing) -> float | None:
    if not (one.generate_symbols_per_second and one.bytes_per_symbol) or one.first_symbol_seconds is None:
        return None
    return one.first_symbol_seconds + ANSWER_BYTES / (one.generate_symbols_per_second * one.bytes_per_symbol)


_COSTS: dict[str, Callable[[Standing], float | None]] = {
    "quality": _seconds_to_read,
    "speed": _seconds_to_read,
    "memory": _bytes_held,
    "latency": _seconds_to_answer,
}
