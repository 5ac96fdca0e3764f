"""On what the last bits of a network's numbers depend: recorded by one end, demanded of the other.

Floating-point sums come out differently in another order, and libraries choose the order by processor,
threads and version. A model that says it is reproducible needs none of this.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from anygram.errors import DataError, RunError
from anygram.protocols import LanguageModel, Reader, Reproducible

_THREADS = "threads"
_MOST_THREADS = 1 << 12


def describe(predictor: LanguageModel | Reader) -> str:
    """Return as JSON what the predictions depend on beside the run; "" where on nothing."""
    if is_reproducible(predictor):
        return ""
    return json.dumps(_found(), separators=(",", ":"))


def is_reproducible(predictor: LanguageModel | Reader) -> bool:
    """Return whether it says that its numbers are the same to the last bit everywhere."""
    return isinstance(predictor, Reproducible) and predictor.reproducible


def _found() -> dict[str, Any]:
    import torch
    from llvmlite import binding

    return {
        "machine": platform.machine(),
        "processor": binding.get_host_cpu_name(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "anygram": version("anygram"),
        "numpy": version("numpy"),
        "numba": version("numba"),
        "torch": torch.__version__,
        "products": torch.get_float32_matmul_precision(),
        _THREADS: torch.get_num_threads(),
    }


@contextmanager
def recreated(circumstances: str, name: str) -> Iterator[None]:
    """Compute with as many threads as were recorded; RunError in one line for what cannot be had here.

    `name` is the compressed file's.
    """
    if not circumstances:
        yield
        return
    recorded = _read(circumstances, name)
    for what, here in _found().items():
        if what != _THREADS and recorded[what] != here:
            raise RunError(
                f"{name} was compressed with {what} {recorded[what]}, here it is {here}, and the model might "
                "compute other numbers; decompress it where it was compressed"
            )
    with _threads(recorded[_THREADS]):
        yield


def _read(circumstances: str, name: str) -> dict[str, Any]:
    """Return what was recorded; DataError where no compressor can have written it."""
    try:
        recorded: dict[str, Any] = json.loads(circumstances)
        sound = recorded.keys() == _found().keys() and 1 <= recorded[_THREADS] <= _MOST_THREADS
    except (ValueError, TypeError, AttributeError):
        sound = False
    if not sound:
        raise DataError(f"{name}: the compressed data are damaged; fetch or make the file again")
    return recorded


@contextmanager
def _threads(wanted: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(wanted)
    try:
        yield
    finally:
        torch.set_num_threads(before)
