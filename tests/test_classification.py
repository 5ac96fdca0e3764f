"""Labels: from what a document costs under each, weighed, judged, measured and told.

Axes: D documents, C labels, T symbols, W words.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import anygram
from anygram import cli
from anygram.codecs import bytes as bytes_codec
from anygram.codecs._labels import Labels
from anygram.codecs._labels import fit as fit_labels
from anygram.conditioning import inner_vocabulary_size, prefixed
from anygram.data.documents import Document
from anygram.data.reading import Pairing
from anygram.errors import DataError, RunError, UsageError
from anygram.models import frequency
from anygram.protocols import FloatArray
from anygram.tasks.classification import (
    Classification,
    Classified,
    Classifier,
    Rule,
    Witness,
    fitting,
    measure,
    report,
    telling,
)
from tests.pages import drawings, read_page

WORDS = {"animals": ["cat", "dog", "cow", "bird"], "tools": ["saw", "nail", "drill", "glue"]}


def records(count: int, seed: int = 0, several: bool = False) -> list[dict[str, Any]]:
    """Return short texts whose words are mostly of their label."""
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        mine = [name for name in WORDS if generator.random() < (0.5 if several else 1)]
        label = [str(generator.choice(list(WORDS)))] if not several else mine
        pool = [word for name in label for word in WORDS[name]] or ["none"]
        others = [word for words in WORDS.values() for word in words]
        words = [str(generator.choice(pool if generator.random() < 0.8 else others)) for _ in range(6)]
        found.append({"text": " ".join(words), "label": label if several else label[0]})
    return found


def written(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with data and a run over bytes and one over words."""
    path = tmp_path_factory.mktemp("labels")
    train = written(path / "train.jsonl", records(300))
    written(path / "fit.jsonl", records(80, seed=1))
    written(path / "test.jsonl", records(120, seed=2))
    for name, codec in (("bytes", "bytes"), ("words", "words")):
        anygram.train(
            train,
            "ngram",
            codec=codec,
            settings={"order": 2},
            label_field="label",
            valid="none",
            out=path / name,
        )
    return path


def test_texts_are_classified_by_a_run_that_learnt_a_named_field(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"said": row["text"], "label": row["label"]} for row in records(60)]
    run = anygram.train(
        written(tmp_path / "train.jsonl", rows), "ngram", codec="words", settings={"order": 1},
        text_field="said", label_field="label", valid="none", out=tmp_path / "run",
    )  # fmt: skip
    lines, same = (
        tmp_path / "new.txt",
        written(tmp_path / "new.jsonl", [{"said": "cat dog"}, {"said": "saw"}]),
    )
    lines.write_text("cat dog\nsaw\n")
    of_lines = [one.p_C.tolist() for one in run.classify(lines, documents="lines")]
    assert of_lines == [one.p_C.tolist() for one in run.classify(same)]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines.read_bytes())))
    assert of_lines == [one.p_C.tolist() for one in run.classify("-")]
    with pytest.raises(UsageError, match="has no fields; leave out --text-field"):
        list(run.classify(lines, documents="lines", text_field="said"))


def test_labels_are_what_bayes_rule_says(folder: Path) -> None:
    run = anygram.load(folder / "words")
    assert isinstance(run.condition_codec, Labels)
    for one in list(run.classify(folder / "test.jsonl"))[:10]:
        ids_1T = np.append(run.codec.encode(one.document.text).ids, run.codec.boundary)[None].astype(np.int32)
        joint_C = [
            run.model.score(run.model.start(1, [np.array([label], dtype=np.int32)]), ids_1T)[0].sum()
            + math.log((count + 0.5) / (sum(run.condition_codec.counts) + 1))
            for label, count in enumerate(run.condition_codec.counts)
        ]
        np.testing.assert_allclose(np.log(one.p_C), joint_C - np.logaddexp(*joint_C), atol=1e-6)
        assert one.labels == (run.condition_codec.names[int(np.argmax(joint_C))],)


