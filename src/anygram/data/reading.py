"""Sources to documents, one at a time: no more than a document (or some rows of a table) is held."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import zip_longest
from typing import Any, Literal

from anygram.data import examples, kinds, labels, manifests, records, text
from anygram.data.documents import Document, Lines
from anygram.data.sources import STDIN, Place, locate, opened
from anygram.errors import BadRecord, DataError, UsageError

DocumentsAre = Literal["lines", "paragraphs", "files"]

_EXAMPLE = "example:"
_GIVEN = ("label_field", "target_field", "targets")
_REASONS_KEPT = 5
_TEXTS = {"lines": text.lines, "paragraphs": text.paragraphs, "files": text.files}
_TEXTS_IN_BULK = {**_TEXTS, "lines": text.lines_in_bulk}
_RECORDS = {
    ".jsonl": records.read_jsonl,
    ".csv": records.read_csv,
    ".tsv": records.read_tsv,
    ".parquet": records.read_parquet,
}
_Items = Generator[Document | Lines | BadRecord, None, None]
_Parser = Callable[[], _Items]


@dataclass(frozen=True)
class Pairing:
    """Where that which is given of documents stands: fields, or the file whose lines go with the sources'."""

    label_field: str | None = None
    target_field: str | None = None
    targets: str | None = None


@dataclass(frozen=True)
class ReadingOptions:
    """How sources become documents.

    `documents` None: lines for .log and standard input, one a row for records, else whole files.
    `text_field` makes standard input JSON lines. `on_bad_record` None: it fails, and nobody is told to skip.
    `binary`: bytes that are not UTF-8 are carried as surrogate escapes, for codecs that can. `kind`: what the
    sources are read as, text or one of `kinds.KINDS`; `beside`: fields that go into the documents' sides.

    `label_field` is given of every document. With a `target_field` documents are that field's texts, and
    given is the text that they translate or sum up; or that are the lines of the sources, and the documents
    are those of the file `targets`.
    """

    documents: DocumentsAre | None = None
    text_field: str | None = None
    on_bad_record: Literal["fail", "skip"] | None = None
    binary: bool = False
    kind: str = kinds.TEXT
    beside: tuple[str, ...] = ()
    label_field: str | None = None
    target_field: str | None = None
    targets: str | None = None

    def __post_init__(self) -> None:
        named = [name for name in _GIVEN if getattr(self, name)]
        if len(named) > 1:
            one, other = (f"--{name.replace('_', '-')}" for name in named[:2])
            raise UsageError(f"{one} and {other} exclude each other; keep one of the two")
        if self.targets and self.documents not in (None, "lines"):
            raise UsageError(f"--targets pairs lines; leave out --documents {self.documents}")

    @property
    def given(self) -> str:
        """What is given of the documents: "label", "source", or nothing."""
        return "label" if self.label_field else "source" if self.target_field or self.targets else ""

    def fields(self) -> records.Fields:
        """Return which fields of records are read."""
        if self.target_field:
            return records.Fields(self.target_field, self.text_field, "source")
        return records.Fields(self.text_field, self.label_field, "label" if self.label_field else None)


@dataclass
class Report:
    """What reading met so far: documents and their units, records stepped over and the first reasons."""

    documents: int = 0
    units: int = 0
    skipped: int = 0
    reasons: list[str] = field(default_factory=list)

    def skip(self, error: BadRecord) -> None:
        """Count a record that was stepped over."""
        self.skipped += 1
        if len(self.reasons) < _REASONS_KEPT:
            self.reasons.append(str(error))


def read(sources: Sequence[str], options: ReadingOptions, report: Report) -> Iterator[Document]:
    """Return the documents of all sources in order, counted in `report` as they pass.

    Sources and options are checked at once (DataError, UsageError), contents as they are read
    (DataError naming file and line or byte; BadRecord where `on_bad_record` could step over it).
    """
    documents = _passed(_parsers(sources, options, in_bulk=False), options, report)
    return (document for document in documents if isinstance(document, Document))


