"""From sources to splits: read, spool to disk, split; with a description that goes into the record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeGuard

from anygram.data import kinds
from anygram.data.documents import Document, Lines
from anygram.data.reading import DocumentsAre, ReadingOptions, Report, read_in_bulk
from anygram.data.splitting import Splits, count_duplicates, split
from anygram.data.store import DocumentStore, units_of
from anygram.errors import DataError, UsageError
from anygram.reporting.progress import Progress, Silent


@dataclass(frozen=True)
class DataOptions:
    """Which data, how it becomes documents, and how it is split.

    `valid` and `test` are a fraction from 0 to 1, a source, or "none"; `valid` None leaves it to the learner.
    `kind` says what the sources are read as, and `beside` which of their fields go into the sides.
    """

    sources: tuple[str, ...]
    documents: DocumentsAre | None = None
    text_field: str | None = None
    valid: str | None = "none"
    test: str = "none"
    on_bad_record: Literal["fail", "skip"] = "fail"
    binary: bool = False
    kind: str = kinds.TEXT
    beside: tuple[str, ...] = ()
    label_field: str | None = None
    target_field: str | None = None
    targets: str | None = None

    def reading(self) -> ReadingOptions:
        """Return the part that reading needs."""
        if self.on_bad_record not in ("fail", "skip"):
            raise UsageError(f"--on-bad-record must be fail or skip, got '{self.on_bad_record}'")
        if self.documents not in (None, "lines", "paragraphs", "files"):
            raise UsageError(f"--documents must be lines, paragraphs or files, got '{self.documents}'")
        if self.targets and (is_source(self.valid) or is_source(self.test)):
            raise UsageError(
                "--targets belong to SOURCE; give --valid and --test as fractions, or pairs in fields"
            )
        return ReadingOptions(
            self.documents,
            self.text_field,
            self.on_bad_record,
            self.binary,
            self.kind,
            self.beside,
            self.label_field,
            self.target_field,
            self.targets,
        )


@dataclass(frozen=True)
class Prepared:
    """Splits ready to be trained on, and what a record says of them."""

    splits: Splits
    description: dict[str, Any]


FINGERPRINTS = ("fingerprint", "valid_fingerprint", "test_fingerprint")
"""What a record calls the digests of the sources, and of those of --valid and --test."""

DefaultValid = Callable[[int], str]
"""Says which validation split suits data of so many units, where the options leave it open."""


def no_valid(units: int) -> str:
    """Return "none" for data of any size."""
    return "none"


def prepare(
    options: DataOptions,
    seed: int,
    workspace: Path,
    progress: Progress | None = None,
    default_valid: DefaultValid = no_valid,
) -> Prepared:
    """Return the splits of the sources, spooled below `workspace`; DataError where they hold no text."""
    spool(options, workspace, progress or Silent())
    return reopen(options, seed, workspace, default_valid)


def spool(options: DataOptions, workspace: Path, progress: Progress) -> None:
    """Read every source once and lay its documents down below `workspace`; find all before reading any."""
    if [*options.sources, options.valid, options.test].count("-") > 1:
        raise UsageError("standard input can be read once; name another source for --valid or --test")
    wanted: dict[str, Sequence[str]] = {"documents": options.sources}
    for name in ("valid", "test"):
        part = _part(getattr(options, name), name)
        if isinstance(part, str):
            wanted[name] = [part]
    reports = {name: Report() for name in wanted}
    found = {
        name: read_in_bulk(sources, options.reading(), reports[name]) for name, sources in wanted.items()
    }
    for name, sources in wanted.items():
        progress.stage(f"reading {' '.join(sources)}")
        _spool(found[name], " ".join(sources), reports[name], workspace / name, progress)


def reopen(
    options: DataOptions, seed: int, workspace: Path, default_valid: DefaultValid = no_valid
) -> Prepared:
    """Return the splits of what `spool` laid down; other processes get the same ones."""
    store = DocumentStore(workspace / "documents")
    if options.valid is None:
        options = replace(options, valid=default_valid(store.units))
    splits = open_splits(options, seed, workspace)
    return Prepared(splits, {**_describe(options, store, splits), **fingerprints(options, workspace)})


def open_splits(options: DataOptions, seed: int, workspace: Path) -> Splits:
    """Return the splits as `reopen` does, undescribed; a validation part that is left open is none."""
    valid, test = _part(options.valid, "valid"), _part(options.test, "test")
    splits = split(
        DocumentStore(workspace / "documents"),
        valid=valid if isinstance(valid, float) else None,
        test=test if isinstance(test, float) else None,
        seed=seed,
        parted=kinds.parted_of(options.kind),
    )
    if isinstance(valid, str):
        splits = replace(splits, valid=DocumentStore(workspace / "valid"))
    if isinstance(test, str):
        splits = replace(splits, test=DocumentStore(workspace / "test"))
    return splits


def fingerprints(options: DataOptions, workspace: Path) -> dict[str, str]:
    """Return the digests of what `spool` laid down, by their names; a part that is no source has none."""
    of_all, *of_parts = FINGERPRINTS
    found = {of_all: DocumentStore(workspace / "documents").fingerprint}
    for name, key in zip(("valid", "test"), of_parts, strict=True):
        if isinstance(_part(getattr(options, name), name), str):
            found[key] = DocumentStore(workspace / name).fingerprint
    return found


def _describe(options: DataOptions, store: DocumentStore, splits: Splits) -> dict[str, Any]:
    description: dict[str, Any] = {
        "sources": list(options.sources),
        "documents_are": options.documents or "default",
        "text_field": options.text_field or "default",
        "valid": options.valid,
        "test": options.test,
        "documents": len(store),
        "bytes": store.units,
        "train_documents": len(splits.train),
        "valid_documents": len(splits.valid),
        "test_documents": len(splits.test),
    }
    if options.kind != kinds.TEXT:
        description["kind"] = options.kind
    if options.beside:
        description["beside"] = list(options.beside)
    for name in ("label_field", "target_field", "targets"):
        if getattr(options, name):
            description[name] = getattr(options, name)
    if len(splits.test):
        description["test_bytes"] = units_of(splits.test)
        description["duplicates_in_test"] = count_duplicates(splits.train, splits.test)
    return description


def _spool(
    documents: Iterator[Document | Lines], name: str, report: Report, folder: Path, progress: Progress
) -> None:
    store = DocumentStore.spool(_counted(documents, progress), folder)
    if report.skipped:
        progress.say(f"skipped {report.skipped} bad records, the first: {report.reasons[0]}")
    if not store.holds_text:
        raise DataError(f"{name}: there is no text in it; name a source that holds some")


def _counted(documents: Iterable[Document | Lines], progress: Progress) -> Iterator[Document | Lines]:
    units = 0
    for item in documents:
        units += item.units
        progress.update(units, f"{units / 1e6:.1f} MB")
        yield item


def is_source(word: str | None) -> TypeGuard[str]:
    """Return whether a word of `--valid` or `--test` names a source, and not a fraction or none."""
    return isinstance(_part(word, "test"), str)


def _part(word: str | None, name: str) -> float | str | None:
    """Return what `--valid` or `--test` asks for: a fraction, a source, or nothing."""
    if word is None or word.lower() == "none":
        return None
    try:
        fraction = float(word)
    except ValueError:
        return word
    if not 0 < fraction < 1:
        raise UsageError(f"--{name} as a fraction must lie between 0 and 1, got {word}; or pass none")
    return fraction