def test_most_are_right_and_the_fit_makes_probabilities_honest(folder: Path) -> None:
    run = anygram.load(folder / "bytes")
    found = [run.classify(folder / "test.jsonl", label_field="label")]
    list(found[0])
    run.fit_classifier(folder / "fit.jsonl")
    found.append(run.classify(folder / "test.jsonl", label_field="label"))
    list(found[1])
    before, after = (one.figures() for one in found)
    (run.path / fitting.FILE).unlink()
    assert before["accuracy"] > 0.9 and after["accuracy"] > 0.9
    assert after["log_loss"] <= before["log_loss"] + 0.02
    assert (before["fitted_to"], after["fitted_to"]) == (0, 80)


def test_another_run_is_a_witness_too(folder: Path) -> None:
    run, other = anygram.load(folder / "bytes"), anygram.load(folder / "words")
    equal = run.classify(folder / "test.jsonl", beside=[other]).figures()["witnesses"]
    assert equal == {"likelihood": 0.5, "words likelihood": 0.5}
    fit = run.fit_classifier(folder / "fit.jsonl", beside=[other])
    found = run.classify(folder / "test.jsonl", beside=[other], label_field="label")
    list(found)
    assert found.figures()["witnesses"] == fit.weights != equal
    alone = run.classify(folder / "test.jsonl").figures()
    assert alone["fitted_to"] == 0  # what was fitted to two says nothing of one
    (run.path / fitting.FILE).unlink()


def test_priors_shift_log_odds(folder: Path) -> None:
    run = anygram.load(folder / "bytes")
    odds = []
    for priors in ("uniform", {"animals": 3, "tools": 1}):
        first = next(iter(run.classify(folder / "test.jsonl", priors=priors)))
        odds.append(math.log(first.p_C[0] / first.p_C[1]))
    assert odds[1] - odds[0] == pytest.approx(math.log(3), abs=1e-6)


def test_below_the_confidence_nothing_is_said(folder: Path) -> None:
    run = anygram.load(folder / "bytes")
    run.fit_classifier(folder / "fit.jsonl")
    found = run.classify(folder / "test.jsonl", label_field="label", confidence=0.97)
    for one in found:
        assert one.abstained == (one.p_C.max() < 0.97) == (one.labels == ())
    figures = found.figures()
    (run.path / fitting.FILE).unlink()
    assert 0 < figures["abstained"] < 120
    assert figures["coverage"] == pytest.approx(1 - figures["abstained"] / 120)
    assert figures["selective_accuracy"] > figures["accuracy"]


def test_several_labels(tmp_path: Path) -> None:
    train = written(tmp_path / "train.jsonl", [row for row in records(400, several=True) if row["label"]])
    test = written(tmp_path / "test.jsonl", [row for row in records(150, 3, several=True) if row["label"]])
    run = anygram.train(
        train, "ngram", codec="words", settings={"order": 1}, label_field="label", valid="none"
    )
    fit = run.fit_classifier(test)
    assert fit.nats_after < fit.nats_before and set(fit.thresholds) == {"animals", "tools"}
    found = run.classify(test, label_field="label")
    for one in found:
        assert ((one.p_C >= list(fit.thresholds.values())) == [name in one.labels for name in WORDS]).all()
    figures = found.figures()
    assert figures["several_labels"] and figures["confusion"] is None
    assert figures["accuracy"] > 0.6 and figures["f1_micro"] > 0.85


def test_documents_without_labels_are_of_none_where_there_may_be_several(tmp_path: Path) -> None:
    train = written(tmp_path / "train.jsonl", records(400, several=True))
    run = anygram.train(
        train, "ngram", codec="words", settings={"order": 1}, label_field="label", valid="none"
    )
    found = run.classify(written(tmp_path / "t.jsonl", records(150, 3, several=True)), label_field="label")
    assert found.names == ("animals", "tools")
    judged = list(found)
    assert sum(one.labels == () == one.truth for one in judged) > 0.7 * sum(one.truth == () for one in judged)
    assert found.figures()["f1_micro"] > 0.85


