"""What `anygram doctor` says: versions, hardware, and two small timings."""

from __future__ import annotations

import os
import platform
import shutil
import time
from typing import Any

import numpy as np

from anygram import runs
from anygram.models import REGISTRY

MATRIX = 1024
COUNTED = 200_000


def examine() -> dict[str, Any]:
    """Return what is installed, what hardware was found, and how fast it is at two small works."""
    import torch

    from anygram.neural.language_model import find_device

    device = find_device()
    return {
        **{f"version of {name}": version for name, version in runs.versions().items()},
        "system": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads of torch": torch.get_num_threads(),
        "accelerator": str(device) if device.type != "cpu" else "none",
        "memory (GB)": _memory(),
        "free disk here (GB)": shutil.disk_usage(".").free / 1e9,
        "zpaq (a floor)": "installed" if shutil.which("zpaq") else "not installed",
        "matrix product (GFLOP/s)": _matrix_rate(),
        "counting (symbols/s)": _counting_rate(),
    }


def _memory() -> float:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (AttributeError, ValueError, OSError):  # not on Windows
        return float("nan")


def _matrix_rate() -> float:
    """Return the best of five float32 products of square matrices, in 10^9 operations a second."""
    import torch

    left, right = torch.randn(MATRIX, MATRIX), torch.randn(MATRIX, MATRIX)
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        torch.mm(left, right)
        seconds.append(time.perf_counter() - started)
    return 2 * MATRIX**3 / min(seconds) / 1e9


def _counting_rate() -> float:
    """Return the symbols a second that a trigram count and estimation reaches."""
    module = REGISTRY.load("ngram")
    model = module.create(module.Config(order=3), 100, 0)
    ids_N = np.random.default_rng(0).integers(0, 99, COUNTED, dtype=np.int32)
    ids_N[-1] = 99
    started = time.perf_counter()
    model.count(ids_N, np.array([COUNTED]))
    model.finish()
    return COUNTED / (time.perf_counter() - started)
