"""BLEU, chrF and ROUGE against their peers, Lin's worked examples, slow twins; intervals; baselines.

Axes: D documents.
"""

from __future__ import annotations

import builtins
import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st
from rouge_score import rouge_scorer, tokenizers

from anygram import information
from anygram.errors import DataError, UsageError
from anygram.tasks.translation import lookup, metrics, rouge, scripts
from anygram.tasks.translation.baselines import COPIED, LEAD, LOOKUP, baselines
from anygram.tasks.translation.metrics import MODEL, Measured, measure, metrics_of

CHINESE = ["我想要那个袋子。", "我不知道。", "牛奶在桌子上。", "他昨天去了伦敦。"]
ENGLISH = ["I want that bag.", "I don't know, my friend.", "The milk is on the table.", "He was in London."]
GUESSES = ["I want a bag.", "I do not know, friend.", "Milk is on the table today.", "London is big."]

words = st.lists(st.sampled_from(["a", "cat", "sat", "the", "mat", "3.5", "猫", "在", "Ünïc"]), max_size=12)
texts = words.map(" ".join)


class Unicode(tokenizers.Tokenizer):
    """What rouge-score is given so that it sees more than a to z and digits."""

    def tokenize(self, text: str) -> list[str]:
        return scripts.words(text)


def figures(measured: Sequence[Measured], method: str = MODEL) -> dict[str, float]:
    return {one.metric: one.value for one in measured if one.method == method}


# ROUGE


def test_rouge_is_as_in_the_examples_of_lin() -> None:
    reference = "police killed the gunman"
    assert rouge.rouge("police kill the gunman", [reference]) == pytest.approx((3 / 4, 1 / 3, 3 / 4))
    assert rouge.rouge("the gunman kill police", [reference]) == pytest.approx((3 / 4, 1 / 3, 2 / 4))
    assert rouge.rouge("the gunman police killed", [reference])[2] == pytest.approx(2 / 4)


@given(found=texts, wanted=st.lists(texts, min_size=1, max_size=3))
def test_rouge_is_rouge_scores_with_a_tokenizer_for_every_script(found: str, wanted: list[str]) -> None:
    scorer: Any = rouge_scorer.RougeScorer(list(rouge.NAMES), tokenizer=Unicode())
    peer = scorer.score_multi(wanted, found)
    assert rouge.rouge(found, wanted) == pytest.approx([peer[name].fmeasure for name in rouge.NAMES])


@given(one=words, other=words)
def test_the_longest_common_subsequence_is_the_slow_ones(one: list[str], other: list[str]) -> None:
    table = np.zeros((len(one) + 1, len(other) + 1), dtype=int)
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            table[i + 1, j + 1] = table[i, j] + 1 if a == b else max(table[i, j + 1], table[i + 1, j])
    assert rouge.subsequence(one, other) == table[-1, -1]


def test_rouge_counts_characters_where_words_have_no_spaces_between() -> None:
    assert rouge.rouge("我要袋子", ["我想要袋子。"]) == pytest.approx((8 / 9, 2 * 2 / 7, 8 / 9))
    assert rouge.rouge("", ["a"]) == (0.0, 0.0, 0.0)


# BLEU and chrF


@pytest.mark.parametrize(
    ("truth", "guesses", "tokenizer"),
    [(ENGLISH, GUESSES, "13a"), (CHINESE, [*CHINESE[1:], "我想要袋子。"], "zh")],
)
def test_bleu_and_chrf_are_sacrebleus(truth: list[str], guesses: list[str], tokenizer: str) -> None:
    references = [[one] for one in truth]
    found = figures(measure({MODEL: guesses}, references, metrics_of("translation", references)))
    assert found["bleu"] == pytest.approx(sacrebleu.corpus_bleu(guesses, [truth], tokenize=tokenizer).score)
    assert found["chrf"] == pytest.approx(sacrebleu.corpus_chrf(guesses, [truth]).score)
    assert found["bleu"] > 1


