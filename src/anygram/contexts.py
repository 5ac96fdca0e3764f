"""What stands before a symbol: windows of the last symbols, never reaching past a boundary.

Axes: B rows, T positions, K symbols of context, N symbols of a stream. A window is right-aligned:
its last column is the nearest symbol; NOTHING (−1) fills what lies left of the document's start.
The boundary stands once before each document.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anygram.protocols import Ids, Lengths

NOTHING = -1


def begin(rows: int, width: int, boundary: int) -> Ids:
    """Return context_BK after the boundary.

    >>> begin(1, 3, boundary=9)
    array([[-1, -1,  9]], dtype=int32)
    """
    context_BK = np.full((rows, width), NOTHING, dtype=np.int32)
    context_BK[:, width - 1 :] = boundary
    return context_BK


def extend(context_BK: Ids, ids_BT: Ids, boundary: int, lengths: Lengths | None = None) -> Ids:
    """Return context_BK after these ids; a row of length 0 keeps its context.

    >>> extend(np.array([[-1, 9]]), np.array([[1, 2]]), boundary=9)
    array([[1, 2]])
    """
    width = context_BK.shape[1]
    stream_BS = np.concatenate([context_BK, ids_BT], axis=1)
    if lengths is None:
        return _since_boundary(stream_BS[:, stream_BS.shape[1] - width :].copy(), boundary)
    places_BK = np.asarray(lengths)[:, None] + np.arange(width)
    return _since_boundary(np.take_along_axis(stream_BS, places_BK, axis=1), boundary)


def windows(context_BK: Ids, ids_BT: Ids, boundary: int) -> Ids:
    """Return windows_BTK, the context before each of these ids.

    >>> windows(np.array([[-1, 9]]), np.array([[1, 9, 2]]), boundary=9)[0].tolist()
    [[-1, 9], [9, 1], [-1, 9]]
    """
    width, positions = context_BK.shape[1], ids_BT.shape[1]
    stream_BS = np.concatenate([context_BK, ids_BT], axis=1)
    columns = [stream_BS[:, column : column + positions] for column in range(width)]
    shape = (*ids_BT.shape, width)
    windows_BTK = np.stack(columns, axis=-1) if columns else np.empty(shape, stream_BS.dtype)
    return _since_boundary(windows_BTK, boundary)


def mark_prefixes(ids_N: Ids, document_lengths: Lengths, prefix_lengths: Lengths | None) -> Ids:
    """Return the ids with those of each document's prefix as ~id (negative): context, not to be learnt.

    >>> mark_prefixes(np.array([4, 5, 9]), np.array([3]), np.array([1])).tolist()
    [-5, 5, 9]
    """
    if prefix_lengths is None:
        return ids_N.astype(np.int32)
    starts = np.cumsum(document_lengths) - document_lengths
    offset_N = np.arange(len(ids_N)) - np.repeat(starts, document_lengths)
    in_prefix_N = offset_N < np.repeat(prefix_lengths, document_lengths)
    return np.where(in_prefix_N, ~ids_N, ids_N).astype(np.int32)


def unmark(marked_N: Ids) -> tuple[Ids, NDArray[np.bool_]]:
    """Return the ids and which of them are to be learnt, from what `mark_prefixes` gave."""
    learnt_N = marked_N >= 0
    return np.where(learnt_N, marked_N, ~marked_N), learnt_N


def _since_boundary(windows_XK: Ids, boundary: int) -> Ids:
    """Blank out, in an array of the caller's own, what lies left of each window's last boundary."""
    if not (windows_XK == boundary).any():
        return windows_XK
    hidden_X = np.zeros(windows_XK.shape[:-1], dtype=bool)
    for column in range(windows_XK.shape[-1] - 2, -1, -1):
        hidden_X |= windows_XK[..., column + 1] == boundary
        windows_XK[..., column][hidden_X] = NOTHING
    return windows_XK
