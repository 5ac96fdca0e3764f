"""Pruned n-gram models: against a twin of dictionaries, against lmplz, and what pruning must keep."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram.errors import UsageError
from anygram.models import ngram
from anygram.models.ngram import Config, NGram, counting, estimation, space
from anygram.models.ngram.smoothing import Smoothing
from anygram.protocols import Ids
from tests.ngram_twin import NAMES, PrunedByEntropy, Twin
from tests.small_ngrams import (
    SYMBOLS,
    Documents,
    Gram,
    counted,
    p_after,
    prefixes_of,
    queries,
    seen,
    stream,
    texts_of_symbols,
    trained,
)

thresholds = st.lists(st.integers(0, 3), max_size=3).map(lambda counts: [0, *sorted(counts)])


def _grams(model: NGram) -> list[set[Gram]]:
    lengths = range(1, model.config.order + 1)
    return [{tuple(row) for block in model.ngrams(k) for row in block.symbols_GK.tolist()} for k in lengths]


@pytest.mark.parametrize("name", NAMES)
def test_pruning_by_count_equals_the_twin(name: str) -> None:
    @given(texts_of_symbols, st.integers(4, 6), thresholds, queries, st.data())
    def equal(texts: Documents, order: int, counts: list[int], query: list[int], data: st.DataObject) -> None:
        prefixes = data.draw(prefixes_of(texts))
        every = [*counts, *[counts[-1]] * (order - len(counts))]
        twin = Twin(order, texts, prefixes, name, every)
        model = trained(order, texts, prefixes, smoothing=name, prune=" ".join(map(str, counts)))
        for place in range(len(query)):
            p = p_after(model, query[:place])
            np.testing.assert_allclose(p, twin.after(query[:place]), rtol=3e-6)
            assert sum(p) == pytest.approx(1, abs=1e-6)

    equal()


@given(texts_of_symbols, st.integers(4, 6), thresholds, st.data())
def test_what_is_kept_was_seen_often_or_is_a_context_of_such(
    texts: Documents, order: int, counts: list[int], data: st.DataObject
) -> None:
    prefixes = data.draw(prefixes_of(texts))
    every = [*counts, *[counts[-1]] * (order - len(counts))]
    kept = _grams(trained(order, texts, prefixes, prune=" ".join(map(str, counts))))
    often = [
        {gram for gram, count in grams.items() if count > threshold}
        for grams, threshold in zip(seen(texts, order, prefixes), every, strict=True)
    ]
    for length in range(2, order + 1):
        longer = {gram[:length] for grams in often[length:] for gram in grams}
        assert kept[length - 1] == often[length - 1] | longer
    assert len(kept[0]) == SYMBOLS


@pytest.mark.parametrize("name", NAMES)
def test_pruning_by_entropy_equals_the_twin(name: str) -> None:
    @given(texts_of_symbols, st.integers(1, 5), st.sampled_from([1e-9, 1e-3, 0.01, 0.1]), queries, st.data())
    def equal(texts: Documents, order: int, threshold: float, query: list[int], data: st.DataObject) -> None:
        prefixes = data.draw(prefixes_of(texts))
        twin = PrunedByEntropy(Twin(order, texts, prefixes, name), threshold)
        model = trained(order, texts, prefixes, smoothing=name, prune_entropy=threshold)
        assert set().union(*_grams(model)[1:]) == twin.grams
        for place in range(len(query)):
            p = p_after(model, query[:place])
            np.testing.assert_allclose(p, twin.after(query[:place]), rtol=1e-5)
            assert sum(p) == pytest.approx(1, abs=1e-6)

    equal()


@pytest.mark.parametrize("name", NAMES)
def test_both_prunings_together_leave_sums_of_one(name: str) -> None:
    @given(texts_of_symbols, thresholds, queries)
    def sums(texts: Documents, counts: list[int], query: list[int]) -> None:
        prune = " ".join(map(str, counts))
        model = trained(4, texts, smoothing=name, prune=prune, prune_entropy=0.01)
        for place in range(len(query)):
            assert sum(p_after(model, query[:place])) == pytest.approx(1, abs=1e-6)

    sums()


def test_the_more_a_share_of_perplexity_is_worth_the_less_is_kept() -> None:
    texts = [np.random.default_rng(0).integers(0, 2, 400).tolist()]
    kept = [sum(trained(5, texts, prune_entropy=share).counts()) for share in (0, 1e-6, 1e-3, 1)]
    assert kept == sorted(kept, reverse=True)
    assert len(set(kept)) == 4
    assert kept[-1] == SYMBOLS


def test_figures_say_what_was_kept_and_dropped() -> None:
    # bigrams: # 0 twice, 0 1 twice, 1 # twice, 0 0 once
    model = counted(ngram.create(Config(order=2, prune="0 1"), SYMBOLS, seed=0), [[0, 1], [0, 0, 1]])
    figures = model.finish()
    assert (figures["ngrams"], figures["pruned"]) == ([4, 3], [0, 1])


@pytest.mark.parametrize("prune", ["0", "0 0 0"])
def test_thresholds_of_zero_prune_nothing(prune: str) -> None:
    texts = [[0, 1, 2, 1, 0], [1, 1]]
    whole, pruned = trained(4, texts).tensors(), trained(4, texts, prune=prune).tensors()
    for name, array in whole.items():
        np.testing.assert_array_equal(pruned[name], array, strict=True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"prune": "1"},
            r"prune must begin with 0 \(single symbols all stay\), got '1'; for example '0 0 1'",
        ),
        ({"prune": "0 2 1"}, "prune must not decrease"),
        ({"prune": "0 0 0 0 0 1"}, "prune must be no more numbers than order=5"),
        ({"prune": "0 -1"}, "prune must be whole numbers"),
        ({"prune": ""}, "prune must be whole numbers"),
        ({"prune_entropy": -1.0}, "prune_entropy must be at least 0 and finite, got -1.0"),
        ({"prune_entropy": float("nan")}, "prune_entropy must be at least 0 and finite, got nan"),
    ],
)
def test_prunings_that_cannot_be_are_refused(settings: dict[str, str | float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Config(**settings)  # type: ignore[arg-type]


def _words(path: Path, lines: int) -> list[list[str]]:
    with path.open(encoding="utf-8") as stream:
        return [line.replace("<unk>", "unk").split() for line, _ in zip(stream, range(lines), strict=False)]


def _numbered(
    texts: list[list[str]],
) -> tuple[dict[str, int], Ids, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    known = {word: number for number, word in enumerate(sorted({w for text in texts for w in text}), 1)}
    known |= {"<unk>": 0, "<s>": len(known) + 1, "</s>": len(known) + 1}
    flat = [known[word] for text in texts for word in (*text, "</s>")]
    return known, np.array(flat, dtype=np.int32), np.array([len(text) + 1 for text in texts])


@pytest.mark.parametrize("prune", ["0 1", "0 0 1", "0 0 1 2"])
def test_lmplz_keeps_the_same_ngrams_and_gives_them_the_same_numbers(
    prune: str, real_data: Path, tmp_path: Path
) -> None:
    lmplz = shutil.which("lmplz")
    if lmplz is None:
        pytest.skip("needs KenLM: put its lmplz on the path")
    texts = _words(real_data / "wikitext-2" / "wiki.train.tokens", 3000)
    text, arpa = tmp_path / "text", tmp_path / "arpa"
    text.write_text("".join(" ".join(words) + "\n" for words in texts), encoding="utf-8")
    options = ["-o", "4", "-S", "200M", "--text", str(text), "--arpa", str(arpa), "--prune", *prune.split()]
    subprocess.run([lmplz, *options], check=True, capture_output=True)
    known, ids_N, lengths = _numbered(texts)
    model = ngram.create(Config(order=4, prune=prune), len(set(known.values())), seed=0)
    model.count(ids_N, lengths)
    model.finish()
    ours = {
        tuple(row): (block.log_p_G[place], None if block.log_gamma_G is None else block.log_gamma_G[place])
        for length in range(1, 5)
        for block in model.ngrams(length)
        for place, row in enumerate(block.symbols_GK.tolist())
    }
    theirs = set()
    with arpa.open(encoding="utf-8") as stream:
        for log_p, words, *gamma in (line.rstrip("\n").split("\t") for line in stream if "\t" in line):
            gram = tuple(known[word] for word in words.split(" "))
            theirs.add(gram)
            if words != "<s>":  # P(<s>) is none
                assert ours[gram][0] / np.log(10) == pytest.approx(float(log_p), abs=1e-5)
            if gamma and words != "</s>":
                assert ours[gram][1] / np.log(10) == pytest.approx(float(gamma[0]), abs=1e-5)
    assert theirs == ours.keys()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("prune", [{}, {"prune": "0 0 1"}, {"prune_entropy": 0.001}])
def test_files_in_place_of_memory_give_the_same_bytes(
    name: Smoothing, prune: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(space, "_BLOCK_BYTES", 100)  # so that this small a text fills many
    texts = [np.random.default_rng(0).integers(0, SYMBOLS - 1, 300).tolist()]
    config = Config(order=4, smoothing=name, **prune)
    tables = [
        estimation.estimate(counting.count(stream(texts), 4, SYMBOLS), config.method, config.pruning, where)[
            0
        ]
        for where in (space.Memory(), space.Disk(tmp_path, limit=64))
    ]
    for in_memory, on_disk in zip(*(each.levels for each in tables), strict=True):
        np.testing.assert_array_equal(in_memory, on_disk, strict=True)
