"""Work on several processor cores: kernels that hold no lock, called from a few threads.

Compiled kernels let go of Python's lock, so plain threads run them side by side; no threading layer is
loaded, and any number of Python threads may call the same kernel.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from anygram.errors import UsageError

T = TypeVar("T")
R = TypeVar("R")


def available() -> int:
    """Return how many threads to use: what OMP_NUM_THREADS says, else the cores this process may use.

    UsageError where the variable is no whole number above 0.
    """
    asked = os.environ.get("OMP_NUM_THREADS")
    if asked is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not asked.isdecimal() or int(asked) < 1:
        raise UsageError(f"OMP_NUM_THREADS must be a whole number above 0, got '{asked}'; unset it")
    return int(asked)


def in_order(function: Callable[[T], R], tasks: Iterable[T], threads: int | None = None) -> Iterator[R]:
    """Yield the results of the tasks in their order; a few more than `threads` are under way at once.

    >>> list(in_order(abs, [-1, 2, -3], threads=2))
    [1, 2, 3]
    """
    threads = threads or available()
    if threads == 1:
        yield from map(function, tasks)
        return
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for task in tasks:
            waiting.append(pool.submit(function, task))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def spans(length: int, pieces: int) -> list[tuple[int, int]]:
    """Return that many ranges of nearly equal size which together are 0 .. length.

    >>> spans(7, 2)
    [(0, 3), (3, 7)]
    """
    edges = [length * piece // pieces for piece in range(pieces + 1)]
    return list(zip(edges[:-1], edges[1:], strict=True))