def read_in_bulk(
    sources: Sequence[str], options: ReadingOptions, report: Report
) -> Iterator[Document | Lines]:
    """Return the same, lines of text many at a time."""
    return _passed(_parsers(sources, options, in_bulk=True), options, report)


def _passed(
    parsers: Iterable[_Parser], options: ReadingOptions, report: Report
) -> Iterator[Document | Lines]:
    for parser in parsers:
        with closing(parser()) as items:  # a record that is refused leaves no file open
            for item in items:
                if not isinstance(item, BadRecord):
                    report.documents += 1 if isinstance(item, Document) else len(item)
                    report.units += item.units
                    yield item
                elif options.on_bad_record == "skip":
                    report.skip(item)
                elif options.on_bad_record == "fail":
                    raise BadRecord(f"{item}, or pass --on-bad-record skip") from item
                else:
                    raise item


def _parsers(sources: Sequence[str], options: ReadingOptions, *, in_bulk: bool) -> list[_Parser]:
    """Return what will parse the places of all sources, one each."""
    if not sources:
        raise UsageError("no source given; name a file, a folder, a glob, - or example:docstrings")
    if [*sources, options.targets].count(STDIN) > 1:
        raise UsageError("- (standard input) can be read only once; name it once")
    if options.targets:
        return [_parallel_parser(sources, options.targets, options)]
    return [parser for source in sources for parser in _parsers_of(source, options, in_bulk)]


def _parsers_of(source: str, options: ReadingOptions, in_bulk: bool) -> list[_Parser]:
    if not source.startswith(_EXAMPLE):
        if options.kind != kinds.TEXT:
            return _parsers_of_kind(source, options)
        return [_parser(place, options, in_bulk) for place in locate(source)]
    for option in ("documents", "text_field", "target_field", "targets"):
        if getattr(options, option):
            option = f"--{option.replace('_', '-')}"
            raise UsageError(f"{source} comes in documents of its own; leave out {option}")
    name = source.removeprefix(_EXAMPLE)
    documents = examples.read_example(name, options.label_field)
    kind = examples.KINDS.get(name, kinds.TEXT)
    if options.kind not in (kind, kinds.TEXT):  # as text every datum is its bytes
        raise DataError(f"{source} holds {kind}, not {options.kind}; choose a codec of {kind}")
    return [partial(_all, documents)]


def _parsers_of_kind(source: str, options: ReadingOptions) -> list[_Parser]:
    """Return what will parse the places of a source as data that are no text."""
    kind = kinds.load(options.kind)
    places = locate(source, kind.ENDINGS)
    lists = manifests.lists(places, kind)
    field = None if kind.FIELDS or lists else options.text_field
    for option, given in (
        ("--documents", options.documents),
        ("--text-field", field),
        ("--target-field", options.target_field),
        ("--targets", options.targets),
    ):
        if given:
            raise UsageError(f"{option} is for text, and {source} is read as {options.kind}; leave it out")
    if lists:
        return [partial(_listed, kind, place, options) for place in places]
    for place in places:
        if place.ending not in kind.ENDINGS:
            raise DataError(
                f"{place.name}: not read as {options.kind}; name files of {', '.join(kind.ENDINGS)}, "
                "or choose a codec of text"
            )
    return [partial(_items, kind, place, options) for place in places]


def _items(kind: kinds.Kind, place: Place, options: ReadingOptions) -> _Items:
    yield from kind.read(place, options.text_field, options.beside, options.label_field)


def _listed(kind: kinds.Kind, place: Place, options: ReadingOptions) -> _Items:
    yield from manifests.read(place, kind, options.text_field, options.label_field)


