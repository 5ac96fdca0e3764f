"""anygram translate and summarise: what is made, written, measured and refused.

Axes: T symbols of a target, S of a source.
"""

from __future__ import annotations

import csv
import json
import random
import re
from collections.abc import Sequence
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet

import anygram
from anygram.codecs.chars import CharsCodec
from anygram.codecs.chars import fit as fit_chars
from anygram.conditioning import LengthLimit, lengths
from anygram.data.documents import Document
from anygram.errors import DataError, UsageError
from anygram.protocols import FloatArray, Ids
from anygram.tasks.translation import Request, Translation, translate
from tests.asking import ask
from tests.toy_models import Told

DIGITS = {"zero": "0", "one": "1", "two": "2", "three": "3"}


def numbers(count: int, seed: int) -> list[tuple[str, str]]:
    """Return digits as words, and as they are."""
    generator = random.Random(seed)
    drawn = [[generator.choice(list(DIGITS)) for _ in range(generator.randint(2, 3))] for _ in range(count)]
    return [(" ".join(words), "".join(DIGITS[word] for word in words)) for words in drawn]


TRAIN, TEST = numbers(600, 0), numbers(40, 1)


def write_pairs(path: Path, pairs: Sequence[tuple[str, str]]) -> Path:
    path.write_text("words\tdigits\n" + "".join(f"{source}\t{target}\n" for source, target in pairs))
    return path


