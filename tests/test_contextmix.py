"""Context mixing: each of its parts, the whole of it beside a slow clear twin, its readers and its code."""

from __future__ import annotations

import hashlib
import random
import struct
import subprocess
import sys
from math import exp, log
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from anygram.compiled import making
from anygram.errors import RunError, UsageError
from anygram.learning import learner_for
from anygram.models.contextmix import Config, ContextMix, Reader, choosing, contexts, mixing, tables
from anygram.models.contextmix.choosing import Kind, Size
from anygram.models.contextmix.contexts import Context
from anygram.models.contextmix.fixed import LOGIT_END, ONE, SQUASHED, STRETCHED
from anygram.models.contextmix.histories import BEGINNING, NEXT, STATES
from anygram.protocols import FloatArray, Ids
from tests.contextmix_twin import MOST, Twin, after, beginning

PROSE = (Path(__file__).parents[1] / "LICENSE").read_bytes()
TABLE = "".join(f"{n},{n * 37 % 101},{('red', 'blue', 'green')[n % 3]}\n" for n in range(2000)).encode()
RECORDS = b"".join(struct.pack("<IHd", n, n * 7 % 300, n / 50) for n in range(3000))
NOISE = random.Random(1).randbytes(20_000)
LEAST = tables.nbytes(8, 8)
"""The least memory of the fast size: 256 buckets, and a history of 1,024 symbols."""


def _ids(symbols: bytes | list[int]) -> Ids:
    return np.array(list(symbols), dtype=np.int32)


def _model(vocabulary_size: int = 257, kind: Kind = "auto", memory: int = LEAST) -> ContextMix:
    return ContextMix(Config(kind=kind, memory=memory), vocabulary_size)


# Numbers


