"""The yardstick: closed forms of a uniform model, independence of batches, units, blocks, intervals.

Axes: B rows, T positions, V vocabulary, N symbols of a stream, D documents.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram import evaluation, information, lanes
from anygram.codecs.bytes import BytesCodec
from anygram.codecs.words import WordsCodec
from anygram.comparison import results
from anygram.data.documents import Document
from anygram.data.reading import ReadingOptions, Report, read
from anygram.errors import DataError
from anygram.evaluation import Evaluation, block_sums, evaluate, scores, surprisals
from anygram.models import REGISTRY, frequency, uniform
from anygram.protocols import Codec, LanguageModel, Ranked
from tests.asking import strict_json

CODEC = BytesCodec()
V = CODEC.vocabulary_size
DOCUMENTS = [
    Document("a naïve cat", 1, "one"),
    Document("", 2, "empty"),
    Document("the cat sat on the mat and " * 3, 1, "long"),
    Document("\x00\x01\x02\x03\x04\x05", 0, "low"),
]


def _uniform(codec: Codec = CODEC) -> LanguageModel:
    return uniform.create(uniform.Config(), codec.vocabulary_size, 0)


def _counted(documents: Iterable[Document], order: int = 3) -> frequency.Frequency:
    model = frequency.create(frequency.Config(order=order), V, 0)
    for document in documents:
        ids_N = np.append(CODEC.encode(document.text).ids, np.int32(CODEC.boundary))
        model.count(ids_N, np.array([len(ids_N)]))
    model.finish()
    return model


def _small(name: str) -> LanguageModel:
    """Return a model that has learnt something or was drawn at random, small where it has a size."""
    if name == "frequency":
        return _counted(DOCUMENTS)
    module = REGISTRY.load(name)
    sizes = {"lstm": {"units": 8, "embedding": 4}, "transformer": {"width": 16, "heads": 2, "context": 16}}
    model: LanguageModel = module.create(module.Config(**sizes[name]), V, 0)
    return model


def _figures(evaluated: Evaluation) -> list[float]:
    """Return the numbers that do not depend on the clock."""
    named = [getattr(evaluated, field.name) for field in fields(evaluated)]
    numbers = [number for number in named[:-4] if isinstance(number, int | float)]
    return [float(number) for number in numbers]


# Closed forms


def test_a_uniform_model_costs_log2_v_bits_a_symbol() -> None:
    evaluated = evaluate(_uniform(), CODEC, DOCUMENTS)
    lengths = [12, 0, 81, 6]
    symbols, units = sum(lengths) + 4, sum(lengths) + 4
    nats = symbols * math.log(V)
    low = [0, 1, 2, 3, 4, 5]  # ties go by id: the k-th id has rank k
    assert evaluated.documents == 4
    assert (evaluated.symbols, evaluated.units, evaluated.bytes) == (symbols, units, units)
    assert evaluated.unit == "byte"
    assert evaluated.nats == pytest.approx(nats, rel=1e-14)
    assert evaluated.bits_per_unit == evaluated.bits_per_byte == pytest.approx(symbols * math.log2(V) / units)
    assert evaluated.perplexity == evaluated.perplexity_without_unknown == pytest.approx(V, rel=1e-12)
    assert evaluated.unknown_symbols == 0
    assert evaluated.accuracy == low.count(0) / symbols
    assert evaluated.accuracy_top5 == 5 / symbols
    assert evaluated.adaptive is False
    assert evaluated.seconds > 0
    assert evaluated.symbols_per_second == pytest.approx(symbols / evaluated.seconds)


def test_units_count_what_no_symbol_stands_for() -> None:
    """A separator of two bytes costs one boundary: fewer symbols than units, exactly."""
    evaluated = evaluate(_uniform(), CODEC, [Document("ab", 2), Document("c", 0)])
    assert (evaluated.symbols, evaluated.units) == (5, 5)
    evaluated = evaluate(_uniform(), CODEC, [Document("ab", 4)])
    assert evaluated.bits_per_byte == pytest.approx(3 * math.log2(V) / 6, rel=1e-14)


def test_a_lossy_codec_has_perplexity_and_no_bits() -> None:
    codec = WordsCodec(["to", "be"], "whitespace", lines=False)
    evaluated = evaluate(_uniform(codec), codec, [Document("to be or not", 1)])
    assert (evaluated.bits_per_byte, evaluated.bits_per_unit) == (None, None)
    assert (evaluated.symbols, evaluated.unknown_symbols, evaluated.bytes) == (5, 2, 13)
    assert evaluated.perplexity == pytest.approx(codec.vocabulary_size)
    assert [score.bits_per_byte for score in scores(_uniform(codec), codec, [Document("to be")])] == [None]


def test_perplexity_without_unknown_leaves_their_nats_out() -> None:
    codec = WordsCodec(["to", "be"], "whitespace", lines=False)
    model = frequency.create(frequency.Config(order=1, k=1.0), codec.vocabulary_size, 0)
    model.count(np.array([1, 1, 2, 3], dtype=np.int32), np.array([4]))  # to to be </s>; V = 4
    model.finish()
    evaluated = evaluate(model, codec, [Document("to or be not")])
    p = {"to": 3 / 8, "be": 2 / 8, "unknown": 1 / 8, "end": 2 / 8}
    known = p["to"] * p["be"] * p["end"]
    assert evaluated.perplexity_without_unknown == pytest.approx(known ** (-1 / 3))
    assert evaluated.perplexity == pytest.approx((known * p["unknown"] ** 2) ** (-1 / 5))


def test_accuracy_asks_for_the_likeliest() -> None:
    model = _counted([Document("aab")], order=1)  # likeliest: a, then b and the boundary by id
    evaluated = evaluate(model, CODEC, [Document("ab"), Document("ca")])
    assert evaluated.accuracy == 2 / 6
    assert evaluated.accuracy_top5 == 5 / 6  # c ties with all unseen symbols and 99 have lower ids
    assert evaluate(model, CODEC, [Document("ab")], ranks=False).accuracy is None


# Nothing but model and documents decides


@pytest.mark.parametrize("name", ["frequency", "lstm", "transformer"])
def test_batches_and_order_change_no_figure(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = _small(name)
    expected = evaluate(model, CODEC, DOCUMENTS)
    for rows, chunk, window in ((1, 7, 1), (2, 512, 1 << 22), (3, 16, 40)):
        monkeypatch.setattr(lanes, "ROWS", rows)
        monkeypatch.setattr(lanes, "CHUNK", chunk)
        monkeypatch.setattr(evaluation, "WINDOW_UNITS", window)
        same = evaluate(model, CODEC, DOCUMENTS)
        assert _figures(same) == pytest.approx(_figures(expected), rel=1e-5)
        assert same.nats_D == pytest.approx(expected.nats_D, rel=1e-4)
        turned = evaluate(model, CODEC, DOCUMENTS[::-1])
        assert _figures(turned) == pytest.approx(_figures(expected), rel=1e-5)


@pytest.mark.parametrize("name", ["frequency", "lstm", "transformer"])
def test_ranks_by_predicting_are_the_models_own(name: str) -> None:
    model = _small(name)
    assert isinstance(model, Ranked)
    ids_BT = np.random.default_rng(0).integers(0, V, (3, 9)).astype(np.int32)
    ids_BT[0, :3] = CODEC.encode("the").ids
    lengths_B = np.array([9, 4, 0])
    log_p_BT, rank_BT, after = model.rank(model.start(3), ids_BT, lengths_B)
    slow_BT, slow_rank_BT, slow_after = lanes.rank_by_predicting(model, model.start(3), ids_BT, lengths_B)
    inside_BT = np.arange(9) < lengths_B[:, None]
    np.testing.assert_array_equal(rank_BT[inside_BT], slow_rank_BT[inside_BT])
    np.testing.assert_allclose(log_p_BT, slow_BT, atol=1e-5)
    np.testing.assert_allclose(model.predict(after), model.predict(slow_after), atol=1e-5)


class _Unranked:
    """A model that cannot rank: whoever asks has to predict."""

    def __init__(self, model: LanguageModel) -> None:
        self.vocabulary_size = model.vocabulary_size
        self.start, self.predict, self.advance = model.start, model.predict, model.advance
        self.score, self.tensors, self.restore = model.score, model.tensors, model.restore


def test_a_model_that_cannot_rank_gets_the_same_accuracy() -> None:
    model = _small("frequency")
    expected, slow = (evaluate(one, CODEC, DOCUMENTS) for one in (model, _Unranked(model)))
    assert _figures(slow) == pytest.approx(_figures(expected))


def test_surprisals_add_up_to_the_whole() -> None:
    model = _small("frequency")
    found = sorted(surprisals(model, CODEC, DOCUMENTS), key=lambda one: one.index)
    assert [one.document for one in found] == DOCUMENTS
    assert all(len(one.ids_T) == len(one.nats_T) == len(one.units_T) for one in found)
    assert [int(one.units_T.sum()) for one in found] == [document.units for document in DOCUMENTS]
    total = sum(float(one.nats_T.sum()) for one in found)
    assert evaluate(model, CODEC, DOCUMENTS).nats == pytest.approx(total, rel=1e-12)


def test_scores_come_in_the_order_of_the_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    model = _small("frequency")
    monkeypatch.setattr(evaluation, "WINDOW_UNITS", 50)
    found = list(scores(model, CODEC, DOCUMENTS * 2))
    assert [score.document for score in found] == ["one", "empty", "long", "low"] * 2
    assert [score.bytes for score in found[:4]] == [document.units for document in DOCUMENTS]
    for score, document in zip(found, DOCUMENTS, strict=False):
        alone = evaluate(model, CODEC, [document])
        assert score.nats == pytest.approx(alone.nats)
        assert score.bits_per_byte == pytest.approx(alone.bits_per_byte)
        assert score.symbols == alone.symbols
        assert score.perplexity == pytest.approx(alone.perplexity)


def test_a_document_without_units_has_no_bits() -> None:
    (score,) = scores(_uniform(), CODEC, [Document("", 0)])
    assert (score.bytes, score.bits_per_byte) == (0, None)


def test_progress_ends_at_the_units_of_all() -> None:
    told: list[int] = []
    evaluated = evaluate(_uniform(), CODEC, DOCUMENTS, progress=told.append)
    assert told[-1] == evaluated.units and sorted(told) == told


# Units of files


@pytest.mark.parametrize("documents", ["lines", "paragraphs", "files"])
@pytest.mark.parametrize(
    "content", [b"one\r\ntwo\r\n\r\nthree", b"one\n\n\ntwo\n", b"\n", "naïve\nend".encode()]
)
def test_units_of_a_file_are_its_size(tmp_path: Path, documents: str, content: bytes) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    options = ReadingOptions(documents)  # type: ignore[arg-type]
    evaluated = evaluate(_uniform(), CODEC, read([str(path)], options, Report()))
    assert evaluated.units == evaluated.bytes == len(content)


@pytest.mark.parametrize("documents", [[], [Document("", 0)], [Document("")] * 40])
def test_nothing_to_evaluate_is_refused(documents: Sequence[Document]) -> None:
    with pytest.raises(DataError, match=r"no (documents|text).*; name a source that holds some"):
        evaluate(_uniform(), CODEC, documents)


# JSON


@given(nats=st.floats(allow_nan=True, allow_infinity=True))
def test_figures_are_strict_json_with_every_field(nats: float) -> None:
    arrays = (np.array([nats]), np.array([1]))
    per_byte = None if math.isnan(nats) else nats
    odd = Evaluation(
        1, 1, 1, "byte", 1, nats, per_byte, per_byte, nats, nats, 0, None, nats, False, 0.0, math.inf, *arrays
    )
    read_back = strict_json(json.dumps(odd.to_json()))
    named = [field.name for field in fields(Evaluation)]
    assert list(read_back) == [name for name in named if name not in ("nats_D", "units_D")]
    assert read_back["symbols_per_second"] is None
    assert read_back["nats"] == (nats if math.isfinite(nats) else None)


# Intervals


def test_many_documents_are_resampled_as_they_are() -> None:
    documents = [Document("a" * length, 1) for length in (5, 3, 9) for _ in range(10)]
    evaluated = evaluate(_uniform(), CODEC, documents)
    assert evaluated.units_D.tolist() == [document.units for document in documents]
    np.testing.assert_allclose(evaluated.nats_D, evaluated.units_D * math.log(V))


@given(sizes=st.lists(st.integers(0, 200), min_size=1, max_size=29))
def test_few_documents_make_64_blocks(sizes: list[int]) -> None:
    documents = [Document("a" * size, 1) for size in sizes]
    evaluated = evaluate(_uniform(), CODEC, documents, ranks=False)
    assert len(evaluated.nats_D) == len(evaluated.units_D) == 64
    assert evaluated.units_D.sum() == evaluated.units
    np.testing.assert_allclose(evaluated.nats_D, evaluated.units_D * math.log(V), atol=1e-9)
    assert evaluated.units_D.max() - evaluated.units_D.min() <= 1  # equally many, as nearly as bytes allow


def test_blocks_are_cut_by_unit() -> None:
    nats_D, units_D = block_sums([(np.arange(1.0, 7.0), np.array([1, 1, 2, 1, 1, 2]))], blocks=4)
    assert nats_D.tolist() == [1 + 2, 3, 4 + 5, 6]
    assert units_D.tolist() == [2, 2, 2, 2]


def test_a_long_symbol_leaves_blocks_empty_and_loses_nothing() -> None:
    nats_D, units_D = block_sums([(np.array([1.0, 2.0, 4.0]), np.array([7, 1, 0]))], blocks=4)
    assert (nats_D.tolist(), units_D.tolist()) == ([1.0, 0.0, 0.0, 6.0], [7, 0, 0, 1])


@given(cuts=st.lists(st.integers(1, 63), unique=True, max_size=20))
def test_blocks_do_not_depend_on_how_finely_text_is_cut(cuts: list[int]) -> None:
    """Two codecs have the same blocks wherever both have symbols that end at the blocks' edges."""
    fine_units = np.repeat(1, 256)
    coarse_units = np.diff([0, *sorted(4 * cut for cut in cuts), 256])
    fine, coarse = (block_sums([(units * 1.0, units)], blocks=4)[1] for units in (fine_units, coarse_units))
    assert fine.tolist() == [64] * 4
    for edge in (64, 128, 192, 256):
        if edge == 256 or edge // 4 in cuts:
            assert coarse[: edge // 64].sum() == edge


@given(sizes=st.lists(st.integers(0, 70), min_size=1, max_size=6), seed=st.integers(0, 1 << 30))
def test_blocks_are_the_same_to_the_last_bit_however_they_are_summed(sizes: list[int], seed: int) -> None:
    generator = np.random.default_rng(seed)
    documents = [(generator.exponential(size=size), generator.integers(0, 4, size)) for size in sizes]
    nats_N, units_N = (np.concatenate(each) for each in zip(*documents, strict=True))
    block_N = np.minimum((np.cumsum(units_N) - units_N) * 64 // max(int(units_N.sum()), 1), 63)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "_SUMMED_AT_ONCE", 16)
        nats_D, units_D = block_sums(documents)
    assert nats_D.tolist() == np.bincount(block_N, nats_N, minlength=64).tolist()
    assert units_D.tolist() == np.bincount(block_N, units_N, minlength=64).tolist()


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        units_D = generator.integers(50, 150, 60).astype(float)
        nats_D = units_D * generator.normal(1.5, 0.3, 60)
        figures = information.paired_bootstrap(nats_D, units_D, resamples=200)
        low, high = information.interval(figures)
        covered += low <= information.bits(1.5) <= high
    assert 0.88 <= covered / 200 <= 0.99


def test_an_interval_survives_a_test_part_smaller_than_its_blocks() -> None:
    evaluated = evaluate(_uniform(), CODEC, [Document("ab", 0)], ranks=False)
    result = {
        "bits_per_byte": evaluated.bits_per_byte,
        "nats_D": evaluated.nats_D.tolist(),
        "units_D": evaluated.units_D.tolist(),
        "contiguous": True,
    }
    row = results.row("uniform", "bytes", result)
    assert row.ci_low is not None and row.ci_high is not None
    assert math.isfinite(row.ci_low) and row.ci_low <= row.ci_high


def test_take_stops_at_the_units_asked_for() -> None:
    documents = [Document("abc", 1)] * 5
    assert len(evaluation.take(documents, 8)) == 2
    assert len(evaluation.take(documents, 9)) == 3
    assert len(evaluation.take(documents, 0)) == 1
    assert evaluation.take([], 5) == []
    endless = (Document("abc", 1) for _ in itertools.count())
    assert len(evaluation.take(endless, 4)) == 1
