"""Running Python as on a machine with plain instructions: in NumPy, and in kernels."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path


def run(code: str, *words: object, folder: Path) -> str:
    """Return what a program prints there; `folder` keeps the kernels that are compiled for it."""
    environment = {
        **os.environ,
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CPU_FEATURES": "",
        "NUMBA_CACHE_DIR": str(folder),
        "NPY_DISABLE_CPU_FEATURES": _optional_instructions(),
        "OMP_NUM_THREADS": "2",
    }
    command = [sys.executable, "-c", code, *map(str, words)]
    done = subprocess.run(
        command, check=True, env=environment, timeout=300, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def _optional_instructions() -> str:
    """Return the instructions that NumPy finds here and can do without."""
    core = importlib.import_module("numpy._core._multiarray_umath")
    return " ".join(feature for feature in core.__cpu_dispatch__ if core.__cpu_features__[feature])