def test_squashed_is_the_logistic_function_monotone_and_symmetric() -> None:
    probabilities = SQUASHED.tolist()
    for logit, probability in zip(range(-LOGIT_END, LOGIT_END), probabilities, strict=True):
        exact = min(max(ONE / (1 + exp(-logit / 256)), 1), ONE - 1)
        assert abs(probability - exact) <= 0.5 + 1e-9
    assert probabilities == sorted(probabilities)
    assert (SQUASHED[1:] + SQUASHED[:0:-1] == ONE).all()
    assert (probabilities[0], probabilities[LOGIT_END], probabilities[-1]) == (1, ONE // 2, ONE - 1)


def test_stretched_is_the_least_logit_whose_probability_is_reached() -> None:
    for index, logit in enumerate(STRETCHED.tolist()):
        middle = 16 * index + 8
        assert SQUASHED[logit + LOGIT_END - 1] < middle <= SQUASHED[logit + LOGIT_END]
        if ONE // 16 < middle < ONE - ONE // 16:
            assert abs(logit - 256 * log(middle / (ONE - middle))) <= 1.1


def test_histories_follow_each_other_as_their_twin_says() -> None:
    for number, state in enumerate(STATES):
        assert [STATES[following] for following in NEXT[number]] == [after(state, bit) for bit in (0, 1)]
        assert BEGINNING[number] == beginning(state)
    assert STATES[0] == (0, 0, None)
    assert 0 not in NEXT


@pytest.mark.parametrize("bit", [0, 1])
def test_one_bit_again_and_again_ends_at_its_most(bit: int) -> None:
    for first, state in enumerate(STATES):
        number = first
        for _ in range(100):
            number = int(NEXT[number, bit])
        assert NEXT[number, bit] == number
        counts, others = STATES[number][:2], state[:2][1 - bit]
        # of what contradicts at most two are remembered
        assert counts[1 - bit] == min(others, 2)
        assert counts[bit] == MOST[counts[1 - bit]]


# Tables


@making
def _find(slots: NDArray[np.int32], h: int, make: bool) -> int:
    place: int = mixing.find_bucket(slots, np.int64(h), make)
    return place


def test_a_bucket_is_found_again_and_the_less_seen_of_two_makes_room() -> None:
    slots = np.zeros((8 + 1) * 16, dtype=np.int32)
    first, second, third = (2 + (check << 41) for check in (2, 4, 6))
    assert _find(slots, first, False) == 8 * 16
    assert not slots.any()
    assert _find(slots, first, True) == 2 * 16
    slots[2 * 16 + 1 : 3 * 16] = 77
    assert _find(slots, second, True) == 3 * 16
    slots[3 * 16 + 1 : 4 * 16] = 76
    assert [_find(slots, h, make) for h in (first, second) for make in (False, True)] == [32, 32, 48, 48]
    assert _find(slots, third, False) == 8 * 16
    assert _find(slots, third, True) == 3 * 16
    assert not slots[3 * 16 + 1 : 4 * 16].any()
    assert (slots[2 * 16 + 1 : 3 * 16] == 77).all()
    assert _find(slots, second, False) == 8 * 16


@pytest.mark.parametrize("vocabulary_size", [2, 5, 17, 257, 258])
def test_bits_are_forced_exactly_where_one_way_leads_to_symbols(vocabulary_size: int) -> None:
    bits = 4 * tables.nibbles(vocabulary_size)
    leaves = {*range(vocabulary_size - 1), (1 << bits) - 1}
    reached = {leaf + (1 << bits) >> up for leaf in leaves for up in range(bits + 1)}
    for node in sorted(reached):
        if node < 1 << bits:
            children = [bit for bit in (0, 1) if 2 * node + bit in reached]
            assert tables.forced_bits(vocabulary_size)[node] == (-1 if len(children) == 2 else children[0])


@pytest.mark.parametrize("vocabulary_size", [2, 5, 17, 257, 258, 4099])
def test_all_symbols_are_possible_and_add_up_to_one(vocabulary_size: int) -> None:
    model = _model(vocabulary_size)
    model.learn(_ids([0, vocabulary_size - 2, vocabulary_size - 1, 0, 0] * 9))
    log_p_BV = model.predict(model.start(1))
    assert np.isfinite(log_p_BV).all()
    assert np.exp(log_p_BV).sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("size", get_args(Size))
@pytest.mark.parametrize("kind", get_args(Kind))
@pytest.mark.parametrize("bits", [8, 14])
def test_tables_take_no_more_than_was_said(size: Size, kind: Kind, bits: int) -> None:
    contexts_C = choosing.chosen(kind, size, 257)
    for vocabulary_size in (257, 1 << 20):
        made = tables.allocate(contexts_C, vocabulary_size, bits, choosing.MIXERS[size])
        assert sum(array.nbytes for array in made) <= tables.nbytes(len(contexts_C), bits)


def test_too_little_memory_is_refused_in_one_line() -> None:
    assert _model(memory=LEAST).config.memory == LEAST
    with pytest.raises(
        UsageError, match=rf"memory must be at least {LEAST:,} bytes here, got {LEAST - 1:,}$"
    ):
        _model(memory=LEAST - 1)
    with pytest.raises(UsageError, match=r"memory must be 0 or more bytes, got -1$"):
        Config(memory=-1)
    with pytest.raises(UsageError, match=r"period must be from 0 to 256, got 257$"):
        Config(period=257)
    with pytest.raises(UsageError, match=r"at most 1,048,576 symbols, got 1,048,577; use"):
        ContextMix(Config(), (1 << 20) + 1)


# Which contexts


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (PROSE, ("text", 0)),
        (TABLE, ("columns", 0)),
        (RECORDS, ("records", 14)),
        (NOISE, ("symbols", 0)),
        (b"\0", ("symbols", 0)),
        (b"", ("text", 0)),
    ],
)
def test_data_is_told_by_looking_at_it(data: bytes, expected: tuple[str, int]) -> None:
    assert choosing.look(_ids(data), 257) == expected


def test_the_width_of_pictures_is_a_record() -> None:
    """Half of their pixels are 0, which agrees with 0 at any distance."""
    datasets = pytest.importorskip("sklearn.datasets", reason="needs scikit-learn")
    pixels = datasets.load_digits().images[:500].reshape(500, 64).astype(np.int32)
    ids = np.append(pixels, np.full((500, 1), 256, dtype=np.int32), axis=1).ravel()
    assert choosing.look(ids, 257) == ("records", 8)


def test_symbols_that_are_no_bytes_are_symbols() -> None:
    assert choosing.look(_ids(PROSE), 258) == ("symbols", 0)
    assert choosing.chosen("auto", "fast", 258).tolist() == choosing.chosen("symbols", "fast", 258).tolist()
    assert choosing.chosen("auto", "fast", 257).tolist() == choosing.chosen("text", "fast", 257).tolist()


# The twin


def _agree(ids: list[int], size: int, contexts_C: list[int], mixers: int, period: int = 0) -> None:
    # 2^22 buckets, most of which no one touches: that contexts meet by chance is not what is compared
    made = tables.allocate(np.array(contexts_C, dtype=np.int64), size, 22, mixers)
    reader = Reader(made, contexts.beginning(size, period), size)
    twin = Twin(contexts_C, size, mixers, period)
    # a unit more or less in the probability of one bit would be 1.5e-5 at least
    assert reader.read(_ids(ids)) == pytest.approx([twin.log_p(symbol) for symbol in ids], abs=1e-12)
    for k, mixer in enumerate(twin.mixers):
        for row, weights in mixer.items():
            assert made.mixers_KSX[k, row, : len(weights)].tolist() == weights
    for (r, row, point), added in twin.refined.items():
        assert made.refined_RP[r, row * tables.POINTS + point] == added
    for (match, length, bit), kept in twin.matched.items():
        assert made.matched_ML2[match, length, bit] == kept


