"""Learning from whole documents with their sources, batched by length.

Axes: B rows, T positions of the longest document of a batch, D documents, C batches of an epoch.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from anygram.data.corpus import Block, EncodedCorpus, Position
from anygram.protocols import FloatArray, Ids

_WINDOW_BATCHES = 50
"""Documents of about so many batches are sorted together: more waste less padding, but vary less."""


class PairBlocks:
    """A corpus whose documents have conditions as batches of whole documents of about one length.

    Each epoch shuffles the documents, sorts them by length within windows, cuts these into batches, and
    shuffles the batches; (seed, epoch) decides it all. A batch has so many rows that rows × its longest text,
    closed document or closed source, is `symbols` at most, but always one.
    """

    def __init__(self, corpus: EncodedCorpus, symbols: int, seed: int) -> None:
        assert corpus.conditions is not None, "a corpus without conditions is learnt from packed blocks"
        self._corpus, self._conditions = corpus, corpus.conditions
        self._symbols, self._seed = symbols, seed
        self._lengths_D = np.diff(corpus.offsets_D1)
        self._longest_D = np.maximum(self._lengths_D, self._conditions.lengths_D + 1)

    def blocks(self, start: Position) -> Iterator[Block]:
        """Yield batches from a position on, without end."""
        position = start
        while True:
            batches = self._batches_of(position.epoch)
            done_C = np.cumsum([len(batch_B) for batch_B in batches])
            for number in range(position.block, len(batches)):
                last = number + 1 == len(batches)
                after = Position(position.epoch + 1) if last else Position(position.epoch, number + 1)
                epochs = position.epoch + float(done_C[number]) / self._corpus.documents
                yield self._block(batches[number], after, epochs)
            position = Position(position.epoch + 1)

    def _batches_of(self, epoch: int) -> list[NDArray[np.int64]]:
        """Return the documents of each batch of an epoch."""
        generator = np.random.default_rng((self._seed, epoch))
        order_D = generator.permutation(self._corpus.documents)
        typical = max(1, self._symbols // max(1, round(float(self._longest_D.mean()))))
        window = _WINDOW_BATCHES * typical
        batches = []
        for first in range(0, len(order_D), window):
            these_D = order_D[first : first + window]
            these_D = these_D[np.lexsort((self._lengths_D[these_D], self._longest_D[these_D]))]
            batches += np.split(these_D, _cuts(self._longest_D[these_D], self._symbols))
        return [batches[number] for number in generator.permutation(len(batches))]

    def _block(self, documents_B: NDArray[np.int64], after: Position, epochs: float) -> Block:
        ids_BT, weights_BT = self._padded(documents_B)
        return Block(ids_BT, weights_BT, True, after, epochs, self._conditions.of(documents_B))

    def _padded(self, documents_B: NDArray[np.int64]) -> tuple[Ids, FloatArray]:
        """Return ids_BT, filled up by boundaries, and weights_BT, which are 0 there."""
        lengths_B, starts_B = self._lengths_D[documents_B], self._corpus.offsets_D1[documents_B]
        columns_T = np.arange(lengths_B.max())
        real_BT = columns_T < lengths_B[:, None]
        ids_BT = np.full(real_BT.shape, self._corpus.vocabulary_size - 1, dtype=np.int32)
        ids_BT[real_BT] = self._corpus.ids[(starts_B[:, None] + columns_T)[real_BT]]
        return ids_BT, real_BT.astype(np.float32)


def _cuts(longest_D: NDArray[np.int64], symbols: int) -> list[int]:
    """Return where rising lengths are cut, so that rows × the longest of a batch are `symbols` at most.

    >>> _cuts(np.array([2, 2, 3, 9]), symbols=6)
    [2, 3]
    """
    cuts, first = [], 0
    for place, longest in enumerate(longest_D.tolist()):
        if place > first and (place + 1 - first) * longest > symbols:
            cuts.append(place)
            first = place
    return cuts
