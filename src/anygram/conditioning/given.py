"""What is given of every document of a run, and the model that is created for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from anygram.conditioning.prefixed import Prefixed, inner_vocabulary_size, prefixed
from anygram.protocols import LanguageModel

Kind = Literal["label", "source"]


@dataclass(frozen=True)
class Given:
    """Of what `kind` it is, how many `symbols` it has, and by which `classifier` labels are told apart."""

    kind: Kind
    symbols: int
    classifier: Mapping[str, Any] = field(default_factory=dict)


def behind(create: Callable[[int], LanguageModel], vocabulary_size: int, given: Given) -> Prefixed:
    """Return a model that reads what is given first; `create` makes one of a vocabulary of this size."""
    inner = create(inner_vocabulary_size(vocabulary_size, given.symbols))
    return prefixed(inner, vocabulary_size, given.symbols)