TEXT = [*PROSE[:130], 256, *PROSE[90:160], 256, *"a,1,22;Ä.\nb,2,22;Äb c\n\nA,333,22;zz a1\tb\r\n".encode()]


@pytest.mark.parametrize("size", get_args(Size))
@pytest.mark.parametrize("kind", get_args(Kind))
def test_kernels_equal_the_twin_on_text(kind: Kind, size: Size) -> None:
    contexts_C = choosing.chosen(kind, size, 257).tolist()
    _agree(TEXT, 257, contexts_C, choosing.MIXERS[size], 7 if kind == "records" else 0)


GRID = random.Random(2).choices(b"ab1, \n", k=200)
"""Few symbols, so that what stands above and beside comes in all combinations."""


@pytest.mark.parametrize("ids", [TEXT, GRID])
def test_kernels_equal_the_twin_in_every_context(ids: list[int]) -> None:
    _agree(ids, 257, [*range(10), *map(int, Context)], 6)


@given(st.data(), st.sampled_from([2, 5, 17, 257, 258, 300, 5000]), st.sampled_from([0, 1, 3]))
def test_kernels_equal_the_twin_on_any_symbols(data: st.DataObject, size: int, period: int) -> None:
    few = data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=4))
    pieces = data.draw(st.lists(st.lists(st.sampled_from(few), max_size=25), min_size=1, max_size=3))
    ids = [symbol for piece in pieces * 2 for symbol in piece]
    _agree(ids, size, choosing.chosen("records" if period else "auto", "strong", size).tolist(), 6, period)


# Readers and codes


@given(st.data(), st.sampled_from([257, 5, 300, 17, 2]), st.integers(0, 300))
def test_codes_decode_and_are_as_long_as_the_surprisal(data: st.DataObject, size: int, most: int) -> None:
    ids = _ids(data.draw(st.lists(st.integers(0, size - 1), max_size=most)))
    model = _model(size)
    reader = model.reader()
    code = reader.encode(ids)
    assert model.reader().decode(code, len(ids)).tolist() == ids.tolist()
    bits = -model.reader().read(ids).sum() / log(2)
    assert len(code) <= bits / 8 * 1.001 + 4
    assert len(code) >= bits / 8 - 1
    assert len(ids) or code == b""


@pytest.mark.parametrize("data", [PROSE[:20_000], TABLE[:20_000], RECORDS[:20_000], NOISE])
def test_long_codes_decode_and_are_as_long_as_the_surprisal(data: bytes) -> None:
    ids = _ids([*data, 256])
    kind, period = choosing.look(ids, 257)
    model = ContextMix(Config(kind=kind, period=period, memory=60 << 20), 257)
    code = model.reader().encode(ids)
    decoder = model.reader()
    assert (decoder.decode(code, len(ids)) == ids).all()
    assert len(code) == pytest.approx(-model.reader().read(ids).sum() / log(2) / 8, rel=1e-3, abs=4)
    # who decoded knows as much as who encoded
    reader = model.reader()
    reader.read(ids)
    assert (decoder.log_p() == reader.log_p()).all()


@given(st.data(), st.sampled_from([257, 5, 300, 17, 2]))
def test_what_is_asked_is_exactly_what_is_read(data: st.DataObject, size: int) -> None:
    reader = _model(size).reader()
    ids = data.draw(st.lists(st.integers(0, size - 1), max_size=12)) * 2
    together = reader.copy().distribute(_ids(ids))
    for place, symbol in enumerate(ids):
        log_p_V = reader.log_p()
        assert (together[place] == log_p_V).all()
        assert reader.read(_ids([symbol])).tolist() == [log_p_V[symbol]]


def test_copies_of_a_reader_go_their_own_ways_and_the_model_stays() -> None:
    model = _model(memory=60 << 20)
    model.learn(_ids([*PROSE[:500], 256]))
    state = model.advance(model.start(1), _ids(PROSE[:40])[None])
    before, stored = model.predict(state), {name: array.copy() for name, array in model.tensors().items()}
    reader = model.reader()
    reader.read(_ids(PROSE[500:900]))
    copied, known = reader.copy(), reader.log_p()
    copied.read(_ids(NOISE[:400]))
    assert (reader.log_p() == known).all()
    assert not np.array_equal(copied.log_p(), known)
    again = reader.copy()
    assert (again.read(_ids(PROSE[900:])) == reader.read(_ids(PROSE[900:]))).all()
    assert (model.predict(state) == before).all()
    for name, array in model.tensors().items():
        np.testing.assert_array_equal(array, stored[name])


