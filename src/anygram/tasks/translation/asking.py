"""What is wanted of a run that was trained on pairs of texts, and how sources, truth and pairs are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anygram.conditioning import LengthLimit, Prefixed
from anygram.data.documents import Document
from anygram.data.reading import DocumentsAre, Pairing, ReadingOptions, Report, has_fields, read
from anygram.errors import UsageError
from anygram.runs import StoredRun
from anygram.tasks.decoding import Draws, Search
from anygram.tasks.translation import metrics
from anygram.tasks.translation.lookup import Lookup, learn
from anygram.tasks.translation.metrics import Metrics
from anygram.tasks.translation.results import Measuring, Translations
from anygram.tasks.translation.translating import Request, translate


@dataclass(frozen=True)
class Wanted:
    """What is wanted, and what documents are read.

    Targets have at most `max_symbols`, else as many as nearly all pairs of the training part had. `truth`
    says where the true targets stand, to measure by; with a `tokenizer` of sacrebleu's for BLEU, and
    `lookup`, the sources of the pairs that phrases are looked up in.
    """

    kind: Metrics
    documents: DocumentsAre | None = None
    text_field: str | None = None
    truth: Pairing | None = None
    how: Search | Draws | None = None
    max_symbols: int | None = None
    align: bool = False
    tokenizer: str | None = None
    lookup: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.max_symbols is not None and self.max_symbols < 1:
            raise UsageError(f"max_symbols must be at least 1, got {self.max_symbols}")
        if self.truth is None:
            for option, given in (("--tokenize", self.tokenizer), ("--lookup", self.lookup)):
                if given:
                    raise UsageError(
                        f"{option} is for measuring; name the truth with --target-field or --targets"
                    )


def rewrite(stored: StoredRun, sources: Sequence[str], wanted: Wanted) -> Translations:
    """Return what the sources become, as it is iterated over.

    UsageError where the run was not trained on pairs of texts; DataError where sacrebleu is needed and not
    installed.
    """
    codec = stored.condition_codec
    if codec is None or stored.record.condition["kind"] != "source":
        raise UsageError(
            "the run was not trained on pairs of texts; train one with --target-field, or with --targets"
        )
    if wanted.truth is not None and wanted.kind == "translation":
        metrics.require_sacrebleu()
    measuring = Measuring(wanted.kind, wanted.tokenizer, _lookup(stored, wanted))
    documents = _documents(stored, sources, wanted)
    made = translate(stored.model, stored.codec, codec, documents, _request(stored, wanted))
    return Translations(made, measuring)


def _request(stored: StoredRun, wanted: Wanted) -> Request:
    record = stored.record
    limit = LengthLimit(**record.condition.get("longest_target", {}))
    if wanted.max_symbols is not None:
        limit = LengthLimit(ratio=0.0, symbols=wanted.max_symbols)
    sight = record.model_settings.get("context") if isinstance(stored.model, Prefixed) else None
    return Request(wanted.how or Search(), limit, wanted.align, sight)


def _documents(stored: StoredRun, sources: Sequence[str], wanted: Wanted) -> Iterator[Document]:
    """Return the documents; of records the field that training read, of texts to translate the lines."""
    truth, records = wanted.truth or Pairing(), any(map(has_fields, sources))
    documents, text_field = wanted.documents, wanted.text_field
    if records:
        text_field = text_field or _field(stored)
    elif documents is None and wanted.kind == "translation" and not truth.targets:
        documents = "lines"
    return _read(stored, sources, truth, documents, text_field)


def _lookup(stored: StoredRun, wanted: Wanted) -> Lookup | None:
    """Return the phrases of pairs that are read as the training data were."""
    if not wanted.lookup:
        return None
    data = stored.record.data
    pairing = Pairing(target_field=data.get("target_field"), targets=data.get("targets"))
    text_field = None if pairing.targets else _field(stored)
    pairs = _read(stored, wanted.lookup, pairing, None, text_field)
    return learn([(document.given or "", document.text) for document in pairs])


def _field(stored: StoredRun) -> str | None:
    """Return the field of sources that training was told; None where it found it."""
    named: str = stored.record.data["text_field"]
    return None if named == "default" else named


def _read(
    stored: StoredRun,
    sources: Sequence[str],
    pairing: Pairing,
    documents: DocumentsAre | None,
    text_field: str | None,
) -> Iterator[Document]:
    binary = stored.record.codec == stored.record.condition["codec"] == "bytes"
    options = ReadingOptions(
        documents,
        text_field,
        binary=binary,
        target_field=pairing.target_field,
        targets=pairing.targets,
    )
    return read(sources, options, Report())
