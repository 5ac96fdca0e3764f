"""Measurements as TensorBoard reads them; needs the extra of that name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any


def write_events(folder: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """Write the numbers of each line, by their names, as scalars at its `step`."""
    from torch.utils.tensorboard import SummaryWriter  # imports the extra

    with SummaryWriter(str(folder)) as writer:
        for line in lines:
            for name, number in scalars(line):
                writer.add_scalar(name, number, line["step"], line.get("seconds"))


def scalars(line: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Yield the numbers of a line, those of what it nests as NAME/INNER, in their order; `step` is left out.

    >>> list(scalars({"step": 3, "rate": 0.1, "norms": {"head": 2.0}, "message": "slow"}))
    [('rate', 0.1), ('norms/head', 2.0)]
    """
    for name, value in line.items():
        if isinstance(value, Mapping):
            yield from scalars(value, f"{prefix}{name}/")
        elif isinstance(value, int | float) and name != "step":
            yield f"{prefix}{name}", value
