"""The models: one file (or folder) each. The files here are the registry; none is imported to list it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from anygram.errors import UsageError
from anygram.protocols import Countable, LanguageModel, Online
from anygram.registry import Registry

if TYPE_CHECKING:
    from anygram.conditioning import Given

REGISTRY = Registry("model", __name__, __path__)


def takes_members(name: str) -> bool:
    """Return whether a model's members are other runs: then its module's `create` takes `members`."""
    return "members" in inspect.signature(REGISTRY.load(name).create).parameters


def needs_condition(name: str) -> bool:
    """Return whether a model predicts a text from another one: then its module has `create_conditional`."""
    return hasattr(REGISTRY.load(name), "create_conditional")


def alone() -> list[str]:
    """Return the names of the models that need no other runs and nothing given of documents."""
    return [name for name in REGISTRY.names() if not takes_members(name) and not needs_condition(name)]


def create(
    name: str,
    config: Any,
    vocabulary_size: int,
    seed: int,
    members: Mapping[str, LanguageModel],
    given: Given | None = None,
) -> LanguageModel:
    """Return a model before any learning; `members`, by name, are for one that takes them.

    `given` says what is given of documents: an encoder-decoder encodes it; what tells labels apart is one
    model a label where models are counted or learnt on line, and else a head on the network that reads the
    document; any other reads what is given before the document.
    """
    module = REGISTRY.load(name)
    if given is None:
        inner = {"members": members} if members else {}
        model: LanguageModel = module.create(config, vocabulary_size, seed, **inner)
        return model
    from anygram.conditioning import behind, per_class  # imports numba

    if members:
        raise UsageError(f"{name} combines runs, which know of no labels or sources; leave out --member")
    if needs_condition(name):
        encoder: LanguageModel = module.create_conditional(config, vocabulary_size, given.symbols, seed)
        return encoder
    if given.kind == "label" and learns_by_reading(name):
        several = bool(given.classifier.get("multiple", False))
        return per_class(lambda: _plain(name, config, vocabulary_size, seed), given.symbols, several)
    if "by" in given.classifier:
        from anygram.neural import classifying  # imports torch

        return classifying.create(lambda size: _plain(name, config, size, seed), vocabulary_size, given)
    return behind(lambda size: _plain(name, config, size, seed), vocabulary_size, given)


def learns_by_reading(name: str) -> bool:
    """Return whether a model is counted or learnt on line: its own class says so."""
    module = REGISTRY.load(name)
    return isinstance(module.create(module.Config(), 4, 0), Countable | Online)


def _plain(name: str, config: Any, vocabulary_size: int, seed: int) -> LanguageModel:
    model: LanguageModel = REGISTRY.load(name).create(config, vocabulary_size, seed)
    return model
