"""ARPA files: what is written is read again, by this program, by plain Python and by KenLM."""

from __future__ import annotations

import gzip
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import anygram
from anygram import codecs
from anygram.codecs.words import WordsCodec
from anygram.errors import DataError, RunError, UsageError
from anygram.exchange.arpa import (
    closing,
    formatting,
    lines,
    parsing,
    reading,
    sections,
    source,
    spelling,
    writing,
)
from anygram.exchange.arpa.vocabulary import Vocabulary
from anygram.models.ngram.tables import NGrams
from anygram.protocols import Codec, Texts
from anygram.reporting.progress import Silent
from tests.asking import SENTENCES, ask, write_corpus
from tests.grams import Listing, Logs, Symbols, levels_of, listings, nats, ngrams_of, read_plainly

WORDS = [b"<unk>", b"a", b"na\xc3\xafve", b"abcdefgh", b"abcdefghi"]
EDGE = (
    b"\\data\\\nngram 1=4\nngram 2=1\n\n\\1-grams:\n-1\t<unk>\n-99\t<s>\t-0.5\n-0.5\t</s>\n-0.25\ta\t-0.125\n"
)
SMALL = EDGE + b"\n\\2-grams:\n-0.0625\t<s> a\n\n\\end\\\n"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where to put a file."""
    return tmp_path_factory.mktemp("files") / "x.arpa"


def written(path: Path, model: Listing) -> bytes:
    """Return the file of a model."""
    writing.write(path, model, Texts.of(WORDS[: model.vocabulary_size - 1]), Silent())
    return path.read_bytes()


def read(path: Path, text: bytes) -> reading.Contents:
    """Return what the program reads from a file of these bytes."""
    path.write_bytes(text)
    return reading.read(path, Silent())


def spelled(codec: Codec) -> list[bytes]:
    """Return the tokens of a codec's symbols."""
    tokens = spelling.tokens(codec)
    return [tokens.raw(symbol) for symbol in range(len(tokens))]


def words_of(contents: reading.Contents) -> list[bytes]:
    """Return the words that a file has, from id 1 on."""
    return [contents.words.raw(number) for number in range(len(contents.words))]


def close_to(logs: dict[Any, tuple[float, float]]) -> Any:
    """Return logarithms as what others must be near: the digits of a float32."""
    return {gram: pytest.approx(both, rel=1e-6, abs=1e-12) for gram, both in logs.items()}


# Written and read again


@given(model=listings())
def test_a_model_is_read_as_it_was_written(path: Path, model: Listing) -> None:
    contents = read(path, written(path, model))
    assert words_of(contents) == WORDS[1 : model.vocabulary_size - 1]
    assert contents.crossing == 0
    assert closing.close(contents.levels)[1] == [0] * len(model.levels)
    assert levels_of(contents.levels) == [close_to(level) for level in model.levels]


@given(model=listings())
def test_plain_python_reads_what_is_written(path: Path, model: Listing) -> None:
    boundary = model.vocabulary_size - 1
    tokens = [*WORDS[:boundary], b"</s>"]
    expected: list[dict[Any, Any]] = []
    for level in model.levels:
        named = {}
        for gram, (log_p, log_gamma) in level.items():
            name = tuple(tokens[symbol] for symbol in gram)
            named[(b"<s>", *name[1:]) if len(gram) > 1 and gram[0] == boundary else name] = (log_p, log_gamma)
        expected.append(named)
    log_p, log_gamma = expected[0][b"</s>",]
    expected[0] |= {(b"</s>",): (log_p, 0.0), (b"<s>",): (0.0, log_gamma)}
    found = [
        {gram: (nats(log10_p), nats(log10_gamma)) for gram, (log10_p, log10_gamma) in level.items()}
        for level in read_plainly(written(path, model))
    ]
    assert found == [close_to(level) for level in expected]