# --- fitting ---

WEIGHT, OFFSET = fitting._DEVIATION_OF_WEIGHTS, fitting._DEVIATION_OF_OFFSETS


@given(seed=st.integers(0, 1000), multiple=st.booleans())
def test_the_fit_is_the_least_cost(seed: int, multiple: bool) -> None:
    generator = np.random.default_rng(seed)
    score_DC = generator.normal(size=(40, 3)) * 10
    truth_DC = np.arange(3) == (score_DC + generator.normal(size=(40, 3)) * 8).argmax(axis=1)[:, None]
    log_prior_C = np.log([0.5, 0.3, 0.2])
    centred = score_DC if multiple else score_DC - score_DC.mean(axis=1, keepdims=True)
    problem = fitting._Problem(centred[None] / np.sqrt((centred**2).mean()), truth_DC, log_prior_C, multiple)
    best_J = problem.minimum()
    slope_J, hessian_JJ = problem._slopes(best_J)
    assert np.abs(slope_J).max() < 1e-3 and np.linalg.eigvalsh(hessian_JJ).min() > 0.99 * WEIGHT**-2
    moved_J = best_J + generator.normal(size=4) * 0.1
    assert problem._cost(best_J) <= problem._cost(moved_J)
    step = 1e-5
    for j in range(4):
        up_J, down_J = moved_J.copy(), moved_J.copy()
        up_J[j] += step
        down_J[j] -= step
        numeric = (problem._cost(up_J) - problem._cost(down_J)) / (2 * step)
        assert problem._slopes(moved_J)[0][j] == pytest.approx(numeric, abs=1e-4)


def test_what_is_far_too_sure_is_taught_how_sure_to_be() -> None:
    generator = np.random.default_rng(0)
    p_D = generator.random(2000)
    truth_D = generator.random(2000) < p_D
    odds_D = 20 * np.log(p_D / (1 - p_D))  # twenty times what is true
    score_DC, truth_DC = np.stack([-odds_D / 2, odds_D / 2], axis=1), np.stack([~truth_D, truth_D], axis=1)
    found = fitting.fit({"it": score_DC}, truth_DC, ["no", "yes"], np.log([0.5, 0.5]), False)
    assert found.weights["it"] == pytest.approx(1 / 20, rel=0.1)
    assert found.nats_after < 0.6 < 3 < found.nats_before


def test_the_fit_agrees_with_scikit_learn() -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    generator = np.random.default_rng(0)
    score_D = generator.normal(size=200) * 5
    truth_D = (score_D + generator.normal(size=200) * 5) > 0
    score_DC = np.stack([-score_D / 2, score_D / 2], axis=1)
    truth_DC = np.stack([~truth_D, truth_D], axis=1)
    log_prior_C = np.log([0.7, 0.3])
    found = fitting.fit({"it": score_DC}, truth_DC, ["no", "yes"], log_prior_C, False)
    prior = log_prior_C[1] - log_prior_C[0]
    spread = np.sqrt((((score_D + prior) / 2) ** 2).mean())
    peer = linear_model.LogisticRegression(C=1.0, fit_intercept=False, tol=1e-10)
    # the offsets of both labels are ± b / 2, which the prior holds with b² / 4 / OFFSET² in all
    unit_D, ones_D = WEIGHT * (score_D + prior) / spread, np.full(200, OFFSET * np.sqrt(2))
    peer.fit(np.stack([unit_D, ones_D], axis=1), truth_D)
    weight = WEIGHT * peer.coef_[0, 0] / spread
    assert found.weights["it"] == pytest.approx(weight, abs=1e-4)
    between = found.offsets["yes"] - found.offsets["no"]
    assert between == pytest.approx(OFFSET * np.sqrt(2) * peer.coef_[0, 1], abs=1e-3)


