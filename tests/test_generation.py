"""Prediction and sampling: closed forms of the cuts, frequencies of draws, seeds, boundaries, prompts.

Axes: B rows, V vocabulary.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram.codecs.bytes import BytesCodec
from anygram.codecs.chars import CharsCodec
from anygram.codecs.words import WordsCodec
from anygram.errors import DataError, UsageError
from anygram.information import log_softmax
from anygram.models import frequency, lstm, uniform
from anygram.protocols import Codec, FloatArray, LanguageModel
from anygram.tasks.generation import Sampling, draw, generate, probabilities, stream
from anygram.tasks.prediction import END, after, predict

BYTES = BytesCodec()
TEXTS = ["the cat sat on the mat", "the dog sat on the log", "a naïve rat"]


def _counted(codec: Codec, texts: list[str] = TEXTS, order: int = 3, k: float = 1e-4) -> LanguageModel:
    model = frequency.create(frequency.Config(order=order, k=k), codec.vocabulary_size, 0)
    for text in texts:
        ids_N = np.append(codec.encode(text).ids, np.int32(codec.boundary))
        model.count(ids_N, np.array([len(ids_N)]))
    model.finish()
    return model


MODEL = _counted(BYTES)

logits = st.lists(st.floats(-20, 20), min_size=2, max_size=12)


def _log_p(numbers: list[float]) -> FloatArray:
    return log_softmax(np.array([numbers]))


def _cut(log_p_BV: FloatArray, **sampling: Any) -> list[float]:
    """Return p_V of the only row."""
    p_V: list[float] = probabilities(log_p_BV, Sampling(**sampling))[0].tolist()
    return p_V


# The distribution to draw from


@given(numbers=logits)
def test_nothing_asked_for_changes_nothing(numbers: list[float]) -> None:
    np.testing.assert_allclose(_cut(_log_p(numbers)), np.exp(_log_p(numbers))[0])


@given(numbers=logits, temperature=st.floats(0.05, 5))
def test_temperature_raises_to_a_power(numbers: list[float], temperature: float) -> None:
    raised_V = np.exp(_log_p(numbers))[0] ** (1 / temperature)
    np.testing.assert_allclose(
        _cut(_log_p(numbers), temperature=temperature), raised_V / raised_V.sum(), atol=1e-12
    )


@given(numbers=logits)
def test_temperature_zero_takes_the_likeliest_and_the_lowest_id_of_equals(numbers: list[float]) -> None:
    expected = [0.0] * len(numbers)
    log_p_BV = _log_p(numbers)
    expected[int(log_p_BV.argmax())] = 1.0
    assert _cut(log_p_BV, temperature=0) == expected == _cut(log_p_BV, top_k=1)


@given(numbers=logits, temperature=st.sampled_from([1e-320, 1e-9]))
def test_a_temperature_near_zero_is_near_the_likeliest(numbers: list[float], temperature: float) -> None:
    p_V = np.array(_cut(_log_p(numbers), temperature=temperature))
    assert p_V.sum() == pytest.approx(1)
    assert set(np.flatnonzero(p_V)) <= {i for i, one in enumerate(numbers) if one > max(numbers) - 1e-5}


@given(numbers=logits, k=st.integers(1, 14))
def test_top_k_keeps_the_k_likeliest(numbers: list[float], k: int) -> None:
    p_V = np.exp(_log_p(numbers))[0]
    kept = sorted(range(len(numbers)), key=lambda i: (-p_V[i], i))[:k]
    expected_V = np.where(np.isin(np.arange(len(numbers)), kept), p_V, 0)
    np.testing.assert_allclose(_cut(_log_p(numbers), top_k=k), expected_V / expected_V.sum())


@given(numbers=logits, p=st.floats(0.01, 1))
def test_top_p_keeps_the_smallest_set_that_reaches_p(numbers: list[float], p: float) -> None:
    p_V = np.exp(_log_p(numbers))[0]
    cut_V = np.array(_cut(_log_p(numbers), top_p=p))
    kept = np.flatnonzero(cut_V)
    assert p_V[kept].sum() >= p - 1e-9
    assert p_V[kept].sum() - p_V[kept].min() < p + 1e-9  # without its least it would not reach p
    assert p_V[kept].min() >= np.delete(p_V, kept).max(initial=0)
    np.testing.assert_allclose(cut_V[kept], p_V[kept] / p_V[kept].sum())


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        ({"top_p": 0.5}, [0, 1, 0, 0]),
        ({"top_p": 0.51}, [0, 0.5 / 0.75, 0.25 / 0.75, 0]),
        ({"top_p": 1.0}, [0.125, 0.5, 0.25, 0.125]),
        ({"top_k": 3}, [0.125 / 0.875, 0.5 / 0.875, 0.25 / 0.875, 0]),
        ({"top_k": 3, "top_p": 0.6}, [0, 0.5 / 0.75, 0.25 / 0.75, 0]),
        ({"temperature": 0.5, "top_k": 2}, [0, 0.8, 0.2, 0]),
    ],
)
def test_cuts_in_closed_form(sampling: dict[str, Any], expected: list[float]) -> None:
    log_p_BV = np.log([[0.125, 0.5, 0.25, 0.125]])
    assert _cut(log_p_BV, **sampling) == pytest.approx(expected)


# Draws


def _symbols(
    model: LanguageModel, codec: Codec, prompt: str = "", n: int = 1, **sampling: Any
) -> list[list[int]]:
    """Return the symbols of each sample, its boundary too."""
    found: dict[int, list[int]] = defaultdict(list)
    for sample, symbol in draw(model, codec, prompt, n, Sampling(**sampling)):
        found[sample].append(symbol)
    return [found[sample] for sample in range(n)]


def _greedy(model: LanguageModel, codec: Codec, prompt: str, count: int) -> list[int]:
    symbols: list[int] = []
    state = after(model, codec, prompt)
    while len(symbols) < count and codec.boundary not in symbols:
        symbols.append(int(model.predict(state)[0].argmax()))
        state = model.advance(state, np.array([symbols[-1:]], dtype=np.int32))
    return symbols


@pytest.mark.parametrize("prompt", ["", "the ", "a naïve"])
def test_greedy_follows_the_likeliest(prompt: str) -> None:
    expected = _greedy(MODEL, BYTES, prompt, 30)
    assert _symbols(MODEL, BYTES, prompt, max_symbols=30, temperature=0) == [expected]
    assert _symbols(MODEL, BYTES, prompt, max_symbols=30, top_k=1, seed=3) == [expected]


def test_draws_are_as_frequent_as_they_are_likely() -> None:
    """Pearson's chi-square over the first symbols of many samples; the seed is fixed."""
    codec = WordsCodec(list("abcde"), "whitespace", lines=False)
    model = _counted(codec, ["a a a a b b c d", "a b e"], order=1, k=0.5)
    for sampling in ({}, {"temperature": 0.7}, {"top_k": 4}, {"top_p": 0.8}):
        p_V = probabilities(model.predict(model.start(1)), Sampling(**sampling))[0]
        firsts = Counter(sample[0] for sample in _symbols(model, codec, n=4000, max_symbols=1, **sampling))
        assert set(firsts) == set(np.flatnonzero(p_V))
        expected = 4000 * p_V[p_V > 0]
        seen = np.array([firsts[int(symbol)] for symbol in np.flatnonzero(p_V)])
        chi_square = float(((seen - expected) ** 2 / expected).sum())
        freedom = len(expected) - 1
        assert chi_square < freedom + 3 * math.sqrt(2 * freedom)


