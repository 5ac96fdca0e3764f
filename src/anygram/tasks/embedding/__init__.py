"""Vectors of documents by what a language model holds of them: search, and what neighbours have in common."""

from anygram.tasks.embedding.collection import Embedded, check, collect
from anygram.tasks.embedding.neighbours import Hit, Neighbours, neighbours_share_label, search
from anygram.tasks.embedding.vectors import POOLINGS, Pooling, embed, require_features

__all__ = [
    "POOLINGS",
    "Embedded",
    "Hit",
    "Neighbours",
    "Pooling",
    "check",
    "collect",
    "embed",
    "neighbours_share_label",
    "require_features",
    "search",
]
