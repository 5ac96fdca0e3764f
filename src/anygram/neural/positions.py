"""Where in its document a symbol stands, told to attention: sinusoids or rotations.

Axes: B rows, T positions, H heads, D width, K width of a head.
"""

from __future__ import annotations

import torch
from torch import Tensor

_BASE = 10_000.0


def sinusoids(position_BT: Tensor, width: int) -> Tensor:
    """Return PE_BTD, to be added to the embeddings (Vaswani et al. 2017, section 3.5); the width is even.

    PE(pos, 2i) = sin(pos / 10000^{2i/D}), PE(pos, 2i+1) = cos(pos / 10000^{2i/D}).
    """
    angles = _angles(position_BT, width)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2).to(torch.float32)


def rotations(position_BT: Tensor, width: int) -> Tensor:
    """Return e^{i pos θ_k}, θ_k = 10000^{−2k/width}, of axes B T 1 K/2; the width is even."""
    angles = _angles(position_BT, width)[:, :, None]
    return torch.complex(angles.cos().to(torch.float32), angles.sin().to(torch.float32))


def rotate(heads_BTHK: Tensor, rotation_BT1K: Tensor) -> Tensor:
    """Return the heads with each pair of neighbouring numbers rotated (Su et al. 2021, equation 34).

    A pair is a complex number here. The product of a rotated query and a rotated key depends on the
    difference of their positions only.
    """
    if torch.compiler.is_compiling():  # compilers know no complex numbers
        cosine, sine = torch.view_as_real(rotation_BT1K).unbind(-1)
        a, b = heads_BTHK.view(*heads_BTHK.shape[:-1], -1, 2).unbind(-1)
        return torch.stack([a * cosine - b * sine, a * sine + b * cosine], dim=-1).flatten(-2)
    pairs = torch.view_as_complex(heads_BTHK.view(*heads_BTHK.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * rotation_BT1K).flatten(-2)


def _angles(position_BT: Tensor, width: int) -> Tensor:
    """Return pos · 10000^{−2i/width}, in double precision where the device has it: positions grow large."""
    real = torch.float32 if position_BT.device.type == "mps" else torch.float64
    exponents = torch.arange(0, width, 2, dtype=real, device=position_BT.device) / width
    return position_BT[:, :, None].to(real) * _BASE**-exponents
