"""What is given of documents, labels or sources: read, kept, learnt from, and what bad records get."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import anygram
from anygram.codecs import _labels
from anygram.codecs.bytes import BytesCodec
from anygram.data.corpus import document_batches, encode_corpus
from anygram.data.documents import Document
from anygram.data.reading import Pairing, ReadingOptions, Report, read
from anygram.data.splitting import split
from anygram.data.store import DocumentStore
from anygram.errors import DataError, RunError, UsageError
from tests.asking import ask
from tests.corpora import refusal

PAIRS = [("a cat", "eine Katze"), ("two dogs", "zwei Hunde"), ("", "leer"), ("a, b", 'c "d"')]
FILLED = [pair for pair in PAIRS if all(pair)]


def _jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _csv(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([list(rows[0]), *(row.values() for row in rows)])


def _tsv(path: Path, rows: list[dict[str, Any]]) -> None:
    lines = [list(rows[0]), *(row.values() for row in rows)]
    path.write_text("".join("\t".join(map(str, line)) + "\n" for line in lines))


def _parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    pq.write_table(pa.Table.from_pylist(rows), path)


WRITERS: dict[str, Callable[[Path, list[dict[str, Any]]], None]] = {
    ".jsonl": _jsonl,
    ".csv": _csv,
    ".tsv": _tsv,
    ".parquet": _parquet,
}


def _pairs(path: Path, **options: Any) -> list[tuple[str | None, str]]:
    return [(one.given, one.text) for one in read([str(path)], ReadingOptions(**options), Report())]


@pytest.mark.parametrize("ending", WRITERS)
def test_records_of_every_format_give_pairs(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"pairs{ending}"
    WRITERS[ending](path, [{"en": source, "de": target} for source, target in FILLED])
    assert _pairs(path, text_field="en", target_field="de") == FILLED
    assert _pairs(path, target_field="de") == FILLED  # the only other one


@pytest.mark.parametrize("ending", WRITERS)
def test_records_of_every_format_give_labels(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"labelled{ending}"
    WRITERS[ending](path, [{"stars": stars, "text": text} for stars, text in [(5, "good"), (1, "bad")]])
    assert _pairs(path, label_field="stars") == [("5", "good"), ("1", "bad")]


def test_a_table_without_names_has_numbers(tmp_path: Path) -> None:
    path = tmp_path / "sms.tsv"
    path.write_text("ham\tsee you\nspam\twin\n")
    assert _pairs(path, text_field="2", label_field="1") == [("ham", "see you"), ("spam", "win")]


def test_labels_are_words_numbers_or_several(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    _jsonl(path, [{"text": "a", "label": label} for label in ("x", 3, True, ["x", "y"], [])])
    assert [given for given, _ in _pairs(path, label_field="label")] == ["x", "3", "true", "x\ny", ""]


def test_lines_of_parallel_files_are_pairs(tmp_path: Path) -> None:
    (tmp_path / "en.txt").write_text("one\ntwo\n")
    (tmp_path / "de.txt").write_text("eins\nzwei")
    pairs = _pairs(tmp_path / "en.txt", targets=str(tmp_path / "de.txt"))
    assert pairs == [("one", "eins"), ("two", "zwei")]


def test_bad_pairs_are_refused_in_one_line(tmp_path: Path) -> None:
    _jsonl(tmp_path / "p.jsonl", [{"en": source, "de": target} for source, target in PAIRS])
    where = str(tmp_path / "p.jsonl")
    assert "line 3: field 'en' is empty" in refusal(where, text_field="en", target_field="de")
    skipped = ReadingOptions(text_field="en", target_field="de", on_bad_record="skip")
    assert len(list(read([where], skipped, Report()))) == len(FILLED)
    assert "cannot be both sides" in refusal(where, text_field="en", target_field="en")
    assert "or it is null" in refusal(where, text_field="en", target_field="fr")
    (tmp_path / "en.txt").write_text("one\ntwo\n")
    (tmp_path / "de.txt").write_text("eins\nzwei\ndrei\n")
    short, long = str(tmp_path / "en.txt"), str(tmp_path / "de.txt")
    for source, targets in ((short, long), (long, short)):
        assert f"{short} ends after line 2 and {long} goes on" in refusal(source, targets=targets)
    (tmp_path / "de.txt").write_text("eins\n\n")
    assert "de.txt:2: an empty line" in refusal(short, targets=long)
    assert "has no fields" in refusal(short, label_field="x")
    assert "holds records, and --targets pairs lines" in refusal(where, targets=long)
    assert "holds records, and --targets pairs lines" in refusal(short, targets=where)
    assert "no such file" in refusal(short, targets=str(tmp_path / "none.txt"))
    assert "exclude each other" in refusal(short, label_field="x", targets=long)


def test_bad_labels_are_refused_in_one_line(tmp_path: Path) -> None:
    _jsonl(tmp_path / "l.jsonl", [{"text": "a", "label": "x"}, {"text": "b", "label": ""}, {"text": "c"}])
    assert "line 2: no label in field 'label'" in refusal(str(tmp_path / "l.jsonl"), label_field="label")
    _csv(tmp_path / "l.csv", [{"text": "a", "label": "x"}])
    assert "no column of" in refusal(str(tmp_path / "l.csv"), label_field="lable")
    with pytest.raises(DataError, match="two labels at least, and there is only 'x'"):
        _labels.fit(["x", "x"])
    with pytest.raises(DataError, match=r"no label 'z' in the training part \(known: x, y\)"):
        _labels.fit(["x", "y"]).encode("z")


def _store(folder: Path, pairs: list[tuple[str, str]]) -> DocumentStore:
    return DocumentStore.spool((Document(text, given=given) for given, text in pairs), folder)


def test_a_store_keeps_what_is_given(tmp_path: Path) -> None:
    store = _store(tmp_path / "store", PAIRS)
    assert [(one.given, one.text) for one in store] == PAIRS
    other = _store(tmp_path / "other", [("another", text) for _, text in PAIRS])
    assert store.fingerprint != other.fingerprint
    splits = split(store, valid=None, test=0.5, seed=0)  # whole documents, though they are few
    parts = [*splits.train, *splits.test]
    assert sorted((one.given or "", one.text) for one in parts) == sorted(PAIRS)


def test_a_corpus_has_conditions_of_its_documents(tmp_path: Path) -> None:
    codec = BytesCodec()
    corpus = encode_corpus(_store(tmp_path / "s", PAIRS), codec, tmp_path / "c", condition_codec=codec)
    batches = list(document_batches(corpus, symbols_per_batch=20, shuffle_seed=1))
    found = []
    for batch in batches:
        texts = np.split(batch.ids_N, np.cumsum(batch.document_lengths)[:-1])
        assert batch.condition is not None
        found += [
            (codec.decode(one), codec.decode(ids_N[:-1]))
            for one, ids_N in zip(batch.condition, texts, strict=True)
        ]
    assert sorted(found) == sorted(PAIRS) and len(batches) > 1


@pytest.mark.parametrize("multiple", [False, True])
def test_labels_come_back_from_symbols_and_json(multiple: bool) -> None:
    labels = _labels.fit(["b", "a\nc" if multiple else "a", "b"])
    again = _labels.from_json(json.loads(json.dumps(labels.to_json())))
    for one in (labels, again):
        encoded = one.encode("a\nb")
        assert one.decode(encoded.ids) == "a\nb" and encoded.units.sum() == len("a\nb")
        assert (one.boundary, one.multiple, one.counts[1]) == (one.vocabulary_size - 1, multiple, 2)
        decoder = one.decoder()
        assert "".join(map(decoder.push, encoded.ids.tolist())) + decoder.finish() == "a\nb"


def test_documents_cost_what_they_do_behind_what_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [("x" * (1 + n % 3), "yz"[n % 2] * 4) for n in range(40)]
    _tsv(tmp_path / "p.tsv", [{"source": source, "target": target} for source, target in rows])
    options = ["--text-field", "source", "--target-field", "target", "--codec", "bytes"]
    trained = ask(
        capsys, "train", tmp_path / "p.tsv", *options, "--model", "ngram", "--set", "order=4",
        "--out", tmp_path / "run", "--test", "0.25", "--json",
    )  # fmt: skip
    assert trained.status == 0, trained
    assert trained.fields["test"]["bytes"] == 40
    evaluated = ask(capsys, "evaluate", tmp_path / "run", tmp_path / "p.tsv", "--json").fields
    run = anygram.load(tmp_path / "run")
    assert run.condition_codec is not None
    state = run.model.start(len(rows), [run.condition_codec.encode(source).ids for source, _ in rows])
    ids_BT = np.stack([np.append(run.codec.encode(target).ids, 256) for _, target in rows])
    assert evaluated["nats"] == pytest.approx(-run.model.score(state, ids_BT)[0].sum())
    scored = list(run.score(tmp_path / "p.tsv"))
    assert sum(one.nats for one in scored) == pytest.approx(evaluated["nats"])
    alone = [(one.given, one.text) for one in run.documents(tmp_path / "p.tsv", pairing=Pairing())]
    assert alone == [(None, source) for source, _ in rows]


def test_models_and_options_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    _jsonl(tmp_path / "p.jsonl", [{"text": "a", "other": "b"}] * 30)
    with pytest.raises(UsageError, match="--source-codec is for --target-field"):
        anygram.train(tmp_path / "p.jsonl", "ngram", source_codec="bytes")
    with pytest.raises(DataError, match="two labels at least"):
        anygram.train(tmp_path / "p.jsonl", "ngram", label_field="other", codec="bytes")
    with pytest.raises(UsageError, match="too short to reach a condition"):
        anygram.train(
            tmp_path / "p.jsonl", "ngram", target_field="other", codec="bytes", settings={"order": "2"}
        )


def _labelled(path: Path, rows: int, odd: str = "b") -> Path:
    _jsonl(path, [{"text": "xy"[n % 2] * 9, "label": "ab"[n % 2]} for n in range(rows)])
    with path.open("a") as stream:
        stream.write(json.dumps({"text": "z", "label": odd}) + "\n")
    return path


def test_training_fits_and_measures_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = _labelled(tmp_path / "l.jsonl", 200)
    said = ask(
        capsys, "train", source, "--label-field", "label", "--model", "ngram", "--codec", "bytes",
        "--test", "0.2", "--out", tmp_path / "run",
    )  # fmt: skip
    assert said.status == 0, said
    assert "now: anygram classify" in said.out and "accuracy 1.0000" in said.out
    run = anygram.load(tmp_path / "run")
    assert run.record.data["valid"] == "0.1" and run.record.figures["labels"]["documents"] == 40
    assert (tmp_path / "run" / "classification.json").is_file()


def test_labels_that_training_lacks_are_wrong_and_cost_nothing(tmp_path: Path) -> None:
    source = _labelled(tmp_path / "l.jsonl", 200)
    test = _labelled(tmp_path / "t.jsonl", 9, odd="c")
    run = anygram.train(source, "ngram", codec="bytes", label_field="label", test=str(test))
    assert run.record.figures["test"]["documents"] == 9
    assert run.record.figures["labels"]["accuracy"] == pytest.approx(0.9)
    with pytest.raises(DataError, match="no label 'c' in the training part"):
        run.evaluate(test)


def test_labels_are_learnt_without_what_measures_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    said = ask(
        capsys, "train", _labelled(tmp_path / "l.jsonl", 60), "--label-field", "label",
        "--model", "frequency", "--codec", "bytes", "--test", "0.2", "--out", tmp_path / "run",
    )  # fmt: skip
    assert said.status == 0 and "measuring labels needs scikit-learn" in said.err
    assert "labels" not in anygram.load(tmp_path / "run").record.figures


def test_what_learns_while_it_reads_is_told_of_no_labels(tmp_path: Path) -> None:
    source = _labelled(tmp_path / "l.jsonl", 60)
    run = anygram.train(source, "frequency", codec="bytes", label_field="label", out=tmp_path / "run")
    with pytest.raises(UsageError, match="told of neither; leave out --adapt"):
        run.evaluate(source, adapt=True)


def test_a_comparison_does_not_adapt_behind_labels(tmp_path: Path) -> None:
    source = _labelled(tmp_path / "l.jsonl", 60)
    with pytest.raises(UsageError, match="told of no labels and sources; leave out --adapt"):
        anygram.compare(source, tmp_path / "which", models="frequency", label_field="label", adapt=True)


def test_few_documents_are_not_fitted_to(tmp_path: Path) -> None:
    run = anygram.train(
        _labelled(tmp_path / "l.jsonl", 30), "ngram", codec="bytes", label_field="label", out=tmp_path / "run"
    )
    assert run.record.data["valid_documents"] == 3
    assert not (tmp_path / "run" / "classification.json").exists()


def test_of_many_unknown_labels_some_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = _labelled(tmp_path / "l.jsonl", 60)
    anygram.train(source, "frequency", codec="bytes", label_field="label", out=tmp_path / "run")
    _jsonl(tmp_path / "t.jsonl", [{"text": "x", "label": f"new{n}"} for n in range(20)])
    said = ask(capsys, "classify", tmp_path / "run", tmp_path / "t.jsonl", "--label-field", "label")
    assert said.status == 0 and said.out.rstrip().endswith("'new7' 1 and 12 others")


def test_a_label_of_the_validation_part_alone_is_left_out_of_the_fit(tmp_path: Path) -> None:
    source = _labelled(tmp_path / "l.jsonl", 60)
    valid = _labelled(tmp_path / "v.jsonl", 20, odd="c")
    run = anygram.train(
        source, "frequency", codec="bytes", label_field="label", valid=str(valid), out=tmp_path / "run"
    )
    fitted = json.loads((run.path / "classification.json").read_text())
    assert [one["documents"] for one in fitted["fits"]] == [20] and run.record.data["valid_documents"] == 21


def test_a_list_of_texts_is_one_and_targets_in_a_list_are_several(tmp_path: Path) -> None:
    path = tmp_path / "papers.jsonl"
    _jsonl(path, [{"body": ["One.", "Two."], "short": ["1 2", "both"]}, {"body": ["Three."], "short": ["3"]}])
    options = ReadingOptions(text_field="body", target_field="short")
    first, second = read([str(path)], options, Report())
    assert (first.given, first.text, first.side) == ("One. Two.", "1 2", {"references": ["both"]})
    assert (second.given, second.text, second.side) == ("Three.", "3", None)
    (alone, _) = read([str(path)], ReadingOptions(text_field="body"), Report())
    assert (alone.text, alone.side) == ("One. Two.", None)
    _jsonl(path, [{"body": ["a", 1], "short": "x"}])
    assert "holds list, not text" in refusal(str(path), text_field="body", target_field="short")


def test_pairs_have_more_byte_pairs_than_texts_alone(tmp_path: Path) -> None:
    _tsv(tmp_path / "p.tsv", [{"a": f"{n * n} ab{n}", "b": f"{n * 37} cd{n}"} for n in range(1500)])
    source = tmp_path / "p.tsv"
    alone = anygram.train(source, "frequency", codec="bpe", text_field="b")
    pairs = anygram.train(
        source, "frequency", codec="bpe", text_field="a", target_field="b", settings={"order": "3"}
    )
    assert alone.codec.vocabulary_size == 512 < pairs.codec.vocabulary_size <= 2048
    assert pairs.condition_codec is not None and pairs.condition_codec.vocabulary_size > 512
    wanted = {"codec.size": "300", "order": "3"}
    named = anygram.train(source, "frequency", codec="bpe", text_field="a", target_field="b", settings=wanted)
    assert named.codec.vocabulary_size == 300


def test_bad_lines_of_parallel_files_are_stepped_over_on_both_sides(tmp_path: Path) -> None:
    (tmp_path / "en.txt").write_bytes(b"one\n\xff\nthree\nfour\n")
    (tmp_path / "de.txt").write_bytes(b"eins\nzwei\n\xff\nvier\n")
    report = Report()
    options = ReadingOptions(targets=str(tmp_path / "de.txt"), on_bad_record="skip")
    found = read([str(tmp_path / "en.txt")], options, report)
    assert [(one.given, one.text) for one in found] == [("one", "eins"), ("four", "vier")]
    assert report.skipped == 2
    assert "not UTF-8" in refusal(str(tmp_path / "en.txt"), targets=str(tmp_path / "de.txt"))


def test_a_header_that_names_the_text_is_one(tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_text("label,text\nx,one\ny,two\n")
    assert _pairs(tmp_path / "h.csv", label_field="1") == [("x", "one"), ("y", "two")]


def test_records_of_several_labels_are_unknown_where_training_has_one_each(tmp_path: Path) -> None:
    source = _labelled(tmp_path / "l.jsonl", 60)
    _jsonl(tmp_path / "t.jsonl", [{"text": "x", "label": label} for label in (["a"], ["a", "b"], [])])
    run = anygram.train(
        source, "frequency", codec="bytes", label_field="label", test=str(tmp_path / "t.jsonl")
    )
    assert run.record.figures["test"]["documents"] == 1
    assert run.record.figures["labels"]["documents"] == 3


def test_a_setting_that_only_the_codec_of_sources_has_is_its(tmp_path: Path) -> None:
    _tsv(tmp_path / "p.tsv", [{"a": f"{n * n} ab{n}", "b": f"{n * 37}"} for n in range(300)])
    run = anygram.train(
        tmp_path / "p.tsv",
        "frequency",
        codec="bytes",
        source_codec="bpe",
        text_field="a",
        target_field="b",
        settings={"size": "300", "order": "3"},
    )
    assert run.condition_codec is not None and run.condition_codec.vocabulary_size == 300


def test_labels_of_any_column_of_parquet_are_words(tmp_path: Path) -> None:
    days = [date(2024, 1, 2), date(2024, 3, 4)]
    _parquet(
        tmp_path / "d.parquet", [{"text": "ab"[n], "day": days[n], "raw": b"xy"[n : n + 1]} for n in (0, 1)]
    )
    assert _pairs(tmp_path / "d.parquet", text_field="text", label_field="day") == [
        ("2024-01-02", "a"),
        ("2024-03-04", "b"),
    ]
    assert [given for given, _ in _pairs(tmp_path / "d.parquet", label_field="raw")] == ["x", "y"]


def test_sources_stay_in_their_codec_when_resumed(tmp_path: Path) -> None:
    _tsv(tmp_path / "p.tsv", [{"a": f"{n} a", "b": f"{n} b"} for n in range(60)])

    def trained(resume: bool, source_codec: str, steps: int) -> None:
        anygram.train(
            tmp_path / "p.tsv",
            "nnlm",
            out=tmp_path / "run",
            codec="bytes",
            source_codec=source_codec,
            text_field="a",
            target_field="b",
            budget=f"{steps}steps",
            settings={"units": 4, "embedding": 2, "order": 3},
            resume=resume,
        )

    trained(False, "chars", 1)
    with pytest.raises(RunError, match="begun with sources over chars"):
        trained(True, "bytes", 2)
    trained(True, "chars", 2)
