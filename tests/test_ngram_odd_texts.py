"""Texts that programs for n-grams are known to fall over: right numbers, or one clear line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import anygram
from anygram.api import Run
from anygram.errors import DataError


def trained(tmp_path: Path, raw: bytes, **settings: object) -> Run:
    """Return trigrams of the words of these lines."""
    path = tmp_path / "text.log"
    path.write_bytes(raw)
    return anygram.train(path, "ngram", codec="words", settings={"order": 3, **settings})


def is_a_distribution(run: Run, prompt: str) -> bool:
    log_p_V = run.model.predict(run.model.advance(run.model.start(1), run.codec.encode(prompt).ids[None]))[0]
    return bool(np.isfinite(log_p_V).all() and abs(np.exp(log_p_V).sum() - 1) < 1e-6)


def test_a_word_of_a_megabyte(tmp_path: Path) -> None:
    word = "x" * 1_000_000
    run = trained(tmp_path, f"a {word} b\na {word} c\n".encode() * 5)
    assert word in run.codec and word[:-1] not in run.codec  # type: ignore[operator]
    assert run.scorer().symbols(f"a {word}").matched_T is not None
    assert run.scorer().score(f"a {word} b") > run.scorer().score(f"a {word}y b")
    assert is_a_distribution(run, f"a {word}")


def test_a_line_of_ten_megabytes(tmp_path: Path) -> None:
    run = trained(tmp_path, b"to be or not " * 800_000 + b"\n")
    assert run.record.data["symbols"] == 3_200_001
    # each word has one successor that was seen, 800,000 times: discounts are all that is left to others
    assert run.predict("to be")[0].symbol == "or" and run.predict("to be")[0].probability > 0.999
    assert is_a_distribution(run, "to be")


def test_nul_bytes_are_spaces(tmp_path: Path) -> None:
    with_nul, with_space = (trained(tmp_path, raw) for raw in (b"a\0b\0\0c\n\0\n" * 5, b"a b  c\n \n" * 5))
    assert with_nul.scorer().score("a\0b") == with_space.scorer().score("a b")


def test_one_line(tmp_path: Path) -> None:
    run = trained(tmp_path, b"the only line\n")
    assert [one.symbol for one in run.predict("the only", top=1)] == ["line"]
    assert is_a_distribution(run, "the only") and is_a_distribution(run, "never seen")


def test_one_repeated_word(tmp_path: Path) -> None:
    run = trained(tmp_path, b"again again again again again\n" * 20)
    assert run.predict("again")[0].symbol == "again"
    assert is_a_distribution(run, "again again")


def test_only_unknown_words(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no word occurs 2 times in the training part; lower min_count"):
        trained(tmp_path, b"every word but once\n", min_count=2)
    run = trained(tmp_path, b"a a\nb c d\ne f g h\n", min_count=2)  # three unknown ones side by side
    scored = run.scorer().symbols("zebra zebra zebra")
    assert scored.unknown_T.tolist() == [True, True, True, False]
    assert scored.matched_T is not None and scored.matched_T.tolist() == [2, 3, 3, 3]
    assert is_a_distribution(run, "zebra zebra")


def test_nothing_but_spaces(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no word occurs 1 times"):
        trained(tmp_path, b"  \n \t \n")


def test_counts_of_counts_that_give_no_discounts_are_explained(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="give no discounts at order 1; pass discount_fallback=true"):
        trained(tmp_path, b"a b\n", discount_fallback=False)
    assert trained(tmp_path, b"a b\n").record.figures["model"]["discount_fallbacks"] == [1, 2, 3]