@given(model=listings())
def test_the_head_counts_what_follows(path: Path, model: Listing) -> None:
    text = written(path, model)
    counts = [int(line.split(b"=")[1]) for line in text.split(b"\n") if line.startswith(b"ngram")]
    assert counts == [len(level) for level in read_plainly(text)]
    assert counts == writing.write(path, model, Texts.of(WORDS[: model.vocabulary_size - 1]), Silent())


def test_a_compressed_file_holds_the_same_and_is_the_same_each_time(tmp_path: Path) -> None:
    model = Listing(4, [{(symbol,): (-1.5, -0.25) for symbol in range(4)}, {(3, 1): (-0.5, 0.0)}])
    plain, packed, again = (tmp_path / name for name in ("x.arpa", "x.arpa.gz", "y.arpa.gz"))
    text = written(plain, model)
    assert gzip.decompress(written(packed, model)) == text
    assert written(again, model) == packed.read_bytes()
    assert levels_of(reading.read(packed, Silent()).levels) == levels_of(reading.read(plain, Silent()).levels)


@pytest.mark.parametrize("room", [1 << 10, 1 << 20])
def test_many_rows_are_written_in_order(path: Path, room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "_ROOM", room)
    rows, size = 20_005, 400
    level: dict[Symbols, Logs] = {(row // size, row % size): (-(row + 1) / rows, 0.0) for row in range(rows)}
    model = Listing(size, [{(symbol,): (-5.0, 0.0) for symbol in range(size)}, level], block=1000)
    words = [b"<unk>", *(b"w%d" % number for number in range(1, size - 1))]
    writing.write(path, model, Texts.of(words), Silent())
    probabilities = [log10_p for log10_p, _ in read_plainly(path.read_bytes())[1].values()]
    assert len(probabilities) == rows and probabilities == sorted(probabilities, reverse=True)


def test_a_disk_error_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.arpa"
    path.write_bytes(b"old")
    model = Listing(3, [{(symbol,): (-1.0, 0.0) for symbol in range(3)}])

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "format_lines", fail)
    with pytest.raises(anygram.AnygramError, match="the disk is full"):
        written(path, model)
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


# Kernels and their twins


@given(number=st.floats(width=32, allow_nan=False, allow_infinity=False) | st.integers(-(10**9), 10**9))
@example(number=0.0)
@example(number=-0.0)
@example(number=-99999999.5)
@example(number=9.99999995e-5)
@example(number=1e-45)
@example(number=-3.0)
@example(number=9.9999999999)
@example(number=-9.9999999999)
@example(number=0.99999999999)
@example(number=-0.0001)
@example(number=-12.5)
def test_numbers_are_written_as_python_writes_them(number: float) -> None:
    text_M = np.zeros(formatting.LONGEST_NUMBER + formatting.MARGIN, dtype=np.uint8)
    size = formatting.write_number(float(number), text_M, 0)
    assert size <= formatting.LONGEST_NUMBER
    expected = format(float(number) + 0.0, ".8g")
    assert text_M[:size].tobytes().decode() == expected or float(expected) == pytest.approx(number, rel=2e-8)


def test_the_logarithm_of_nothing_is_written_as_srilm_does() -> None:
    text_M = np.zeros(formatting.LONGEST_NUMBER + formatting.MARGIN, dtype=np.uint8)
    assert text_M[: formatting.write_number(-math.inf, text_M, 0)].tobytes() == b"-99"


def lines_plainly(grams: NGrams, words: list[bytes]) -> bytes:
    """Return n-grams as lines; the last word is what the boundary ends n-grams as."""
    found = []
    for row, symbols in enumerate(grams.symbols_GK.tolist()):
        names = [[*words[:-1], b"<s>"][symbol] for symbol in symbols[:-1]] + [words[symbols[-1]]]
        fields = [decimal(grams.log_p_G[row]), b" ".join(names)]
        fields += [] if grams.log_gamma_G is None else [decimal(grams.log_gamma_G[row])]
        found.append(b"\t".join(fields) + b"\n")
    return b"".join(found)


def decimal(log: np.float32) -> bytes:
    """Return the decimal logarithm of what has this natural one."""
    return format(float(log) * math.log10(math.e) + 0.0, ".8g").encode()


@given(
    words=st.lists(st.text("abé", min_size=1, max_size=30), min_size=1, max_size=6),
    drawn=st.data(),
    length=st.integers(1, 4),
    highest=st.booleans(),
    room=st.sampled_from([1, 64, 1 << 12]),
)
def test_kernels_write_what_plain_python_writes(
    words: list[str], drawn: st.DataObject, length: int, highest: bool, room: int
) -> None:
    texts = Texts.of([word.encode() for word in words])
    symbols = st.tuples(*[st.integers(0, len(words))] * length)
    # of few digits, so that rounding is not what is tested
    logs = st.integers(-60_000, 4_000).map(lambda number: float(np.float32(number / 1000)))
    level = drawn.draw(st.dictionaries(symbols, st.tuples(logs, logs), max_size=30))
    grams = ngrams_of(level, length, highest=highest)
    lines_M, size, rows = writing.format_lines(writing.Tokens.of(texts), [np.empty(room, np.uint8)], grams)
    assert rows == len(level)
    assert lines_M[:size].tobytes() == lines_plainly(grams, [*map(str.encode, words), b"</s>"])


NUMBERS = (
    st.floats(allow_nan=False, allow_infinity=False).map(repr)
    | st.from_regex(r"[+-]?\d{0,20}\.?\d{0,20}([eE][+-]?\d{0,4})?", fullmatch=True)
    | st.sampled_from(["nan", "inf", "-", "+", ".", "1_0", "1e", "0x1", "--1", "1.2.3", "٣"])
)


@given(text=NUMBERS)
def test_numbers_are_read_as_python_reads_them(text: str) -> None:
    text_N = np.frombuffer(bytearray(text.encode()) + b"\n" + bytes(8), dtype=np.uint8)
    number, end = parsing.read_number(text_N.ctypes.data)
    if not math.isnan(number) and text_N[end - text_N.ctypes.data] == ord("\n"):
        assert number == pytest.approx(float(text), rel=1e-15)


@pytest.mark.parametrize("text", ["-2.4289184", "0", "-99", "-1e-05", "+.5", "3.", "-0.00012", "1E+2"])
def test_usual_numbers_need_no_second_look(text: str) -> None:
    text_N = np.frombuffer(bytearray(text.encode()) + b"\n" + bytes(8), dtype=np.uint8)
    assert parsing.read_number(text_N.ctypes.data) == (float(text), text_N.ctypes.data + len(text))


FIELDS = st.sampled_from(
    ["-1", "-0.5", "0", "1", "a", "naïve", "abcdefghi", "<s>", "</s>", "<unk>", "zz", "-1e-30", "x\x01y"]
)
SPACING = st.sampled_from([" ", "\t", "  ", "\t "])


@st.composite
def odd_lines(draw: st.DrawFn) -> bytes:
    """Draw a line that is nearly one of a 2-gram."""
    fields = draw(st.lists(FIELDS, min_size=1, max_size=5))
    text = (
        draw(st.sampled_from(["", " "]))
        + "".join(field + draw(SPACING) for field in fields[:-1])
        + fields[-1]
    )
    return (text + draw(st.sampled_from(["", "\r", " "]))).encode()


GOOD_LINES = [b"-1\ta a", b"-0.5 a abcdefghi\t-1e-2", b"-2\ta <s>", b"-3\t<s> abcdefghijklmnopqr\t0"]


@given(
    good=st.lists(st.sampled_from(GOOD_LINES), max_size=7),
    times=st.sampled_from([0, 1, 20]),
    odd=st.lists(odd_lines() | st.just(b""), min_size=1, max_size=6),
    highest=st.booleans(),
)
def test_kernels_read_what_plain_python_reads(
    good: list[bytes], times: int, odd: list[bytes], highest: bool
) -> None:
    drawn = good * times + odd + good
    words = [b"<unk>", b"<s>", b"</s>", b"a", b"na\xc3\xafve", b"abcdefghi", b"x\x01y", b"abcdefghijklmnopqr"]
    vocabulary = vocabulary_of(words)
    text = b"\n".join(drawn) + b"\n"
    piece = source.Piece(np.frombuffer(bytearray(text) + bytes(16), dtype=np.uint8), 0, len(text))
    expected: dict[int, lines.Entry] = {}
    refused = None
    for number, line in enumerate(drawn):
        try:
            if line.strip(lines.SPACES):
                expected[number] = lines.parse(line, 2, highest=highest, known=lambda word: word in words)
        except DataError as error:
            refused = (number, str(error))
            break
    try:
        part = sections.parse_ngrams(vocabulary, 2, highest, piece)
    except sections.RefusedLine as found:
        assert (found.lines_before, found.reason) == refused
        return
    assert refused is None
    kept = [entry for entry in expected.values() if not entry.crosses]
    assert part.crossing == len(expected) - len(kept)
    assert part.grams.log_p_G.tolist() == pytest.approx([nats(entry.log10_p) for entry in kept])
    assert part.grams.symbols_GK.tolist() == [[vocabulary.symbol(w) for w in entry.words] for entry in kept]


def vocabulary_of(words: list[bytes]) -> Vocabulary:
    """Return the table of these words."""
    vocabulary = entered(words)
    assert isinstance(vocabulary, Vocabulary)
    return vocabulary


def entered(words: list[bytes]) -> Vocabulary | int:
    """Return the table of these words, or the place of a repeated one."""
    text_N = np.frombuffer(bytearray(b"".join(words)) + bytes(8), dtype=np.uint8)
    lengths_U = np.array([len(word) for word in words], dtype=np.int64)
    ends_U = np.cumsum(lengths_U)
    return Vocabulary.of(text_N, ends_U - lengths_U, ends_U)


SPELLED = st.text(st.characters(exclude_characters=" \t\r\n\0"), min_size=1, max_size=40).map(str.encode)


@given(words=st.lists(SPELLED, unique=True, max_size=40), other=SPELLED | st.just(b"") | st.just(b"a b"))
def test_words_are_found_as_in_a_dictionary(words: list[bytes], other: bytes) -> None:
    assume(other not in words)
    vocabulary = vocabulary_of(words)
    ids = [vocabulary.id_of(word) for word in words]
    assert ids == vocabulary.ids_U.tolist() and len(set(ids)) == len(words)
    assert [vocabulary.words.raw(number) for number in ids if number] == [
        word for word in words if word != b"<unk>"
    ]
    assert vocabulary.id_of(other) is None


@given(words=st.lists(st.sampled_from([b"a", b"b", b"abcdefgh", b"abcdefghi", b"abcdefghj"]), max_size=8))
def test_the_first_repeated_word_is_found(words: list[bytes]) -> None:
    found = entered(words)
    repeated = [place for place, word in enumerate(words) if word in words[:place]]
    assert (found if isinstance(found, int) else None) == (repeated[0] if repeated else None)


@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=40),
    queries=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=10),
)
def test_rows_are_found_as_in_a_dictionary(
    rows: list[tuple[int, int]], queries: list[tuple[int, int]]
) -> None:
    table = closing.Table.of(np.array(rows, dtype=np.int32).reshape(-1, 2))
    found = table.find(np.array(queries, dtype=np.int32).reshape(-1, 2))
    assert found.tolist() == [rows.index(query) if query in rows else closing.MISSING for query in queries]


