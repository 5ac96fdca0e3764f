"""Storage: always the old file or the new one, and one line with a remedy for everything that fails."""

from __future__ import annotations

import os
import resource
import signal
import stat
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from anygram import storage
from anygram.errors import AnygramError, RunError
from anygram.protocols import Tensors


class Interrupted(BaseException):
    """Stands for Ctrl-C."""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "deeper" / "a.txt"
    storage.write_text(path, "old")
    storage.write_text(path, "new ü")
    assert path.read_text(encoding="utf-8") == "new ü"
    assert names(path.parent) == ["a.txt"]


@pytest.mark.parametrize("failure", [ValueError, Interrupted])
def test_a_failed_write_leaves_the_old_file(tmp_path: Path, failure: type[BaseException]) -> None:
    path = tmp_path / "a.txt"
    storage.write_text(path, "old")
    with pytest.raises(failure), storage.replacing(path) as temporary:
        temporary.write_text("half")
        raise failure
    assert path.read_text() == "old" and names(tmp_path) == ["a.txt"]


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "run"
    for name in ("old", "new"):
        with storage.replacing_folder(path) as temporary:
            (temporary / name).write_text(name)
        assert names(path) == [name]
    assert names(tmp_path) == ["run"]


@pytest.mark.parametrize("failure", [ValueError, Interrupted])
def test_a_failed_folder_leaves_the_old_one(tmp_path: Path, failure: type[BaseException]) -> None:
    path = tmp_path / "run"
    with storage.replacing_folder(path) as temporary:
        (temporary / "old").touch()
    with pytest.raises(failure), storage.replacing_folder(path) as temporary:
        (temporary / "half").touch()
        raise failure
    assert names(path) == ["old"] and names(tmp_path) == ["run"]


@pytest.mark.parametrize("stage", [1, 2])
@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), Interrupted()])
def test_an_exchange_of_folders_that_breaks_off_brings_the_old_one_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: int, failure: BaseException
) -> None:
    path = tmp_path / "run"
    with storage.replacing_folder(path) as temporary:
        (temporary / "old").touch()
    done, rename = [], Path.rename

    def breaks(self: Path, target: Path) -> Path:
        done.append(self)
        if len(done) == stage:
            raise failure
        return rename(self, target)

    monkeypatch.setattr(storage, "_swap", lambda one, other: False)
    monkeypatch.setattr(Path, "rename", breaks)
    with pytest.raises((AnygramError, Interrupted)), storage.replacing_folder(path) as temporary:
        (temporary / "new").touch()
    assert names(path) == ["old"] and names(tmp_path) == ["run"]