def _parser(place: Place, options: ReadingOptions, in_bulk: bool) -> _Parser:
    """Return what will parse the place; UsageError for an option that it has no use for."""
    if place.ending in _RECORDS or (place.ending == STDIN and _names_a_field(options)):
        if options.documents:
            raise UsageError(f"{place.name} holds records, one document each; leave out --documents")
        return partial(_parse_records, place, options)
    for option in ("text_field", "target_field"):
        if getattr(options, option):
            raise UsageError(
                f"{place.name} has no fields; leave out --{option.replace('_', '-')}, or name files of "
                f"{', '.join(_RECORDS)} alone"
            )
    if options.label_field is not None:
        given = labels.of_file(place, options.label_field)
        return partial(_given, partial(_parse_text, place, options, _TEXTS), given)
    return partial(_parse_text, place, options, _TEXTS_IN_BULK if in_bulk else _TEXTS)


def _given(parser: _Parser, given: str | None) -> _Items:
    """Yield the same documents, each given this."""
    for item in parser():
        yield replace(item, given=given) if isinstance(item, Document) else item


def has_fields(source: str) -> bool:
    """Return whether a source is records; DataError where there is nothing to read."""
    return not source.startswith(_EXAMPLE) and any(place.ending in _RECORDS for place in locate(source))


def is_text(source: str) -> bool:
    """Return whether a source is files of text alone; DataError where there is nothing to read."""
    return not source.startswith(_EXAMPLE) and all(
        place.ending not in (*_RECORDS, STDIN) for place in locate(source)
    )


def _names_a_field(options: ReadingOptions) -> bool:
    return any((options.text_field, options.label_field, options.target_field))


def _parallel_parser(sources: Sequence[str], targets: str, options: ReadingOptions) -> _Parser:
    """Return what will pair lines; UsageError for records, whose fields would not be read."""
    for source in (*sources, targets):
        if has_fields(source):
            raise UsageError(
                f"{source} holds records, and --targets pairs lines of text; name the fields of records with "
                "--text-field and --target-field"
            )
    alone = replace(options, targets=None, documents="lines")
    one, other = (_all_of(_parsers(each, alone, in_bulk=False)) for each in (sources, [targets]))
    return partial(_parallel, one, other, " ".join(sources), targets)


def _all_of(parsers: Iterable[_Parser]) -> Iterator[Document | BadRecord]:
    """Yield what is parsed, bad records in their places, so that lines keep their numbers."""
    for parser in parsers:
        with closing(parser()) as items:
            yield from (item for item in items if not isinstance(item, Lines))


def _parallel(
    sources: Iterator[Document | BadRecord],
    targets: Iterator[Document | BadRecord],
    sources_name: str,
    targets_name: str,
) -> _Items:
    """Yield the targets, each given the source that stands at its place."""
    for number, (source, target) in enumerate(zip_longest(sources, targets), 1):
        if source is None or target is None:
            shorter, longer = sources_name, targets_name
            if source is not None:
                shorter, longer = longer, shorter
            raise DataError(
                f"{shorter} ends after line {number - 1} and {longer} goes on; "
                "parallel files need a line for each of the other's"
            )
        bad = next((one for one in (source, target) if isinstance(one, BadRecord)), None)
        if bad is not None:
            yield bad
            continue
        assert isinstance(source, Document) and isinstance(target, Document), "bad ones are gone"
        if source.text.strip() and target.text.strip():
            yield replace(target, given=source.text)
        else:
            empty = target if source.text.strip() else source
            yield BadRecord(f"{empty.name}: an empty line, and nothing pairs with it; fix it")


def _parse_records(place: Place, options: ReadingOptions) -> _Items:
    parse = _RECORDS[".jsonl" if place.ending == STDIN else place.ending]
    with opened(place, seekable=place.ending == ".parquet") as stream:
        yield from parse(stream, place.name, options.fields(), options.binary)


def _parse_text(place: Place, options: ReadingOptions, texts: Mapping[str, Any]) -> _Items:
    default = "lines" if place.ending in (".log", STDIN) else "files"
    with opened(place) as stream:
        yield from texts[options.documents or default](stream, place.name, options.binary)


def _all(documents: Iterator[Document]) -> _Items:
    yield from documents
