"""Conditions: what is known of a document before it is read, its label or a text that it goes with."""

from anygram.conditioning.class_mixture import PerClass, PerClassState
from anygram.conditioning.given import Given, behind
from anygram.conditioning.lengths import LengthLimit
from anygram.conditioning.per_class import PerClassCountable, PerClassOnline, per_class
from anygram.conditioning.prefixed import (
    Prefixed,
    PrefixedCountable,
    PrefixedDifferentiable,
    PrefixedOnline,
    PrefixedState,
    inner_vocabulary_size,
    prefixed,
    refuse,
)

__all__ = [
    "Given",
    "LengthLimit",
    "PerClass",
    "PerClassCountable",
    "PerClassOnline",
    "PerClassState",
    "Prefixed",
    "PrefixedCountable",
    "PrefixedDifferentiable",
    "PrefixedOnline",
    "PrefixedState",
    "behind",
    "inner_vocabulary_size",
    "per_class",
    "prefixed",
    "refuse",
]
