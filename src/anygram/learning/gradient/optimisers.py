"""What takes a step once the gradients are there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from anygram.learning.gradient.adapting import embeddings
from anygram.learning.gradient.config import Config
from anygram.learning.muon import Matrices, Muon
from anygram.learning.optimiser import AdamW, Optimiser

HEADS = ("head.", "labels.")
"""What the parameters are called of that which says symbols, and labels."""


def create(
    parameters: Mapping[str, Tensor],
    config: Config,
    module: nn.Module,
    kind: torch.dtype | None = None,
) -> list[Optimiser]:
    """Return what learns these, each by one: AdamW (Loshchilov & Hutter 2019), and Muon where asked for.

    Every group says by `factor` how many times the rate its own is, which is set before every step.
    Muon takes the matrices between the embedding and the head. Vectors do not decay.
    `kind` are the numbers of the products that a step takes; None is those of the matrices.
    """
    between = _between(parameters, module) if config.optimiser == "muon" else {}
    rest = {name: p for name, p in parameters.items() if name not in between}
    optimisers: list[Optimiser] = []
    if between:
        muon = Muon(between.values(), config.decay, config.momentum, kind=kind)
        muon.param_groups[0]["factor"] = 1.0
        optimisers.append(muon)
    if rest:
        groups = _groups(rest, config, module)
        optimisers.append(AdamW(groups, (config.beta1, config.beta2)))
    return optimisers


def _between(parameters: Mapping[str, Tensor], module: nn.Module) -> dict[str, Matrices]:
    """Return the matrices that Muon learns; a module's `matrix_parts` says which of them are several."""
    looked_up, own = embeddings(module), dict(module.named_parameters())  # own: not the factors of adapters
    parts = {
        f"{name}.{weight}": count
        for name, inner in module.named_modules()
        for weight, count in getattr(inner, "matrix_parts", {}).items()
    }
    return {
        name: Matrices(p, parts.get(name, 1))
        for name, p in parameters.items()
        if p.ndim == 2 and name not in looked_up and not name.startswith(HEADS) and name in own
    }


def _groups(parameters: Mapping[str, Tensor], config: Config, module: nn.Module) -> list[dict[str, Any]]:
    """Return AdamW's groups: parameters that have the same rate and decay."""
    looked_up = embeddings(module)
    groups: dict[tuple[float, float], list[Tensor]] = {}
    for name, parameter in parameters.items():
        factor = config.head_rate if name.startswith(HEADS) else 1.0
        factor = config.embedding_rate if name in looked_up else factor
        decay = config.decay if parameter.ndim >= 2 else 0.0
        groups.setdefault((factor, decay), []).append(parameter)
    return [
        {"params": members, "factor": factor, "weight_decay": decay}
        for (factor, decay), members in groups.items()
    ]
