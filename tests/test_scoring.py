"""Scoring texts from Python: in any number, on any thread, the sums of what each symbol costs."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import anygram
from anygram.api import Run
from anygram.errors import DataError, UsageError
from anygram.tasks import scoring
from anygram.tasks.scoring import Scorer
from tests.asking import SENTENCES, write_corpus

TEXTS = [
    *SENTENCES,
    "",
    " ",
    "the",
    "zebra zebra zebra",
    "the\ncat\n\n sat",
    "\0the\0cat",
    "é" * 40,
    "a" * 10_000,
]
words_of_texts = st.lists(st.sampled_from(["the", "cat", "dog", "zebra", "naïve", " ", "\n", "\0", "said"]))


@pytest.fixture(scope="module", params=["words", "words:lines", "chars", "frequency"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """An n-gram over words, with and without a newline for a symbol, over characters, and another model."""
    corpus = write_corpus(tmp_path_factory.mktemp("scoring"), 80)
    codec, _, lines = request.param.partition(":")
    if codec == "frequency":
        return anygram.train(corpus, "frequency", codec="chars", settings={"order": 3})
    settings = {"order": 4, **({"lines": True} if lines else {})}
    return anygram.train(corpus, "ngram", codec=codec, documents="lines", settings=settings)


def one_by_one(run: Run, text: str) -> float:
    """The twin: predict, look the symbol up, read it."""
    state, total = run.model.start(1), 0.0
    for symbol in [*run.codec.encode(text).ids.tolist(), run.codec.boundary]:
        total += float(run.model.predict(state)[0, symbol])
        state = run.model.advance(state, np.array([[symbol]], dtype=np.int32))
    return total


@given(st.data())
def test_every_way_of_scoring_is_the_chain_of_predicting(run: Run, data: st.DataObject) -> None:
    texts = [" ".join(data.draw(words_of_texts)) for _ in range(data.draw(st.integers(1, 4)))]
    scorer, expected = run.scorer(), [one_by_one(run, text) for text in texts]
    np.testing.assert_allclose(scorer.scores(texts), expected, atol=1e-9)
    np.testing.assert_allclose([scorer.score(text) for text in texts], expected, atol=1e-9)
    np.testing.assert_allclose([scorer.symbols(text).log_p_T.sum() for text in texts], expected, atol=1e-9)


def test_how_many_at_once_and_on_how_many_threads_changes_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = TEXTS * 20
    expected = run.scorer().scores(texts, threads=1)
    monkeypatch.setattr(scoring, "_TEXTS_AT_ONCE", 7)
    for threads in (None, 1, 3):
        np.testing.assert_array_equal(run.scorer().scores(texts, threads), expected)
    assert run.scorer().scores([]).shape == (0,)


def test_many_threads_may_ask_one_scorer(run: Run) -> None:
    scorer, texts = run.scorer(), TEXTS * 10
    expected = [scorer.score(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(scorer.score, texts)) == expected


def test_a_run_is_sent_to_another_process_by_its_folder(run: Run) -> None:
    again = pickle.loads(pickle.dumps(run))
    assert again.scorer().score(SENTENCES[0]) == run.scorer().score(SENTENCES[0])


def test_symbols_say_what_they_are_and_where_they_come_from(run: Run) -> None:
    scored = run.scorer().symbols("the cat zebra")
    assert scored.symbols[-1] == "<end>" and len(scored.symbols) == len(scored.ids_T) == len(scored.log_p_T)
    assert scored.unknown_T.any() == (run.codec.unknown is not None)
    if run.record.model == "ngram":
        assert scored.matched_T is not None and scored.matched_T.min() >= 1 and scored.matched_T.max() <= 4
        best = run.predict("the")[0]
        assert best.matched is not None and best.matched > 1
    else:
        assert scored.matched_T is None and run.predict("the")[0].matched is None


def test_matched_lengths_are_of_the_longest_ngrams_there_are(tmp_path: Path) -> None:
    text = tmp_path / "text.log"
    text.write_text("a b c d\nb c e\n" * 3)
    run = anygram.train(text, "ngram", codec="words", settings={"order": 3})
    scored = run.scorer().symbols("a b c e zebra c")
    #  a after the boundary, a b after it, a b c, b c e; then nothing longer than a symbol; c; the end after c
    assert scored.matched_T is not None
    assert scored.matched_T.tolist() == [2, 3, 3, 3, 1, 1, 1]


def test_hypotheses_are_ordered_by_all_their_scores(run: Run) -> None:
    scorer, candidates = run.scorer(), ["cat the sat", "the cat sat", "the cat sat on the mat"]
    ranked = scorer.rescore(candidates)
    assert [one.log_p for one in ranked] == sorted((scorer.score(text) for text in candidates), reverse=True)
    ranked = scorer.rescore(candidates, [0.0, -1.0, -2.0], weight=0.0)
    assert [(one.place, one.score) for one in ranked] == [(0, 0.0), (1, -1.0), (2, -2.0)]
    assert scorer.rescore(candidates, weight=0.0, bonus=1.0)[0].text == candidates[2]
    with pytest.raises(UsageError, match="3 hypotheses have 1 scores; give one for each"):
        scorer.rescore(candidates, [0.0])


def test_what_is_no_text_is_refused(run: Run) -> None:
    scorer: Scorer = run.scorer()
    for refused in (scorer.score, lambda text: scorer.scores(["a", text]), scorer.symbols):
        with pytest.raises(DataError, match="lone surrogate"):
            refused("a\ud800")
    with pytest.raises(UsageError, match="scores takes a list of texts; score takes one"):
        scorer.scores("one text")
