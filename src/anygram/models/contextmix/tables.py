"""All that context mixing learns: slots of bits' probabilities, and what weighs and refines them.

A context and the half of a symbol that is being predicted have a bucket of 64 bytes, a line of a cache:
a word that checks whose bucket it is and what came last there, and a slot for each of the 15 bits that
may be met within four. A slot holds a probability in 16 bits, the mean of what was seen; a bit history
in 8 (`histories`); and how often it was seen, in 8. Zeros everywhere mean that nothing was seen.

Axes: C contexts, S states of a bit history, X inputs of a mixer, K mixers, M matches.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anygram.models.contextmix.fixed import FINE, LOGIT_END, LOGIT_ONE, ONE, SQUASHED, STRETCHED
from anygram.models.contextmix.histories import BEGINNING
from anygram.protocols import Tensors

BUCKET = 16
"""Words of a bucket."""
INPUTS = 5
"""Inputs of the mixers that each context gives."""
MATCHES = 2
MIXERS = 6
REFINERS = 4
STEP = 2 * LOGIT_END // 32
"""Logits between two points of a refined probability."""
POINTS = 33
_REFINED = 1 << 16
_LANES = 16
_EACH_CONTEXT, _REST = 40_000, 3 << 20
"""Bytes that the weights and histories of a context take, and what is left with the largest vocabulary."""

_Words = NDArray[np.int32]
_Numbers = NDArray[np.int64]


class Tables(NamedTuple):
    """What is learnt, and what says how; every array may be changed by the kernels."""

    contexts_C: _Numbers
    slots: _Words
    """Buckets end to end, and one that stays empty."""
    histories_CS: _Numbers
    """The probability of a one by bit history, in 2^22nds above a count in ten bits."""
    runs_CR: _Numbers
    """The same, without a count, by how often the same four bits came last, and by what they say."""
    chain_CS2: _Numbers
    """Weights, in 2^16ths, of the contexts before in the list and of a constant, by bit history."""
    counted_CL2: _Numbers
    """Weights of a slot's own probability and of the contexts before, by count and confidence."""
    mixers_KSX: _Words
    """Weights of the inputs, in 2^16ths."""
    final_SK: _Words
    """Weights of the mixers."""
    refined_RP: _Words
    """What is added to a probability at a point, in 2^22nds."""
    matched_ML2: _Numbers
    """The probability that a match is right, by its length and by what it expects."""
    places_MH: _Words
    """Where the symbols with a hash stood last, plus one."""
    history: _Words
    """The last symbols learnt, a ring."""
    followed: _Words
    """The two symbols that came last after each symbol, and after each hashed pair."""
    escapes: _Numbers
    """The probability that the highest leaf is the boundary and no symbol."""
    forced: NDArray[np.int8]
    """The bit that must follow at each node of a symbol's tree, or −1."""
    clock: _Numbers
    """How many symbols were learnt."""


