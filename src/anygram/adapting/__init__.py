"""Ways in which a model adapts to what it reads: one file a way, a `Reader` over a model that stays as it is.

A way offers `Config` (a frozen dataclass), `NEEDS` (which models it suits, in words), `suits(model)` and
`reader(model, config) -> Reader`; the file's name is the way's name. Each symbol is predicted before it is
learnt, so what a reader says of a text is a figure of held-out text still, an adaptive one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anygram import settings
from anygram.adapting._static import Static
from anygram.errors import UsageError
from anygram.protocols import LanguageModel, Reader
from anygram.registry import Registry

__all__ = ["PREFERRED", "REGISTRY", "Static", "reader_of", "suitable"]

REGISTRY = Registry("way of adapting", __name__, __path__)

PREFERRED = ("own", "dynamic", "recency")
"""Which way a model adapts in where none is named: the first of these that suits it."""


def suitable(model: LanguageModel) -> list[str]:
    """Return the ways that suit the model, preferred ones first."""
    names = [*PREFERRED, *(name for name in REGISTRY.names() if name not in PREFERRED)]
    return [name for name in names if REGISTRY.load(name).suits(model)]


def reader_of(
    model: LanguageModel, way: str | None = None, values: Mapping[str, Any] | None = None
) -> Reader:
    """Return a session over the model that goes on learning in this way, or in the one that suits it best.

    `values` are settings of the way. UsageError where it is unknown, does not suit the model, or has no such
    setting.
    """
    ways = suitable(model)
    name = way or ways[0]
    module = REGISTRY.load(name)
    if name not in ways:
        raise UsageError(
            f"'{name}' adapts {module.NEEDS}, not this model; ways that suit it: {', '.join(ways)}"
        )
    reader: Reader = module.reader(model, settings.build(module.Config, values or {}))
    return reader
