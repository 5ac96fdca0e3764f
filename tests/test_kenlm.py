"""KenLM as oracle: the same n-grams, probabilities, backoffs, sentence scores and perplexities as lmplz.

Needs lmplz on PATH or in the folder that KENLM_BIN names; nothing of KenLM's is in this project.
"""

from __future__ import annotations

import importlib
import math
import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import anygram as ag
from anygram.data.examples import read_example

ORDERS = range(2, 7)
LN10 = math.log(10)
SPECIAL = {"<s>": "s-tag", "</s>": "end-tag", "<unk>": "unknown-tag"}
"""lmplz stops at these words."""

Gram = tuple[str, ...]
Entries = dict[Gram, tuple[float, float]]
"""By n-gram: log10 of its probability and of its backoff."""


@pytest.fixture(scope="module")
def lmplz() -> str:
    """Return the program; skips with a reason where there is none."""
    program = shutil.which("lmplz", path=os.environ.get("KENLM_BIN"))
    if program is None:
        pytest.skip("needs KenLM's lmplz: put it on PATH, or name its folder in KENLM_BIN")
    return program


def _docstrings() -> Iterator[str]:
    return (document.text for document in islice(read_example("docstrings"), 0, None, 40))


def _wikitext(folder: Path) -> Iterator[str]:
    return islice(_opened(folder / "wikitext-2" / "wiki.valid.tokens"), 600)


def _shakespeare(folder: Path) -> Iterator[str]:
    return islice(_opened(folder / "tinyshakespeare" / "input.txt"), 4000)


def _opened(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as file:
        yield from file


TINY = {
    "one line": ["a rose is a rose is a rose"],
    "one word": ["no"],
    "one repeated word": ["no no no no", "no no"],
    "blank lines between": ["to be", "", "or not to be", "", ""],
    "nothing repeated": ["a b c d e f g h"],
    "other spaces and a byte order mark": ["\ufeffa\u00a0b c\x0bd\tc  d", "a\u3000b c\u2028d e"],
}


def _written(lines: Iterator[str] | list[str], path: Path) -> Path:
    """Write the texts, each on one line, special words renamed."""
    rows = (
        " ".join(SPECIAL.get(word, word) for word in line.replace("\n", " ").split(" ")) for line in lines
    )
    path.write_text("".join(row.strip(" ") + "\n" for row in rows), encoding="utf-8")
    return path


def _held_out(text: Path, path: Path) -> Path:
    """Write the beginnings of lines as they are, then with words left out and unknown ones put in.

    Beginnings: over thousands of words KenLM's sum in single precision is farther off than what is tested.
    """
    lines = [line.split()[:100] for line in text.read_text(encoding="utf-8").split("\n")[:200]]
    altered = [[*words[::2], "zzz-unknown", "zzz-unknown", *words[1::3]] for words in lines]
    path.write_text(
        "".join(" ".join(words) + "\n" for words in (*lines, *altered) if words), encoding="utf-8"
    )
    return path


def _estimate(lmplz: str, text: Path, order: int) -> Path:
    """Return lmplz's ARPA file."""
    arpa = text.with_suffix(f".{order}.arpa")
    command = [lmplz, "-o", str(order), "-S", "100M", "-T", f"{text.parent}/", "--discount_fallback"]
    subprocess.run([*command, "--text", text, "--arpa", arpa], check=True, capture_output=True)
    return arpa


def _arpa(path: Path) -> list[Entries]:
    """Return the entries of an ARPA file, length by length; the probability of `<s>` says nothing."""
    entries: list[Entries] = []
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line.endswith("-grams:"):
            entries.append({})
        elif "\t" in line:
            log_p, words, *backoff = line.split("\t")
            gram = tuple(words.split(" "))
            entries[-1][gram] = (
                0.0 if gram == ("<s>",) else float(log_p),
                float(backoff[0]) if backoff else 0.0,
            )
    return entries


def _train(text: Path, order: int) -> ag.Run:
    settings = {"order": order, "lines": False, "split": "whitespace"}
    return ag.train(text, model="ngram", codec="words", documents="lines", valid="none", settings=settings)


def _ours(run: ag.Run) -> list[Entries]:
    """Return our model's entries as an ARPA file would hold them."""
    codec = run.codec
    model: Any = run.model
    words = ["<unk>", *(codec.decode(np.array([i])) for i in range(1, codec.boundary))]
    entries = []
    for length in range(1, run.record.model_settings["order"] + 1):
        blocks = (_named(block, words, codec.boundary) for block in model.ngrams(length))
        entries.append(dict(chain.from_iterable(blocks)))
    # one boundary is KenLM's two: as a word of its own it ends, as a context it begins
    log_p, log_gamma = entries[0].pop(("</s>",))
    entries[0] |= {("</s>",): (log_p, 0.0), ("<s>",): (0.0, log_gamma)}
    return entries


def _named(block: Any, words: list[str], boundary: int) -> Iterator[tuple[Gram, tuple[float, float]]]:
    log_gamma_G = np.zeros(len(block.symbols_GK)) if block.log_gamma_G is None else block.log_gamma_G
    for ids, log_p, log_gamma in zip(block.symbols_GK.tolist(), block.log_p_G, log_gamma_G, strict=True):
        last = len(ids) - 1
        gram = tuple(
            words[i] if i != boundary else "</s>" if at == last else "<s>" for at, i in enumerate(ids)
        )
        yield gram, (float(log_p) / LN10, float(log_gamma) / LN10)


def _check_entries(run: ag.Run, arpa: Path) -> None:
    ours, theirs = _ours(run), _arpa(arpa)
    assert len(ours) == len(theirs)
    for length, (found, expected) in enumerate(zip(ours, theirs, strict=True), 1):
        assert found.keys() == expected.keys(), f"{length}-grams"
        grams = list(expected)
        # lmplz keeps single precision
        np.testing.assert_allclose(
            [found[gram] for gram in grams], [expected[gram] for gram in grams], rtol=0, atol=1e-5
        )


def _check_scores(run: ag.Run, arpa: Path, held_out: Path) -> None:
    """Compare sentence scores and the perplexity of all, with and without unknown words."""
    kenlm = importlib.import_module("kenlm")
    oracle = kenlm.Model(str(arpa))
    lines = held_out.read_text(encoding="utf-8").splitlines()
    theirs = [oracle.score(line) for line in lines]
    ours = [-score.nats / LN10 for score in run.score(held_out, documents="lines")]
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-3)
    evaluation = run.evaluate(held_out, documents="lines")
    known = [(log_p, unknown) for line in lines for log_p, _, unknown in oracle.full_scores(line)]
    assert evaluation.unknown_symbols == sum(unknown for _, unknown in known)
    assert round(evaluation.perplexity, 4) == pytest.approx(
        10 ** (-sum(theirs) / len(known)), abs=1e-4, rel=1e-7
    )
    without = [log_p for log_p, unknown in known if not unknown]
    assert evaluation.perplexity_without_unknown == pytest.approx(
        10 ** (-sum(without) / len(without)), abs=1e-4, rel=1e-7
    )


