"""The models: one file (or folder) each. The files here are the registry; none is imported to list it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from anygram.protocols import LanguageModel
from anygram.registry import Registry

REGISTRY = Registry("model", __name__, __path__)


def takes_members(name: str) -> bool:
    """Return whether a model's members are other runs: then its module's `create` takes `members`."""
    return "members" in inspect.signature(REGISTRY.load(name).create).parameters


def alone() -> list[str]:
    """Return the names of the models that need no other runs."""
    return [name for name in REGISTRY.names() if not takes_members(name)]


def create(
    name: str, config: Any, vocabulary_size: int, seed: int, members: Mapping[str, LanguageModel]
) -> LanguageModel:
    """Return a model before any learning; `members`, by name, are for one that takes them."""
    module = REGISTRY.load(name)
    given = {"members": members} if members else {}
    model: LanguageModel = module.create(config, vocabulary_size, seed, **given)
    return model