def test_evidence_that_is_made_louder_leaves_the_prior_as_it_is() -> None:
    generator = np.random.default_rng(0)
    truth_D = generator.random(60) < 0.2
    odds_D = np.where(truth_D, 0.01, -0.01) + generator.normal(size=60) * 0.005
    score_DC, truth_DC = np.stack([-odds_D / 2, odds_D / 2], axis=1), np.stack([~truth_D, truth_D], axis=1)
    log_prior_C = np.log([0.8, 0.2])
    fit = fitting.fit({"it": score_DC}, truth_DC, ["no", "yes"], log_prior_C, False)
    assert fit.weights["it"] > 10 and fit.prior_weight == 1
    logit_DC = fit.logits([score_DC], log_prior_C, log_prior_C)
    offset_C = np.array(list(fit.offsets.values()))
    np.testing.assert_allclose(logit_DC, fit.weights["it"] * score_DC + log_prior_C + offset_C)
    assert (logit_DC.argmax(axis=1) == truth_D).mean() > 0.9


@given(seed=st.integers(0, 1000), multiple=st.booleans())
def test_scaling_alone_makes_no_other_label_the_likeliest(seed: int, multiple: bool) -> None:
    generator = np.random.default_rng(seed)
    log_prior_C = np.log([0.8, 0.15, 0.05])
    score_DC = generator.normal(size=(40, 3)) * 30
    truth_DC = np.arange(3) == (score_DC + generator.normal(size=(40, 3)) * 20).argmax(axis=1)[:, None]
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(fitting, "_DEVIATION_OF_OFFSETS", 1e-6)
        fit = fitting.fit({"it": score_DC}, truth_DC, ["a", "b", "c"], log_prior_C, multiple)
    assert 0 < fit.weights["it"] < 1
    before = fitting.unfitted(["it"], ["a", "b", "c"])
    logit_DC, old_DC = (one.logits([score_DC], log_prior_C, log_prior_C) for one in (fit, before))
    if multiple:
        assert ((logit_DC > 0) == (old_DC > 0)).all()
    else:
        assert (logit_DC.argmax(axis=1) == old_DC.argmax(axis=1)).all()


def test_what_was_fitted_is_kept_by_its_witnesses(tmp_path: Path) -> None:
    one, two = (fitting.unfitted(names, ["a", "b"]) for names in (["x"], ["x", "y"]))
    fitting.store(tmp_path, one)
    fitting.store(tmp_path, two)
    kept = fitting.stored(tmp_path, ["x", "y"], ["a", "b"])
    assert kept is not None and kept.weights == two.weights
    assert fitting.stored(tmp_path, ["z"], ["a", "b"]) is None
    with pytest.raises(RunError, match="of other labels"):
        fitting.stored(tmp_path, ["x"], ["a", "c"])
    (tmp_path / fitting.FILE).write_text('{"fits": 3}')
    with pytest.raises(RunError, match="no fits in it"):
        fitting.stored(tmp_path, ["x"], ["a", "b"])


# --- measuring ---


def judged(p_DC: FloatArray, truth: Sequence[str], names: Sequence[str]) -> list[Classified]:
    return [
        Classified(Document("x"), (names[int(p_C.argmax())],), p_C, False, (word,))
        for p_C, word in zip(p_DC, truth, strict=True)
    ]


def test_figures_agree_with_scikit_learn_and_by_hand() -> None:
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(0)
    names = ["a", "b", "c"]
    p_DC = generator.dirichlet(np.ones(3), 200)
    truth = [names[number] for number in generator.integers(0, 3, 200)]
    found = measure(judged(p_DC, truth, names), Labels(names, [1, 1, 1]))
    numbers = [names.index(word) for word in truth]
    said = p_DC.argmax(axis=1)
    assert found.accuracy == pytest.approx(np.mean(said == numbers))
    assert found.f1_macro == pytest.approx(sklearn_metrics.f1_score(numbers, said, average="macro"))
    assert found.log_loss == pytest.approx(sklearn_metrics.log_loss(numbers, p_DC))
    assert found.auroc == pytest.approx(sklearn_metrics.roc_auc_score(numbers, p_DC, multi_class="ovr"))
    assert found.f1_macro_low < found.f1_macro < found.f1_macro_high
    assert found.confusion is not None
    assert np.sum(found.confusion) == 200 and np.trace(found.confusion) == round(200 * found.accuracy)


