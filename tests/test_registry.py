"""The registry: files are choices, listed without importing; plug-ins come through entry points."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from anygram import registry
from anygram.errors import UnknownName
from anygram.registry import Registry


@pytest.fixture
def rooms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A package of two choices, one broken, and a private file; two plug-ins, one under a taken name."""
    package = tmp_path / "rooms"
    (package / "house").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "_private.py").write_text("")
    (package / "alpha.py").write_text("NAME = 'own alpha'")
    (package / "house" / "__init__.py").write_text("raise RuntimeError('imported')")
    (tmp_path / "plugin_package.py").write_text("NAME = 'plug-in'")
    monkeypatch.syspath_prepend(str(tmp_path))
    points = [EntryPoint(name, "plugin_package", "rooms") for name in ("alpha", "zeta")]
    monkeypatch.setattr(registry, "entry_points", lambda group: points if group == "rooms" else [])
    return Registry("room", "rooms", [str(package)])


def test_files_and_folders_are_choices_and_plug_ins_follow(rooms: Registry) -> None:
    assert rooms.names() == ["alpha", "house", "zeta"]


def test_own_choices_go_before_plug_ins_of_the_same_name(rooms: Registry) -> None:
    assert rooms.load("alpha").NAME == "own alpha"
    assert rooms.load("zeta").NAME == "plug-in"


def test_an_unknown_name_carries_the_nearest(rooms: Registry) -> None:
    with pytest.raises(
        UnknownName, match="no room named 'alhpa'; did you mean 'alpha'\\? known: alpha, house, zeta"
    ):
        rooms.load("alhpa")
    with pytest.raises(UnknownName):
        rooms.load("_private")


def test_listing_imports_no_choice_and_no_torch() -> None:
    program = (
        "import sys; from anygram.models import REGISTRY; names = REGISTRY.names();"
        "imported = [name for name in names if f'anygram.models.{name}' in sys.modules];"
        "print(len(names), len(imported), 'torch' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    count, imported, torch = answer.stdout.split()
    assert int(count) >= 9 and (imported, torch) == ("0", "False")
