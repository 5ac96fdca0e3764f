"""The model's own way of learning while it reads, where it has one."""

from __future__ import annotations

from dataclasses import dataclass

from anygram.protocols import Adaptive, LanguageModel, Reader

NEEDS = "models that learn while they read"


@dataclass(frozen=True)
class Config:
    """Nothing to choose: the model's own settings decide."""


def suits(model: LanguageModel) -> bool:
    """Return whether the model has a reader of its own."""
    return isinstance(model, Adaptive)


def reader(model: LanguageModel, config: Config) -> Reader:
    """Return a session of the model's own."""
    assert isinstance(model, Adaptive)
    return model.reader()
