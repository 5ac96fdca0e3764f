"""Translations as they are asked for, what was measured beside the baselines, and the files of both."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from anygram import storage
from anygram.data import writing
from anygram.errors import UsageError
from anygram.tasks.translation import metrics
from anygram.tasks.translation.baselines import baselines
from anygram.tasks.translation.lookup import Lookup
from anygram.tasks.translation.metrics import MODEL, Measured, Metrics
from anygram.tasks.translation.translating import Translation

ENDINGS = (".txt", *writing.ENDINGS)


@dataclass(frozen=True)
class Measuring:
    """By what translations are measured: which metrics, how BLEU cuts words, and the pairs to look up in."""

    kind: Metrics = "translation"
    tokenizer: str | None = None
    lookup: Lookup | None = None

    def __post_init__(self) -> None:
        if self.kind == "summary" and self.tokenizer is not None:
            raise UsageError("--tokenize is for BLEU, and summaries are measured by ROUGE; leave it out")
        if self.tokenizer is not None:
            metrics.check_tokenizer(self.tokenizer)


class Translations:
    """Translations in the order of their sources, made while they are asked for; then the figures."""

    def __init__(self, made: Iterable[Translation], measuring: Measuring) -> None:
        self._made, self._measuring = made, measuring
        self._texts: list[str] = []
        self._sources: list[str] = []
        self._references: list[tuple[str, ...]] = []
        self._done = False
        self.limited = 0
        """How many had to end before the model would have ended them."""

    def __iter__(self) -> Iterator[Translation]:
        """Yield the translations, once."""
        for one in self._made:
            self._texts.append(one.text)
            self._sources.append(one.source)
            self._references.append(one.references)
            self.limited += one.limited
            yield one
        self._done = True

    def __len__(self) -> int:
        """Return how many there were so far."""
        return len(self._texts)

    @cached_property
    def figures(self) -> list[Measured]:
        """What was measured once all are made, the model first; nothing where no truth is known.

        UsageError before that.
        """
        if not self._done:
            raise UsageError("figures are of all translations, and not all are made; iterate over them first")
        references = [one for one in self._references if one]
        if len(references) < len(self._texts) or not references:
            return []
        measuring = self._measuring
        methods = {MODEL: self._texts, **baselines(measuring.kind, self._sources, measuring.lookup)}
        asked = metrics.metrics_of(measuring.kind, references, measuring.tokenizer)
        return metrics.measure(methods, references, asked)

    def to_json(self) -> dict[str, Any]:
        """Return how many there are, the model's figures by their names, and all figures."""
        own = {one.metric: one.value for one in self.figures if one.method == MODEL}
        figures = [asdict(one) for one in self.figures]
        return {"documents": len(self), "limited": self.limited, **own, "figures": figures}

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Return the figures as header and rows of a table, empty where there are none."""
        header = ["metric", "method", "value", "95 %", "model ahead by", "95 %"]
        return header, [_row(one) for one in self.figures]

    @property
    def signatures(self) -> dict[str, str]:
        """How each metric is computed."""
        return {one.metric: one.signature for one in self.figures}


def _row(one: Measured) -> list[str]:
    row = [one.metric, one.method, f"{one.value:.2f}", f"{one.low:.2f} to {one.high:.2f}"]
    if one.model_ahead is None:
        return [*row, "–", "–"]
    low, high = one.model_ahead_low, one.model_ahead_high
    return [*row, f"{one.model_ahead:.2f}", f"{low:.2f} to {high:.2f}"]


def row_of(one: Translation) -> dict[str, Any]:
    """Return a translation as a row of a table."""
    row: dict[str, Any] = {
        "document": one.name,
        "source": one.source,
        "text": one.text,
        "log_p": one.log_p,
        "score": one.score,
        "limited": one.limited,
        "alternatives": [asdict(other) for other in one.alternatives],
    }
    if one.references:
        row["reference"] = one.references[0]
    if one.alignment is not None:
        row["alignment"] = [asdict(link) for link in one.alignment.links()]
    return row


def check_out(path: Path) -> None:
    """Raise where the file's ending names no format (UsageError), or it could not be written."""
    if path.suffix not in ENDINGS:
        raise UsageError(f"cannot write {path.name}; name a file that ends in {', '.join(ENDINGS)}")
    if path.suffix != ".txt":
        writing.check(path)
        return
    if path.is_dir():
        raise UsageError(f"--out {path} is a folder; name a file")
    storage.require_writable(path)


def write(path: Path, translations: Iterable[Translation]) -> int:
    """Write translations as rows, or into .txt the texts in a line each; return how many."""
    if path.suffix == ".txt":
        return _write_lines(path, translations)
    flat = path.suffix in (".csv", ".tsv")
    return writing.write(path, (_flat(row_of(one)) if flat else row_of(one) for one in translations))


def _write_lines(path: Path, translations: Iterable[Translation]) -> int:
    count = 0
    with (
        storage.replacing(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="replace") as file,
    ):
        for one in translations:
            file.write(" ".join(one.text.split()) + "\n")
            count += 1
    return count


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row whose lists are JSON."""
    return {
        name: json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value
        for name, value in row.items()
    }
