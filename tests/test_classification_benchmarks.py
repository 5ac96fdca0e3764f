"""What the benchmarks of labels do themselves: folds, parts, pieces, languages that take part."""

from __future__ import annotations

from pathlib import Path

import classifying_by_likelihood
import languages
import numpy as np

from anygram.data.documents import Document


def test_no_document_is_tested_twice_or_learnt_there_and_one_fold_is_left_out() -> None:
    parts = list(classifying_by_likelihood.folds(30, 10))
    tested = np.concatenate([test_D for _, test_D in parts]).tolist()
    assert len(parts) == 9 and len(tested) == len(set(tested)) == 27
    assert all(len(train_D) == 27 for train_D, _ in parts)
    assert all(not set(train_D) & set(test_D) for train_D, test_D in parts)


def test_documents_are_read_with_their_labels(tmp_path: Path) -> None:
    (tmp_path / "sms").mkdir()
    (tmp_path / "sms" / "sms.tsv").write_bytes("spam\tWin £5\r\nham\thi\x85 you\n".encode())
    (tmp_path / "mr-subj").mkdir()
    (tmp_path / "mr-subj" / "rt-polarity.all").write_bytes(b"1 caf\xe9 \x85 good\n0 bad\n")
    sms, reviews = (classifying_by_likelihood.read(name, tmp_path) for name in ("sms", "mr"))
    assert [(one.given, one.text) for one in sms] == [("spam", "Win £5"), ("ham", "hi\x85 you")]
    assert [(one.given, one.text) for one in reviews] == [("1", "café \x85 good"), ("0", "bad")]


def test_a_fold_is_judged_by_each_family_and_by_all() -> None:
    made = [Document("a b c" if n % 2 else "x y z", given="ab"[n % 2]) for n in range(130)]
    offered = [one for one in classifying_by_likelihood.candidates(False) if one.settings["order"] < 4]
    figures = classifying_by_likelihood.judge_fold(made[:110], made[110:], offered[:2])
    assert set(figures) == {"bytes", "words"} | {"bytes + words"}
    assert all(found["accuracy"] == 1.0 for found in figures.values())


def test_languages_are_measured_by_programs_that_training_has_not() -> None:
    found = {
        language: {
            f"program{number}": [f"{language} program {number} says sentence {n} of many" for n in range(400)]
            for number in range(18)
        }
        for language in ("xx", "yy")
    }
    train, valid, test = languages.split(found, piece=50)
    for language in ("xx", "yy"):
        assert languages.LEAST_BYTES <= sum(map(len, train[language])) <= languages.MOST_BYTES
        names = {" ".join(text.split()[1:3]) for text in train[language]}
        assert not any(name in piece for name in names for piece in [*valid[language], *test[language]])
        assert all(len(piece.encode()) == 50 for piece in test[language])
        assert len(test[language]) == languages.MOST_PIECES


def test_of_languages_with_one_code_the_one_of_most_text_takes_part() -> None:
    found = {"bs": {"p": ["x"]}, "hr": {"p": ["xyz"]}, "sr": {"p": ["xy"]}, "de": {"p": ["x"]}}
    assert languages._apart(found) == ["de", "hr"]
