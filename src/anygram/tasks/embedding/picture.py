"""Vectors of documents as a picture: their two principal components, coloured by label, as one HTML page.

Axes: N documents, D the width of their vectors.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from anygram import storage
from anygram.errors import DataError
from anygram.protocols import FloatArray
from anygram.reporting import pages
from anygram.reporting.clouds import Dot, cloud
from anygram.reporting.documents import Document, Figure, Paragraph, Section
from anygram.reporting.scales import Axis
from anygram.tasks.embedding.collection import Embedded
from anygram.tasks.embedding.neighbours import Neighbours

MOST_DOTS = 2000
_MOST_GROUPS = 8
"""So many labels have a mark of their own; all rarer ones share one."""
_OTHERS = "others"


def principal(vectors_ND: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return each vector's first two principal components as place_N2, and the shares of variance they hold.

    The directions are eigenvectors of the covariance (Pearson 1901), each turned so that its largest entry
    is positive. DataError where there are fewer than two directions or documents.
    """
    if min(vectors_ND.shape) < 2:
        raise DataError(f"a plane needs 2 documents of 2 numbers each at least, got {vectors_ND.shape}")
    centred_ND = vectors_ND - vectors_ND.mean(axis=0, dtype=np.float64)
    variance_D, directions_DD = np.linalg.eigh(centred_ND.T @ centred_ND)  # the largest comes last
    directions_D2 = directions_DD[:, [-1, -2]]
    largest_2 = np.abs(directions_D2).argmax(axis=0)
    directions_D2 = directions_D2 * np.where(directions_D2[largest_2, [0, 1]] < 0, -1, 1)
    total = variance_D.sum()
    return centred_ND @ directions_D2, variance_D[[-1, -2]] / total if total > 0 else np.zeros(2)


def write_page(path: Path, embedded: Embedded, title: str, neighbours: Neighbours | None = None) -> None:
    """Write the page of a picture of these documents, of the first `MOST_DOTS` drawn by seed 0 where more."""
    with storage.replacing(path) as temporary:
        temporary.write_text(pages.render(_page(embedded, title, neighbours)), encoding="utf-8")


def said(neighbours: Neighbours) -> str:
    """Return what was found out about neighbours, in a sentence."""
    return (
        f"Of the {neighbours.k} nearest others of a document {neighbours.share:.1%} have its label "
        f"({neighbours.chance:.1%} by chance); their commonest label is its own for {neighbours.vote:.1%} of "
        f"{neighbours.documents:,} documents (always the largest of {neighbours.labels} labels: "
        f"{neighbours.largest:.1%})."
    )


def _page(embedded: Embedded, title: str, neighbours: Neighbours | None) -> Document:
    place_N2, share_2 = principal(embedded.vectors_ND)
    shown = np.arange(len(embedded))
    if len(shown) > MOST_DOTS:
        shown = np.sort(np.random.default_rng(0).choice(shown, MOST_DOTS, replace=False))
    group_of, groups = _groups(embedded.labels)
    dots = []
    for place in shown:
        label = "" if embedded.labels is None else embedded.labels[place]
        called = f"{embedded.names[place]} {label}".strip()
        dots.append(Dot(called, group_of.get(label, len(group_of)), *map(float, place_N2[place])))
    finding = (
        f"{len(dots):,} of {len(embedded):,} documents by the two principal components of their vectors, "
        f"which hold {share_2.sum():.1%} of the variance."
    )
    axes = [Axis(f"component {n + 1} ({share:.1%})", logarithmic=False) for n, share in enumerate(share_2)]
    drawing = cloud("plane", "Documents on a plane", finding, dots, groups, *axes)
    blocks = [Paragraph(said(neighbours), strong=True)] if neighbours is not None else []
    section = Section("documents", "Documents", [*blocks, Figure(drawing, finding)])
    subtitle = f"{len(embedded):,} documents as vectors of {embedded.vectors_ND.shape[1]} numbers"
    return Document(title, subtitle, [section])


def _groups(labels: list[str] | None) -> tuple[dict[str, int], dict[int, str]]:
    """Return the number of each label that has a mark of its own, and what each number stands for."""
    if labels is None:
        return {"": 0}, {0: "documents"}
    common = sorted(Counter(labels).items(), key=lambda item: (-item[1], item[0]))
    group_of = {label: number for number, (label, _) in enumerate(common[:_MOST_GROUPS])}
    groups = {number: label for label, number in group_of.items()}
    if len(common) > _MOST_GROUPS:
        groups[_MOST_GROUPS] = _OTHERS
    return group_of, groups