def test_several_references_count_even_where_some_texts_have_fewer() -> None:
    references = [[one, other] for one, other in zip(ENGLISH, GUESSES, strict=True)]
    references[2] = references[2][:1]
    streams: Any = [ENGLISH, [*GUESSES[:2], None, GUESSES[3]]]
    found = figures(measure({MODEL: GUESSES}, references, metrics_of("translation", references)))
    assert found["bleu"] == pytest.approx(sacrebleu.corpus_bleu(GUESSES, streams).score)
    assert found["chrf"] == pytest.approx(sacrebleu.corpus_chrf(GUESSES, streams).score)


@pytest.mark.parametrize(
    "truth",
    [
        ENGLISH,
        CHINESE,
        ["彼は本を読んでいます。"] * 2,
        ["แมวนั่งบนเสื่อ"] * 2,
        ["고양이가 매트 위에 앉았다 ."] * 2,
    ],
)
def test_what_equals_its_reference_has_all_points(truth: list[str]) -> None:
    references = [[one] for one in truth]
    asked = [*metrics_of("translation", references), *metrics_of("summary", references)]
    assert list(figures(measure({MODEL: truth}, references, asked)).values()) == pytest.approx([100.0] * 5)


def test_signatures_say_how_words_were_cut() -> None:
    references = [[one] for one in CHINESE]
    bleu, chrf = metrics_of("translation", references)
    measure({MODEL: CHINESE}, references, [bleu, chrf])
    assert "nrefs:1|" in bleu.signature and "|tok:zh|" in bleu.signature and "nc:6" in chrf.signature
    other, _ = metrics_of("translation", references, "char")
    measure({MODEL: CHINESE}, references, [other])
    assert "|tok:char|" in other.signature


# Intervals


def test_intervals_are_of_resampled_documents_and_differences_are_paired() -> None:
    references = [[one] for one in ENGLISH]
    methods = {MODEL: GUESSES, "same": GUESSES, "truth": ENGLISH}
    found = {
        (one.metric, one.method): one
        for one in measure(methods, references, metrics_of("summary", references))
    }
    f1_D = np.array([rouge.rouge(text, wanted)[0] for text, wanted in zip(GUESSES, references, strict=True)])
    means = np.concatenate([weights_RD @ f1_D / 4 for weights_RD in information.draw(4, resamples=1000)])
    own = found["rouge1", MODEL]
    assert (own.low, own.high) == pytest.approx([100 * end for end in information.interval(means)])
    assert own.low <= own.value <= own.high and own.model_ahead is None
    same, truth = found["rouge1", "same"], found["rouge1", "truth"]
    assert same.model_ahead == same.model_ahead_low == same.model_ahead_high == 0.0
    assert truth.model_ahead == pytest.approx(own.value - 100)
    assert truth.model_ahead_high is not None and truth.model_ahead_high < 0


def test_bleus_interval_holds_that_of_all_documents() -> None:
    references = [[one] for one in ENGLISH]
    for one in measure({MODEL: GUESSES}, references, metrics_of("translation", references)):
        assert one.low < one.value < one.high


# Refusals


def test_without_sacrebleu_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def refused(name: str, *rest: Any) -> Any:
        if name.startswith("sacrebleu"):
            raise ImportError(name)
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refused)
    with pytest.raises(DataError, match=r"need sacrebleu; pip install 'anygram\[metrics\]'"):
        metrics_of("translation", [["a"]])


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(UsageError, match="no tokenizer named 'ja'; known: 13a, char, intl, none, zh"):
        metrics_of("translation", [["a"]], "ja")
    with pytest.raises(UsageError, match="--tokenize is for BLEU"):
        metrics_of("summary", [["a"]], "zh")
    with pytest.raises(DataError, match="no reference to measure by"):
        measure({MODEL: []}, [], [metrics.Rouge()])


# Scripts, sentences and baselines


