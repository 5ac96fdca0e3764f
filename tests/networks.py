"""Small networks with weights large enough that every part of them is heard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from anygram.models import REGISTRY
from anygram.neural.language_model import NeuralLanguageModel
from anygram.protocols import Ids

VOCABULARY = 7
BOUNDARY = VOCABULARY - 1

SETTINGS: list[tuple[str, Mapping[str, Any]]] = [
    ("nnlm", {"order": 4, "embedding": 5, "units": 9}),
    ("nnlm", {"order": 2, "embedding": 5, "units": 9, "direct": False}),
    ("rnn", {"units": 8, "layers": 2, "embedding": 5}),
    ("rnn", {"units": 8, "embedding": 5, "activation": "logistic"}),
    ("rnn", {"units": 8, "embedding": 5, "activation": "relu"}),
    ("lstm", {"units": 8, "layers": 2, "embedding": 5}),
    ("lstm", {"units": 8, "layers": 2, "embedding": 5, "normalised": True}),
    ("gru", {"units": 8, "embedding": 5}),
    ("gated", {"units": 8, "layers": 2, "embedding": 5}),
    ("gated", {"units": 8, "embedding": 5, "gates": "free"}),
    ("mingru", {"units": 8, "layers": 2}),
    ("minlstm", {"units": 8, "layers": 2, "expansion": 2}),
    ("transformer", {"layers": 2, "width": 16, "heads": 2, "context": 4, "bigrams": 5}),
    ("transformer", {"layers": 1, "width": 8, "heads": 2, "context": 1, "bigrams": 0}),
    ("transformer", {"layers": 2, "width": 16, "heads": 4, "key_heads": 2, "value_residual": True}),
    ("transformer", {"layers": 2, "width": 16, "heads": 2, "context": 50}),
    ("transformer", {"layers": 2, "width": 16, "heads": 2, "context": 4, "style": "classic"}),
]


def label(setting: tuple[str, Mapping[str, Any]]) -> str:
    """Return a readable test id."""
    return "-".join([setting[0], *(f"{key}={value}" for key, value in setting[1].items())])


def network(name: str, settings: Mapping[str, Any], seed: int = 1) -> NeuralLanguageModel:
    """Return a model of these settings whose weights, biases too, are drawn from a wide normal."""
    module = REGISTRY.load(name)
    model: NeuralLanguageModel = module.create(module.Config(**settings), VOCABULARY, 0)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.module().parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.5)
    return model


def weights(model: NeuralLanguageModel) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    """Return the parameters in double precision, for twins."""
    return {name: array.astype(np.float64) for name, array in model.tensors().items()}


def text(rows: int, count: int, seed: int = 0) -> Ids:
    """Return random ids_BT, boundaries among them."""
    return np.random.default_rng(seed).integers(0, VOCABULARY, (rows, count)).astype(np.int32)
