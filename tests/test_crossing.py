"""From one kind of data to another: names of pictures, pictures of names, by one model of both ways."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import anygram as ag
from anygram.data import mixtures, pictures, sounds
from anygram.data.documents import Document
from anygram.data.mixtures import Segment
from anygram.errors import UsageError
from anygram.models import uniform
from anygram.tasks import crossing
from anygram.tasks.generation import Sampling
from tests.asking import ask

NAMES = ("one", "two", "six")
LIKELIEST = Sampling(temperature=0)


def text(name: str) -> Segment:
    return Segment("text", Document(name))


def picture(name: str) -> Segment:
    pixels_HW = np.full((2, 3), NAMES.index(name), dtype=np.uint8)
    return Segment("pictures", pictures.document(pixels_HW))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ag.Run:
    """A run that has seen pictures with their names, and names with their pictures."""
    folder = tmp_path_factory.mktemp("pairs")
    seen = [
        one for name in (*NAMES, "six") for one in ([picture(name), text(name)], [text(name), picture(name)])
    ]
    mixtures.write(folder / "pairs.jsonl", [mixtures.document(one) for one in seen * 4])
    return ag.train(
        folder / "pairs.jsonl", model="ngram", codec="mixed", out=folder / "run", settings={"order": 9}
    )


@pytest.mark.parametrize("name", NAMES)
def test_one_model_goes_both_ways(run: ag.Run, name: str) -> None:
    names = run.cross([picture(name)], "text", sampling=LIKELIEST, n=2)
    assert [one.text for one in names] == [name, name]
    (made,) = run.cross([text(name)], "pictures", sampling=LIKELIEST)
    assert (made.text, made.side) == (picture(name).document.text, picture(name).document.side)


@pytest.mark.parametrize("first", [False, True])
def test_candidates_are_ranked_by_likelihood(run: ag.Run, first: bool) -> None:
    for name in NAMES:
        ranked = run.rank([picture(name)], [text(one) for one in NAMES], first=first)
        assert ranked[0].segment == text(name) and ranked[0].place == NAMES.index(name)
        assert sum(one.probability for one in ranked) == pytest.approx(1)
        assert [one.log_p for one in ranked] == sorted((one.log_p for one in ranked), reverse=True)
    ranked = run.rank([text("two")], [picture(one) for one in NAMES], first=first)
    assert ranked[0].place == 1


def test_log_p_is_that_of_the_candidate_given_the_known_or_of_all(run: ag.Run) -> None:
    known, candidate = picture("one"), text("two")
    (after,) = run.rank([known], [candidate])
    (before,) = run.rank([known], [candidate], first=True)

    def nats(*order: Segment) -> float:
        one = mixtures.document(order)
        ids = run.codec.encode(one.text, one.side).ids
        return -float(run.model.score(run.model.start(1), ids[None])[0].sum())

    assert before.probability == after.probability == 1
    boundary = np.array([[run.codec.boundary]], dtype=np.int32)

    def ended(*order: Segment) -> float:
        one = mixtures.document(order)
        ids = np.append(run.codec.encode(one.text, one.side).ids[None], boundary, axis=1).astype(np.int32)
        return -float(run.model.score(run.model.start(1), ids)[0].sum())

    assert -after.log_p == pytest.approx(ended(known, candidate) - nats(known), abs=1e-4)
    assert -before.log_p == pytest.approx(ended(candidate, known), abs=1e-4)


def test_a_model_that_knows_nothing_ranks_by_length_and_keeps_the_order(run: ag.Run) -> None:
    model = uniform.create(uniform.Config(), run.codec.vocabulary_size, 0)
    candidates = [text("three"), text("six"), text("two")]
    ranked = crossing.rank(model, run.codec, [picture("one")], candidates)
    assert [one.place for one in ranked] == [1, 2, 0]
    assert ranked[0].log_p == pytest.approx(-5 * math.log(run.codec.vocabulary_size))
    assert crossing.rank(model, run.codec, [picture("one")], []) == []


def test_a_model_that_knows_nothing_makes_valid_segments_and_ends_texts_at_the_limit(run: ag.Run) -> None:
    model = uniform.create(uniform.Config(), run.codec.vocabulary_size, 0)
    side = {"width": 5, "height": 2, "channels": 1}
    (made,) = crossing.cross(
        model, run.codec, [text("two")], "pictures", side=side, sampling=Sampling(max_symbols=3)
    )
    assert made.side == side and len(made.to_bytes()) == 10
    names = crossing.cross(
        model, run.codec, [picture("two")], "text", samples=3, sampling=Sampling(max_symbols=4)
    )
    assert all(len(one.to_bytes()) <= 3 for one in names)  # what opens the segment is a symbol too
    assert len({one.text for one in names}) == 3


def test_through_the_command_line(run: ag.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shown,) = pictures.write(tmp_path / "two.png", [picture("two").document])
    words = ("cross", run.path, "--known", f"pictures={shown}")
    said = ask(capsys, *words, "--wanted", "text", "--temperature", "0", "--json")
    assert said.fields == {"samples": ["two"]}
    said = ask(capsys, *words, "--candidate", "text=six", "--candidate", "text=two", "--first", "--json")
    assert [one["candidate"] for one in said.fields["candidates"]] == ["text=two", "text=six"]
    made = tmp_path / "made.png"
    said = ask(
        capsys,
        "cross",
        run.path,
        "--known",
        "text=two",
        "--wanted",
        "pictures",
        "--out",
        made,
        "--temperature",
        "0",
    )
    assert said.out == f"{made}\n"
    assert made.read_bytes() == shown.read_bytes()


def test_what_cannot_be_asked_is_refused(
    run: ag.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("cross", run.path, "--known")
    assert "--wanted" in ask(capsys, *words, "text=two").refusal
    assert "--out" in ask(capsys, *words, "text=two", "--wanted", "pictures").refusal
    assert "KIND=WHAT" in ask(capsys, *words, "two", "--wanted", "text").refusal
    assert "no such file" in ask(capsys, *words, "pictures=none.png", "--wanted", "text").refusal
    (sound,) = sounds.write(tmp_path / "a.wav", [sounds.document(np.zeros(3, dtype=np.int16), 8000)])
    assert "no codec for segments" in ask(capsys, *words, f"sounds={sound}", "--wanted", "text").refusal
    assert (
        "no codec for segments"
        in ask(capsys, *words, "text=two", "--wanted", "sounds", "--out", sound).refusal
    )
    (tmp_path / "book.txt").write_text("to be or not to be\n" * 9)
    other = ag.train(tmp_path / "book.txt", model="ngram", codec="bytes")
    with pytest.raises(UsageError, match="--codec mixed"):
        other.cross([text("two")], "text")