def test_sure_and_right_is_calibrated_and_sure_and_wrong_is_not() -> None:
    names = ["a", "b"]
    right = judged(np.tile([0.75, 0.25], (100, 1)), ["a"] * 75 + ["b"] * 25, names)
    assert measure(right, Labels(names, [1, 1])).ece == pytest.approx(0.0, abs=1e-12)
    wrong = judged(np.tile([0.9, 0.1], (100, 1)), ["a"] * 50 + ["b"] * 50, names)
    assert measure(wrong, Labels(names, [1, 1])).ece == pytest.approx(0.4)


def test_a_label_that_training_had_not_counts_as_wrong_and_is_named() -> None:
    names = ["a", "b"]
    p_DC = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    found = measure(judged(p_DC, ["a", "b", "new"], names), Labels(names, [1, 1]))
    assert found.accuracy == pytest.approx(2 / 3) and found.unknown_labels == {"new": 1}
    assert found.log_loss == pytest.approx(-(math.log(0.9) + math.log(0.8)) / 2)
    assert found.confusion == [[1, 0, 0], [0, 1, 0], [1, 0, 0]]


def test_one_label_alone_has_no_auroc() -> None:
    names = ["a", "b"]
    assert measure(judged(np.array([[0.9, 0.1]] * 3), ["a"] * 3, names), Labels(names, [1, 1])).auroc is None


# --- telling ---


@given(seed=st.integers(0, 1000), labels=st.integers(2, 4))
def test_symbols_speak_as_much_as_the_document(seed: int, labels: int) -> None:
    generator = np.random.default_rng(seed)
    log_p_CT = np.log(generator.random((labels, 9)))
    log_prior_C = np.log(generator.dirichlet(np.ones(labels)))
    whole_C = log_p_CT.sum(axis=1)
    others = np.arange(labels) != 1
    prior = log_prior_C[others] - np.logaddexp.reduce(log_prior_C[others])
    wanted = whole_C[1] - np.logaddexp.reduce(whole_C[others] + prior)
    assert telling.against(log_p_CT, 1, log_prior_C).sum() == pytest.approx(wanted)


def test_words_of_the_label_speak_for_it(folder: Path) -> None:
    for name in ("bytes", "words"):
        found = anygram.load(folder / name).classify(folder / "test.jsonl")
        (one,) = found.classifier.classify([Document("cow drill cow dog")])
        told = found.why(one)
        assert one.labels == ("animals",) and told.label == "animals"
        assert "".join(told.words) == "cow drill cow dog"
        spoken = dict(zip(told.words, told.nats_W, strict=True))
        assert spoken["cow"] > 0 > spoken[" drill"]
        assert "drill" not in told.spans()[0].text


@pytest.mark.parametrize("multiple", [False, True])
def test_a_head_that_nothing_was_fitted_to_is_taken_at_its_word(multiple: bool) -> None:
    class Certain:
        """Says the same of every document."""

        conditional = False

        def classify(self, ids_BT: Any, lengths: Any) -> FloatArray:
            log_p_BC: FloatArray = np.log(np.tile([0.1, 0.6 if multiple else 0.9], (len(ids_BT), 1)))
            return log_p_BC

    model: Any = Certain()
    labels = Labels(["a", "b"], [10, 50], multiple=multiple, documents=100 if multiple else 60)
    witness = Witness("head", model, bytes_codec.fit([], bytes_codec.Config()), labels, "head")
    (one,) = Classifier([witness], Rule()).classify([Document("x")])
    np.testing.assert_allclose(one.p_C, [0.1, 0.6 if multiple else 0.9])


