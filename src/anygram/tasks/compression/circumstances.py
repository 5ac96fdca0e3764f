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

from anygram.errors import RunError
from anygram.protocols import Differentiable, LanguageModel, Reader, Reproducible

_THREADS = "threads"


def describe(model: LanguageModel, reader: Reader | None = None) -> str:
    """Return as JSON what the predictions depend on beside the run; "" where on nothing.

    With a reader they are the reader's.
    """
    asked = model if reader is None else reader
    if isinstance(asked, Reproducible) and asked.reproducible:
        return ""
    return json.dumps(_found(isinstance(model, Differentiable)), separators=(",", ":"))


def _found(network: bool) -> dict[str, Any]:
    from llvmlite import binding

    found: dict[str, Any] = {
        "machine": platform.machine(),
        "processor": binding.get_host_cpu_name(),
        "numpy": version("numpy"),
        "numba": version("numba"),
    }
    if network:
        import torch

        found |= {
            "torch": torch.__version__,
            "instructions": torch.backends.cpu.get_cpu_capability(),
            "products": torch.get_float32_matmul_precision(),
            "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
            _THREADS: torch.get_num_threads(),
        }
    return found


@contextmanager
def recreated(circumstances: str, name: str) -> Iterator[None]:
    """Compute with as many threads as were recorded; RunError in one line for what cannot be had here.

    `name` is the compressed file's.
    """
    if not circumstances:
        yield
        return
    recorded = json.loads(circumstances)
    for what, here in _found(_THREADS in recorded).items():
        if what != _THREADS and recorded.get(what) != here:
            raise RunError(
                f"{name} was compressed with {what} {recorded.get(what)}, here it is {here}, and the model "
                "might compute other numbers; decompress it where it was compressed"
            )
    with _threads(recorded.get(_THREADS)):
        yield


@contextmanager
def _threads(wanted: int | None) -> Iterator[None]:
    if wanted is None:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(wanted)
    try:
        yield
    finally:
        torch.set_num_threads(before)
