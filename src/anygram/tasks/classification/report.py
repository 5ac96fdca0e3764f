"""A page about labels: how many are right, what is confused, how sure they are, what speaks for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from anygram.information import bits
from anygram.reporting import amounts
from anygram.reporting.documents import (
    Block,
    Document,
    Gallery,
    Paragraph,
    Passage,
    Passages,
    Piece,
    Section,
    Table,
)
from anygram.reporting.reliability import Bin, reliability
from anygram.reporting.surprisal import LEVELS
from anygram.tasks.classification.asking import Classification
from anygram.tasks.classification.deciding import Classified
from anygram.tasks.classification.metrics import BINS, Measures
from anygram.tasks.classification.telling import Told

SHOWN = 12
"""So many documents are shown with their words."""
_MOST_WORDS = 200
_ROWS = 100


class Notable:
    """Keeps documents worth showing of all that pass: surely wrong ones, or without truth the least sure."""

    def __init__(self) -> None:
        self._found: list[tuple[float, int, Classified]] = []
        self._labels: Counter[str] = Counter()
        self._passed = 0

    @property
    def labels(self) -> Counter[str]:
        """How often each label was given."""
        return self._labels

    def note(self, one: Classified) -> None:
        """Look at a document as it passes."""
        self._passed += 1
        self._labels.update(one.labels)
        wrong = one.truth is not None and not one.abstained and set(one.truth) != set(one.labels)
        sure = float(one.p_C.max())
        if one.truth is None or wrong:
            self._found.append((sure if wrong else -sure, -self._passed, one))
        if len(self._found) > 4 * SHOWN:
            self._keep()

    def documents(self) -> list[Classified]:
        """Return them, the most notable first."""
        self._keep()
        return [one for *_, one in self._found]

    def _keep(self) -> None:
        self._found = sorted(self._found, key=lambda item: item[:2], reverse=True)[:SHOWN]


def page(title: str, found: Classification, notable: Notable) -> Document:
    """Return the report of documents that were all judged."""
    measures = found.measures()
    figures = found.figures()
    subtitle = f"{figures['documents']:,} documents, {len(found.names)} labels"
    sections = [Section("labels", "What was said", [_said(found, notable, measures)])]
    if measures is not None:
        sections = [
            Section("figures", "How many are right", _figures(measures)),
            *sections,
            *_confused(measures, found.names),
            Section("calibration", "How sure, and how often right", _calibration(measures)),
        ]
    sections.append(Section("witnesses", "What was asked", _witnesses(found)))
    heading = "Surely wrong" if measures is not None else "Least sure"
    return Document(title, subtitle, [*sections, Section("words", heading, _words(found, notable))])


def _figures(measures: Measures) -> list[Block]:
    strong = (
        f"{amounts.share(measures.accuracy)} of {measures.documents:,} documents have the right label "
        f"(95 %: {amounts.share(measures.accuracy_low)} to {amounts.share(measures.accuracy_high)})."
    )
    rows = [
        ["accuracy", _number(measures.accuracy)],
        ["F1, mean of labels", _number(measures.f1_macro)],
        ["its 95 % interval", f"{measures.f1_macro_low:.4f} to {measures.f1_macro_high:.4f}"],
        ["precision, mean of labels", _number(measures.precision_macro)],
        ["recall, mean of labels", _number(measures.recall_macro)],
        ["F1 over all labels", _number(measures.f1_micro)],
        ["AUROC", _number(measures.auroc)],
        ["log loss, nats a document", _number(measures.log_loss)],
        [f"calibration error, {BINS} bins of equal width", _number(measures.ece)],
        ["said at all", _number(measures.coverage)],
        ["right where something is said", _number(measures.selective_accuracy)],
    ]
    unknown = [f"'{name}' ({count:,})" for name, count in measures.unknown_labels.items()]
    blocks: list[Block] = [Paragraph(strong, strong=True), Table(["figure", "value"], rows)]
    if unknown:
        blocks.append(
            Paragraph(f"Labels that training did not have, which count as wrong: {', '.join(unknown)}.")
        )
    return blocks


def _said(found: Classification, notable: Notable, measures: Measures | None) -> Block:
    if measures is None:
        rows = [[name, f"{notable.labels[name]:,}"] for name in found.names]
        return Table(["label", "documents"], rows[:_ROWS], folded=len(rows) > _ROWS)
    header = ["label", "documents", "said", "precision", "recall", "F1"]
    rows = [
        [
            one["label"],
            f"{one['documents']:,}",
            f"{notable.labels[one['label']]:,}",
            *(f"{one[name]:.3f}" for name in ("precision", "recall", "f1")),
        ]
        for one in measures.per_label
    ]
    return Table(header, rows)


def _confused(measures: Measures, names: Sequence[str]) -> list[Section]:
    if measures.confusion is None:
        return []
    rows_known = sum(map(sum, measures.confusion[:-1]))
    columns = [*names, "nothing"] if measures.coverage < 1 else [*names]
    rows = [*names, "unknown"] if rows_known < measures.documents else [*names]
    cells = [
        [name, *(f"{count:,}" for count in counts[: len(columns)])]
        for name, counts in zip(rows, measures.confusion, strict=False)
    ]
    caption = "Documents by their label (rows) and by what was said (columns)"
    return [Section("confusion", "What is taken for what", [Table(["", *columns], cells, caption)])]


def _calibration(measures: Measures) -> list[Block]:
    if not measures.bins:
        return [Paragraph("No document has a label that training had.")]
    bins = [Bin(one["confidence"], one["accuracy"], one["answers"]) for one in measures.bins]
    finding = f"The calibration error is {measures.ece:.4f}."
    rows = [
        [f"{one['confidence']:.3f}", f"{one['accuracy']:.3f}", f"{one['answers']:,}"] for one in measures.bins
    ]
    table = Table(["how sure", "how often right", "answers"], rows, "The numbers of the diagram", folded=True)
    drawing = reliability("reliability", "Reliability", finding, bins, 1)
    return [Gallery([(f"{finding} The nearer to the diagonal, the better.", drawing)], table)]


def _witnesses(found: Classification) -> list[Block]:
    fit = found.classifier.fit
    fitted = (
        f"Weights were fitted to {fit.documents:,} labelled documents."
        if fit.documents
        else ("Nothing was fitted: a likelihood is far too sure; --fit SOURCE teaches it how sure to be.")
    )
    rows = [[name, f"{weight:.4f}"] for name, weight in fit.weights.items()]
    return [Paragraph(fitted), Table(["witness", "weight"], rows)]


def _words(found: Classification, notable: Notable) -> list[Block]:
    """Return the notable documents, a word's ground the darker the more it speaks for the label."""
    shown = notable.documents()
    if not found.readable:
        return [Table(["document", "label"], [[one.document.name, " ".join(one.labels)] for one in shown])]
    if not shown:
        return [Paragraph("There is no such document.")]
    passages = []
    for one in shown:
        told = found.why(one)
        pieces = [
            Piece(word, bits(float(nats)), ground)
            for word, nats, ground in zip(told.words, told.nats_W, _grounds(told), strict=True)
        ]
        label = f"{told.label}, {amounts.share(float(one.p_C.max()))} sure"
        truth = "" if one.truth is None else f"It is {' and '.join(one.truth) or 'none of them'}. "
        spans = "; ".join(f"“{span.text}” {span.bits:.1f} bits" for span in told.spans())
        note = f"{one.document.name}. {truth}Most telling: {spans or 'nothing'}."
        passages.append(Passage(label, pieces[:_MOST_WORDS], note))
    sentence = (
        "A word's ground is the darker the more it speaks for the label, beside the strongest word of the "
        "document; words that speak against it have none."
    )
    return [Paragraph(sentence), Passages(passages, by_bits=False)]


def _grounds(told: Told) -> list[int]:
    """Return how dark each word's ground is, the darkest that of the word that speaks most for the label."""
    most = max(told.nats_W.max(initial=0.0), 1e-12)
    grounds: list[int] = np.rint(np.maximum(told.nats_W, 0.0) / most * len(LEVELS)).astype(int).tolist()
    return grounds


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"
