"""Which of several processes this one is, where torchrun started it beside others (its variables say so)."""

from __future__ import annotations

import os
from dataclasses import dataclass

from anygram.errors import UsageError


@dataclass(frozen=True)
class Place:
    """`rank` of `count` processes, `local_rank` of `local_count` on this machine; the first leads."""

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    local_count: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the process that prints, writes and decides for all."""
        return self.rank == 0


def find_place() -> Place:
    """Return this process's place; that of one alone where torchrun did not start it."""
    names = {
        "rank": "RANK",
        "count": "WORLD_SIZE",
        "local_rank": "LOCAL_RANK",
        "local_count": "LOCAL_WORLD_SIZE",
    }
    if not {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"} <= os.environ.keys():
        return Place()
    return Place(**{field: int(os.environ[name]) for field, name in names.items() if name in os.environ})


def require_one(what: str) -> None:
    """Raise UsageError where several processes were started for what takes one."""
    if (count := find_place().count) > 1:
        raise UsageError(f"{what} takes one process, got {count}; start it without torchrun")
