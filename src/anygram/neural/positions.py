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


def rotations(position_BT: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Return cos and sin of a head's rotation angles, of axes B T 1 K/2; the width is even."""
    angles = _angles(position_BT, width)[:, :, None]
    return angles.cos().to(torch.float32), angles.sin().to(torch.float32)


def rotate(heads_BTHK: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """Return the heads with pair i, the numbers i and i + K/2, rotated by pos · 10000^{−2i/K}.

    Su et al. 2021, equation 34 (which pairs neighbours, the same up to the order of a head's numbers).
    The product of a rotated query and a rotated key depends on the difference of their positions only.
    """
    cos, sin = rotation
    first, second = heads_BTHK.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


def _angles(position_BT: Tensor, width: int) -> Tensor:
    """Return pos · 10000^{−2i/width}, in double precision where the device has it: positions grow large."""
    real = torch.float32 if position_BT.device.type == "mps" else torch.float64
    exponents = torch.arange(0, width, 2, dtype=real, device=position_BT.device) / width
    return position_BT[:, :, None].to(real) * _BASE**-exponents
