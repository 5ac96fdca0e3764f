"""Bits per byte by what stands before: by position in the document, and told only so much of it.

Axes: B rows, T positions, N bytes of documents, K bins, E symbols without bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import information
from anygram.comparison import beginnings, bytecosts, stretches
from anygram.comparison.stretches import Extent, Stretch
from anygram.evaluation import Surprisal
from anygram.lanes import padded
from anygram.protocols import Codec, FloatArray, LanguageModel

LONGEST_CONTEXT = 1 << 10
LOOKED_AT = Extent(bytes=1 << 10, size=64, before=4 * LONGEST_CONTEXT)
"""In bytes: byte pairs of text cover about four at most, so that 4096 of them hold the longest context."""

_BINS, _FIRST_BIN = 64, 4
_ROWS = 256


def by_position(scored: Sequence[Surprisal]) -> list[dict[str, Any]]:
    """Return bits per byte by how many bytes of the document stand before: 0 to 15, to 31, to 63, and so on.

    A symbol's nats are shared equally among its bytes; a boundary that covers none counts with the last byte.
    """
    nats_K, bytes_K = np.zeros(_BINS), np.zeros(_BINS, dtype=np.int64)
    for costs in bytecosts.windows(scored):
        bin_N, bin_E = _bin(costs.position_N), _bin(np.maximum(costs.bare_position_E - 1, 0))
        nats_K += _sums(bin_N, costs.nats_N) + _sums(bin_E, costs.bare_nats_E)
        bytes_K += np.bincount(bin_N, minlength=_BINS)
    firsts = [0, *(1 << _FIRST_BIN + k for k in range(_BINS))]
    return [
        {
            "first": firsts[k],
            "last": firsts[k + 1] - 1,
            "bytes": int(bytes_K[k]),
            "bits_per_byte": information.bits_per_unit(float(nats_K[k]), int(bytes_K[k])),
        }
        for k in np.flatnonzero(bytes_K).tolist()
    ]


def by_context(
    model: LanguageModel,
    scored: Sequence[Surprisal],
    looked_at: Extent = LOOKED_AT,
    condition_codec: Codec | None = None,
) -> list[dict[str, Any]]:
    """Return bits per byte of the same bytes, told only the last 1, 2, 4, … up to 1024 symbols before them.

    A context of c is c symbols read after the start state, which says that a document begins: a model that
    makes much of that is misled. From there c / 4 symbols are scored on, to read less, so that the last of
    them are told up to a quarter more. Longer contexts than all of these bytes have before them are left out;
    `bytes` says how many were sampled.
    """
    looked = stretches.sample(scored, looked_at)
    longest = min((stretch.first for stretch in looked), default=0)
    contexts = [1 << k for k in range(min(longest, LONGEST_CONTEXT).bit_length())]
    sampled = sum(stretch.bytes for stretch in looked)
    return [
        {
            "context": context,
            "bytes": round(sampled),
            "bits_per_byte": information.bits_per_unit(
                _told(model, looked, context, condition_codec), sampled
            ),
        }
        for context in contexts
    ]


def _told(
    model: LanguageModel, looked: Sequence[Stretch], context: int, condition_codec: Codec | None
) -> float:
    """Return the nats of all stretches, each symbol told so many before it, or up to a quarter more."""
    step = max(1, context // 4)
    rows = [
        (stretch, slice(place, min(place + step, len(stretch.share_T))))
        for stretch in looked
        for place in range(0, len(stretch.share_T), step)
    ]
    nats = 0.0
    for first in range(0, len(rows), _ROWS):
        group = rows[first : first + _ROWS]
        places = [stretch.first + part.start for stretch, part in group]
        before_BT = np.stack(
            [
                stretch.scored.ids_T[place - context : place]
                for place, (stretch, _) in zip(places, group, strict=True)
            ]
        )
        ids_BT, lengths_B = padded([stretch.ids_T[part] for stretch, part in group])
        begun = beginnings.start(model, condition_codec, [stretch.scored.document for stretch, _ in group])
        log_p_BT, _ = model.score(model.advance(begun, before_BT), ids_BT, lengths_B)
        for log_p_T, (stretch, part) in zip(log_p_BT, group, strict=True):
            share_T = stretch.share_T[part]
            nats -= float(log_p_T[: len(share_T)].astype(np.float64) @ share_T)
    return nats


def _bin(position_N: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return 0 for 0 to 15, 1 for 16 to 31, 2 for 32 to 63, and so on."""
    exponent_N = np.frexp(position_N.astype(np.float64))[1]
    bin_N: NDArray[np.int64] = np.maximum(exponent_N - _FIRST_BIN, 0).astype(np.int64)
    return bin_N


def _sums(bin_N: NDArray[np.int64], nats_N: FloatArray) -> FloatArray:
    sums_K: FloatArray = np.bincount(bin_N, weights=nats_N, minlength=_BINS).astype(np.float64)
    return sums_K
