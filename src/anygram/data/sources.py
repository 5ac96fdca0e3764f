"""Where the bytes are: a SOURCE becomes places, and a place becomes a stream of plain bytes.

A source is a path, a glob, a folder, `-` (standard input) or a URL that fsspec knows.
"""

from __future__ import annotations

import bz2
import glob
import gzip
import io
import lzma
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from anygram.errors import DataError

ENDINGS = (".txt", ".md", ".log", ".jsonl", ".csv", ".tsv", ".parquet")
COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst")
STDIN = "-"


@dataclass(frozen=True)
class Place:
    """One stream of bytes: `name` for people, `ending` without the `compression`, both lower case."""

    name: str
    ending: str
    compression: str
    open: Callable[[], AbstractContextManager[BinaryIO]]


def locate(source: str, endings: tuple[str, ...] = ENDINGS) -> list[Place]:
    """Return the places that a source names, sorted; DataError where there is nothing to read.

    Of a folder those are taken that have one of the endings.
    """
    if source == STDIN:
        return [Place("stdin", STDIN, "", lambda: nullcontext(sys.stdin.buffer))]
    if "://" in source:
        return _locate_url(source, endings)
    path = Path(source).expanduser()
    if path.is_dir():
        return _known([_file(file) for file in _walk(path)], source, endings)
    if path.exists():
        return [_file(path)]
    if glob.has_magic(source):
        matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207  (Path.glob takes no absolute pattern)
        places = [_file(Path(match)) for match in matches if not Path(match).is_dir()]
        if not places:
            raise DataError(f"{source}: no file matches; check the pattern")
        return places
    raise DataError(f"{source}: no such file or folder; check the path")


def _walk(folder: Path) -> list[Path]:
    """Return the files below a folder in sorted order; hidden files and folders are left alone."""
    files = [
        path
        for path in folder.rglob("*")
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    return sorted(path for path in files if path.is_file())


def _known(places: Iterable[Place], source: str, endings: tuple[str, ...]) -> list[Place]:
    """Return the places whose ending is known; a folder without one is an error."""
    known = [place for place in places if place.ending in endings]
    if not known:
        raise DataError(
            f"{source}: no readable file in this folder; name a file, or use the endings "
            f"{' '.join(endings)} (plain or with {' '.join(COMPRESSIONS)})"
        )
    return known


def _file(path: Path) -> Place:
    return _place(str(path), lambda: path.open("rb"))


def _place(name: str, opener: Callable[[], AbstractContextManager[BinaryIO]]) -> Place:
    path = PurePosixPath(name.lower())
    compression = path.suffix if path.suffix in COMPRESSIONS else ""
    ending = path.with_suffix("").suffix if compression else path.suffix
    return Place(name, ending, compression, opener)


def _locate_url(url: str, endings: tuple[str, ...]) -> list[Place]:
    import fsspec

    def place(path: str) -> Place:
        return _place(files.unstrip_protocol(path), lambda: files.open(path, "rb"))

    try:
        files, path = fsspec.core.url_to_fs(url)
        if url.startswith(("http://", "https://")):  # no folders, and ? and * are part of an address
            return [place(path)]
        if glob.has_magic(path):
            matches = [place(match) for match in sorted(files.glob(path)) if files.isfile(match)]
        elif files.isdir(path):
            return _known([place(file) for file in sorted(files.find(path))], url, endings)
        else:
            matches = [place(path)] if files.exists(path) else []
    except DataError:
        raise
    except Exception as error:  # every remote file system has errors of its own
        raise DataError(f"{url}: cannot be reached ({error}); check the address and its package") from error
    if not matches:
        raise DataError(f"{url}: no such file or folder; check the address")
    return matches


@contextmanager
def opened(place: Place, *, seekable: bool = False) -> Iterator[BinaryIO]:
    """Yield the place's plain bytes; what goes wrong while they are read is a DataError naming it."""
    try:
        with ExitStack() as stack:
            raw = stack.enter_context(place.open())
            plain = stack.enter_context(_decompressed(raw, place.compression))
            if seekable and (place.compression or not plain.seekable()):
                copy = stack.enter_context(tempfile.TemporaryFile())
                shutil.copyfileobj(plain, copy)
                plain = cast(BinaryIO, copy)
            yield plain
    except (EOFError, zlib.error, lzma.LZMAError) as error:
        raise _damaged(place, error) from error
    except OSError as error:
        if error.errno is None and place.compression:  # the decompressors' own, not the system's
            raise _damaged(place, error) from error
        raise DataError(
            f"{place.name}: cannot be read ({error.strerror or error}); check the file and its permissions"
        ) from error


def _damaged(place: Place, error: Exception) -> DataError:
    return DataError(f"{place.name}: the archive is damaged ({error}); fetch or pack it again")


def _decompressed(raw: BinaryIO, compression: str) -> AbstractContextManager[BinaryIO]:
    if compression == ".gz":
        return cast(BinaryIO, gzip.GzipFile(fileobj=raw))
    if compression == ".bz2":
        return cast(BinaryIO, bz2.BZ2File(raw))
    if compression == ".xz":
        return cast(BinaryIO, lzma.LZMAFile(raw))
    if compression == ".zst":
        import pyarrow

        return cast(BinaryIO, io.BufferedReader(pyarrow.CompressedInputStream(raw, "zstd")))
    return nullcontext(raw)