def test_figures_are_of_the_last_time(folder: Path) -> None:
    found = anygram.load(folder / "words").classify(folder / "test.jsonl", label_field="label")
    once = [one.labels for one in found], found.figures()
    assert ([one.labels for one in found], found.figures()) == once and once[1]["documents"] == 120


def test_a_run_of_one_label_each_is_not_fitted_to_several_or_none(folder: Path, tmp_path: Path) -> None:
    run = anygram.load(folder / "words")
    for label in ([], ["animals", "tools"]):
        odd = written(tmp_path / "odd.jsonl", [*records(20), {"text": "cat", "label": label}])
        with pytest.raises(DataError, match=f"{len(label)} labels, and those of training had one each"):
            run.fit_classifier(odd)
        found = run.classify(odd, label_field="label")
        assert len(list(found)) == 21
        measured = found.figures()
        assert measured["accuracy"] < 1 and sum(map(sum, measured["confusion"])) == 21


def test_a_head_speaks_by_what_it_loses() -> None:
    class Counts:
        """Says a label by how many a there are."""

        conditional = False

        def classify(self, ids_BT: Any, lengths: Any) -> FloatArray:
            odds_B = np.array(
                [
                    2.0 * (ids_T[:length] == ord("a")).sum() - 1.0
                    for ids_T, length in zip(ids_BT, lengths, strict=True)
                ]
            )
            log_p_BC: FloatArray = -np.logaddexp(0, np.stack([odds_B, -odds_B], axis=1))
            return log_p_BC

    codec = bytes_codec.fit([], bytes_codec.Config())
    model: Any = Counts()
    witness = Witness("head", model, codec, fit_labels(["many", "none", "many", "none"]), "head")
    classifier = Classifier([witness], Rule())
    # labels in the order of their names: "many" is the first, which more a make less likely here
    (one,) = classifier.classify([Document("b a c")])
    told = telling.tell(classifier, one)
    assert told.words == ("b", " a", " c")
    assert told.nats_W == pytest.approx([0.0, 2.0, 0.0], abs=1e-6)


def test_an_empty_text_has_the_priors_and_nothing_to_tell(folder: Path) -> None:
    found = anygram.load(folder / "bytes").classify(folder / "test.jsonl")
    (one,) = found.classifier.classify([Document("")])
    assert one.p_C.sum() == pytest.approx(1.0) and found.why(one).spans() == []


# --- the command line ---


