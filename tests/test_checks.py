"""The rules bite: a right model keeps every one, and each wrong one is caught by the rule it breaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from anygram import lanes, settings
from anygram.codecs import REGISTRY
from anygram.codecs.chars import CharsCodec
from anygram.comparison import checks
from anygram.comparison.checks import Check
from anygram.data.documents import Document
from anygram.evaluation import Surprisal
from anygram.models import uniform
from anygram.protocols import Codec, Encoded, FloatArray, Ids, LanguageModel, Lengths
from anygram.runs import Record, StoredRun
from tests import held_out, toy_models
from tests.held_out import LettersCodec, documents, noted, scored_by
from tests.toy_models import Fading, Memory

CODEC = LettersCodec()
TEST = documents([1400, 0, 30, 90, 200])
assert len(TEST[0].text) > 2 * lanes.CHUNK  # the evaluation reads it in pieces


class Aged(Fading):
    """Forgets everything at the end of a call to `score`; the chunks of an evaluation are calls."""

    def score(self, state: Memory, ids_BT: Ids, lengths: Lengths | None = None) -> tuple[FloatArray, Memory]:
        log_p_BT, after = super().score(state, ids_BT, lengths)
        return log_p_BT, Memory(after.trace_BV * 0)


class Flattering(Fading):
    """Scores every symbol better than it would have predicted it."""

    def score(self, state: Memory, ids_BT: Ids, lengths: Lengths | None = None) -> tuple[FloatArray, Memory]:
        log_p_BT, after = super().score(state, ids_BT, lengths)
        return 0.99 * log_p_BT, after


class Faltering(Fading):
    """Fails when it is asked for a prediction."""

    def predict(self, state: Memory) -> FloatArray:
        raise RuntimeError("no\nprediction")


class Shouting(LettersCodec):
    """Gives other letters back than it was given, and says that nothing is lost."""

    def decode(self, ids: Ids, side: Mapping[str, Any] | None = None) -> str:
        return super().decode(ids, side).upper()


class Generous(LettersCodec):
    """Says that every symbol covers two bytes."""

    def encode(self, text: str, side: Mapping[str, Any] | None = None) -> Encoded:
        encoded = super().encode(text, side)
        return Encoded(encoded.ids, 2 * encoded.units)


class Frank(LettersCodec):
    """Loses something and says so."""

    lossless = False


def record(codec: str = "bytes", codec_settings: Mapping[str, Any] | None = None) -> Record:
    return Record(codec, dict(codec_settings or {}), "toy", {}, 4, {}, {}, 0, {})


def checked(
    model: LanguageModel, codec: Codec = CODEC, scored: list[Surprisal] | None = None
) -> dict[str, Check]:
    run = StoredRun(record(), codec, model)
    found = checks.check(run, noted(codec, scored or scored_by(model, codec, TEST), TEST), [])
    return {each.rule: each for each in found}


def broken(found: Mapping[str, Check]) -> set[str]:
    # toys have no module to be fitted by: that rule has tests of its own
    return {rule for rule, each in found.items() if not each.held} - {checks.FITTED}


@pytest.mark.parametrize("kind", [Fading, toy_models.Ranking, toy_models.Spread])
def test_a_right_model_keeps_every_rule(kind: type[Fading]) -> None:
    found = checked(kind(CODEC.vocabulary_size, 0))
    assert broken(found) == set()
    assert found[checks.CARRIED].said.endswith("the longest looked at has 1,401 symbols")
    assert found[checks.COUNTED].said == "5 of 5 documents were scored, 1,724 of 1,724 bytes"


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        (toy_models.LeakedFuture, checks.CAUSAL),
        (toy_models.Unnormalised, checks.NORMALISED),
        (toy_models.Impossible, checks.NORMALISED),
        (toy_models.LostContext, checks.CARRIED),
        (Aged, checks.CARRIED),
        (Flattering, checks.STEPWISE),
        (toy_models.DropoutLeftOn, checks.STEPWISE),
    ],
)
def test_a_wrong_model_is_caught_by_the_rule_it_breaks(kind: type[Fading], rule: str) -> None:
    found = checked(kind(CODEC.vocabulary_size, 0))
    assert rule in broken(found)
    if rule is not checks.CAUSAL:
        assert kind is toy_models.DropoutLeftOn or checks.CAUSAL not in broken(found)


def test_a_leak_is_told_from_all_else_by_its_rule_alone() -> None:
    """Where the figure itself is made with the leak, nothing but the probe shows it."""
    model = toy_models.LeakedFuture(CODEC.vocabulary_size, 0)
    found = checked(model)
    assert found[checks.NORMALISED].held and found[checks.CAUSAL].held is False
    assert "changed earlier surprisals by at most 0.0" in found[checks.CAUSAL].said


@pytest.mark.parametrize(("codec", "rule"), [(Shouting(), checks.LOSSLESS), (Generous(), checks.COUNTED)])
def test_a_wrong_codec_is_caught(codec: Codec, rule: str) -> None:
    assert broken(checked(Fading(codec.vocabulary_size, 0), codec)) == {rule}


def test_a_lossy_codec_that_says_so_keeps_the_rules() -> None:
    found = checked(Fading(CODEC.vocabulary_size, 0), Frank())
    assert broken(found) == set()
    assert "says so" in found[checks.LOSSLESS].said


def test_what_fails_does_not_hold_and_says_why_on_one_line() -> None:
    model = Fading(CODEC.vocabulary_size, 0)
    scored = scored_by(model, CODEC, TEST)
    found = checked(Faltering(CODEC.vocabulary_size, 0), CODEC, scored)
    assert broken(found) == {checks.CAUSAL, checks.NORMALISED, checks.STEPWISE, checks.CARRIED}
    assert found[checks.CARRIED].said == "could not be checked: RuntimeError: no prediction"


def test_figures_that_are_not_what_the_model_says_are_caught() -> None:
    model = Fading(CODEC.vocabulary_size, 0)
    scored = scored_by(model, CODEC, TEST)
    better = [replace(one, nats_T=one.nats_T * 0.9) for one in scored]
    assert broken(checked(model, CODEC, better)) == {checks.STEPWISE, checks.CARRIED}


def test_documents_left_out_or_scored_twice_are_caught() -> None:
    model = Fading(CODEC.vocabulary_size, 0)
    scored = scored_by(model, CODEC, TEST)
    for wrong in (scored[:-1], [*scored, scored[-1]], [*scored[:-1], scored[0]]):
        assert broken(checked(model, CODEC, wrong)) == {checks.COUNTED}


def test_a_boundary_left_out_is_caught() -> None:
    model = Fading(CODEC.vocabulary_size, 0)
    [one, *others] = scored_by(model, CODEC, TEST)
    cut = replace(one, ids_T=one.ids_T[:-1], nats_T=one.nats_T[:-1], units_T=one.units_T[:-1])
    assert broken(checked(model, CODEC, [cut, *others])) == {checks.ENDED, checks.COUNTED, checks.LOSSLESS}


def test_where_nothing_can_be_changed_the_probe_says_so() -> None:
    model = uniform.create(uniform.Config(), CODEC.vocabulary_size, 0)
    scored = scored_by(model, CODEC, documents([1, 2, 1]))
    found = checks.check_causality(model, CODEC, scored)
    assert found.held is None and "symbols enough" in found.said


TRAIN = [Document("the naïve cat sat on the mat " * 30), Document("山月隨人歸 " * 30)]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("bytes", {}),
        ("chars", {"min_count": 2}),
        ("bpe", {"size": 300}),
        ("words", {}),
        ("words", {"spell": True}),
    ],
)
def test_a_codec_fitted_on_the_training_part_alone_comes_out_again(name: str, values: dict[str, Any]) -> None:
    module = REGISTRY.load(name)
    config = settings.build(module.Config, values)
    stored = record(name, settings.to_words(config))
    honest = module.fit((document.text for document in TRAIN), config)
    found = checks.check_fit(stored, honest, TRAIN)
    assert found.held and found.said.endswith("it came out the same")
    if name != "bytes":  # of which nothing is fitted
        texts = [*(document.text for document in TRAIN), "the test part has ñandúes, ñandúes " * 40]
        assert checks.check_fit(stored, module.fit(texts, config), TRAIN).held is False


def test_a_codec_is_not_fitted_again_on_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_REFITTED_BYTES", 10)
    found = checks.check_fit(record("chars"), CharsCodec(""), TRAIN)
    assert found.held is None and found.said.startswith("not fitted again")


def test_a_check_as_json_is_its_three_fields() -> None:
    assert Check("causality", True, "so").to_json() == {"rule": "causality", "held": True, "said": "so"}


def test_changed_symbols_all_differ_and_are_no_boundary() -> None:
    ids_T = np.append(np.arange(60) % 3, 3).astype(np.int32)
    changed_T = checks._changed(ids_T, 20, held_out.LettersCodec().boundary, np.random.default_rng(0))
    assert (changed_T[:20] == ids_T[:20]).all() and (changed_T[20:-1] != ids_T[20:-1]).all()
    assert changed_T[-1] == 3 and (changed_T[:-1] < 3).all()
