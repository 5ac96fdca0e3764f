"""Malformed ARPA files: one line with file, line number and remedy; exit status 1 and nothing written."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

import anygram
from anygram.errors import DataError
from tests.asking import ask, contents

GOOD = """\\data\\
ngram 1=5
ngram 2=2
ngram 3=1

\\1-grams:
-1\t<unk>\t0
0\t<s>\t-0.5
-0.5\t</s>\t0
-0.25\ta\t-0.125
-0.75\tb\t-0.125

\\2-grams:
-0.0625\t<s> a\t-0.25
-0.5\ta b\t0

\\3-grams:
-0.125\t<s> a b

\\end\\
"""

CASES: dict[str, tuple[tuple[str, str] | str, str]] = {
    # not this format
    "empty": ("", "1: not an ARPA file (it has no line \\data\\); name a text file that"),
    "other text": ("the cat sat\non the mat\n", "1: not an ARPA file (it has no line \\data\\); name"),
    "KenLM's binary": (
        "mmap lm http://kheafield.com/code\0",
        "1: not an ARPA file but a binary file of KenLM's; import",
    ),
    "IRSTLM's": (
        "iARPA\n",
        "1: not an ARPA file but an intermediate file of IRSTLM's; make it one with: compile-lm",
    ),
    # the head
    "no counts": (
        "\\data\\\n\n\\1-grams:\n\\end\\\n",
        "3: no 'ngram 1=…' after \\data\\, so the order is 0; make it",
    ),
    "only a head": ("\\data\\\n", "1: no 'ngram 1=…' after \\data\\, so the order is 0; make it again"),
    "order 0": (("1=5", "0=5"), "2: expected 'ngram 1=' and a number, or \\1-grams:, got 'ngram 0=5'; list"),
    "orders left out": (
        ("2=2", "4=2"),
        "3: expected 'ngram 2=' and a number, or \\1-grams:, got 'ngram 4=2'; list",
    ),
    "no number": (
        ("1=5", "1=five"),
        "2: expected 'ngram 1=' and a number, or \\1-grams:, got 'ngram 1=five'; list",
    ),
    "a negative number": (
        ("1=5", "1=-5"),
        "2: expected 'ngram 1=' and a number, or \\1-grams:, got 'ngram 1=-5'",
    ),
    "absurd": (
        ("2=2", f"2={10**15}"),
        f"3: 'ngram 2={10**15}' promises more than a file of this size can hold; get",
    ),
    # counts that lie
    "too few words": (
        ("1=5", "1=6"),
        "13: the 1-grams end after 5 of the 6 that 'ngram 1=' promises; get the whole",
    ),
    "too many words": (
        ("1=5", "1=4"),
        "11: more 1-grams than the 4 that 'ngram 1=' promises; correct the count",
    ),
    "too few": (
        ("2=2", "2=3"),
        "17: the 2-grams end after 2 of the 3 that 'ngram 2=' promises; get the whole",
    ),
    "too many": (
        ("2=2", "2=1"),
        "15: more 2-grams than the 1 that 'ngram 2=' promises; correct the count, or",
    ),
    "none": (("3=1", "3=0"), "18: more 3-grams than the 0 that 'ngram 3=' promises; correct the count, or"),
    # cut short
    "no end": (("\\end\\\n", ""), "19: the file ends before \\end\\: it was cut short; get it whole"),
    "cut in a section": (
        ("\n-0.5\ta b\t0\n\n\\3-grams:\n-0.125\t<s> a b\n\n\\end\\\n", "\n"),
        "14: the file ends after 1 of the 2 that 'ngram 2=' promises; get the whole file, or correct",
    ),
    "cut in a line": (
        ("a b\t0\n\n\\3-grams:\n-0.125\t<s> a b\n\n\\end\\\n", "a"),
        "15: the file ends within this line: it was cut short; get it whole",
    ),
    "cut before a section": (
        ("\\3-grams:\n-0.125\t<s> a b\n\n\\end\\\n", ""),
        "16: the file ends before \\3-grams:: it was cut short; get it whole",
    ),
    # sections
    "a section left out": (
        ("\\2-grams:\n-0.0625\t<s> a\t-0.25\n-0.5\ta b\t0\n\n", ""),
        "13: expected \\2-grams:, got '\\3-grams:'; sections stand in order of length",
    ),
    "a section too many": (
        ("ngram 3=1\n", ""),
        "13: 2-grams, the longest that \\data\\ counts, have no backoff, got '-0.25'; remove it, or",
    ),
    "a section in place of the end": (
        ("\\end\\", "\\4-grams:"),
        "20: expected \\end\\, got '\\4-grams:'; sections stand",
    ),
    "wrong order": (
        ("\\2-grams:", "\\3-grams:"),
        "13: expected \\2-grams:, got '\\3-grams:'; sections stand in order",
    ),
    "unknown title": (
        ("\\2-grams:", "\\bigrams:"),
        "13: expected \\2-grams:, got '\\bigrams:'; sections stand",
    ),
    "more after the end": (
        ("\\end\\\n", "\\end\\\n\nmore\n"),
        "22: 'more' stands behind \\end\\; remove what follows it",
    ),
    # numbers
    "NaN": (("-0.5\ta b", "nan\ta b"), "15: the log-probability 'nan' is not a number; make the file again"),
    "minus infinity": (
        ("-0.5\ta b", "-inf\ta b"),
        "15: the log-probability '-inf' is not a number; make the file",
    ),
    "out of range": (
        ("-0.5\ta b", "-1e999\ta b"),
        "15: the log-probability '-1e999' is out of range; write -99",
    ),
    "no number for p": (
        ("-0.5\ta b", "x\ta b"),
        "15: the log-probability 'x' is not a number; make the file again",
    ),
    "half a number": (
        ("-0.5\ta b", "-0.5x\ta b"),
        "15: the log-probability '-0.5x' is not a number; make the file",
    ),
    "positive": (
        ("-0.5\ta b", "0.5\ta b"),
        "15: the log-probability '0.5' is above 0, so it is none; make the file",
    ),
    "a positive word": (
        ("-0.25\ta", "0.25\ta"),
        "10: the log-probability '0.25' is above 0, so it is none; make",
    ),
    "NaN as a backoff": (
        ("<s> a\t-0.25", "<s> a\tnan"),
        "14: the backoff 'nan' is not a number; make the file again",
    ),
    "NaN as a word's": (
        ("a\t-0.125", "a\tnan"),
        "10: the backoff 'nan' is not a number; make the file again",
    ),
    "highest backoff": (
        ("<s> a b\n", "<s> a b\t-1\n"),
        "18: 3-grams, the longest that \\data\\ counts, have no backoff, got '-1'; remove it, or",
    ),
    # n-grams
    "a repeated word": (("-0.75\tb", "-0.75\ta"), "11: the 1-gram 'a' stands there twice; remove one"),
    "two unknown words": (
        ("-0.75\tb", "-0.75\t<UNK>"),
        "11: <unk> and <UNK> are the same word, unknown ones; remove",
    ),
    "repeated": (("-0.5\ta b", "-0.5\t<s> a"), "15: the 2-gram '<s> a' stands there twice; remove one"),
    "an unknown word": (
        ("a b\t0", "a c\t0"),
        "15: the word 'c' is not in the 1-grams, which list all words; add it",
    ),
    "too few words in a line": (
        ("-0.5\ta b\t0", "-0.5\ta"),
        "15: expected 2 words and perhaps a backoff after the",
    ),
    "a number for a word": (
        ("-0.5\ta b\t0", "-0.5\ta\t0"),
        "15: expected 2 words and perhaps a backoff after the",
    ),
    "too many words in a line": (
        ("a b\t0", "a b a\t0"),
        "15: expected 2 words and perhaps a backoff after the log-prob",
    ),
    "a word for a backoff": (("a b\t0", "a b a"), "15: the backoff 'a' is not a number; make the file again"),
    "no word": (
        ("-0.75\tb\t-0.125", "-0.75"),
        "11: expected 1 word and perhaps a backoff after the log-probability, got 0",
    ),
    "two words": (
        ("-0.75\tb\t", "-0.75\tb c\t"),
        "11: expected 1 word and perhaps a backoff after the log-probability",
    ),
    "no <s>": (
        ("0\t<s>\t-0.5", "-1\tc\t-0.5"),
        "13: no <s> among the 1-grams; make the file again with the ends of",
    ),
    "no </s>": (
        ("</s>", "c"),
        "13: no </s> among the 1-grams; make the file again with the ends of sentences in it",
    ),
}


@pytest.fixture
def refusal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[bytes], str]:
    """Return a function that imports a file of these bytes, which must be refused, and returns the line."""

    def refused(text: bytes) -> str:
        path = tmp_path / "x.arpa"
        path.write_bytes(text)
        said = ask(capsys, "import", path, "--out", tmp_path / "run")
        assert said.status == 1
        assert contents(tmp_path) == {"x.arpa": text}, "something was written"
        return said.refusal

    return refused


def test_the_good_file_is_good(tmp_path: Path) -> None:
    path = tmp_path / "x.arpa"
    path.write_text(GOOD)
    assert anygram.import_(path).record.figures["ngrams"] == [4, 2, 1]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("compressed", [False, True])
def test_a_malformed_file_is_one_line(
    tmp_path: Path, refusal: Callable[[bytes], str], name: str, compressed: bool
) -> None:
    change, expected = CASES[name]
    text = change if isinstance(change, str) else GOOD.replace(change[0], change[1], 1)
    assert text != GOOD
    raw = gzip.compress(text.encode()) if compressed else text.encode()
    line = refusal(raw)
    assert line.startswith(f"{tmp_path / 'x.arpa'} line {expected}"), line
    assert ";" in line, "no remedy"


def test_an_ngram_left_out_does_not_shift_the_line_of_a_repeated_one(
    tmp_path: Path, refusal: Callable[[bytes], str]
) -> None:
    text = GOOD.replace("-0.5\ta b\t0\n", "-1\ta <s>\n-1\t<s> a\n").replace("2=2", "2=3")
    assert "line 16: the 2-gram '<s> a' stands there twice; remove one" in refusal(text.encode())


def test_a_word_that_is_not_utf8_is_one_line(refusal: Callable[[bytes], str]) -> None:
    line = refusal(GOOD.encode().replace(b"-0.75\tb", b"-0.75\tb\xe4"))
    assert "line 11: the word 'b\\xe4' is not UTF-8; convert the file, as with iconv" in line


def test_a_damaged_compressed_file_is_one_line(refusal: Callable[[bytes], str]) -> None:
    packed = gzip.compress(GOOD.encode() * 1000)
    for damaged in (packed[:-10], packed[:30] + b"xxxx" + packed[34:], packed[:5]):
        assert "the compressed file is damaged or cut short" in refusal(damaged)


def test_a_wrong_line_is_found_far_into_a_file(tmp_path: Path) -> None:
    words = "".join(f"-5\tw{number}\t0\n" for number in range(200_000))
    head = "\\data\\\nngram 1=200002\nngram 2=200000\n\n\\1-grams:\n0\t<s>\t0\n-1\t</s>\t0\n"
    pairs = [f"-5\tw{number} w{number}\n" for number in range(200_000)]
    for row, wrong, reason in [
        (150_000, "-5\tw1 w1\n", "the 2-gram 'w1 w1' stands there twice"),
        (199_999, "-5\tw1 x\n", "the word 'x' is not in the 1-grams"),
    ]:
        text = (
            head
            + words
            + "\n\\2-grams:\n"
            + "".join([*pairs[:row], wrong, *pairs[row + 1 :]])
            + "\n\\end\\\n"
        )
        path = tmp_path / "x.arpa"
        path.write_text(text)
        line = text.split("\n").index(wrong.rstrip(), 200_010 + 5) + 1
        with pytest.raises(DataError, match=f"x.arpa line {line}: {reason}"):
            anygram.import_(path)


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = ask(capsys, "import", tmp_path / "none.arpa", "--out", tmp_path / "run")
    assert said.status == 1 and "No such file or directory; name an ARPA file" in said.refusal
    said = ask(capsys, "import", tmp_path, "--out", tmp_path / "run")
    assert said.status == 1 and "Is a directory; name an ARPA file" in said.refusal
    assert list(tmp_path.iterdir()) == []