def write_lines(path: Path, lines: Sequence[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pairs, and a run that was trained on them."""
    folder = tmp_path_factory.mktemp("pairs")
    train = write_pairs(folder / "train.tsv", TRAIN)
    write_pairs(folder / "test.tsv", TEST)
    write_lines(folder / "test.words", [source for source, _ in TEST])
    write_lines(folder / "test.digits", [target for _, target in TEST])
    anygram.train(
        train,
        "ngram",
        out=folder / "run",
        codec="words",
        text_field="words",
        target_field="digits",
        settings={"order": 6},
    )
    return folder


@pytest.fixture(scope="module")
def run(home: Path) -> Path:
    return home / "run"


# What is made


def test_lines_are_translated_in_their_order(
    home: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = ask(capsys, "translate", run, home / "test.words")
    assert said.status == 0
    texts = said.out.splitlines()
    assert len(texts) == 40
    assert [text == target for text, (_, target) in zip(texts, TEST, strict=True)].count(True) >= 36


def test_standard_input_is_lines_or_records(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for text, words in (
        ("one two\ntwo one\n", ()),
        ('{"x": "one two"}\n{"x": "two one"}\n', ("--text-field", "x")),
    ):
        monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(text.encode())))
        said = ask(capsys, "translate", run, "-", *words)
        assert said.out.split() == ["12", "21"], said


def test_examples_come_in_documents_of_their_own(run: Path) -> None:
    made = anygram.load(run).translate("example:docstrings", max_symbols=1, beam=1)
    assert next(iter(made)).source.count("\n") > 1


def test_figures_are_told_once_all_are_made(home: Path, run: Path) -> None:
    made = anygram.load(run).translate(home / "test.tsv", target_field="digits")
    with pytest.raises(UsageError, match="iterate over them first"):
        assert made.figures
    passing = iter(made)
    next(passing)
    with pytest.raises(UsageError, match="not all are made"):
        made.to_json()
    assert len(list(passing)) == len(TEST) - 1
    assert made.to_json()["documents"] == len(TEST) and made.figures


@pytest.mark.parametrize("ending", [".txt", ".jsonl", ".csv", ".tsv", ".parquet"])
def test_every_format_holds_the_same_texts(
    home: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], ending: str
) -> None:
    out = tmp_path / f"made{ending}"
    words = ("translate", run, home / "test.tsv", "--target-field", "digits", "--n-best", 2, "--out", out)
    assert ask(capsys, *words).status == 0
    wanted = ask(capsys, "translate", run, home / "test.words").out.splitlines()
    if ending == ".txt":
        assert out.read_text().splitlines() == wanted
        return
    rows: list[dict[str, Any]]
    if ending == ".jsonl":
        rows = [json.loads(line) for line in out.read_text().splitlines()]
    elif ending == ".parquet":
        rows = parquet.read_table(out).to_pylist()
    else:
        quoting: Any = {"delimiter": "\t", "quoting": csv.QUOTE_NONE} if ending == ".tsv" else {}
        rows = list(csv.DictReader(StringIO(out.read_text()), **quoting))
        rows = [{**row, "alternatives": json.loads(row["alternatives"])} for row in rows]
    assert [row["text"] for row in rows] == wanted
    assert [row["source"] for row in rows] == [source for source, _ in TEST]
    assert [row["reference"] for row in rows] == [target for _, target in TEST]
    assert all(row["alternatives"][0]["text"] == row["text"] for row in rows)
    assert all(len(row["alternatives"]) == 2 for row in rows)


def test_targets_are_as_long_as_those_of_the_pairs(home: Path, run: Path) -> None:
    loaded = anygram.load(run)
    limit = LengthLimit(**loaded.record.condition["longest_target"])
    assert loaded.condition_codec is not None
    coded = [
        (len(loaded.condition_codec.encode(source).ids), len(loaded.codec.encode(target).ids))
        for source, target in TRAIN
    ]
    source_D, target_D = np.array(coded).T
    assert limit == lengths.learn(source_D, target_D)
    made = list(loaded.translate(home / "test.words", max_symbols=1))
    assert all(len(loaded.codec.encode(one.text).ids) <= 1 for one in made)


def test_draws_are_those_of_their_seed(home: Path, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def drawn(*more: object) -> str:
        return ask(capsys, "translate", run, home / "test.words", "--sample", *more).out

    assert drawn("--temperature", 3, "--seed", 1) == drawn("--temperature", 3, "--seed", 1)
    assert drawn("--temperature", 3, "--seed", 1) != drawn("--temperature", 3, "--seed", 2)
    greedy = ask(capsys, "translate", run, home / "test.words", "--beam", 1).out
    assert drawn("--temperature", 0) == greedy


def test_the_api_does_what_the_command_does(
    home: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    by_name = [one.text for one in anygram.translate(run, home / "test.words", beam=3)]
    assert by_name == ask(capsys, "translate", run, home / "test.words", "--beam", 3).out.splitlines()
    assert by_name == [one.text for one in anygram.load(run).translate(home / "test.words", beam=3)]
    drawn = anygram.translate(run, home / "test.words", sample=True, n_best=2, seed=3)
    assert all(len(one.alternatives) == 2 for one in drawn)


# What is measured


def test_the_truth_is_measured_by_beside_what_needs_no_model(
    home: Path, run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ("translate", run, home / "test.tsv", "--target-field", "digits", "--lookup", home / "train.tsv")
    fields = ask(capsys, *words, "--out", tmp_path / "made.csv", "--json").fields
    assert fields["documents"] == 40 and fields["files"] == [str(tmp_path / "made.csv")]
    assert fields["chrf"] > 80 and fields["bleu"] >= 0
    figures = {(one["metric"], one["method"]): one for one in fields["figures"]}
    assert {method for _, method in figures} == {"model", "copied source", "phrases looked up"}
    own, copied = figures["chrf", "model"], figures["chrf", "copied source"]
    assert own["low"] <= own["value"] <= own["high"] and copied["value"] < 20
    assert copied["model_ahead"] == pytest.approx(own["value"] - copied["value"])
    assert "tok:13a" in figures["bleu", "model"]["signature"]
    told = ask(capsys, *words).out
    assert re.search(r"chrf +copied source", told) and "bleu: nrefs:1|" in told


def test_parallel_files_are_measured_the_same(
    home: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    in_fields = ask(capsys, "translate", run, home / "test.tsv", "--target-field", "digits", "--json").fields
    words = ("translate", run, home / "test.words", "--targets", home / "test.digits", "--tokenize", "char")
    in_lines = ask(capsys, *words, "--json").fields
    assert in_lines["chrf"] == in_fields["chrf"]
    assert "tok:char" in in_lines["figures"][0]["signature"]
    assert [one["text"] for one in in_lines["translations"]] == [
        one["text"] for one in in_fields["translations"]
    ]


def test_summaries_are_measured_by_rouge_beside_first_sentences(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = [(f"{name} sat. It rained all day.", f"{name} sat") for name in ("Ann", "Bob", "Cy", "Dora")]
    train = write_pairs(tmp_path / "train.tsv", pairs * 20)
    run = tmp_path / "run"
    trained = ("train", train, "--text-field", "words", "--target-field", "digits", "--model", "ngram")
    assert ask(capsys, *trained, "--codec", "words", "--set", "order=12", "--out", run).status == 0
    fields = ask(capsys, "summarise", run, train, "--target-field", "digits", "--json").fields
    figures = {(one["metric"], one["method"]): one["value"] for one in fields["figures"]}
    assert figures["rouge1", "first sentence"] == pytest.approx(100)
    assert figures["rouge2", "model"] == fields["rouge2"] == pytest.approx(100)
    assert {metric for metric, _ in figures} == {"rouge1", "rouge2", "rougeL"}
    whole = tmp_path / "one.txt"
    whole.write_text("Ann sat. It rained all day.")
    assert ask(capsys, "summarise", run, whole).out == "Ann sat\n"


# Alignments and the page


class Pointing(Told):
    """Told, and looks at the source's symbol at the target's own place; then at its end."""

    def alignment(self, state: Any, ids_BT: Ids) -> FloatArray:
        weights_BTS = np.zeros((*ids_BT.shape, 4))
        for place in range(ids_BT.shape[1]):
            weights_BTS[:, place, min(place, 3)] = 1.0
        return weights_BTS


def chars(text: str) -> CharsCodec:
    from anygram.codecs import chars as module

    return fit_chars([text], module.Config())


def pointed(documents: Sequence[Document], **how: Any) -> list[Translation]:
    codec = chars("ab")
    model = Pointing(codec.vocabulary_size, 0)
    request = Request(limit=LengthLimit(0, 5), **how)
    return list(translate(model, codec, codec, documents, request))


def test_alignments_link_symbols_and_the_end() -> None:
    (one,) = pointed([Document("aba", name="x")], align=True)
    assert one.alignment is not None
    assert one.alignment.source == ("a", "b", "a", "<end>")
    links = one.alignment.links()
    assert [link.place for link in links] == [min(place, 3) for place in range(len(links))]
    assert [link.target for link in links] == list(one.alignment.target)
    assert "".join(one.alignment.target) and not one.references


def test_a_page_shows_figures_texts_and_where_the_model_looked(tmp_path: Path) -> None:
    from anygram.tasks.translation import Measuring, Translations, page

    made = Translations(pointed([Document("a", given="aba", name="<first>")] * 25, align=True), Measuring())
    first = list(made)[: page.SHOWN]
    page.write(tmp_path / "page.html", "Translations", made, first)
    text = (tmp_path / "page.html").read_text()
    assert "&lt;first&gt;" in text and "<first>" not in text
    assert text.count("<svg") == page.SHOWN and "5 more documents" in text
    assert "copied source" in text and "nrefs:1|" in text
    assert 'class="looked" fill-opacity="1.00"' in text


# What is refused


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--temperature", "0.5"], "--temperature is of draws; add --sample, or leave it out"),
        (["--sample", "--beam", "3"], "--beam is of the search, and --sample draws, or leave it out"),
        (["--beam", "2", "--n-best", "3"], "of a beam of 2 there are 1 to 2 best ones, got 3"),
        (["--alignment"], "an alignment takes a model that says where it looks in a source"),
        (["--coverage", "0.2"], "a penalty for coverage takes a model that says where it looks"),
        (
            ["--tokenize", "zh"],
            "--tokenize is for measuring; name the truth with --target-field or --targets",
        ),
        (["--target-field", "digits", "--tokenize", "x"], "no tokenizer named 'x'; known: 13a, char"),
        (["--target-field", "digits", "--targets", "test.digits"], "--target-field and --targets exclude"),
        (["--lookup", "train.tsv"], "--lookup is for measuring; name the truth"),
        (["--max-symbols", "0"], "max_symbols must be at least 1, got 0"),
        (["--out", "made.xls"], "cannot write made.xls; name a file that ends in .txt, .parquet, .csv"),
        (["--report", "made.pdf"], "made.pdf: a report is one .html page; let the name end so"),
    ],
)
def test_what_makes_no_sense_is_refused(
    home: Path,
    run: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(home)
    assert message in ask(capsys, "translate", run, "test.tsv", *words).refusal


def test_summaries_take_no_tokenizer(run: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = ask(capsys, "summarise", run, home / "test.tsv", "--tokenize", "zh")
    assert "--tokenize is for BLEU, and summaries are measured by ROUGE" in said.refusal


def test_parallel_files_of_unequal_length_and_empty_sides_are_refused(
    home: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = write_lines(tmp_path / "short", [target for _, target in TEST[:-1]])
    said = ask(capsys, "translate", run, home / "test.words", "--targets", short, "--json")
    assert "ends after line 39" in said.refusal
    hole = write_lines(
        tmp_path / "hole", [target if place != 4 else "" for place, (_, target) in enumerate(TEST)]
    )
    assert "hole:5" in ask(capsys, "translate", run, home / "test.words", "--targets", hole).refusal
    empty = write_lines(tmp_path / "empty.txt", ["one two", "  ", "two"])
    assert "empty.txt:2: the source is empty; remove it" in ask(capsys, "translate", run, empty).refusal


def test_a_run_of_no_pairs_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = write_lines(tmp_path / "text.log", ["one two", "two one"] * 5)
    anygram.train(text, "ngram", out=tmp_path / "run", codec="words")
    said = ask(capsys, "translate", tmp_path / "run", text)
    assert "the run was not trained on pairs of texts; train one with --target-field" in said.refusal


def test_a_source_that_fills_the_models_sight_is_refused_by_name() -> None:
    documents = [Document("ab", name="short"), Document("ab" * 4, name="long.txt:2")]
    message = "long.txt:2: the source has 8 symbols, and the model has 8 before it at once"
    with pytest.raises(DataError, match=message):
        pointed(documents, sight=8)
    assert len(pointed(documents, sight=9)) == 2


def test_empty_targets_are_refused_by_name() -> None:
    with pytest.raises(DataError, match="y: the target is empty; remove the record"):
        pointed([Document(" ", name="y", given="ab")])


def test_no_truth_is_read_where_none_is_named(home: Path, run: Path) -> None:
    made = list(anygram.load(run).translate(home / "test.tsv"))
    assert all(not one.references for one in made)
    with pytest.raises(UsageError, match="exclude each other"):
        anygram.load(run).translate(home / "test.tsv", target_field="digits", targets="x")