def nibbles(vocabulary_size: int) -> int:
    """Return how many groups of four bits spell any symbol below the boundary.

    >>> nibbles(257), nibbles(5), nibbles(258)
    (2, 1, 3)
    """
    return max(1, -(-(vocabulary_size - 2).bit_length() // 4))


def forced_bits(vocabulary_size: int) -> NDArray[np.int8]:
    """Return for each node of the tree which bit is the only one that can follow, −1 where both can.

    A symbol's leaf is its id, the boundary's the last; where a symbol has that one too, they share it.
    """
    bits, symbols = 4 * nibbles(vocabulary_size), vocabulary_size - 1
    usable = np.arange(1 << bits) < symbols
    usable[-1] = True
    levels = [usable]
    while len(levels[-1]) > 1:
        left, right = levels[-1].reshape(-1, 2).T
        levels.append(left | right)
    forced = [np.zeros(1, dtype=np.int8)]
    for children in levels[-2::-1]:
        left, right = children.reshape(-1, 2).T
        forced.append(np.where(left & right, -1, np.where(right, 1, 0)).astype(np.int8))
    return np.concatenate(forced)


def allocate(contexts_C: _Numbers, vocabulary_size: int, bits: int, mixers: int = MIXERS) -> Tables:
    """Return tables that have learnt nothing, with 2^`bits` buckets and up to six mixers."""
    contexts = len(contexts_C)
    inputs = INPUTS * contexts + 2 * MATCHES + 1
    hashes = max(bits - 2, 10)
    return Tables(
        contexts_C=contexts_C,
        slots=np.zeros(((1 << bits) + 1) * BUCKET, dtype=np.int32),
        histories_CS=np.tile(_padded(BEGINNING) << 10, (contexts, 1)),
        runs_CR=np.tile(_runs(), (contexts, 1)),
        chain_CS2=_chain(contexts),
        counted_CL2=_counted(contexts),
        mixers_KSX=_mixers(mixers, contexts, -(-inputs // _LANES) * _LANES),
        final_SK=np.full((256, mixers), ONE // mixers, dtype=np.int32),
        refined_RP=np.zeros((REFINERS, _REFINED * POINTS), dtype=np.int32),
        matched_ML2=_matched(),
        places_MH=np.zeros((MATCHES, 1 << hashes), dtype=np.int32),
        history=np.zeros(1 << (bits + 2), dtype=np.int32),
        followed=np.zeros(256 + (1 << 16), dtype=np.int32),
        escapes=np.full(256, 1 << (FINE - 1), dtype=np.int64) << 10,
        forced=forced_bits(vocabulary_size),
        clock=np.zeros(1, dtype=np.int64),
    )


def copied(tables: Tables) -> Tables:
    """Return tables that can be changed without the given ones being changed."""
    return Tables._make(array.copy() for array in tables)


def to_tensors(tables: Tables) -> Tensors:
    """Return the tables; of those that are mostly empty only what is not."""
    tensors: Tensors = dict(tables._asdict())
    for name, width in _SPARSE.items():
        rows = tensors[name].reshape(-1, width)
        used = np.flatnonzero(rows.any(axis=1))
        tensors |= {name: rows[used], f"{name}_used": used}
    return tensors


def fill(tables: Tables, tensors: Tensors) -> None:
    """Make new tables those that `to_tensors` was given."""
    for name, array in tables._asdict().items():
        if name in _SPARSE:
            array.reshape(-1, _SPARSE[name])[tensors[f"{name}_used"]] = tensors[name]
        else:
            array[...] = tensors[name]


def nbytes(contexts: int, bits: int) -> int:
    """Return how many bytes tables take at most once they are full."""
    slots, history, places = BUCKET * 4 << bits, 4 << (bits + 2), MATCHES * 4 << max(bits - 2, 10)
    refined = REFINERS * _REFINED * POINTS * 4
    return slots + history + places + refined + contexts * _EACH_CONTEXT + _REST


_SPARSE = {"slots": BUCKET, "refined_RP": POINTS, "history": 64, "places_MH": 64, "followed": 64}


def _padded(array: _Numbers) -> _Numbers:
    """Return one number for each of 256 states; there are not as many."""
    return np.pad(array, (0, 256 - len(array)), constant_values=1 << (FINE - 1))


def _sure(length: int) -> int:
    """Return the probability, in 2^22nds, that what came so often comes again."""
    return ((2 * length + 1) << FINE) // (2 * length + 2)


def _runs() -> _Numbers:
    runs = np.full((16, 4, 2), 1 << (FINE - 1), dtype=np.int64)
    for length in range(1, 16):
        runs[length, :, 1] = _sure(length)
        runs[length, :, 0] = (1 << FINE) - _sure(length)
    return runs.reshape(-1)


def _matched() -> _Numbers:
    matched = np.full((MATCHES, 32, 2), 1 << (FINE - 1), dtype=np.int64)
    for length in range(1, 32):
        matched[:, length, 1] = _sure(length)
        matched[:, length, 0] = (1 << FINE) - _sure(length)
    return matched


def _chain(contexts: int) -> _Numbers:
    """Return weights that lean on the contexts before by two thirds and on the bit history by one."""
    logit_S = STRETCHED[_padded(BEGINNING) >> (FINE - 12)].astype(np.int64)
    chain_CS2 = np.empty((contexts, 256, 2), dtype=np.int64)
    chain_CS2[:, :, 0] = 45_000
    chain_CS2[:, :, 1] = logit_S * 90
    chain_CS2[0, :, 1] = logit_S * LOGIT_ONE
    return chain_CS2


def _counted(contexts: int) -> _Numbers:
    """Return weights that trust a slot the more, the more often it was seen."""
    seen_L = np.arange(64) >> 2
    counted_CL2 = np.empty((contexts, 64, 2), dtype=np.int64)
    counted_CL2[:, :, 0] = ONE * (seen_L + 1) // (seen_L + 3)
    counted_CL2[:, :, 1] = ONE * 2 // (seen_L + 3)
    counted_CL2[0, :, 0] = ONE
    return counted_CL2


def _mixers(mixers: int, contexts: int, inputs: int) -> _Words:
    """Return weights that give every context the same small say."""
    mixers_KSX = np.zeros((mixers, 256, inputs), dtype=np.int32)
    say = 75_000 // contexts
    for kind, share in enumerate((say, say, say // 2, 0, say // 2)):
        mixers_KSX[:, :, kind : INPUTS * contexts : INPUTS] = share
    mixers_KSX[:, :, INPUTS * contexts] = 20_000
    return mixers_KSX


def points() -> _Numbers:
    """Return the probability of each point before anything is added, in 2^22nds."""
    at = np.minimum(np.arange(POINTS) * STEP, 2 * LOGIT_END - 1)
    return SQUASHED[at].astype(np.int64) << (FINE - 16)