@cache
def _both(lmplz: str, text: Path, order: int) -> tuple[ag.Run, Path]:
    """Return our model and KenLM's of a text."""
    return _train(text, order), _estimate(lmplz, text, order)


@pytest.fixture(scope="module")
def docstrings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _written(_docstrings(), tmp_path_factory.mktemp("kenlm") / "docstrings.txt")


@pytest.fixture(scope="module", params=[_wikitext, _shakespeare], ids=["wikitext", "shakespeare"])
def real_text(
    request: pytest.FixtureRequest, real_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return _written(request.param(real_data), tmp_path_factory.mktemp("kenlm") / "real.txt")


@pytest.mark.parametrize("order", ORDERS)
class TestAsLmplz:
    def test_entries_of_docstrings(self, lmplz: str, docstrings: Path, order: int) -> None:
        _check_entries(*_both(lmplz, docstrings, order))

    def test_entries_of_real_text(self, lmplz: str, real_text: Path, order: int) -> None:
        _check_entries(*_both(lmplz, real_text, order))

    def test_scores_of_docstrings(self, lmplz: str, docstrings: Path, order: int) -> None:
        pytest.importorskip("kenlm", reason="needs KenLM's Python module")
        held_out = _held_out(docstrings, docstrings.with_name("held-out.txt"))
        _check_scores(*_both(lmplz, docstrings, order), held_out)

    def test_scores_of_real_text(self, lmplz: str, real_text: Path, order: int) -> None:
        pytest.importorskip("kenlm", reason="needs KenLM's Python module")
        held_out = _held_out(real_text, real_text.with_name("held-out.txt"))
        _check_scores(*_both(lmplz, real_text, order), held_out)

    @pytest.mark.parametrize("name", TINY)
    def test_entries_of_tiny_texts(self, lmplz: str, tmp_path: Path, order: int, name: str) -> None:
        """Here counts of counts give no discounts: both fall back."""
        text = _written(TINY[name], tmp_path / "tiny.txt")
        _check_entries(*_both(lmplz, text, order))
