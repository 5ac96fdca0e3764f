"""Work on every core: kernels run side by side, since they let other threads run.

No threading layer is loaded, and any number of Python threads may call the same kernel.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

from anygram.errors import UsageError

T = TypeVar("T")
R = TypeVar("R")


def cores() -> int:
    """Return how many cores to use: what OMP_NUM_THREADS says, else all that this process may use.

    UsageError where the variable is no whole number above 0.
    """
    asked = os.environ.get("OMP_NUM_THREADS")
    if not asked:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not asked.isdecimal() or int(asked) < 1:
        raise UsageError(f"OMP_NUM_THREADS must be a whole number above 0, got '{asked}'; unset it")
    return int(asked)


def side_by_side(work: Callable[[T], R], items: Iterable[T], threads: int | None = None) -> Iterator[R]:
    """Yield the work's results in the order of the items; few more are under way than there are cores.

    >>> list(side_by_side(len, ["a", "", "to be"]))
    [1, 0, 5]
    """
    threads = threads or cores()
    if threads == 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(threads) as pool:
        under_way: deque[Future[R]] = deque()
        try:
            for item in items:
                under_way.append(pool.submit(work, item))
                if len(under_way) > threads:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()


def together(work: Callable[[T], R], items: Iterable[T], threads: int | None = None) -> list[R]:
    """Return the work's results in the order of the items; the thread that calls works too, and is not woken.

    >>> together(len, ["a", "", "to be"])
    [1, 0, 5]
    """
    threads = threads or cores()
    waiting = deque(enumerate(items))
    results: dict[int, R] = {}

    def take() -> None:
        try:
            while (one := _next(waiting)) is not None:
                results[one[0]] = work(one[1])
        except BaseException:
            waiting.clear()  # nobody begins with what nobody will see
            raise

    if threads == 1:
        take()
    else:
        with ThreadPoolExecutor(threads - 1) as pool:
            others = [pool.submit(take) for _ in range(threads - 1)]
            take()
            for other in others:
                other.result()
    return [results[place] for place in range(len(results))]


def _next(waiting: deque[tuple[int, T]]) -> tuple[int, T] | None:
    try:
        return waiting.popleft()
    except IndexError:
        return None


def spans(length: int, pieces: int) -> list[tuple[int, int]]:
    """Return that many ranges of nearly equal size which together are 0 .. length.

    >>> spans(7, 2)
    [(0, 3), (3, 7)]
    """
    return list(pairwise(length * piece // pieces for piece in range(pieces + 1)))
