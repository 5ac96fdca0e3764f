"""Ways in which a model adapts to what it reads: one file a way, a `Reader` over a model that stays as it is.

A way offers `Config` (a frozen dataclass), `NEEDS` (which models it suits, in words), `suits(model)` and
`reader(model, config) -> Reader`; one that only listens to what another reader says may offer
`beside(reader, vocabulary_size, config) -> Reader` too. The file's name is the way's name. Each symbol is
predicted before it is learnt, so what a reader says of a text is a figure of held-out text still, an
adaptive one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from anygram import settings
from anygram.adapting._static import Static
from anygram.errors import UsageError
from anygram.protocols import LanguageModel, Reader
from anygram.registry import Registry

__all__ = ["PREFERRED", "REGISTRY", "Static", "default", "reader_of", "suitable"]

REGISTRY = Registry("way of adapting", __name__, __path__)

PREFERRED = ("own", "dynamic", "recency")
"""Which way a model adapts in where none is named: the first of these that suits it."""


def suitable(model: LanguageModel) -> list[str]:
    """Return the ways that suit the model, preferred ones first."""
    names = [*PREFERRED, *(name for name in REGISTRY.names() if name not in PREFERRED)]
    return [name for name in names if REGISTRY.load(name).suits(model)]


def default(model: LanguageModel) -> str:
    """Return the way in which this model adapts where none is named."""
    first = suitable(model)[0]
    return f"{first}+recency" if first == "dynamic" else first


def reader_of(
    model: LanguageModel, way: str | None = None, values: Mapping[str, Any] | None = None
) -> Reader:
    """Return a session over the model that goes on learning in this way, or in its default one.

    "dynamic+recency" puts one way beside another. `values` are settings, KEY, or WAY.KEY where ways are
    several. UsageError where a way is unknown or does not suit, or has no such setting.
    """
    first, *others = names = (way or default(model)).split("+")
    configs = _configs(names, values or {})
    module = REGISTRY.load(first)
    if first not in (ways := suitable(model)):
        raise UsageError(
            f"'{first}' adapts {module.NEEDS}, not this model; ways that suit it: {', '.join(ways)}"
        )
    reader: Reader = module.reader(model, configs[first])
    for name in others:
        beside = getattr(REGISTRY.load(name), "beside", None)
        if beside is None:
            raise UsageError(f"'{name}' cannot stand beside '{first}'; name it alone, or {first}+recency")
        reader = beside(reader, model.vocabulary_size, configs[name])
    return reader


def _configs(names: Sequence[str], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return each way's settings; keys read KEY of a single way, WAY.KEY of several."""
    if len(set(names)) < len(names):
        raise UsageError(f"'{'+'.join(names)}' names a way twice; name each once")
    given: dict[str, dict[str, Any]] = {name: {} for name in names}
    for key, value in values.items():
        way, dot, inner = key.rpartition(".")
        if not dot and len(names) > 1:
            raise UsageError(
                f"settings of {'+'.join(names)} read WAY.KEY, got '{key}'; for example {names[0]}.{key}"
            )
        if dot and way not in given:
            raise UsageError(f"no settings of '{way}' are asked for, got '{key}'; ways: {', '.join(names)}")
        given[way or names[0]][inner] = value
    return {name: settings.build(REGISTRY.load(name).Config, given[name]) for name in names}