def test_later_draws_follow_their_context() -> None:
    codec = WordsCodec(list("ab"), "whitespace", lines=False)
    model = _counted(codec, ["a b"] * 3 + ["b a"], order=2, k=1e-9)
    samples = Counter(tuple(sample) for sample in _symbols(model, codec, n=2000))
    a, b, end = 1, 2, codec.boundary
    p = {(a, b, end): 3 / 4 * 3 / 4 * 3 / 4, (b, a, end): 1 / 4 * 1 / 4 * 1 / 4, (a, end): 3 / 4 * 1 / 4}
    for sample, expected in p.items():
        error = math.sqrt(expected * (1 - expected) / 2000)
        assert samples[sample] / 2000 == pytest.approx(expected, abs=4 * error)


def test_a_seed_repeats_and_another_differs() -> None:
    assert _symbols(MODEL, BYTES, n=3, seed=5) == _symbols(MODEL, BYTES, n=3, seed=5)
    assert _symbols(MODEL, BYTES, n=3, seed=5) != _symbols(MODEL, BYTES, n=3, seed=6)
    one, other = _symbols(MODEL, BYTES, n=2, temperature=2.0)
    assert one != other


@pytest.mark.parametrize("model", [MODEL, lstm.create(lstm.Config(units=8, embedding=4), 257, 0)])
def test_a_sample_does_not_depend_on_those_beside_it(model: LanguageModel) -> None:
    samples = _symbols(model, BYTES, "the", n=5, max_symbols=40)
    assert len({len(sample) for sample in samples}) > 1 or model is not MODEL  # some leave the batch early
    for n in (1, 3):
        assert _symbols(model, BYTES, "the", n=n, max_symbols=40) == samples[:n]


def test_a_sample_ends_with_its_boundary_or_at_the_limit() -> None:
    for sample in _symbols(MODEL, BYTES, n=20, max_symbols=12):
        assert len(sample) <= 12
        assert BYTES.boundary not in sample[:-1]
        assert len(sample) == 12 or sample[-1] == BYTES.boundary


