"""The processes that learn one model together; most often it is one alone.

Every process holds the whole corpus and does what one alone would do with it; only the first writes and
prints. What could differ from process to process (the clock, a signal, what was measured) is agreed upon.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from anygram.data.corpus import Block
from anygram.errors import AnygramError, TrainingStopped
from anygram.processes import find_place

if TYPE_CHECKING:
    from torch import Tensor


class Group(Protocol):
    """The processes that learn together, this one among them."""

    @property
    def leads(self) -> bool:
        """Whether this one prints and writes."""
        ...

    @property
    def size(self) -> int: ...

    def share(self, block: Block) -> Block:
        """Return this process's rows of a block; UsageError where there are fewer rows than processes."""
        ...

    def add_up(self, nats: Tensor, parameters: Sequence[Tensor]) -> Tensor:
        """Return the sum of all processes' nats; the parameters' gradients become their sums."""
        ...

    def spread(self, tensors: Sequence[Tensor]) -> None:
        """Let the first process's numbers be everyone's."""
        ...

    def agree(self, seconds: float, stop: bool) -> tuple[float, bool]:
        """Return the latest of the processes' clocks, and whether any of them was told to stop."""
        ...

    def follow(self, words: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the first process passes: settings that were perhaps measured."""
        ...

    def seed(self, seed: int, steps: int) -> None:
        """Let the generators differ from process to process, as rows differ in what is dropped."""
        ...

    def wait(self) -> None:
        """Return when every process has come here."""
        ...


class Alone:
    """One process: all rows are its own, and there is nobody to agree with."""

    leads = True
    size = 1

    def share(self, block: Block) -> Block:
        """Return the block."""
        return block

    def add_up(self, nats: Tensor, parameters: Sequence[Tensor]) -> Tensor:
        """Return nats."""
        return nats

    def spread(self, tensors: Sequence[Tensor]) -> None:
        """Leave them as they are."""

    def agree(self, seconds: float, stop: bool) -> tuple[float, bool]:
        """Return both."""
        return seconds, stop

    def follow(self, words: Mapping[str, Any]) -> dict[str, Any]:
        """Return the words."""
        return dict(words)

    def seed(self, seed: int, steps: int) -> None:
        """Leave the generators as they are."""

    def wait(self) -> None:
        """Return."""


ALONE = Alone()


@contextmanager
def joined() -> Iterator[Group]:
    """Yield the group of the processes that torchrun started, or the one process alone.

    All but the first leave here, in success or when training stops: with status 0, since the first one
    tells what there is to tell.
    """
    place = find_place()
    if place.count == 1:
        yield ALONE
        return
    from anygram.learning.distributed import Processes  # imports torch

    group = Processes(place)
    try:
        yield group
    except (KeyboardInterrupt, TrainingStopped):
        if group.leads:
            raise
    finally:
        group.left()
    if not group.leads:
        raise SystemExit(0)


def require_alike(group: Group, what: str, fields: Mapping[str, Any]) -> None:
    """Raise AnygramError where these are not the first process's own."""
    own = json.loads(json.dumps(fields))
    if group.follow(own) != own:
        raise AnygramError(f"{what} differs from that of the first process; give all the same files")
