"""Segments of several kinds as one document: listed in files, coded in one stream, written back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import anygram as ag
from anygram.codecs import mixed
from anygram.data import mixtures, pictures, sounds
from anygram.data.documents import Document
from anygram.data.mixtures import Segment
from anygram.data.reading import ReadingOptions, Report, read
from anygram.errors import AnygramError, BadRecord, DataError, UsageError
from anygram.laws import CODEC_LAWS
from tests.sided import Given

PICTURE = pictures.document(np.array([[0, 16], [7, 255]], dtype=np.uint8))
SOUND = sounds.document(np.array([0, -5, 300], dtype=np.int16), 8000)
THREE = mixtures.document(
    [Segment("pictures", PICTURE), Segment("text", Document("é")), Segment("sounds", SOUND)]
)


def fit(*documents: Document, codecs: str = "bytes+image+audio") -> mixed.MixedCodec:
    return mixed.fit(Given(documents or [THREE]), mixed.Config(codecs))


def read_all(path: Path, on_bad_record: Any = "fail") -> list[Document]:
    options = ReadingOptions(kind="mixtures", on_bad_record=on_bad_record)
    return list(read([str(path)], options, Report()))


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    swapped = mixtures.document(mixtures.segments(THREE)[::-1])
    raw = mixtures.document([Segment("text", Document("\udcff"))])
    written = [THREE, swapped, raw]
    files = mixtures.write(tmp_path / "made.jsonl", written)
    names = ["made.jsonl", "made-1-1.png", "made-1-3.wav", "made-2-1.wav", "made-2-3.png"]
    assert [file.name for file in files] == names
    again = read_all(tmp_path / "made.jsonl")
    assert [(one.text, one.side) for one in again] == [(one.text, one.side) for one in written]
    assert THREE.to_bytes() == PICTURE.to_bytes() + "é".encode() + SOUND.to_bytes()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "not JSON"),
        ("[]", 'no list of "segments"'),
        ('{"segments": [{"kind": "text"}]}', "a segment needs"),
        ('{"segments": [{"kind": "pictures", "text": "a"}]}', "a segment needs"),
        ('{"segments": [{"kind": "mixtures", "path": "list.jsonl"}]}', "a segment needs"),
        ('{"segments": [{"kind": "pictures", "path": "none.png"}]}', "no such file"),
        ('{"segments": [{"kind": "smells", "path": "a.png"}]}', "smells.*pictures.*text"),
        ('{"segments": [{"kind": "sounds", "path": "a.png"}]}', "not read as sounds; name files of .wav"),
        ('{"segments": [{"kind": "text", "text": "a", "path": "a.png"}]}', "both"),
        ('{"segments": [{"kind": "pictures", "path": "bad.png"}]}', "not a whole picture"),
        ('{"segments": [{"kind": "pictures", "path": "a.png", "number": 2}]}', "has 1 documents"),
    ],
)
def test_bad_lines_are_named_or_stepped_over(tmp_path: Path, line: str, told: str) -> None:
    pictures.write(tmp_path / "a.png", [PICTURE])
    (tmp_path / "bad.png").write_bytes(b"no picture")
    good = '{"segments": [{"kind": "pictures", "path": "a.png"}]}'
    path = tmp_path / "list.jsonl"
    path.write_text(f"{good}\n\n{line}\n{good}\n")
    with pytest.raises(BadRecord, match=told) as raised:
        read_all(path)
    assert f"{path} line 3: " in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1
    assert [one.text for one in read_all(path, "skip")] == [PICTURE.text] * 2


def test_rows_of_a_table_are_segments_by_number(tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text("colour,price\nred,3\nblue,12\n")
    rows = [{"kind": "tables", "path": "prices.csv", "number": number} for number in (1, 2)]
    texts = [{"kind": "text", "text": text} for text in ("three for a red one", "twelve for a blue one")]
    lines = [json.dumps({"segments": list(pair)}) for pair in zip(rows, texts, strict=True)]
    (tmp_path / "list.jsonl").write_text("\n".join(lines))
    found = read_all(tmp_path / "list.jsonl")
    assert [mixtures.segments(one)[0].document.text for one in found] == ["red,3", "blue,12"]
    codec = fit(*found, codecs=mixed.Config().codecs)
    for one in found:
        encoded = codec.encode(one.text, one.side)
        assert codec.decode(encoded.ids, encoded.side) == one.text
    del rows[1]["number"]
    (tmp_path / "list.jsonl").write_text(json.dumps({"segments": rows}))
    with pytest.raises(BadRecord, match='has 2 documents; say by "number" which'):
        read_all(tmp_path / "list.jsonl")


def test_each_kind_has_a_range_of_its_own() -> None:
    codec = fit()
    ids = codec.encode(THREE.text, THREE.side).ids.tolist()
    opens = {"text": 1024, "pictures": 1025, "sounds": 1026}
    assert codec.boundary == 256 + 256 + 512 + 3
    value = [opens["pictures"], 256, 256 + 16, 256 + 7, 256 + 255]
    text = [opens["text"], *"é".encode()]
    assert ids[: len(value + text)] == value + text
    assert ids[len(value + text)] == opens["sounds"]
    assert all(512 <= one < 1024 for one in ids[len(value + text) + 1 :])
    assert [codec.symbol(one) for one in (1025, 272, 65, 1027)] == [
        "<pictures>",
        "pictures:16",
        "A",
        "<boundary>",
    ]


def test_kinds_that_the_training_part_does_not_hold_take_no_symbols() -> None:
    one = mixtures.document([Segment("text", Document("a")), Segment("pictures", PICTURE)])
    assert fit(one).boundary == 256 + 256 + 2
    with pytest.raises(DataError, match="no codec for segments of kind 'sounds'"):
        fit(one).encode(THREE.text, THREE.side)
    with pytest.raises(DataError, match="kind 'sounds' have no codec"):
        fit(codecs="bytes+image")


def test_a_codec_of_words_is_stored_with_its_tensors_and_keeps_the_laws() -> None:
    one = mixtures.document(
        [Segment("text", Document("one two two")), Segment("sounds", SOUND), Segment("text", Document("  "))]
    )
    codec = fit(one, codecs="audio:bits=8:rate=4000+words")
    assert not codec.lossless and codec.unknown is not None
    assert list(codec.tensors()) == ["text.bytes", "text.ends"]
    for law in CODEC_LAWS.values():
        law(codec, one.text, one.side)


@pytest.mark.parametrize(
    ("codecs", "told"),
    [
        ("byte", "did you mean 'bytes'"),
        ("bytes+chars", "both for text"),
        ("bytes+mixed", "holds no mixtures"),
        ("audio:bits=7", "bits must be 16 or 8"),
        ("audio:bit=8", "bit"),
        ("audio:bits", "KEY=VALUE"),
    ],
)
def test_words_that_name_no_codecs_are_refused(codecs: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        mixed.Config(codecs)


def test_what_is_known_begins_what_is_wanted() -> None:
    codec = fit()
    assert THREE.side is not None
    known, wanted = THREE.side["segments"][:1], {"kind": "text"}
    ids = codec.encode(THREE.text, THREE.side).ids
    begun = codec.beginning(PICTURE.text, {"segments": [*known, wanted]})
    assert begun.tolist() == ids[:5].tolist()
    begun = codec.beginning(PICTURE.text + "é", {"segments": [*known, wanted]})
    assert begun.tolist() == ids[:8].tolist()
    assert codec.beginning("é").tolist() == ids[5:8].tolist()
    with pytest.raises(DataError, match="past the last segment"):
        codec.beginning(PICTURE.text + "é", {"segments": known})
    with pytest.raises(DataError, match="the known ones come first"):
        codec.beginning(PICTURE.text, {"segments": [wanted, *known]})


def test_a_guide_asks_for_the_segments_of_the_side_in_their_order() -> None:
    codec = fit()
    size = {"width": 1, "height": 1, "channels": 1}
    guide = codec.guide({"segments": [{"kind": "text"}, {"kind": "pictures", "side": size}]})
    assert np.flatnonzero(guide.allowed()).tolist() == [1024]
    guide.push(1024)
    assert np.flatnonzero(guide.allowed()).tolist() == [*range(256), 1025]
    guide.push(65)
    guide.push(1025)
    assert np.flatnonzero(guide.allowed()).tolist() == [*range(256, 512)]
    guide.push(256)
    assert np.flatnonzero(guide.allowed()).tolist() == [codec.boundary]
    assert guide.side == {
        "segments": [{"kind": "text", "bytes": 1}, {"kind": "pictures", "bytes": 1, "side": size}]
    }
    assert np.flatnonzero(codec.guide().allowed()).tolist() == [1024, 1025, 1026]


def test_a_run_of_mixtures_makes_mixtures(tmp_path: Path) -> None:
    mixtures.write(tmp_path / "list.jsonl", [THREE] * 20)
    run = ag.train(tmp_path / "list.jsonl", model="ngram", codec="mixed", settings={"order": 4}, test=0.2)
    assert run.kind == "mixtures"
    assert run.record.figures["test"]["bits_per_byte"] < 1
    made = run.sample(n=2, seed=1)
    files = run.write(tmp_path / "made.jsonl", made)
    again = read_all(files[0])
    assert [(one.text, one.side) for one in again] == [(one.text, one.side) for one in made]
    for one in made:
        assert one.side is not None
        assert run.codec.encode(one.text, one.side).side == one.side


def test_lists_of_other_things_are_no_mixtures(tmp_path: Path) -> None:
    (tmp_path / "text.jsonl").write_text(json.dumps({"text": "to be"}))
    with pytest.raises(AnygramError, match='no list of "segments"'):
        ag.train(tmp_path / "text.jsonl", model="ngram", codec="mixed")
