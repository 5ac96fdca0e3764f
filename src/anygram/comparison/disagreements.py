"""Where contestants differ most: documents, or blocks of a few long ones.

Axes: D documents or blocks, W contestants, N bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.comparison.characters import character_start
from anygram.comparison.passages import shown
from anygram.data.documents import Documents
from anygram.data.store import units_of
from anygram.information import NATS_PER_BIT
from anygram.protocols import FloatArray

SHOWN = 10
FEWEST_BYTES = 20
NEAR = 1.5
EXCERPT_BYTES = 240


def differing(
    nats: Mapping[str, FloatArray],
    units: Mapping[str, NDArray[np.int64]],
    test: Documents,
    *,
    quoted: bool = True,
) -> list[dict[str, Any]]:
    """Return the ten documents whose bits per byte differ most, by contestant.

    Each has its name and an excerpt if they may be quoted, else its place in the test part.

    `nats` and `units` are an evaluation's nats_D and units_D of each contestant that has bits per byte: of
    documents, or of contiguous blocks of all of them where they are few. Documents of less than 20 bytes are
    left out unless there are no others.
    """
    if len(nats) < 2:
        return []
    nats_WD, units_WD = np.stack(list(nats.values())), np.stack([units[who] for who in nats])
    bits_WD = nats_WD / NATS_PER_BIT / np.maximum(units_WD, 1)
    differ_D = np.ptp(bits_WD[_near(nats_WD.sum(axis=1) / units_WD.sum(axis=1))], axis=0)
    fewest_D = units_WD.min(axis=0)
    usable_D = fewest_D >= (FEWEST_BYTES if fewest_D.max() >= FEWEST_BYTES else 1)
    order = [int(d) for d in np.argsort(-differ_D, kind="stable") if usable_D[d]]
    describe = (
        partial(_document, test) if differ_D.size == len(test) else partial(_block, test, differ_D.size)
    )
    return [
        {
            **describe(d, quoted=quoted),
            "bits_per_byte": {who: float(bits_D[d]) for who, bits_D in zip(nats, bits_WD, strict=True)},
        }
        for d in order[:SHOWN]
    ]


def _near(overall_W: FloatArray) -> NDArray[np.bool_]:
    """Return who is asked whether they differ: at most half as many bits again as the best, two at least.

    The worst would decide it alone.
    """
    best, second = np.sort(overall_W)[:2]
    near_W: NDArray[np.bool_] = overall_W <= max(NEAR * best, second)
    return near_W


def _document(test: Documents, index: int, *, quoted: bool) -> dict[str, Any]:
    document = test[index]
    name = shown(document.name.encode("utf-8", "surrogateescape")) if quoted else ""
    return {
        "document": name or f"test document {index + 1:,}",
        "excerpt": _excerpt(document.to_bytes()) if quoted else "",
        "bytes": document.units,
    }


def _block(test: Documents, blocks: int, block: int, *, quoted: bool) -> dict[str, Any]:
    """Describe a block of all documents end to end, as `evaluation.block_sums` cuts them."""
    units = units_of(test)
    begin, end = (-(-edge * units // blocks) for edge in (block, block + 1))
    return {
        "document": f"bytes {begin:,} to {end - 1:,} of the test part",
        "excerpt": _excerpt(_raw(test, begin, end)) if quoted else "",
        "bytes": end - begin,
    }


def _raw(test: Documents, begin: int, end: int) -> bytes:
    """Return what stands between two places of all documents end to end, but for separators."""
    raw, place = b"", 0
    for document in test:
        text = document.to_bytes()
        raw += text[character_start(text, begin - place) : character_start(text, end - place)]
        place += document.units
    return raw


def _excerpt(raw: bytes) -> str:
    """Return the first bytes, cut between characters; what is left out shows as an ellipsis."""
    if len(raw) <= EXCERPT_BYTES:
        return shown(raw)
    return shown(raw[: character_start(raw, EXCERPT_BYTES)]) + "…"
