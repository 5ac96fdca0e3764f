"""Documents of segments of several kinds: a picture and its caption, a recording and its transcript.

They are listed in a .jsonl file, one document a line, paths relative to it:

{"segments": [{"kind": "pictures", "path": "3.png"}, {"kind": "text", "text": "three"}]}

A segment of text has its `text` there, any other the `path` of its file and, where that holds several
documents, the `number` of the one that is meant, from 1. The document is the segments' bytes end to end; its
side says by `segments` of each its `kind`, its `bytes` and, if it has one, its `side`.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from anygram import storage
from anygram.data import kinds, records
from anygram.data.documents import Document, whole
from anygram.data.sources import Place, locate, opened
from anygram.errors import AnygramError, BadRecord, UnknownName, UsageError

READABLE = FIELDS = False
ENDINGS = (".jsonl",)
parted = whole
_KINDS = tuple(sorted({kinds.TEXT, *kinds.KINDS} - {"mixtures"}))


@dataclass(frozen=True)
class Segment:
    """A part of a document: of what kind it is, and itself as a document."""

    kind: str
    document: Document


def document(segments: Sequence[Segment], name: str = "") -> Document:
    """Return the segments as one document.

    >>> document([Segment("text", Document("three"))]).side
    {'segments': [{'kind': 'text', 'bytes': 5}]}
    """
    raws = [segment.document.to_bytes() for segment in segments]
    listed: list[dict[str, Any]] = []
    for segment, raw in zip(segments, raws, strict=True):
        side = segment.document.side
        beside = {} if side is None else {"side": dict(side)}
        listed.append({"kind": segment.kind, "bytes": len(raw), **beside})
    return Document(_text(b"".join(raws)), name=name, side={"segments": listed})


def segments(document: Document) -> list[Segment]:
    """Return the segments of a document."""
    assert document.side is not None, "a mixture has a side"
    raw, start, found = document.to_bytes(), 0, []
    for one in document.side["segments"]:
        text = _text(raw[start : start + one["bytes"]])
        found.append(Segment(one["kind"], Document(text, name=document.name, side=one.get("side"))))
        start += one["bytes"]
    return found


def place_of(document: Document, byte: int) -> str:
    """Return which segment a byte stands in, and where in that.

    >>> place_of(document([Segment("text", Document("three"))]), 2)
    'segment 1, text'
    """
    found = segments(document)
    for number, segment in enumerate(found, 1):
        size = len(segment.document.to_bytes())
        if byte < size or number == len(found):
            break
        byte -= size
    within = kinds.place_of(segment.kind, segment.document, byte)
    return f"segment {number}, {segment.kind}" + (f": {within}" if within else "")


def read(
    place: Place, field: str | None = None, beside: Sequence[str] = (), label: str | None = None
) -> Iterator[Document | BadRecord]:
    """Yield the document of each line that is not empty; a label stands beside its "segments"."""
    files = _Files(posixpath.dirname(place.name))
    with opened(place) as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            called = f"{place.name} line {number}"
            try:
                found, listed = _listed(line)
                given = None if label is None else records.label_of(found.get(label), label)
                made = document([_read(one, files) for one in listed], f"{place.name}:{number}")
                yield replace(made, given=given)
            except AnygramError as error:
                yield BadRecord(f"{called}: {error}")


def given(kind: str, what: str) -> Segment:
    """Return the segment of a text, or of a file of another kind; AnygramError where that cannot be read."""
    return _read({"kind": kind, "text" if kind == kinds.TEXT else "path": what}, _Files(""))


def write(path: Path, documents: Sequence[Document]) -> list[Path]:
    """Write documents as lines of a .jsonl file, and beside it a file for each segment that is no text.

    Those of NAME.jsonl are called NAME-1-2.png and so on, by document and segment. Return all files.
    """
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(f"{path}: mixtures are listed in {ENDINGS[0]} files; let the name end so")
    lines, files = [], [path]
    for number, one in enumerate(documents, 1):
        listed = []
        for place, segment in enumerate(segments(one), 1):
            if segment.kind == kinds.TEXT:
                listed.append({"kind": segment.kind, "text": segment.document.text})
                continue
            kind = kinds.load(segment.kind)
            files += kind.write(
                path.with_name(f"{path.stem}-{number}-{place}{kind.ENDINGS[0]}"), [segment.document]
            )
            listed.append({"kind": segment.kind, "path": files[-1].name})
        lines.append(json.dumps({"segments": listed}) + "\n")
    storage.write_text(path, "".join(lines))
    return files


def _listed(line: bytes) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a line's fields, and the segments that it lists; BadRecord where it does not do so."""
    try:
        found = json.loads(line)
    except ValueError as error:
        raise BadRecord(f"not JSON ({error}); mend it") from error
    listed = found.get("segments") if isinstance(found, dict) else None
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise BadRecord('no list of "segments"; add it')
    return found, listed


def _read(one: dict[str, Any], files: _Files) -> Segment:
    """Return a segment that is listed; AnygramError where it is not what it should be."""
    kind, key = one.get("kind"), "text" if one.get("kind") == kinds.TEXT else "path"
    if not isinstance(kind, str) or not isinstance(one.get(key), str) or kind == "mixtures":
        raise BadRecord(
            f'a segment needs a "kind", and "text" or the "path" of a file, got {json.dumps(one)}; mend it'
        )
    if kind not in _KINDS:
        raise UnknownName("kind of segment", kind, _KINDS)
    if "text" in one and "path" in one:
        raise BadRecord(f'a segment has both "text" and "path"; leave one out of {json.dumps(one)}')
    if kind == kinds.TEXT:
        return Segment(kind, Document(one["text"]))
    found, number = files.read(kind, one["path"]), one.get("number", 1)
    if not isinstance(number, int) or not 1 <= number <= len(found):
        raise BadRecord(f"{one['path']} has {len(found)} documents, none is number {number}; mend it")
    if len(found) > 1 and "number" not in one:
        raise BadRecord(f'{one["path"]} has {len(found)} documents; say by "number" which, from 1')
    return Segment(kind, found[number - 1])


class _Files:
    """Reads the files that a list names; the last one is kept, for lists that name its documents in turn."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._last: tuple[str, str] | None = None
        self._documents: list[Document] = []

    def read(self, kind: str, path: str) -> list[Document]:
        """Return the documents of a file; AnygramError where it cannot be read."""
        if (kind, path) != self._last:
            loaded = kinds.load(kind)
            places = locate(posixpath.join(self._folder, path), loaded.ENDINGS)
            for place in places:
                if place.ending not in loaded.ENDINGS:
                    raise BadRecord(f"{path}: not read as {kind}; name files of {', '.join(loaded.ENDINGS)}")
            found = [item for place in places for item in loaded.read(place)]
            for item in found:
                if isinstance(item, BadRecord):
                    raise item
            self._documents = [item for item in found if isinstance(item, Document)]
            self._last = kind, path
        return self._documents


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
