"""The built-in examples: what of the standard library they read."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from anygram.data import examples
from anygram.data.reading import ReadingOptions, Report, read
from anygram.errors import DataError


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in for the standard library: the real one takes seconds to parse."""
    for name in ("b.py", "a.py", "test/t.py", "pkg/tests/t.py", "site-packages/s.py", "pkg/idle_test/i.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text('"""Left out, or replaced below."""\n')
    (tmp_path / "a.py").write_text(
        "'''  Module\n    indented\n  '''\n"
        "class C:\n  'Class'\n  async def f(self):\n    'Method'\n"
        "def g():\n  return '\\d'\ndef h():\n  ''\n"
    )
    (tmp_path / "broken.py").write_text("def (")
    (tmp_path / "empty.py").write_text("")
    (tmp_path / "latin.py").write_bytes(b"# -*- coding: latin-1 -*-\n'''caf\xe9'''\n")
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    return tmp_path


def test_docstrings_are_those_of_the_library_in_order(library: Path) -> None:
    documents = list(read(["example:docstrings"], ReadingOptions(), Report()))
    assert [(document.name, document.text) for document in documents] == [
        ("a.py:1", "Module\nindented"),
        ("a.py:5", "Class"),
        ("a.py:7", "Method"),
        ("b.py:1", "Left out, or replaced below."),
    ]


def test_the_library_is_a_document_a_file(library: Path) -> None:
    documents = list(read(["example:stdlib"], ReadingOptions(), Report()))
    assert [document.name for document in documents] == ["a.py", "b.py", "broken.py"]
    assert documents[0].text == (library / "a.py").read_text()


def test_a_python_without_its_source_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    with pytest.raises(DataError, match="no source of its library"):
        list(examples.read_example("stdlib"))


def test_this_machine_has_the_library() -> None:
    first = list(itertools.islice(examples.read_example("docstrings"), 200))
    assert first[0].name.startswith("__future__.py:1")
    assert sum(document.units for document in first) > 10_000