def test_first_sentences_end_where_a_mark_says_so() -> None:
    assert scripts.first_sentence("He paid $3.50 today! And left.") == "He paid $3.50 today!"
    assert scripts.first_sentence('  "Why?" she asked. No one knew.') == '"Why?"'
    assert scripts.first_sentence("他来了！我走了。") == "他来了！"
    assert scripts.first_sentence("A title\n\nThe text. More.") == "A title"
    assert scripts.first_sentence("no end") == "no end" and scripts.first_sentence("") == ""


def test_a_quoted_word_of_another_script_decides_nothing() -> None:
    assert scripts.tokenizer_of(["The word 猫 means cat."]) == "13a"
    assert scripts.tokenizer_of(["日语的“の”字用得很多，这里只引用了一次而已，不能说明什么问题。"]) == "zh"
    assert scripts.tokenizer_of(["12 + 3"]) == scripts.tokenizer_of([]) == "13a"


WORDS = {
    "the": "das",
    "a": "ein",
    "red": "rote",
    "blue": "blaue",
    "old": "alte",
    "house": "Haus",
    "car": "Auto",
    "book": "Buch",
}
LEFT_OUT = ("a red car", "the blue book")
PAIRS = [
    (source, " ".join(WORDS[word] for word in source.split()))
    for source in map(
        " ".join, itertools.product(("the", "a"), ("red", "blue", "old"), ("house", "car", "book"))
    )
    if source not in LEFT_OUT
]


def test_phrases_are_looked_up_the_longest_first() -> None:
    learnt = lookup.learn(PAIRS)
    assert learnt.translate("THE RED HOUSE") == "das rote Haus"  # a whole source
    assert learnt.phrases[("red",)] == ("rote", 1.0)
    assert learnt.phrases[("a", "old")] == ("ein alte", 1.0)
    assert learnt.translate("a red car") == "ein rote Auto"
    assert learnt.translate("the blue book") == "das blaue Buch"
    assert learnt.translate("the old Zebra") == "das alte Zebra"  # copied, for no pair has it


def test_phrases_of_scripts_without_spaces_are_put_side_by_side() -> None:
    learnt = lookup.learn(
        [("one two", "一二"), ("two one", "二一"), ("three one", "三一"), ("one three", "一三")] * 2
    )
    assert learnt.translate("three two three") == "三二三"


def test_a_lookup_learns_how_sure_it_must_be() -> None:
    generator = np.random.default_rng(0)
    letters, digits = list("abcdefgh"), "01234567"
    pairs = []
    for _ in range(200):
        drawn = generator.integers(0, 8, 4)
        told = np.where(generator.random(4) < 0.5, drawn, generator.integers(0, 8, 4))
        pairs.append((" ".join(letters[one] for one in drawn), " ".join(digits[one] for one in told)))
    learnt = lookup.learn(pairs)
    tried = lookup._learnt([pair for place, pair in enumerate(pairs) if place % 10], 0.0)
    agreed = [lookup._agreement(replace(tried, least=least), pairs[::10]) for least in lookup.LEAST]
    assert learnt.least == lookup.LEAST[int(np.argmax(agreed))] and min(agreed) < max(agreed)


def test_a_lookup_translates_what_it_is_sure_of() -> None:
    letters, digits = list("abcdefgh"), "01234567"
    generator = np.random.default_rng(0)
    rows = [generator.integers(0, 8, 4) for _ in range(200)]
    learnt = lookup.learn(
        [(" ".join(letters[i] for i in row), " ".join(digits[i] for i in row)) for row in rows]
    )
    found = learnt.translate(" ".join(letters)).split()
    assert rouge.overlap_f1(found, list(digits), 1) > 0.8


def test_baselines_are_the_source_its_first_sentence_and_the_lookup() -> None:
    sources = ["A cat. It sat.", "a red car"]
    made = baselines("summary", sources, lookup.learn(PAIRS))
    assert (
        made[COPIED] == sources
        and made[LEAD] == ["A cat.", "a red car"]
        and made[LOOKUP][1] == "ein rote Auto"
    )
    assert list(baselines("translation", sources, None)) == [COPIED]
    with pytest.raises(DataError, match="looked up in pairs, and there are none"):
        lookup.learn([])
