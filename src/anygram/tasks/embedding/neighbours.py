"""Vectors nearest to others by their cosine: search, and whether neighbours have the same label.

Axes: N vectors, Q queries, D their width, K the nearest of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anygram.errors import DataError, UsageError
from anygram.protocols import FloatArray
from anygram.tasks.embedding.vectors import normalised

_COSINES_AT_ONCE = 1 << 24


@dataclass(frozen=True)
class Hit:
    """The place of a vector among those searched, and its cosine with the query."""

    place: int
    cosine: float


@dataclass(frozen=True)
class Neighbours:
    """How well near vectors tell a label: `share` of a document's `k` nearest others have its own.

    `chance` is that share among others drawn at random. `vote` is how often the commonest label of the `k`
    is the right one (of equally common ones the nearest's), `largest` how often always the same one would be.
    """

    k: int
    documents: int
    labels: int
    share: float
    chance: float
    vote: float
    largest: float


def search(vectors_ND: FloatArray, query_D: FloatArray, top: int = 10) -> list[Hit]:
    """Return the `top` vectors of largest cosine with the query, the largest first, ties by place.

    The vectors may be memory-mapped: they are read in blocks. One of zeros has a cosine of 0. UsageError
    where the widths differ or `top` is below 1.
    """
    if top < 1:
        raise UsageError(f"top must be at least 1, got {top}")
    if vectors_ND.ndim != 2 or query_D.shape != vectors_ND.shape[1:]:
        raise UsageError(
            f"a query of shape {query_D.shape} does not go with vectors of shape {vectors_ND.shape}; "
            "make both with the same model"
        )
    query_D1 = normalised(query_D[None].astype(np.float64)).T
    cosine_N = np.concatenate([(normalised(block_ND) @ query_D1)[:, 0] for block_ND in _blocks(vectors_ND)])
    order_K = _largest(cosine_N[None], min(top, len(cosine_N)))[0]
    return [Hit(int(place), float(cosine_N[place])) for place in order_K]


def neighbours_share_label(vectors_ND: FloatArray, labels: Sequence[str], k: int = 10) -> Neighbours:
    """Return whether each document's `k` nearest others have its label: no document is its own neighbour.

    UsageError where labels are not as many as vectors, or `k` is below 1; DataError where there are no more
    than `k` documents, or all have one label.
    """
    if len(labels) != len(vectors_ND):
        raise UsageError(f"{len(vectors_ND)} vectors have {len(labels)} labels; give one for each")
    if k < 1:
        raise UsageError(f"k must be at least 1, got {k}")
    if len(labels) <= k:
        raise DataError(f"{len(labels)} documents have no {k} neighbours each; take more, or a smaller k")
    names, label_N, counts = np.unique(
        np.asarray(labels, dtype=object), return_inverse=True, return_counts=True
    )
    if len(names) < 2:
        raise DataError(
            f"all documents have the label '{names[0]}'; neighbours tell something of two or more"
        )
    unit_ND = normalised(np.asarray(vectors_ND, dtype=np.float32))
    same_N, vote_N = [], []
    for first, label_QK in _labels_near(unit_ND, label_N, k):
        own_Q = label_N[first : first + len(label_QK)]
        same_N.append((label_QK == own_Q[:, None]).mean(axis=1))
        vote_N.append(_commonest(label_QK, len(names)) == own_Q)
    total = len(labels)
    return Neighbours(
        k=k,
        documents=total,
        labels=len(names),
        share=float(np.concatenate(same_N).mean()),
        chance=float((counts * (counts - 1)).sum() / (total * (total - 1))),
        vote=float(np.concatenate(vote_N).mean()),
        largest=float(counts.max() / total),
    )


def _blocks(vectors_ND: FloatArray) -> Iterator[FloatArray]:
    rows = max(1, _COSINES_AT_ONCE // max(1, vectors_ND.shape[1]))
    for first in range(0, len(vectors_ND), rows):
        yield np.asarray(vectors_ND[first : first + rows], dtype=np.float64)


def _labels_near(
    unit_ND: FloatArray, label_N: NDArray[np.int64], k: int
) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield the labels of the k nearest others as label_QK, for blocks of documents from `first` on."""
    rows = max(1, _COSINES_AT_ONCE // len(unit_ND))
    for first in range(0, len(unit_ND), rows):
        cosine_QN = unit_ND[first : first + rows] @ unit_ND.T
        own_Q = np.arange(len(cosine_QN))
        cosine_QN[own_Q, first + own_Q] = -np.inf
        yield first, label_N[_largest(cosine_QN, k)]


def _largest(values_QN: FloatArray, count: int) -> NDArray[np.int64]:
    """Return the places of the `count` largest of each row, the largest first, of equal ones the first."""
    least_Q = np.partition(values_QN, -count, axis=1)[:, -count]
    found_QK = np.empty((len(values_QN), count), dtype=np.int64)
    for row, (values_N, least) in enumerate(zip(values_QN, least_Q, strict=True)):
        places = np.flatnonzero(values_N >= least)  # as many, or more where some are equal
        found_QK[row] = places[np.argsort(-values_N[places], kind="stable")[:count]]
    return found_QK


def _commonest(label_QK: NDArray[np.int64], labels: int) -> NDArray[np.int64]:
    """Return each row's commonest label; of equally common ones that which comes first."""
    rows = np.arange(len(label_QK))
    counts_QL = np.zeros((len(label_QK), labels), dtype=np.int64)
    np.add.at(counts_QL, (rows[:, None], label_QK), 1)
    most_Q1 = counts_QL.max(axis=1, keepdims=True)
    leading_QK = np.take_along_axis(counts_QL, label_QK, axis=1) == most_Q1
    first_Q = leading_QK.argmax(axis=1)
    commonest_Q: NDArray[np.int64] = label_QK[rows, first_Q]
    return commonest_Q