class _EndsAtOnce:
    """All but certain that everything ends."""

    vocabulary_size = 257
    asked = 0

    def start(self, rows: int, condition: object = None) -> Any:
        return np.zeros(rows)

    def predict(self, state: Any) -> FloatArray:
        self.asked += 1
        logits_BV = np.zeros((len(state), 257))
        logits_BV[:, 256] = 1000
        return log_softmax(logits_BV)

    def advance(self, state: Any, ids_BT: Any, lengths: Any = None) -> Any:
        return state


def test_an_ended_sample_is_not_asked_again() -> None:
    model: Any = _EndsAtOnce()
    assert generate(model, BYTES, samples=3) == ["", "", ""]
    assert model.asked == 1


# Text


@given(seed=st.integers(0, 1000), n=st.integers(1, 3))
def test_pieces_joined_are_the_text(seed: int, n: int) -> None:
    model = uniform.create(uniform.Config(), 257, 0)  # all bytes: broken characters, held back ones
    sampling = Sampling(max_symbols=30, seed=seed)
    texts = generate(model, BYTES, samples=n, sampling=sampling)
    pieces = [""] * n
    for sample, piece in stream(model, BYTES, samples=n, sampling=sampling):
        assert piece
        pieces[sample] += piece
    assert pieces == texts
    for text, symbols in zip(texts, _symbols(model, BYTES, n=n, max_symbols=30, seed=seed), strict=True):
        inside = [symbol for symbol in symbols if symbol != BYTES.boundary]
        assert text == BYTES.decode(np.array(inside, dtype=np.int32))


def test_a_text_comes_back_whole() -> None:
    model = _counted(BYTES, ["天地玄黄"], order=4)
    assert generate(model, BYTES, sampling=Sampling(temperature=0)) == ["天地玄黄"]
    assert generate(model, BYTES, "天地", sampling=Sampling(temperature=0)) == ["玄黄"]


@pytest.mark.parametrize("prompt", ["", "Ω≈ç", "\udcff", "the\n\x00"])
def test_any_prompt_is_gone_on_from(prompt: str) -> None:
    for codec in (BYTES, CharsCodec("ï"), WordsCodec(["the", "cat"], "whitespace", lines=True)):
        model = _counted(codec)
        if prompt == "\udcff" and codec.unknown is not None:
            with pytest.raises(DataError, match="--codec bytes"):
                generate(model, codec, prompt)
        else:
            assert len(generate(model, codec, prompt, samples=2, sampling=Sampling(max_symbols=5))) == 2


@pytest.mark.parametrize(
    ("sampling", "message"),
    [
        ({"max_symbols": 0}, "max_symbols must be at least 1, got 0"),
        ({"temperature": -1.0}, "temperature must be 0 or more, got -1"),
        ({"temperature": math.nan}, "temperature must be 0 or more, got nan"),
        ({"top_k": 0}, "top_k must be at least 1, got 0"),
        ({"top_p": 0.0}, "top_p must be above 0 and at most 1, got 0"),
        ({"top_p": 1.5}, "top_p must be above 0 and at most 1, got 1.5"),
        ({"seed": -1}, "seed must be at least 0 and below 2.63, got -1"),
    ],
)
def test_a_way_of_drawing_that_is_none_is_refused(sampling: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Sampling(**sampling)
    with pytest.raises(UsageError, match="number of samples must be at least 1, got 0"):
        generate(MODEL, BYTES, samples=0)


# Prediction


@given(prompt=st.text("the catsno", max_size=8), top=st.integers(1, 300))
def test_predictions_stand_in_order_and_share_one(prompt: str, top: int) -> None:
    predictions = predict(MODEL, BYTES, prompt, top)
    assert len(predictions) == min(top, 257)
    keys = [(-one.probability, one.id) for one in predictions]
    assert keys == sorted(keys)
    total = sum(one.probability for one in predictions)
    assert total == pytest.approx(1) if top >= 257 else total < 1
    log_p_V = MODEL.predict(after(MODEL, BYTES, prompt))[0]
    for one in predictions:
        assert one.probability == pytest.approx(math.exp(log_p_V[one.id]))
        assert one.bits == pytest.approx(-math.log2(one.probability))


def test_predictions_in_closed_form() -> None:
    codec = CharsCodec("")
    model = _counted(codec, ["ab", "ac", "ab"], order=2, k=1e-9)
    found = [(one.symbol, round(one.probability, 6)) for one in predict(model, codec, "a", top=2)]
    assert found == [("b", round(2 / 3, 6)), ("c", round(1 / 3, 6))]
    (end,) = predict(model, codec, "ab", top=1)
    assert (end.id, end.symbol) == (codec.boundary, END)
    assert end.bits == pytest.approx(0, abs=1e-6)
    assert END == "<end>"


def test_the_prompt_is_read_from_the_start_of_a_document() -> None:
    model = _counted(BYTES, ["ab", "cb", "ca"], order=2, k=1e-9)
    assert [one.symbol for one in predict(model, BYTES, "", top=2)] == ["c", "a"]


def test_a_list_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="top must be at least 1, got 0"):
        predict(MODEL, BYTES, "", top=0)