def test_the_command_line_writes_labels_figures_and_a_page(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, page = tmp_path / "labels.csv", tmp_path / "page.html"
    words = ["classify", str(folder / "bytes"), str(folder / "test.jsonl"), "--label-field", "label"]
    assert cli.run([*words, "--out", str(out), "--top", "2", "--why", "--report", str(page), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["accuracy"] > 0.9 and figures["documents"] == 120
    rows = out.read_text().splitlines()
    assert (
        rows[0]
        == "document,label,probability,abstained,label_1,probability_1,label_2,probability_2,truth,why"
    )
    assert len(rows) == 121
    text = page.read_text()
    assert "Surely wrong" in read_page(text).text and drawings(text)


def test_the_command_line_fits_and_shows(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, words = str(folder / "bytes"), str(folder / "words")
    assert cli.run(["classify", run, "--with", words, "--fit", str(folder / "fit.jsonl")]) == 0
    assert "fitted to 80 documents" in capsys.readouterr().out
    assert cli.run(["classify", run, str(folder / "test.jsonl"), "--with", words, "--show", "3"]) == 0
    shown = capsys.readouterr().out
    assert "test.jsonl:3" in shown and "test.jsonl:4" not in shown and "accuracy" not in shown
    (folder / "bytes" / fitting.FILE).unlink()


def failure(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return the one line of a command that fails."""
    assert cli.run(["classify", *words]) in (1, 2)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    return lines[0]


def test_bad_input_is_one_line(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, test = str(folder / "bytes"), str(folder / "test.jsonl")
    plain = anygram.train(folder / "train.jsonl", "ngram", text_field="text", out=tmp_path / "plain")
    other = written(tmp_path / "other.jsonl", [{"text": "x", "label": name} for name in "ab"] * 10)
    few = written(tmp_path / "few.jsonl", records(3))
    strange = anygram.train(other, "ngram", label_field="label", valid="none", out=tmp_path / "strange")
    priors = tmp_path / "priors.json"
    priors.write_text('{"animals": 1}')
    assert "nothing to classify" in failure(capsys, run)
    assert "knows no labels; train it with --label-field" in failure(capsys, str(plain.path), test)
    assert "other labels cannot be combined" in failure(capsys, run, test, "--with", str(strange.path))
    assert "10 labelled documents or more" in failure(capsys, run, "--fit", str(few))
    assert "no label 'a' in training" in failure(capsys, run, "--fit", str(other))
    assert "--priors lacks 'tools'" in failure(capsys, run, test, "--priors", str(priors))
    assert "training, uniform or a JSON file" in failure(capsys, run, test, "--priors", "equal")
    assert "from 0 to below 1" in failure(capsys, run, test, "--confidence", "1.5")
    assert "ends in .html" in failure(capsys, run, test, "--report", "page.pdf")
    assert "two runs are called" in failure(
        capsys, run, test, "--with", str(folder / "words"), "--with", str(folder / "words")
    )
    assert "'kind'" in failure(capsys, run, test, "--label-field", "kind")


def test_data_that_are_no_text_have_no_words(folder: Path) -> None:
    known = anygram.load(folder / "bytes").classify(folder / "test.jsonl")
    picture = Classification(known.classifier, lambda: [Document("abc", name="x.png")], False, readable=False)
    (one,) = picture
    with pytest.raises(UsageError, match="no words to tell"):
        picture.why(one)
    notable = report.Notable()
    notable.note(one)
    assert report.page("Labels", picture, notable).sections[-1].blocks


def test_a_label_that_is_always_the_same_is_no_training(tmp_path: Path) -> None:
    rows = [{"text": f"x{number}", "label": "all"} for number in range(20)]
    with pytest.raises(DataError, match="only 'all'"):
        anygram.train(written(tmp_path / "one.jsonl", rows), "ngram", label_field="label")


def test_a_model_that_reads_the_label_first_is_asked_with_each() -> None:
    codec = bytes_codec.fit([], bytes_codec.Config())
    labels = fit_labels(["a", "b"])
    config = frequency.Config(order=3, k=0.01)
    inner = frequency.create(config, inner_vocabulary_size(codec.vocabulary_size, 2), 0)
    model: Any = prefixed(inner, codec.vocabulary_size, 2)
    texts = [np.array([*text, codec.boundary], dtype=np.int32) for text in (b"xx", b"yy") * 5]
    given = [np.array([number % 2], dtype=np.int32) for number in range(10)]
    model.count(np.concatenate(texts), np.array([3] * 10), given)
    model.finish()
    classifier = Classifier([Witness("it", model, codec, labels, "likelihood")], Rule())
    judged = classifier.classify([Document("xx"), Document("yy"), Document("x")])
    assert [one.labels for one in judged] == [("a",), ("b",), ("a",)]


def test_documents_carry_their_labels(folder: Path) -> None:
    run = anygram.load(folder / "bytes")
    (one, *_) = run.documents(folder / "test.jsonl", pairing=Pairing(label_field="label"))
    assert one.given in WORDS


def test_rules_are_checked() -> None:
    with pytest.raises(UsageError, match="at least 1"):
        Rule(top=0)
    labels = Labels(["a", "b"], [3, 1])
    np.testing.assert_allclose(np.exp(Rule().log_priors(labels)), [3.5 / 5, 1.5 / 5])
    several = Labels(["a", "b"], [3, 2], multiple=True, documents=4)
    np.testing.assert_allclose(Rule().log_priors(several), np.log([3.5 / 1.5, 2.5 / 2.5]))
    with pytest.raises(UsageError, match="between 0 and 1"):
        Rule(priors={"a": 2, "b": 0.5}).log_priors(several)
