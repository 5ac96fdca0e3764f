"""What takes a step once the gradients are there."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from anygram.learning.gradient.config import Config


def create(parameters: Mapping[str, Tensor], config: Config) -> torch.optim.Optimizer:
    """Return AdamW (Loshchilov & Hutter 2019) over these, by name; matrices decay, vectors do not.

    Its rate is set before every step.
    """
    groups = [
        {"params": [p for p in parameters.values() if p.ndim >= 2], "weight_decay": config.decay},
        {"params": [p for p in parameters.values() if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        betas=(config.beta1, config.beta2),
        fused=True,
    )
