"""Files that are always the old one or the new one, never half: atomic writes of files and folders."""

from __future__ import annotations

import ctypes
import errno
import json
import math
import mmap
import os
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from numpy.typing import NDArray

from anygram.errors import AnygramError, RunError
from anygram.protocols import Tensors

_IS_LINUX = sys.platform == "linux"
_HERE, _EXCHANGE = -100, 2
"""AT_FDCWD and RENAME_EXCHANGE of linux/fcntl.h and linux/fs.h, for renameat2(2)."""


_DTYPES = {
    **{f"{letter}{bits}": f"<{letter.lower()}{bits // 8}" for letter in "IUF" for bits in (16, 32, 64)},
    "I8": "i1",
    "U8": "u1",
    "BOOL": "?",
}
"""NumPy's names of the element types of safetensors, which stores them in little-endian order."""
_ELEMENTS_AT_ONCE = 1 << 24
_NAMES = {np.dtype(kind): name for name, kind in _DTYPES.items()}
_ALIGNMENT = 64


@contextmanager
def explaining_writes(path: Path) -> Iterator[None]:
    """Turn what the operating system says of a write into one line with a remedy."""
    try:
        yield
    except OSError as error:
        remedy = {
            errno.ENOSPC: "the disk is full; free some room and run again",
            errno.EACCES: "no permission; choose another folder",
            errno.EROFS: "the file system is read-only; choose another folder",
        }.get(error.errno or 0, "choose another place or free this one")
        reason = os.strerror(error.errno) if error.errno else error
        raise AnygramError(f"cannot write {path}: {reason}; {remedy}") from error


def require_writable(path: Path) -> None:
    """Raise AnygramError where a file or folder at `path` could not be written, before it is worked for."""
    with explaining_writes(path):
        place = next(parent for parent in path.resolve().parents if parent.exists())
        tempfile.TemporaryDirectory(dir=place, prefix=f".{path.name}.").cleanup()


def numbered(path: Path, count: int) -> list[Path]:
    """Return the names of so many files like this one: its own where it is one, else NAME-1 and so on.

    >>> [name.as_posix() for name in numbered(Path("to/made.png"), 2)]
    ['to/made-1.png', 'to/made-2.png']
    """
    if count == 1:
        return [path]
    return [path.with_stem(f"{path.stem}-{number}") for number in range(1, count + 1)]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path to write to; on success it becomes `path` in one step, on failure it is gone."""
    with explaining_writes(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            with temporary.open("rb") as stream:
                os.fsync(stream.fileno())
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder to fill; on success it becomes `path`, on failure it is gone.

    At no moment is there neither the old folder nor the new one, where the system can exchange two
    (Linux); elsewhere the old one stands aside for an instant.
    """
    path = path.resolve()  # a link stays a link
    with explaining_writes(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        try:
            yield temporary
            temporary.chmod(0o777 & ~_umask())
            _exchange(temporary, path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _exchange(new: Path, path: Path) -> None:
    if not path.exists():
        new.rename(path)
    elif not _swap(new, path):
        _replace_in_two_steps(new, path)


def _swap(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; return False, having done nothing, where the system cannot."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if _IS_LINUX else None
    if renameat2 is None:
        return False
    if renameat2(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS):  # a file system or a kernel that has no exchange
        return False
    raise OSError(code, os.strerror(code))


def _replace_in_two_steps(new: Path, path: Path) -> None:
    aside = Path(tempfile.mkdtemp(prefix=f".{path.name}.old.", dir=path.parent))
    old = aside / path.name
    try:
        path.rename(old)
        new.rename(path)
    finally:
        if old.exists() and not path.exists():  # refused or interrupted: the old one comes back
            old.rename(path)
        shutil.rmtree(aside, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, as UTF-8; bytes that are no text, as in a file's name, become "?"."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="replace")


def write_json(path: Path, fields: Mapping[str, Any]) -> None:
    """Write a JSON file atomically."""
    write_text(path, to_json(fields, indent=1) + "\n")


def to_json(value: Any, indent: int | None = None) -> str:
    """Return strict JSON: numbers that are not finite, which JSON lacks, become null.

    >>> to_json({"rate": float("inf")})
    '{"rate": null}'
    """
    return json.dumps(_finite(value), ensure_ascii=False, indent=indent, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_json(path: Path) -> dict[str, Any]:
    """Return what a JSON file holds; a RunError names a missing or damaged one."""
    try:
        fields = json.loads(path.read_bytes().decode("utf-8"))  # at once: read_text decodes piece by piece
        if not isinstance(fields, dict):
            raise ValueError(f"it holds a {type(fields).__name__}, not an object")
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    return fields


def write_toml(path: Path, fields: Mapping[str, Any]) -> None:
    """Write a TOML file atomically; keys whose value is None are left out."""
    write_text(path, tomli_w.dumps(_without_none(fields)))


def read_toml(path: Path) -> dict[str, Any]:
    """Return what a TOML file holds; a RunError names a missing or damaged one."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def write_tensors(path: Path, tensors: Tensors) -> None:
    """Write arrays atomically in the safetensors format, straight from their memory.

    The data begin at a multiple of 64 bytes and wide elements come first, so that every array is aligned.
    """
    stored = {
        name: np.asarray(array, array.dtype.newbyteorder("<"), order="C") for name, array in tensors.items()
    }
    names = sorted(stored, key=lambda name: (-stored[name].itemsize, name))
    header, end = {}, 0
    for name in names:
        array, begin = stored[name], end
        end += array.nbytes
        header[name] = {"dtype": _NAMES[array.dtype], "shape": array.shape, "data_offsets": (begin, end)}
    described = json.dumps(header).encode()
    described += b" " * (-(8 + len(described)) % _ALIGNMENT)
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(len(described).to_bytes(8, "little") + described)
        for name in names:
            flat = stored[name].reshape(-1)
            for begin in range(0, len(flat), _ELEMENTS_AT_ONCE):
                file.write(flat[begin : begin + _ELEMENTS_AT_ONCE].data)
                forget(flat)


def forget(array: NDArray[Any]) -> None:
    """Let go of a mapped array's pages, if the system can; they come back when touched.

    An array in memory stays as it is. One that is mapped must share its changes with its file.
    """
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview):
        base = base.obj
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)


def read_tensors(path: Path) -> Tensors:
    """Return the arrays of a safetensors file, read-only and memory-mapped: pages come when touched.

    A RunError names a missing or damaged file.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy"):  # checks that header and size agree
            pass
        with path.open("rb") as file:
            header_bytes = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(header_bytes))
        header.pop("__metadata__", None)
        mapped = np.asarray(np.memmap(path, dtype=np.uint8, mode="r"))[8 + header_bytes :]
        return {name: _view(mapped, entry) for name, entry in header.items()}
    except (OSError, SafetensorError, KeyError) as error:
        raise _unreadable(path, error) from error


def _view(mapped: NDArray[np.uint8], entry: Mapping[str, Any]) -> NDArray[Any]:
    """Return the array that a header's entry describes, within the mapped file."""
    begin, end = entry["data_offsets"]
    view: NDArray[Any] = mapped[begin:end].view(_DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return view


def _unreadable(path: Path, error: Exception) -> RunError:
    reason = (getattr(error, "strerror", None) or str(error)).splitlines()[0]
    return RunError(f"{path}: cannot be read ({reason}); restore it or train again")


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_none(item) for item in value]
    return value