# What other programs leave out or put in


@given(model=listings(closed=False))
def test_what_longer_ngrams_extend_is_put_in_and_changes_nothing(path: Path, model: Listing) -> None:
    levels, inserted = closing.close(read(path, written(path, model)).levels)
    found = levels_of(levels)
    sizes = [len(level) for level in model.levels]
    assert inserted == [len(level) - size for level, size in zip(found, sizes, strict=True)]
    for lower, upper in pairwise(found):
        assert all(gram[:-1] in lower and gram[1:] in lower for gram in upper)
    closed = Listing(model.vocabulary_size, found)
    for length, level in enumerate(found, 1):
        for gram in level:
            symbols = range(model.vocabulary_size)
            context = gram[: min(length, len(found) - 1)]
            if len(context) > 1 and context[-1] == model.vocabulary_size - 1:
                continue
            assert [closed.log_p(context, symbol) for symbol in symbols] == pytest.approx(
                [model.log_p(context, symbol) for symbol in symbols], rel=1e-5, abs=1e-5
            )


@pytest.mark.parametrize(
    "text",
    [
        SMALL.replace(b"\n", b"\r\n"),
        SMALL.replace(b"\t", b" "),
        SMALL.replace(b"\t", b"  \t "),
        SMALL.replace(b"-0.5\t</s>", b"-0.5\t</s>\t0"),
        SMALL.replace(b"<s> a\n", b"<s> a\t0\n"),
        SMALL.replace(b"\\data\\", b"made by hand\n\n\\data\\"),
        SMALL.replace(b"\\data\\\n", b"\\data\\\n\n"),
        SMALL.replace(b"ngram 1=4", b"ngram  1 = 4"),
        SMALL.replace(b"\n\n", b"\n"),
        SMALL.replace(b"\n\n", b"\n\n\n \n"),
        SMALL.replace(b"-0.5\t</s>\n", b"-0.5\t</s>\n\n"),
        SMALL.replace(b"-0.5\t</s>", b"-5e-1\t</s>"),
        SMALL.replace(b"-0.5\t</s>", b"-0.500000000000000000000000000\t</s>"),
        SMALL.replace(b"<unk>", b"<UNK>"),
        SMALL.rstrip(b"\n"),
        SMALL + b"\n\n \n",
        gzip.compress(SMALL),
        gzip.compress(SMALL[:60]) + gzip.compress(SMALL[60:]),
    ],
)
def test_the_same_file_in_other_words_is_the_same(path: Path, text: bytes) -> None:
    assert levels_of(read(path, text).levels) == levels_of(read(path, SMALL).levels)


