"""The probability of the next bit out of many contexts, and what is learnt when the bit is known.

Every context gives the mixers five logits: of its bit history, of its slot's own probability, of what
came last, and of two chains. A chain goes through the contexts in their order and at each weighs what
it has found so far against what this context says: by the bit history (indirect secondary estimation, as
in zpaq: Mahoney, "Data Compression Explained", section 4.3.4), or by how often the slot was seen, which is
the interpolation of lower orders (Jelinek & Mercer 1980) in the logistic domain. Matches add theirs.

p = squash(Σ_i w_i x_i), with weights that are chosen by a part of the context, and learnt by the
gradient of coding cost, Δw_i = η x_i (y − p) (the same, section 4.3.2); six such mixers, each chosen
otherwise and learning from its own error, are mixed in turn: a gated linear network of two layers (Veness
et al., "Online Learning with Gated Linear Networks", 2017). Last, four tables refine the probability by
contexts of their own (secondary estimation: Mahoney, section 4.3.3).

Axes: D bits of a symbol, H groups of four of them, C contexts, X inputs of a mixer, K mixers, M matches,
R refiners, N numbers of a row.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anygram.compiled import borrowing, making, part
from anygram.models.contextmix import contexts
from anygram.models.contextmix.contexts import Numbers
from anygram.models.contextmix.fixed import (
    FINE,
    LOGIT_END,
    LOGIT_ONE,
    ONE,
    RATES,
    SQUASHED,
    Whole,
    bounded,
    folded,
    hashed,
    squash,
    stretch,
)
from anygram.models.contextmix.histories import NEXT
from anygram.models.contextmix.tables import (
    BUCKET,
    INPUTS,
    MATCHES,
    MIXERS,
    POINTS,
    REFINERS,
    STEP,
    Tables,
    points,
)

_POINTS = points()
_SEEN_MOST, _HISTORIES_MOST = 250, 1000
_SLOW, _REFINING = 7, 6


class Work(NamedTuple):
    """What is found out while a symbol is predicted, bit by bit, and is learnt from when it is known."""

    hash_C: Numbers
    bucket_HC: Numbers
    state_DC: Numbers
    run_DC: Numbers
    slot_DC: Numbers
    count_DC: Numbers
    before_DC: Numbers
    after_DC: Numbers
    before_counted_DC: Numbers
    after_counted_DC: Numbers
    inputs_DX: NDArray[np.int32]
    chosen_DK: Numbers
    logit_DK: Numbers
    expected_M: Numbers
    match_DM: Numbers
    refine_DR: Numbers
    mixed_D: Numbers
    point_D: Numbers


@making
def workspace(t: Tables, bits: Whole) -> Work:
    """Return room for the work on one symbol."""
    count, mixers = len(t.contexts_C), len(t.mixers_KSX)
    return Work(
        np.zeros(count, np.int64),
        np.zeros((bits // 4, count), np.int64),
        np.zeros((bits, count), np.int64),
        np.zeros((bits, count), np.int64),
        np.zeros((bits, count), np.int64),
        np.zeros((bits, count), np.int64),
        np.zeros((bits, count), np.int64),
        np.zeros((bits, count), np.int64),
        np.zeros((bits, count), np.int64),
        np.zeros((bits, count), np.int64),
        np.zeros((bits, t.mixers_KSX.shape[2]), np.int32),
        np.zeros((bits, MIXERS), np.int64),
        np.zeros((bits, mixers), np.int64),
        np.zeros(MATCHES, np.int64),
        np.zeros((bits, MATCHES), np.int64),
        np.zeros((bits, REFINERS), np.int64),
        np.zeros(bits, np.int64),
        np.zeros(bits, np.int64),
    )


@borrowing
def find_bucket(slots: NDArray[np.int32], h: Whole, make: bool) -> Whole:
    """Return where the bucket of a hash begins; the empty one where it has none and none is made.

    A new one takes the place of the one of two whose first bit was seen less often.
    """
    buckets = len(slots) // BUCKET - 1
    check = np.int32((h >> 33) & 0x7FFFFF00 | 256)
    first = (h & (buckets - 1)) * BUCKET
    if slots[first] & -256 == check:
        return first
    second = first ^ BUCKET
    if slots[second] & -256 == check:
        return second
    if not make:
        return buckets * BUCKET
    if slots[second + 1] & 255 < slots[first + 1] & 255:
        first = second
    slots[first] = check
    for node in range(1, BUCKET):
        slots[first + node] = 0
    return first


@borrowing
def begin_symbol(t: Tables, n: Numbers, w: Work, bits: Whole, boundary: Whole) -> None:
    """Hash the contexts of the next symbol, and see what the matches expect."""
    for context in range(len(t.contexts_C)):
        w.hash_C[context] = contexts.hash_context(t.contexts_C[context], n)
    for match in range(MATCHES):
        w.expected_M[match] = 0
        if n[contexts.MATCHED + match] > 0:
            symbol = np.int64(t.history[n[contexts.MATCHES + match]])
            leaf = (1 << bits) - 1 if symbol == boundary else symbol
            w.expected_M[match] = leaf | (1 << bits)
    if n[contexts.MATCHES] == n[contexts.MATCHES + 1]:
        w.expected_M[1] = 0


@part
def begin_half(t: Tables, w: Work, path: Whole, half: Whole) -> None:
    """Find the buckets for the next four bits, after the bits of the symbol that are known."""
    for context in range(len(t.contexts_C)):
        w.bucket_HC[half, context] = find_bucket(t.slots, hashed(w.hash_C[context] + path), False)


@part
def _make_half(t: Tables, w: Work, path: Whole, half: Whole) -> None:
    """Make buckets for the contexts that had none."""
    none = len(t.slots) - BUCKET
    for context in range(len(t.contexts_C)):
        if w.bucket_HC[half, context] == none:
            w.bucket_HC[half, context] = find_bucket(t.slots, hashed(w.hash_C[context] + path), True)


@part
def place_of(path: Whole, depth: Whole, bits: Whole) -> Whole:
    """Return which weights a node of the tree has: its own where there are few, else those of its like."""
    within = depth & 3
    return path if bits <= 8 else (depth >> 2 << 4 | (path & ((1 << within) - 1)) | (1 << within)) & 255


@part
def predict_bit(t: Tables, n: Numbers, w: Work, path: Whole, depth: Whole, bits: Whole) -> Whole:
    """Return the probability of a one, 1 to 2^16 − 1.

    `path` is a one and the `depth` bits of the symbol's `bits` that are known.
    """
    within = depth & 3
    node = (path & ((1 << within) - 1)) | (1 << within)
    place = place_of(path, depth, bits)
    hits = _read_contexts(t, w, node, depth)
    _read_matches(t, n, w, path, depth, bits)
    _choose(n, w, place, depth, hits)
    mixed = _mix(t, w, place, depth)
    return _refine(t, n, w, place, depth, mixed)


@part
def _read_contexts(t: Tables, w: Work, node: Whole, depth: Whole) -> Whole:
    """Lay out what each context says; return how many orders from 0 to 6 have seen something."""
    chain, counted, hits, within = np.int64(0), np.int64(0), 0, depth & 3
    x = w.inputs_DX[depth]
    for c in range(len(t.contexts_C)):
        slot: Whole = np.int64(t.slots[w.bucket_HC[depth >> 2, c] + node])
        state = (slot >> 8) & 255
        w.slot_DC[depth, c], w.state_DC[depth, c], w.run_DC[depth, c] = slot, state, 0
        w.before_DC[depth, c], w.before_counted_DC[depth, c] = chain, counted
        at = INPUTS * c
        if state == 0:
            for kind in range(INPUTS):
                x[at + kind] = 0
            continue
        hits += t.contexts_C[c] <= 6
        x[at] = stretch(t.histories_CS[c, state] >> 16)
        own = stretch((slot >> 16 & 0xFFFF) ^ 0x8000)
        x[at + 1] = own
        chain = bounded((chain * t.chain_CS2[c, state, 0] + (t.chain_CS2[c, state, 1] << 8)) >> 16)
        x[at + 2] = w.after_DC[depth, c] = chain
        x[at + 3] = 0
        run = np.int64(t.slots[w.bucket_HC[depth >> 2, c]]) & 255
        if run & 15 > 0 and ((run >> 4) | 16) >> (4 - within) == node:
            w.run_DC[depth, c] = (run & 15) << 3 | within << 1 | (run >> (7 - within)) & 1
            x[at + 3] = stretch(t.runs_CR[c, w.run_DC[depth, c]] >> 6)
        seen, sure = slot & 255, abs(own)
        level = (sure > 200) + (sure > 500) + (sure > 1000)
        w.count_DC[depth, c] = (seen if seen < 12 else min(12 + (seen - 12 >> 4), 15)) * 4 + level
        weights_2 = t.counted_CL2[c, w.count_DC[depth, c]]
        counted = bounded((own * weights_2[0] + counted * weights_2[1]) >> 16)
        x[at + 4] = w.after_counted_DC[depth, c] = counted
    return hits


@part
def _read_matches(t: Tables, n: Numbers, w: Work, path: Whole, depth: Whole, bits: Whole) -> None:
    """Lay out what the matches say, while they have expected every bit so far, and a constant."""
    at = INPUTS * len(t.contexts_C)
    for match in range(MATCHES):
        w.match_DM[depth, match] = 0
        expected = w.expected_M[match]
        w.inputs_DX[depth, at + 2 * match] = w.inputs_DX[depth, at + 2 * match + 1] = 0
        if expected > 0 and expected >> (bits - depth) == path:
            length = n[contexts.MATCHED + match]
            length = min(length, 15) if length < 16 else min(16 + (length - 16 >> 3), 31)
            bit = (expected >> (bits - depth - 1)) & 1
            w.match_DM[depth, match] = length << 1 | bit
            probability = t.matched_ML2[match, length, bit] >> (FINE - 16)
            w.inputs_DX[depth, at + 2 * match] = stretch(probability)
            w.inputs_DX[depth, at + 2 * match + 1] = (probability - ONE // 2) >> 4
    w.inputs_DX[depth, at + 2 * MATCHES] = LOGIT_ONE


@part
def _choose(n: Numbers, w: Work, place: Whole, depth: Whole, hits: Whole) -> None:
    """Choose the weights that each mixer uses now."""
    length, second = w.match_DM[depth, 0] >> 1, w.match_DM[depth, 1] > 0
    w.chosen_DK[depth, 0] = place
    w.chosen_DK[depth, 1] = n[0] & 255
    w.chosen_DK[depth, 2] = (min(length, 15) * 8 + min(hits, 7)) * 2 + second
    w.chosen_DK[depth, 3] = n[contexts.PLACE] & 255
    if n[contexts.PERIOD] == 0:
        w.chosen_DK[depth, 3] = (depth & 7) << 5 | min(n[contexts.WORD_LENGTH], 31)
    w.chosen_DK[depth, 4] = n[1] & 255
    w.chosen_DK[depth, 5] = w.expected_M[0] & 255 if length > 0 else 0


@part
def _mix(t: Tables, w: Work, place: Whole, depth: Whole) -> Whole:
    """Return the logit that the mixers agree on."""
    total = np.int64(0)
    for k in range(len(t.mixers_KSX)):
        weights_X = t.mixers_KSX[k, w.chosen_DK[depth, k]]
        logit = np.int64(0)
        for x in range(len(w.inputs_DX[depth])):
            logit += np.int64(weights_X[x]) * np.int64(w.inputs_DX[depth, x])
        w.logit_DK[depth, k] = bounded(logit >> 16)
        total += w.logit_DK[depth, k] * np.int64(t.final_SK[place, k])
    return bounded(total >> 16)


@part
def _refine(t: Tables, n: Numbers, w: Work, place: Whole, depth: Whole, logit: Whole) -> Whole:
    """Return the probability of the mixed logit, refined by four contexts."""
    first = n[0] & 255
    row_R = (
        place | min(w.match_DM[depth, 0] >> 1, 15) << 8,
        place | first << 8,
        hashed(folded(n[1], n[0])) + place * 0x9E5 & 0xFFFF,
        hashed(folded(n[contexts.WORD], n[0])) + place * 0x9E5 & 0xFFFF,
    )
    point = (logit + LOGIT_END) // STEP
    rest = logit + LOGIT_END - point * STEP
    mixed = np.int64(SQUASHED[logit + LOGIT_END])
    total = mixed << (FINE - 15)
    lower, upper = _POINTS[point], _POINTS[point + 1]
    for r in range(REFINERS):
        at = row_R[r] * POINTS + point
        below, above = lower + t.refined_RP[r, at], upper + t.refined_RP[r, at + 1]
        total += (below * (STEP - rest) + above * rest) // STEP
        w.refine_DR[depth, r] = at + (rest > STEP // 2)
    w.mixed_D[depth] = mixed
    w.point_D[depth] = point + (rest > STEP // 2)
    return min(max((total // (REFINERS + 2)) >> (FINE - 16), 1), ONE - 1)


@borrowing
def learn_symbol(t: Tables, w: Work, leaf: Whole, bits: Whole) -> None:
    """Learn that what `predict_bit` was asked ended at this leaf."""
    whole = leaf | 1 << bits
    for depth in range(bits):
        path = whole >> (bits - depth)
        if depth & 3 == 0:
            _make_half(t, w, path, depth >> 2)
        if t.forced[path] < 0:
            _learn_bit(t, w, path, depth, bits, (leaf >> (bits - 1 - depth)) & 1)


@part
def _learn_bit(t: Tables, w: Work, path: Whole, depth: Whole, bits: Whole, bit: Whole) -> None:
    """Learn that after what `predict_bit` was asked this bit came."""
    within = depth & 3
    node = (path & ((1 << within) - 1)) | (1 << within)
    place = place_of(path, depth, bits)
    _learn_mixers(t, w, place, depth, bit)
    target = bit << FINE
    for r in range(REFINERS):
        at = w.refine_DR[depth, r]
        t.refined_RP[r, at] += (target - _POINTS[w.point_D[depth]] - t.refined_RP[r, at]) >> _REFINING
    for match in range(MATCHES):
        if w.match_DM[depth, match] > 0:
            length, expected = w.match_DM[depth, match] >> 1, w.match_DM[depth, match] & 1
            t.matched_ML2[match, length, expected] += (
                target - t.matched_ML2[match, length, expected]
            ) >> _SLOW
    nibble = (path << 1 | bit) & 15
    for c in range(len(t.contexts_C)):
        if w.state_DC[depth, c] > 0:
            _learn_context(t, w, c, depth, bit)
        _learn_slot(t, w, c, depth, node, bit)
        if within == 3:
            _learn_run(t.slots, w.bucket_HC[depth >> 2, c], nibble)


@part
def _learn_mixers(t: Tables, w: Work, place: Whole, depth: Whole, bit: Whole) -> None:
    target, clock = bit << 16, t.clock[0]
    rate = 8 + (200 << 12) // (4096 + clock)
    mistake = target - w.mixed_D[depth]
    for k in range(len(t.mixers_KSX)):
        t.final_SK[place, k] += np.int32((w.logit_DK[depth, k] * mistake) >> 18)
        believed = (squash(w.logit_DK[depth, k]) + 3 * w.mixed_D[depth]) // 4
        error = np.int32(((target - believed) * rate) >> 8)
        weights_X = t.mixers_KSX[k, w.chosen_DK[depth, k]]
        for x in range(len(w.inputs_DX[depth])):
            weights_X[x] += np.int32((w.inputs_DX[depth, x] * error + (1 << 13)) >> 14)


@part
def _learn_context(t: Tables, w: Work, c: Whole, depth: Whole, bit: Whole) -> None:
    """Learn what the bit history, the last symbol and the chains of a context should have said."""
    state = w.state_DC[depth, c]
    kept = t.histories_CS[c, state]
    probability, seen = kept >> 10, kept & 1023
    probability += ((((bit << FINE) - probability) >> 3) * np.int64(RATES[seen])) >> 13
    t.histories_CS[c, state] = probability << 10 | (seen + (seen < _HISTORIES_MOST))
    if w.run_DC[depth, c] > 0:
        t.runs_CR[c, w.run_DC[depth, c]] += ((bit << FINE) - t.runs_CR[c, w.run_DC[depth, c]]) >> _SLOW
    error = (bit << 16) - squash(w.after_DC[depth, c])
    t.chain_CS2[c, state, 0] += (w.before_DC[depth, c] * error + (1 << 17)) >> 18
    t.chain_CS2[c, state, 1] += error >> 9
    error = (bit << 16) - squash(w.after_counted_DC[depth, c])
    own = np.int64(w.inputs_DX[depth, INPUTS * c + 1])
    t.counted_CL2[c, w.count_DC[depth, c], 0] += (own * error + (1 << 17)) >> 18
    t.counted_CL2[c, w.count_DC[depth, c], 1] += (w.before_counted_DC[depth, c] * error + (1 << 17)) >> 18


@part
def _learn_slot(t: Tables, w: Work, c: Whole, depth: Whole, node: Whole, bit: Whole) -> None:
    slot = w.slot_DC[depth, c]
    seen, probability = slot & 255, (slot >> 16 & 0xFFFF) ^ 0x8000
    probability += (((bit << 16) - bit - probability) * np.int64(RATES[seen])) >> 16
    history = np.int64(NEXT[w.state_DC[depth, c], bit])
    seen += seen < _SEEN_MOST
    t.slots[w.bucket_HC[depth >> 2, c] + node] = np.int32((probability ^ 0x8000) << 16 | history << 8 | seen)


@part
def _learn_run(slots: NDArray[np.int32], bucket: Whole, nibble: Whole) -> None:
    """Note which four bits came last in a bucket, and how many times in a row."""
    run = np.int64(slots[bucket]) & 255
    if run >> 4 == nibble and run & 15 > 0:
        slots[bucket] += np.int32(run & 15 < 15)
    else:
        slots[bucket] = np.int32(slots[bucket] & -256 | nibble << 4 | 1)
