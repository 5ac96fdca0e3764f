"""Compiling parts of a network by torch's compiler: where there is one, and where it pays back.

Measured on two cores without an accelerator: the first steps of a Transformer take 15 to 28 s longer, 3 to
6 s once all is in the cache. Later ones are no shorter with 2 layers of width 64, 7 % with 4 of 128, 5 % with
4 of 256: most of what a compiler gains is in the functions of this package already. In bfloat16 on a CPU
compiled steps were slower than others. Recurrent networks have compiled loops of their own.
"""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Literal

import torch
from torch import nn

from anygram.neural.precision import Precision
from anygram.remembered import cache_folder

Asked = bool | Literal["auto"]

_SECONDS = 30.0
"""What compiling takes, when the cache is empty."""
_GAINS = {"cpu": 0.05, "cuda": 0.2}
"""By what share steps are shorter after it; that of CUDA devices is assumed, not measured."""
_WORTH = 6.0
"""How many times its cost compiling must gain, if it gains as much as that: it may gain nothing."""


def pays_back(seconds: float | None, device: torch.device, precision: Precision) -> bool:
    """Return whether compiling is worth it within so many seconds of training: on a CPU, from an hour on.

    It is not where the budget is in steps: equal seeds shall give equal weights on every machine then.
    """
    on_cpu = device.type == "cpu"
    if seconds is None or (on_cpu and precision.passes != torch.float32) or obstacle(device):
        return False
    return seconds * _GAINS.get(device.type, 0.0) >= _WORTH * _SECONDS


def obstacle(device: torch.device) -> str | None:
    """Return what torch's compiler lacks for this device; None where it should work."""
    if device.type == "cpu":
        names = (os.environ.get("CXX"), "g++", "clang++", "cl")
        found = any(shutil.which(name) for name in names if name)
        return None if found else "there is no C++ compiler"
    if device.type == "cuda":
        return None if find_spec("triton") else "triton is not installed"
    return f"torch compiles nothing for {device.type} devices that would be faster"


def compile_parts(parts: Iterable[nn.Module]) -> None:
    """Let these be compiled when they are first called; what cannot be stays as it is.

    What was compiled is kept in the user's cache folder (TORCHINDUCTOR_CACHE_DIR names another).
    """
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_folder() / "compiled"))
    import torch._dynamo.config  # not before it is needed: it takes a while

    # the rotations, which are complex, are read as pairs of real numbers
    warnings.filterwarnings("ignore", message="Torchinductor does not support code generation for complex")
    torch._dynamo.config.suppress_errors = True
    for part in parts:
        part.compile(dynamic=False)
