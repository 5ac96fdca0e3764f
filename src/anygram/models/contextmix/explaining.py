"""How much each context, and the matches, have to do with what was predicted.

The logit that the mixers agree on is a sum over their inputs; a context's part of it is what its own inputs
give, Σ_k f_k Σ_i w_ki x_i, with f the weights of the mixers. Its share of a symbol is the size of its parts
over the bits of the symbol, as a fraction of all. What the refiners add belongs to none.

Axes: T positions, C contexts, and the matches last.
"""

from __future__ import annotations

import numpy as np

from anygram.compiled import borrowing, kernel
from anygram.models.contextmix.contexts import Context, Numbers
from anygram.models.contextmix.fixed import Whole
from anygram.models.contextmix.mixing import Work, place_of, workspace
from anygram.models.contextmix.reading import NOTHING, boundary_of, pass_symbol, read_symbol, spelling
from anygram.models.contextmix.tables import INPUTS, MATCHES, Tables
from anygram.protocols import FloatArray, Ids


def names(contexts_C: Numbers) -> list[str]:
    """Return what the contexts are called, and the matches.

    >>> names(np.array([3, Context.WORD]))
    ['order 3', 'word', 'matches']
    """
    called = [f"order {c}" if c < 10 else Context(c).name.lower().replace("_", " ") for c in contexts_C]
    return [*called, "matches"]


@kernel
def share_symbols(t: Tables, n: Numbers, ids_T: Ids, begin_N: Numbers, share_TC: FloatArray) -> None:
    """Read symbols without learning; set share_TC to each context's share of each, in sum 1."""
    bits, boundary = spelling(t), boundary_of(begin_N)
    w, coder, code = workspace(t, bits), np.zeros(4, np.int64), np.zeros(0, np.uint8)
    for position in range(len(ids_T)):
        symbol = np.int64(ids_T[position])
        leaf = min(symbol, (1 << bits) - 1) if symbol != boundary else (1 << bits) - 1
        read_symbol(t, n, w, bits, boundary, symbol, False, NOTHING, coder, code)
        _add_parts(t, w, leaf, bits, share_TC[position])
        pass_symbol(t, n, begin_N, boundary, symbol, False)


@borrowing
def _add_parts(t: Tables, w: Work, leaf: Whole, bits: Whole, share_C: FloatArray) -> None:
    """Add the size of each context's part over the bits on the way to a leaf, as fractions of all."""
    contexts = len(t.contexts_C)
    total = 0.0
    for depth in range(bits):
        path = (leaf | 1 << bits) >> (bits - depth)
        if t.forced[path] >= 0:
            continue
        place = place_of(path, depth, bits)
        for c in range(contexts + 1):
            first = INPUTS * c
            last = first + (INPUTS if c < contexts else 2 * MATCHES)
            part = 0.0
            for k in range(len(t.mixers_KSX)):
                weights_X = t.mixers_KSX[k, w.chosen_DK[depth, k]]
                for x in range(first, last):
                    weighed = np.float64(weights_X[x]) * np.float64(w.inputs_DX[depth, x])
                    part += weighed * np.float64(t.final_SK[place, k])
            share_C[c] += abs(part)
            total += abs(part)
    for c in range(contexts + 1):
        share_C[c] = share_C[c] / total if total > 0.0 else 1.0 / (contexts + 1)