def test_a_folder_is_replaced_where_the_system_knows_no_exchange(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "_IS_LINUX", False)
    test_a_folder_is_replaced_whole(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux exchanges two folders in one step")
def test_there_is_a_folder_at_every_moment_of_an_exchange(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.mkdir()
    missed: list[bool] = []
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            missed.append(not path.exists())

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(300):
        with storage.replacing_folder(path):
            pass
    over.set()
    watcher.join()
    assert len(missed) > 300 and not any(missed)


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "link"
    link.symlink_to("real")
    with storage.replacing_folder(link) as temporary:
        (temporary / "new").touch()
    assert link.is_symlink() and names(tmp_path / "real") == ["new"]
    assert names(tmp_path) == ["link", "real"]


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        storage.write_text(tmp_path / "a", "")
        with storage.replacing_folder(tmp_path / "b"):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o750


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file may grow past 1,000 bytes."""
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.usefixtures("small_disk")
@pytest.mark.parametrize(
    "write",
    [
        lambda path: storage.write_text(path, "x" * 9999),
        lambda path: storage.write_tensors(path, {"x": np.zeros(9999)}),
    ],
)
def test_a_file_that_finds_no_room_is_explained_and_gone(
    tmp_path: Path, write: Callable[[Path], None]
) -> None:
    with pytest.raises(AnygramError, match=r"cannot write .*/a: File too large; choose another place"):
        write(tmp_path / "a")
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("code", "remedy"),
    [(28, "the disk is full; free some room"), (13, "no permission; choose"), (30, "read-only; choose")],
)
def test_what_the_system_says_of_a_write_becomes_one_line(tmp_path: Path, code: int, remedy: str) -> None:
    with pytest.raises(AnygramError, match=remedy) as caught, storage.replacing(tmp_path / "a"):
        raise OSError(code, os.strerror(code))
    assert "\n" not in str(caught.value)


TENSORS = {
    "scalar": np.array(2.5),
    "empty": np.zeros((0, 3), dtype=np.int32),
    "transposed": np.arange(6, dtype=np.int64).reshape(2, 3).T,
    "flags": np.array([True, False]),
    "small": np.array([1, 2], dtype=np.uint8),
    "single": np.array([0.1], dtype=np.float32),
}


def test_tensors_come_back_as_they_were(tmp_path: Path) -> None:
    storage.write_tensors(tmp_path / "a", TENSORS)
    back = storage.read_tensors(tmp_path / "a")
    assert back.keys() == TENSORS.keys()
    for name, array in TENSORS.items():
        assert back[name].dtype == array.dtype and back[name].shape == array.shape, name
        assert np.array_equal(back[name], array), name
    storage.write_tensors(tmp_path / "a", {})
    assert storage.read_tensors(tmp_path / "a") == {}


def test_tensors_are_what_the_safetensors_package_reads(tmp_path: Path) -> None:
    path = tmp_path / "a"
    storage.write_tensors(path, TENSORS)
    with safe_open(path, framework="numpy") as file:
        assert set(file.keys()) == set(TENSORS)
        for name, array in TENSORS.items():
            read = file.get_tensor(name)
            assert read.dtype == array.dtype and read.shape == array.shape, name
            assert np.array_equal(read, array), name
    save_file({name: np.ascontiguousarray(array) for name, array in TENSORS.items()}, tmp_path / "b")
    assert storage.read_tensors(tmp_path / "b").keys() == TENSORS.keys()


def test_tensors_are_aligned_and_little_endian(tmp_path: Path) -> None:
    numbers = {
        "u8": np.ones(3, dtype=np.uint8),
        "big": np.array([1, 2], dtype=">i8"),
        "f4": np.ones(5, "<f4"),
    }
    storage.write_tensors(tmp_path / "a", numbers)
    header = int.from_bytes((tmp_path / "a").read_bytes()[:8], "little")
    assert (8 + header) % 64 == 0
    back = storage.read_tensors(tmp_path / "a")
    assert back["big"].tolist() == [1, 2] and back["big"].dtype == np.dtype("<i8")
    assert all(array.flags.aligned and not array.flags.writeable for array in back.values())


def test_writing_and_reading_tensors_copies_none(tmp_path: Path) -> None:
    large: Tensors = {"x": np.zeros(1 << 22), "y": np.zeros(1 << 20, dtype=np.int32)}
    tracemalloc.start()
    try:
        storage.write_tensors(tmp_path / "a", large)
        storage.read_tensors(tmp_path / "a")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


def test_json_and_toml_come_back_as_they_were(tmp_path: Path) -> None:
    fields: dict[str, Any] = {"text": 'a "ü" \n', "number": 0.1, "deep": {"list": [1, 2], "on": True}}
    storage.write_json(tmp_path / "a", {**fields, "nothing": None})
    assert storage.read_json(tmp_path / "a") == {**fields, "nothing": None}
    storage.write_toml(tmp_path / "b", {**fields, "nothing": None})
    assert storage.read_toml(tmp_path / "b") == fields


@pytest.mark.parametrize(
    ("read", "content"),
    [
        (storage.read_json, None),
        (storage.read_json, b""),
        (storage.read_json, b"{"),
        (storage.read_json, b"[1]"),
        (storage.read_json, b"\xff\xfe"),
        (storage.read_toml, None),
        (storage.read_toml, b"a = "),
        (storage.read_toml, b"\xff\xfe"),
        (storage.read_tensors, None),
        (storage.read_tensors, b""),
        (storage.read_tensors, b"\xff" * 16),
    ],
)
def test_a_missing_or_damaged_file_is_named(
    tmp_path: Path, read: Callable[[Path], dict[str, Any]], content: bytes | None
) -> None:
    path = tmp_path / "fields"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RunError, match=r"^[^\n]*cannot be read \(.+\); restore it or train again$") as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_tensors_cut_short_are_damaged(tmp_path: Path) -> None:
    storage.write_tensors(tmp_path / "a", TENSORS)
    (tmp_path / "a").write_bytes((tmp_path / "a").read_bytes()[:-1])
    with pytest.raises(RunError, match="cannot be read"):
        storage.read_tensors(tmp_path / "a")