def test_a_missing_unknown_word_has_what_kenlm_gives_it(path: Path) -> None:
    contents = read(path, SMALL.replace(b"-1\t<unk>\n", b"").replace(b"1=4", b"1=3"))
    assert levels_of(contents.levels)[0][0,] == pytest.approx((nats(-100), 0.0))
    assert words_of(contents) == [b"a"]


def test_ngrams_that_no_sentence_holds_are_left_out_and_counted(path: Path) -> None:
    more = b"-0.0625\t<s> a\n-1\t</s> <s>\n-1\ta <s>\n-1\t</s> a\n-0.5\ta </s>\n"
    contents = read(path, SMALL.replace(b"-0.0625\t<s> a\n", more).replace(b"2=1", b"2=5"))
    assert contents.crossing == 3
    assert list(levels_of(contents.levels)[1]) == [(2, 1), (1, 2)]


def test_backoffs_may_be_positive(path: Path) -> None:
    contents = read(path, SMALL.replace(b"a\t-0.125", b"a\t0.125"))
    assert levels_of(contents.levels)[0][1,][1] == pytest.approx(nats(0.125))


def test_a_section_may_be_empty(path: Path) -> None:
    contents = read(path, SMALL.replace(b"-0.0625\t<s> a\n", b"").replace(b"2=1", b"2=0"))
    assert [len(level) for level in levels_of(contents.levels)] == [3, 0]


