"""Documents as vectors: what a network holds of each after its symbols, pooled over the document.

Axes: N documents, B rows, T positions, D the width of the network's hidden vectors.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Literal, Protocol, cast, get_args, get_type_hints

import numpy as np

from anygram import lanes, models, states
from anygram.data.documents import Document
from anygram.errors import DataError, UsageError
from anygram.protocols import Codec, Featured, FloatArray, Ids, LanguageModel

Pooling = Literal["mean", "last", "max"]
POOLINGS: tuple[Pooling, ...] = get_args(Pooling)
_DOCUMENTS_AT_ONCE = 1 << 13
_SYMBOLS_AT_ONCE = 1 << 14
"""Of a group of rows, so that its features need little memory and its products fill the cache."""


class _Model(LanguageModel, Featured, Protocol):
    """A language model whose inner representation can be read off."""


def embed(
    model: LanguageModel,
    codec: Codec,
    documents: Iterable[Document],
    pooling: Pooling = "mean",
    *,
    normalise: bool = True,
) -> FloatArray:
    """Return a vector of each document as vectors_ND, of length 1 unless `normalise` is False.

    It is the `mean`, the `last` or the `max` of the model's features after each symbol, read from the start
    of the document. The boundary is none of them: past it a model is at its start again, whatever came
    before; it stands alone for a document without symbols. UsageError for a model without features, and
    an unknown pooling; DataError where there are no documents.
    """
    require_features(model)
    if pooling not in POOLINGS:
        raise UsageError(f"pooling must be one of {', '.join(POOLINGS)}, got '{pooling}'")
    network = cast(_Model, model)
    parts = [_embed_window(network, texts, pooling) for texts in _windows(codec, documents)]
    if not parts:
        raise DataError("there are no documents to embed; name a source that holds some")
    vectors_ND = np.concatenate(parts)
    return normalised(vectors_ND) if normalise else vectors_ND


def require_features(model: LanguageModel) -> None:
    """Raise UsageError, naming the models that have features, where this one has none."""
    if not isinstance(model, Featured):
        raise UsageError(
            "this model has no features to make vectors of; train one that has, without labels or sources: "
            f"{', '.join(featured())}"
        )


def featured() -> list[str]:
    """Return the names of the models that have features, by what their `create` says it returns."""
    names = []
    for name in models.REGISTRY.names():
        made = get_type_hints(models.REGISTRY.load(name).create).get("return")
        if inspect.isclass(made) and hasattr(made, "features"):
            names.append(name)
    return names


def normalised(vectors_ND: FloatArray) -> FloatArray:
    """Return the vectors at length 1; one of zeros stays so.

    >>> normalised(np.array([[3.0, 4.0], [0.0, 0.0]]))
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    lengths_N1 = np.linalg.norm(vectors_ND, axis=1, keepdims=True)
    return vectors_ND / np.where(lengths_N1 > 0, lengths_N1, 1)


def _windows(codec: Codec, documents: Iterable[Document]) -> Iterator[list[Ids]]:
    """Yield the symbols of many documents at a time; of one without any, the boundary."""
    remaining = iter(documents)
    alone = np.array([codec.boundary], dtype=np.int32)
    while window := list(islice(remaining, _DOCUMENTS_AT_ONCE)):
        found = (codec.encode(document.text, document.side).ids for document in window)
        yield [ids_T if len(ids_T) else alone for ids_T in found]


def _embed_window(model: _Model, texts: Sequence[Ids], pooling: Pooling) -> FloatArray:
    """Return the vectors of these texts, those of like length read side by side."""
    order = sorted(range(len(texts)), key=lambda place: -len(texts[place]))
    parts = []
    first = 0
    while first < len(order):
        longest = len(texts[order[first]])
        last = first + min(lanes.ROWS, max(1, _SYMBOLS_AT_ONCE // longest))
        parts.append(_pool_rows(model, [texts[place] for place in order[first:last]], pooling))
        first = last
    sorted_ND = np.concatenate(parts)
    vectors_ND = np.empty_like(sorted_ND)
    vectors_ND[order] = sorted_ND
    return vectors_ND


def _pool_rows(model: _Model, texts: Sequence[Ids], pooling: Pooling) -> FloatArray:
    """Return the vectors of texts that get no longer, in pieces, the state carried from one to the next."""
    ids_BT, lengths_B = lanes.padded(texts)
    state = model.start(len(texts))
    pooled_BD: FloatArray | None = None
    for first in range(0, ids_BT.shape[1], lanes.CHUNK):
        rows = int((lengths_B > first).sum())  # the longest come first
        if rows < states.count_rows(state):
            state = states.select(state, range(rows))
        piece_BT = ids_BT[:rows, first : first + lanes.CHUNK]
        left_B = np.minimum(lengths_B[:rows] - first, piece_BT.shape[1])
        hidden_BTD = model.features(state, piece_BT)
        if pooled_BD is None:
            pooled_BD = np.zeros((len(texts), hidden_BTD.shape[2]), dtype=np.float64)
        for row, (left, hidden_TD) in enumerate(zip(left_B, hidden_BTD, strict=True)):
            pooled_BD[row] = _POOLS[pooling](pooled_BD[row], hidden_TD[:left], first)
        if first + lanes.CHUNK < ids_BT.shape[1]:
            state = model.advance(state, piece_BT, left_B)
    assert pooled_BD is not None, "every text has a symbol"
    return pooled_BD.astype(np.float32)


def _mean(before_D: FloatArray, hidden_TD: FloatArray, read: int) -> FloatArray:
    count = len(hidden_TD)
    mean_D: FloatArray = (before_D * read + hidden_TD.sum(axis=0, dtype=np.float64)) / (read + count)
    return mean_D


def _last(before_D: FloatArray, hidden_TD: FloatArray, read: int) -> FloatArray:
    last_D: FloatArray = hidden_TD[-1]
    return last_D


def _max(before_D: FloatArray, hidden_TD: FloatArray, read: int) -> FloatArray:
    max_D: FloatArray = hidden_TD.max(axis=0)
    return np.maximum(before_D, max_D) if read else max_D


_POOLS: dict[Pooling, Callable[[FloatArray, FloatArray, int], FloatArray]] = {
    "mean": _mean,
    "last": _last,
    "max": _max,
}
"""Each takes the vector of the `read` positions before, and hidden_TD of those that follow."""
