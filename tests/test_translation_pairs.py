"""Pairs of the benchmarks of translation: what is tested was not learnt, and what the peer is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from translations import joeynmt, pairs
from translations.joeynmt import Size
from translations.pairs import Pair

TEXTS = st.sampled_from("abcdefghijklmnop")


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=40, max_size=80), st.integers(0, 9))
def test_no_sentence_of_either_side_is_in_two_parts(drawn: list[tuple[str, str]], seed: int) -> None:
    every = pairs.joined([Pair(f"{one}.", other) for one, other in drawn], pairs.letters)
    alone = [Pair(f"x{n}", f"y{n}", f"group {n}") for n in range(60)]
    parts = pairs.parted([*every, *alone], seed)
    learnt = {text for pair in parts.train for text in (pair.source, pair.target)}
    for one in parts.test:
        assert one.source not in learnt and not learnt & set(one.references)
    held = {text for pair in parts.valid for text in (pair.source, pair.target)}
    assert not learnt & held
    count = sum(len(one.references) for one in parts.test)
    assert len({*parts.train}) + len({*parts.valid}) + count == len({*every, *alone})


def test_pairs_are_joined_by_way_of_others_and_whatever_their_marks() -> None:
    found = pairs.joined(
        [Pair("Hi.", "a"), Pair("hi!", "b"), Pair("Hey", "b"), Pair("no", "c")], pairs.letters
    )
    assert found[0].group == found[1].group == found[2].group != found[3].group


def test_every_reference_of_a_source_counts_and_fewer_pairs_are_the_first(tmp_path: Path) -> None:
    (held,) = pairs.held([Pair("s", "one"), Pair("s", "two"), Pair("s", "one")])
    assert held.references == ["one", "two"]
    parts = pairs.Parts([Pair("a", "A"), Pair("b", "B")], [Pair("c", "C")], [held])
    assert parts.of_size(1).train == parts.train[:1] and parts.of_size(None) == parts
    files = pairs.write(parts, tmp_path)
    assert [json.loads(line) for line in files["train"].read_text().splitlines()] == [
        {"source": "a", "target": "A"},
        {"source": "b", "target": "B"},
    ]
    assert json.loads(files["test"].read_text()) == {"source": "s", "target": "one"}


@pytest.mark.parametrize("name", pairs.FILES)
def test_what_is_tested_of_real_data_was_not_learnt(real_data: Path, name: str) -> None:
    parts = pairs.of(name, real_data, "en-zh")
    sources = {one.source for one in (*parts.train, *parts.valid)}
    targets = {one.target for one in (*parts.train, *parts.valid)}
    assert len(parts.train) > 1900 and len(parts.valid) > 600 and len(parts.test) > 600
    assert not [one for one in parts.test if one.source in sources or targets & set(one.references)]


def test_the_peer_is_told_what_it_reads(tmp_path: Path) -> None:
    """JSON is YAML but for numbers like 1e-08, which YAML 1.1 takes for words."""
    told = joeynmt.configuration(Size(rate=1e-3, warmup=7), tmp_path, beam=5, longest=30)
    assert "e-" not in json.dumps(told)
    assert told["training"]["learning_rate"] == 0.001 and told["testing"]["beam_size"] == 5
    assert told["data"]["src"]["tokenizer_cfg"]["model_file"] == str(tmp_path / "src.model")