def test_a_compressed_file_may_hold_far_more_than_its_size(path: Path) -> None:
    words = [b"-1\tw%d\n" % number for number in range(2000)]
    pairs = [b"-1\tw%d w%d\n" % (row // 2000, row % 2000) for row in range(50_000)]
    head = b"\\data\\\nngram 1=2002\nngram 2=50000\n\n\\1-grams:\n0\t<s>\n-1\t</s>\n"
    text = head + b"".join(words) + b"\n\\2-grams:\n" + b"".join(pairs) + b"\n\\end\\\n"
    contents = read(path, gzip.compress(text))
    assert path.stat().st_size // 6 < 50_000
    expected = [[row // 2000 + 1, row % 2000 + 1] for row in range(50_000)]
    assert contents.levels[1].symbols_GK.tolist() == expected


@given(model=listings(), block=st.integers(1, 40), piece=st.integers(1, 40))
def test_where_the_file_is_cut_into_pieces_changes_nothing(
    path: Path, model: Listing, block: int, piece: int
) -> None:
    text = written(path, model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "BLOCK", block)
        patch.setattr(source, "PIECE", piece)
        if block > 12:  # a line of the head or a title fits in
            assert levels_of(read(path, text).levels) == [close_to(level) for level in model.levels]


def test_words_may_be_long(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "BLOCK", 1000)
    word = b"x" * 1_000_000
    text = SMALL.replace(b"a\n", word + b"\n").replace(b"\ta\t", b"\t" + word + b"\t")
    assert words_of(read(path, text)) == [word]


# Tokens


@pytest.mark.parametrize(
    ("codec", "settings"),
    [
        ("words", {}),
        ("words", {"split": "unicode"}),
        ("words", {"spell": True}),
        ("chars", {}),
        ("bytes", {}),
        ("bpe", {}),
    ],
)
def test_every_symbol_has_a_token_of_its_own(codec: str, settings: dict[str, Any]) -> None:
    module = codecs.REGISTRY.load(codec)
    texts = ["<s> a\\b \\n </s> <unk> % ▁ \xa0 naïve\n", "\\frac \\\\ \u3000 \x85 \x01 <UNK>"] * 2
    fitted = module.fit(texts, module.Config(**settings))
    tokens = spelled(fitted)
    assert len(set(tokens)) == len(tokens) == fitted.boundary
    assert all(token.split() == [token] and token.decode().split() == [token.decode()] for token in tokens)
    assert not {b"<s>", b"</s>"} & set(tokens)
    assert [i for i, token in enumerate(tokens) if token == b"<unk>"] == ([0] if fitted.unknown == 0 else [])


def test_words_stay_as_they_are_but_for_what_the_format_means_otherwise() -> None:
    codec = WordsCodec(["a", "na\u00efve", "<unk>", "<s>", "\\n", "x\\y", "%"], "whitespace", lines=True)
    assert [token.decode() for token in spelled(codec)] == [
        "<unk>", "\\n", "a", "naïve", "\\<unk>", "\\<s>", "\\\\n", "x\\y", "%",
    ]  # fmt: skip


# Runs


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> anygram.Run:
    """Return a run of a small corpus."""
    folder = tmp_path_factory.mktemp("arpa")
    settings = {"order": 3, "lines": False}
    return anygram.train(write_corpus(folder), "ngram", codec="words", out=folder / "run", settings=settings)


def test_a_run_comes_back_from_its_export(run: anygram.Run, tmp_path: Path) -> None:
    counts = run.export(tmp_path / "x.arpa")
    back = anygram.import_(tmp_path / "x.arpa", tmp_path / "back")
    assert back.record.figures["ngrams"] == [counts[0] - 1, *counts[1:]]
    assert (back.record.codec, back.record.model, back.record.status) == ("words", "ngram", "finished")
    assert back.record.data["file"] == str(tmp_path / "x.arpa")
    corpus = run.path.parent / "corpus.log"
    assert anygram.load(tmp_path / "back").evaluate(corpus).nats == pytest.approx(run.evaluate(corpus).nats)
    again = anygram.import_(tmp_path / "x.arpa")  # without a folder
    anygram.export(again, tmp_path / "y.arpa")
    found, first = (read_plainly((tmp_path / name).read_bytes()) for name in ("y.arpa", "x.arpa"))
    assert found == [close_to(level) for level in first]


def test_the_command_line_says_what_it_did(
    run: anygram.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, folder = tmp_path / "x.arpa.gz", tmp_path / "run"
    said = ask(capsys, "export", run.path, "--format", "arpa", "--out", out, "--json")
    assert said.status == 0 and said.fields["format"] == "arpa" and len(said.fields["ngrams"]) == 3
    assert "writing x.arpa.gz" in said.err
    said = ask(capsys, "import", out, "--out", folder, "--json")
    assert said.status == 0 and said.fields["ngrams_inserted"] == [0, 0, 0]
    assert ask(capsys, "predict", folder, "--prompt", "the cat").status == 0
    assert "model.order" in ask(capsys, "inspect", folder).out
    assert "3-grams" in ask(capsys, "export", folder, "--out", tmp_path / "y.arpa").out
    said = ask(capsys, "import", out, "--out", folder)
    assert said.status == 2 and "already holds a run" in said.refusal


def test_an_export_that_cannot_be_is_one_line(
    run: anygram.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = run.path.parent / "corpus.log"
    other = anygram.train(corpus, "uniform", codec="words", out=tmp_path / "other")
    out = tmp_path / "x.arpa"
    assert ask(capsys, "export", other.path, "--out", out).refusal == (
        "the model 'uniform' has no n-grams to write as arpa; export a run of ngram"
    )
    assert (
        "no format named 'arpo'; did you mean 'arpa'? known: arpa"
        in ask(capsys, "export", run.path, "--out", out, "--format", "arpo").refusal
    )
    assert "is a folder; name a file" in ask(capsys, "export", run.path, "--out", tmp_path).refusal
    assert not out.exists()
    with pytest.raises(UsageError):
        run.export(out, format="onnx")
    with pytest.raises(RunError):
        anygram.export(tmp_path / "none", out)


def test_an_imported_run_is_not_resumed(
    run: anygram.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run.export(tmp_path / "x.arpa")
    anygram.import_(tmp_path / "x.arpa", tmp_path / "back")
    corpus = run.path.parent / "corpus.log"
    said = ask(
        capsys,
        "train",
        corpus,
        "--model",
        "ngram",
        "--codec",
        "words",
        "--out",
        tmp_path / "back",
        "--resume",
    )
    assert said.status in (1, 2) and said.refusal


# KenLM


@pytest.mark.parametrize(
    ("codec", "settings"),
    [
        ("words", {"order": 3, "lines": False}),
        ("words", {"spell": True}),
        ("chars", {}),
        ("bytes", {}),
        ("bpe", {}),
    ],
)
def test_kenlm_scores_alike(tmp_path: Path, codec: str, settings: dict[str, Any]) -> None:
    kenlm = pytest.importorskip("kenlm", reason="needs KenLM's Python module to compare with")
    run = anygram.train(write_corpus(tmp_path), "ngram", codec=codec, settings={"order": 4, **settings})
    path = tmp_path / "x.arpa"
    run.export(path)
    model = kenlm.Model(str(path))
    tokens = spelled(run.codec)
    for sentence in [*SENTENCES, "", "the rat let nobody", "the unheard-of ▁ dog\\"]:
        ids = run.codec.encode(sentence).ids
        whole = np.append(ids, run.codec.boundary).astype(np.int32)[None]
        log_p_BT, _ = run.model.score(run.model.start(1), whole)
        text = " ".join(tokens[i].decode() for i in ids)
        assert nats(model.score(text)) == pytest.approx(float(log_p_BT.sum()), abs=1e-4)


def test_kenlm_loads_what_was_imported_and_exported_again(tmp_path: Path) -> None:
    kenlm = pytest.importorskip("kenlm", reason="needs KenLM's Python module to compare with")
    path, again = tmp_path / "x.arpa", tmp_path / "y.arpa"
    path.write_bytes(SMALL)
    anygram.import_(path).export(again)
    models = [kenlm.Model(str(file)) for file in (path, again)]
    for text in ("a", "a a", "b a", ""):
        assert models[0].score(text) == pytest.approx(models[1].score(text), abs=1e-5)