def test_a_restored_model_is_the_same_and_learns_on_alike() -> None:
    model = _model(memory=60 << 20)
    model.learn(_ids(PROSE[:3000]))
    restored = ContextMix(Config(), 257)
    restored.restore({name: array.copy() for name, array in model.tensors().items()})
    assert restored.finish() == model.finish() == {"learnt": 3000}
    assert (restored.learn(_ids(PROSE[3000:4000])) == model.learn(_ids(PROSE[3000:4000]))).all()
    for name, array in model.tensors().items():
        np.testing.assert_array_equal(array, restored.tensors()[name])


def test_matches_go_over_the_end_of_the_history() -> None:
    block, times, kept = NOISE[:700], 9, 1 << 10
    ids, model = _ids(block * times), _model()
    assert len(model.tensors()["history"]) * 64 <= kept < len(ids)
    surprisal_N = -model.reader().read(ids) / log(2)
    assert surprisal_N[:700].mean() > 8
    assert surprisal_N[1400:].mean() < 0.1
    code = model.reader().encode(ids)
    assert len(code) < 900
    assert (model.reader().decode(code, len(ids)) == ids).all()


_ELSEWHERE = """
import hashlib, sys
import numpy as np
from anygram.models.contextmix import Config, ContextMix
ids = np.frombuffer(sys.stdin.buffer.read(), dtype=np.uint8)
print(hashlib.sha256(ContextMix(Config(memory=60 << 20), 257).reader().read(ids).tobytes()).hexdigest())
"""


def test_another_process_with_other_threads_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    found = subprocess.run([sys.executable, "-c", _ELSEWHERE], input=PROSE, capture_output=True, check=True)
    here = _model(memory=60 << 20).reader().read(_ids(PROSE))
    assert found.stdout.decode().strip() == hashlib.sha256(here.tobytes()).hexdigest()


def test_who_knows_more_has_the_larger_share() -> None:
    """In a cycle of all bytes in a random order the last symbol says what comes, none says nothing."""
    cycle = np.random.default_rng(0).permutation(256).astype(np.int32)
    model = ContextMix(Config(size="strong", memory=40_000_000), 257)
    unlearnt_TM = model.shares(model.start(1), cycle[None, :9])[0]
    np.testing.assert_allclose(unlearnt_TM, 1 / len(model.names))
    model.learn(np.tile(cycle, 12))
    share_TM = model.shares(model.start(1), cycle[None])[0]
    np.testing.assert_allclose(share_TM.sum(axis=1), 1.0)
    assert (share_TM >= 0).all()
    share_M = dict(zip(model.names, share_TM[40:].mean(axis=0), strict=True))
    assert share_M["order 1"] > 2 * share_M["order 0"]


def test_what_learning_calls_is_compiled_before_a_budget_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ContextMix(Config(memory=1 << 26), 257)
    learn, learnt = model.learn, []

    def learn_noting(ids_N: Ids) -> FloatArray:
        learnt.append(len(ids_N))
        return learn(ids_N)

    monkeypatch.setattr(model, "learn", learn_noting)
    learner_for(model, {}, 0)
    assert learnt == [0] and model.finish() == {"learnt": 0}


def test_tables_hashed_in_another_way_are_refused() -> None:
    model = ContextMix(Config(memory=40_000_000), 257)
    stored = model.tensors() | {"hashing": np.array(0)}
    with pytest.raises(RunError, match="hashed by way 0, known is 1; train again"):
        model.restore(stored)


@pytest.mark.parametrize(
    ("name", "place", "number"),
    [
        ("slots", 3, 255 << 8),
        ("histories_CS", 0, -1),
        ("runs_CR", 5, 1 << 22),
        ("contexts_C", 0, 99),
        ("numbers", contexts.COLUMN, 4000),
        ("numbers", contexts.MATCHES, -1),
    ],
)
def test_damaged_tables_are_refused(name: str, place: int, number: int) -> None:
    model = ContextMix(Config(memory=40_000_000), 257)
    model.learn(_ids(PROSE[:300]))
    stored = {key: np.array(array) for key, array in model.tensors().items()}
    model.restore(stored)
    stored[name].reshape(-1)[place] = number
    with pytest.raises(RunError, match="the tables hold what no learning leaves in them; restore"):
        model.restore(stored)
