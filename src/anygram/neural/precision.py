"""In which numbers a network computes: bfloat16 where this machine multiplies matrices of it faster.

Parameters, their gradients and all scoring stay float32.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal

import torch
from torch.nn.functional import linear, rms_norm

from anygram.errors import UsageError
from anygram.remembered import remembered

Asked = Literal["auto", "float32", "bfloat16"]

# On CPUs numbers are turned from one kind into the other all the time, which narrower networks do not win
# back: with products 6 times faster forward and back took 15 % less time at width 128, 35 % at 192, half at
# 384
_FROM_WIDTH = 128
_GAIN = 1.25
_PROBED_ROWS, _WIDEST_PROBED, _ROUNDS = 512, 512, 6


@dataclass(frozen=True)
class Precision:
    """The numbers of the `passes` forward and back, and those of the products in an optimiser's `steps`."""

    passes: torch.dtype = torch.float32
    steps: torch.dtype = torch.float32

    def computing(self, device: torch.device) -> AbstractContextManager[object]:
        """Return a context in which products are computed in the numbers of the passes."""
        if self.passes == torch.float32:
            return nullcontext()
        return torch.autocast(device.type, self.passes)

    def to_words(self) -> dict[str, str]:
        """Return the names of both kinds, as `from_words` reads them."""
        return {
            "passes": str(self.passes).removeprefix("torch."),
            "steps": str(self.steps).removeprefix("torch."),
        }

    @classmethod
    def from_words(cls, words: dict[str, str]) -> Precision:
        """Return the precision of these names."""
        return cls(getattr(torch, words["passes"]), getattr(torch, words["steps"]))


def choose(asked: Asked, device: torch.device, width: int) -> Precision:
    """Return what is asked for, or what suits the device and a network of this width.

    CUDA devices that have bfloat16 in their matrix units (capability 8 and later) use it, and multiply
    float32 in their shorter form (TF32). CPUs are probed once. Others, MPS among them, keep float32.
    UsageError where bfloat16 is asked of a device that has none.
    """
    able = _is_able(device)
    if device.type == "cuda" and able:
        torch.set_float32_matmul_precision("high")
    if asked == "bfloat16" and not able:
        raise UsageError(f"precision=bfloat16: this {device.type} device has none; leave precision out")
    if asked != "auto":
        same = getattr(torch, asked)
        return Precision(same, same)
    if device.type == "cuda" and able:
        return Precision(torch.bfloat16, torch.bfloat16)
    if device.type != "cpu" or width < _FROM_WIDTH:
        return Precision()
    return Precision(_quicker("passes", _layer_seconds, width), _quicker("steps", _product_seconds, width))


def _is_able(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device)[0] >= 8
    return device.type == "cpu"


def _quicker(what: str, seconds: Callable[[int, torch.dtype], float], width: int) -> torch.dtype:
    """Return in which numbers this CPU does it in fewer seconds, as found out once a machine."""
    probed = min(width, _WIDEST_PROBED)
    circumstances = [
        what,
        f"torch {torch.__version__}",
        f"{torch.get_num_threads()} threads",
        f"width {probed}",
    ]
    gain = remembered("bfloat16", circumstances, lambda: _gain(seconds, probed))
    return torch.bfloat16 if gain >= _GAIN else torch.float32


def _gain(seconds: Callable[[int, torch.dtype], float], width: int) -> float:
    """Return seconds in float32 over seconds in bfloat16, the least of each, taken by turns."""
    kinds = (torch.float32, torch.bfloat16)
    rounds = [[seconds(width, kind) for kind in kinds] for _ in range(_ROUNDS)]
    in_float32, in_bfloat16 = (min(times) for times in zip(*rounds, strict=True))
    return float(in_float32 / in_bfloat16)


def _product_seconds(width: int, kind: torch.dtype) -> float:
    """Time products as an optimiser's step has them."""
    x_4DD = torch.randn(4, width, width).to(kind)
    started = time.perf_counter()
    for _ in range(4):
        torch.bmm(x_4DD, x_4DD)
    return time.perf_counter() - started


def _layer_seconds(width: int, kind: torch.dtype) -> float:
    """Time a feed-forward layer, there and back."""
    x_ND = torch.randn(_PROBED_ROWS, width)
    up = torch.randn(4 * width, width).requires_grad_()
    down = torch.randn(width, 4 * width).requires_grad_()
    started = time.perf_counter()
    with torch.autocast("cpu", kind, enabled=kind != torch.float32):
        inner = linear(rms_norm(x_ND, (x_ND.shape[1],)), up).relu()
        mean = (x_ND + linear(inner, down)).square().mean()
    torch.autograd.grad(mean, (up, down))
    return time.perf_counter() - started
