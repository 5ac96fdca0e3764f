"""What is wanted of a run that was trained on pairs of texts, and how sources, truth and pairs are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from anygram.conditioning import LengthLimit, Prefixed
from anygram.data.documents import Document
from anygram.data.reading import DocumentsAre, Pairing, ReadingOptions, Report, has_fields, is_text, read
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
    """What is wanted, and what documents are read; the words are those of `anygram translate`.

    `target_field` or `targets` say where the truth stands, to measure by: BLEU with its words cut as
    `tokenize` says, beside phrases looked up in the pairs of the sources `lookup`. Targets have at most
    `max_symbols`, else as many as nearly all pairs of the training part had. UsageError for words that would
    do nothing.
    """

    kind: Metrics
    documents: DocumentsAre | None = None
    text_field: str | None = None
    target_field: str | None = None
    targets: str | None = None
    beam: int | None = None
    length_penalty: float | None = None
    coverage: float | None = None
    n_best: int = 1
    max_symbols: int | None = None
    sample: bool = False
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    seed: int | None = None
    alignment: bool = False
    tokenize: str | None = None
    lookup: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.max_symbols is not None and self.max_symbols < 1:
            raise UsageError(f"max_symbols must be at least 1, got {self.max_symbols}")
        why = "is of the search, and --sample draws" if self.sample else "is of draws; add --sample"
        for name in _OF_SEARCH if self.sample else _OF_DRAWS:
            if getattr(self, name) is not None:
                raise UsageError(f"--{name.replace('_', '-')} {why}, or leave it out")
        for name in ("tokenize", "lookup"):
            if getattr(self, name) and not self.measured:
                raise UsageError(
                    f"--{name} is for measuring; name the truth with --target-field or --targets"
                )

    @property
    def measured(self) -> bool:
        """Whether the truth is known."""
        return self.truth != Pairing()

    @property
    def truth(self) -> Pairing:
        """Where the true targets stand, if they stand anywhere."""
        return Pairing(target_field=self.target_field, targets=self.targets)

    @property
    def how(self) -> Search | Draws:
        """How targets are found."""
        named = {name: getattr(self, name) for name in (_OF_DRAWS if self.sample else _OF_SEARCH)}
        given = {name: value for name, value in named.items() if value is not None}
        return Draws(self.n_best, **given) if self.sample else Search(best=self.n_best, **given)


_OF_SEARCH = ("beam", "length_penalty", "coverage")
_OF_DRAWS = ("temperature", "top_k", "top_p", "seed")


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
    if wanted.measured and wanted.kind == "translation":
        metrics.require_sacrebleu()
    request = request_of(stored, wanted.how, wanted.max_symbols, wanted.alignment)
    measuring = Measuring(wanted.kind, wanted.tokenize)
    documents = _documents(stored, sources, wanted)
    measuring = replace(measuring, lookup=_lookup(stored, wanted))  # last, for it takes its time
    made = translate(stored.model, stored.codec, codec, documents, request)
    return Translations(made, measuring)


def request_of(
    stored: StoredRun, how: Search | Draws, max_symbols: int | None = None, alignment: bool = False
) -> Request:
    """Return what is asked of a run: targets of at most so many symbols, else as its training pairs have."""
    record = stored.record
    limit = LengthLimit(**record.condition.get("longest_target", {}))
    if max_symbols is not None:
        limit = LengthLimit(ratio=0.0, symbols=max_symbols)
    sight = record.model_settings.get("context") if isinstance(stored.model, Prefixed) else None
    return Request(how, limit, alignment, sight)


def _documents(stored: StoredRun, sources: Sequence[str], wanted: Wanted) -> Iterator[Document]:
    """Return the documents; of records the field that training read, of texts to translate the lines."""
    documents, text_field = wanted.documents, wanted.text_field
    if any(map(has_fields, sources)):
        text_field = text_field or _field(stored)
    elif documents is None and wanted.kind == "translation" and all(map(is_text, sources)):
        documents = "lines"
    return _read(stored, sources, wanted.truth, documents, text_field)


def _lookup(stored: StoredRun, wanted: Wanted) -> Lookup | None:
    """Return the phrases of pairs that are read as the training data were."""
    if not wanted.lookup:
        return None
    data = stored.record.data
    if data.get("targets") and list(wanted.lookup) != list(data["sources"]):
        raise UsageError(
            "the run was trained on parallel files; name their sources with --lookup, or leave it out"
        )
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
