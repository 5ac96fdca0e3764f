"""A model over characters as one over bytes: against all ways of going on, and held to the laws.

Axes: B rows, T positions, V bytes and the boundary.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram import codecs
from anygram.bytewise import BYTES, Bytewise, over
from anygram.codecs.chars import CharsCodec
from anygram.errors import UsageError
from anygram.laws import Case, Subject, cases, laws_of
from anygram.models import REGISTRY
from anygram.protocols import FloatArray, LanguageModel

CODEC = CharsCodec("éè€")  # two of two bytes that begin alike, and one of three
TEXTS = ["née à é€", "€ è¤ é", "a\udcc3é€\udce2"]
# bytes of which those characters, others that begin alike, and broken ones are made
ALPHABET = np.array([0x61, 0xC3, 0xA9, 0xA8, 0xE2, 0x82, 0xAC, BYTES], dtype=np.int32)


@functools.cache
def over_characters() -> LanguageModel:
    """Return a model of a few texts in which known and unknown characters stand."""
    module = REGISTRY.load("frequency")
    model = module.create(module.Config(order=2, k=0.5), CODEC.vocabulary_size, 0)
    encoded = [np.append(CODEC.encode(text).ids, CODEC.boundary).astype(np.int32) for text in TEXTS]
    model.count(np.concatenate(encoded), np.array([len(ids_N) for ids_N in encoded]))
    model.finish()
    made: LanguageModel = model
    return made


def over_bytes() -> Bytewise:
    return Bytewise(over_characters(), CODEC.spellings)


def is_spelled_so(symbols: Sequence[int]) -> bool:
    """Return whether a text is spelled in these symbols, by the codec itself."""
    ids_N = np.array(symbols, dtype=np.int32)
    return bool(np.array_equal(CODEC.encode(CODEC.decode(ids_N)).ids, ids_N))


@functools.cache
def symbol_probabilities(symbols: tuple[int, ...]) -> FloatArray:
    """Return P of each symbol after these, over those with which they are how some text is spelled."""
    model = over_characters()
    state = model.advance(model.start(1), np.array([symbols], dtype=np.int32).reshape(1, -1))
    p_S: FloatArray = np.exp(model.predict(state)[0])
    for symbol in range(CODEC.boundary):
        if not is_spelled_so([*symbols, symbol]):
            p_S[symbol] = 0.0
    normalised_S: FloatArray = p_S / p_S.sum()
    return normalised_S


def probability_by_brute_force(rest: bytes, symbols: tuple[int, ...] = ()) -> float:
    """Return the probability that the bytes after those of `symbols` begin with `rest`."""
    if not rest:
        return 1.0
    total = 0.0
    for symbol, spelling in enumerate(CODEC.spellings):
        if spelling.startswith(rest) or rest.startswith(spelling):
            p = float(symbol_probabilities(symbols)[symbol])
            if p:
                total += p * probability_by_brute_force(rest[len(spelling) :], (*symbols, symbol))
    return total


@given(places=st.lists(st.integers(0, len(ALPHABET) - 2), min_size=1, max_size=5))
def test_bytes_are_as_likely_as_all_that_they_may_begin(places: list[int]) -> None:
    ids_T = ALPHABET[places]
    model = over_bytes()
    log_p_1T, after = model.score(model.start(1), ids_T[None])
    wanted = probability_by_brute_force(bytes(ids_T.tolist()))
    np.testing.assert_allclose(np.exp(log_p_1T.sum()), wanted, rtol=1e-6)
    np.testing.assert_allclose(np.exp(model.predict(after)).sum(), 1)


def test_a_text_of_ascii_costs_what_it_does_over_characters() -> None:
    model, inner = over_bytes(), over_characters()
    ids_T = np.frombuffer(b"nee a", dtype=np.uint8).astype(np.int32)
    log_p_1T, _ = model.score(model.start(1), ids_T[None])
    plain_1T, _ = inner.score(inner.start(1), ids_T[None])
    # but for characters of the vocabulary that begin with the same byte: of ASCII there are none
    np.testing.assert_allclose(log_p_1T, plain_1T, atol=1e-6)


def test_a_known_character_costs_its_symbol() -> None:
    """Its bytes together cost no more than the symbol: nothing else begins with all of them."""
    model, inner = over_bytes(), over_characters()
    for character in "éè€":
        ids_T = np.frombuffer(character.encode(), dtype=np.uint8).astype(np.int32)
        symbol = CODEC.encode(character).ids[0]
        log_p_1T, _ = model.score(model.start(1), ids_T[None])
        np.testing.assert_allclose(log_p_1T.sum(), inner.predict(inner.start(1))[0, symbol], atol=1e-6)


@pytest.mark.parametrize("law", laws_of(over_bytes()))
@given(case=cases(len(ALPHABET)))
def test_law(law: str, case: Case) -> None:
    subject = Subject(over_bytes(), anew=over_bytes, tolerance=1e-6)
    in_bytes = dataclasses.replace(case, ids_BT=ALPHABET[case.ids_BT], other_BT=ALPHABET[case.other_BT])
    if law != "the_future_never_leaks":  # counts on ids one apart: below, with bytes as they come
        laws_of(subject.model)[law](subject, in_bytes)


@given(case=cases(BYTES + 1))
def test_the_future_never_leaks(case: Case) -> None:
    laws_of(over_bytes())["the_future_never_leaks"](Subject(over_bytes(), over_bytes, 1e-6), case)


def test_which_codecs_share_bytes() -> None:
    bytes_codec = codecs.REGISTRY.load("bytes").fit([], None)
    ascii_only = CharsCodec("")
    model = over_characters()
    assert over(CODEC, CharsCodec("éè€"), model) is model
    assert over(bytes_codec, ascii_only, model) is model
    assert isinstance(over(bytes_codec, CODEC, model), Bytewise)
    words = codecs.REGISTRY.load("words")
    lossy = words.fit(["to be or not to be"], words.Config())
    for target, codec in ((bytes_codec, lossy), (CODEC, ascii_only), (lossy, bytes_codec)):
        with pytest.raises(UsageError, match="the members have different codecs, and over words or bpe"):
            over(target, codec, model)
