"""The model that CONTRIBUTING.md adds in one file works as is said there, in the house and as a plug-in."""

from __future__ import annotations

import importlib
import json
import math
import os
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given

from anygram import api, models
from anygram.laws import CODEC_LAWS, MODEL_LAWS, Case, Subject, cases, laws_of
from anygram.protocols import Countable, LanguageModel

PAGE = (Path(__file__).parent.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
MODEL, LAW_TEST = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
(ENTRY_POINT,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """Return a folder that holds the package as an installer would lay it down."""
    ((group, points),) = tomllib.loads(ENTRY_POINT)["project"]["entry-points"].items()
    ((name, module),) = points.items()
    (tmp_path / f"{module}.py").write_text(MODEL)
    information = tmp_path / f"{module}-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[{group}]\n{name} = {module}\n")
    return tmp_path


def _python(plugin: Path, *words: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(plugin), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"PYTHONPATH": path}
    return subprocess.run(
        [sys.executable, *words], cwd=plugin, env=environment, capture_output=True, text=True, timeout=120
    )


def _anygram(plugin: Path, *words: str) -> dict[str, object]:
    program = _python(plugin, "-c", "from anygram.cli import main; main()", *words, "--json")
    assert program.returncode == 0, program.stderr
    fields: dict[str, object] = json.loads(program.stdout)
    return fields


def test_the_plug_in_is_trained_and_asked_by_the_command_line(plugin: Path) -> None:
    book = plugin / "book.txt"
    book.write_text(text := "the cat sat on the mat. " * 200)
    run = str(plugin / "run")
    settings = ("--codec", "bytes", "--test", "0.1", "--set", "strength=0.5")
    trained = _anygram(plugin, "train", str(book), "--model", "dirichlet", *settings, "--out", run)
    # what one symbol tells of the next in this text; the rest is the smoothing's price
    pairs, firsts = Counter(pairwise(text)), Counter(text[:-1])
    entropy = -sum(n * math.log2(n / firsts[pair[0]]) for pair, n in pairs.items()) / len(text)
    test = trained["test"]
    assert isinstance(test, dict) and entropy < test["bits_per_byte"] < entropy + 0.1
    evaluated = _anygram(plugin, "evaluate", run, str(book))
    assert isinstance(accuracy := evaluated["accuracy"], float) and accuracy > 0.5
    described = _anygram(plugin, "models")["dirichlet"]
    assert isinstance(described, dict) and described["settings"] == {"strength": 10.0}


def test_the_plug_in_keeps_the_laws_as_the_page_tests_them(plugin: Path) -> None:
    (plugin / "test_dirichlet.py").write_text(LAW_TEST)
    program = _python(plugin, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_dirichlet.py")
    assert program.returncode == 0, program.stdout
    passed = re.search(r"(\d+) passed", program.stdout)
    assert passed is not None and int(passed[1]) > len(MODEL_LAWS)


WRONG = {
    "score_is_the_chain_of_predict": (
        "[state[:, None], ids_BT], axis=1)[:, :-1]",
        "[ids_BT[:, :1], ids_BT], axis=1)[:, :-1]",
    ),
    "padding_is_ignored": ("lengths[:, None]] = 0.0", "lengths[:, None]] = -1.0"),
    "predictions_are_normalised": ("(seen_V + 1)", "(seen_V + 2)"),
    "restored_means_equal": ('"seen": self._seen_P}', '"seen": self._seen_P // 2}'),
    "a_prefix_teaches_nothing": ("(before_N, ids_N)[learnt_N]", "(before_N, ids_N)"),
    "a_condition_is_never_ignored": ('refuse(condition, "dirichlet")', "pass"),
}


@pytest.mark.parametrize("law", WRONG)
def test_the_laws_refuse_the_model_when_a_line_is_wrong(
    law: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, wrong = WRONG[law]
    assert right in MODEL
    for name, source in (("right", MODEL), ("wrong", MODEL.replace(right, wrong))):
        (tmp_path / f"dirichlet_{name}.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    _keep(importlib.import_module("dirichlet_right"), law)
    with pytest.raises(AssertionError):
        _keep(importlib.import_module("dirichlet_wrong"), law)
    for name in ("right", "wrong"):
        del sys.modules[f"dirichlet_{name}"]


def _keep(module: ModuleType, law: str) -> None:
    model = module.create(module.Config(), 5, 0)
    model.count(np.array([0, 1, 1, 4, 2, 0, 1, 4], dtype=np.int32), np.array([4, 4]))
    model.finish()
    subject = Subject(model, anew=lambda: module.create(module.Config(), 5, 1), tolerance=1e-6, exact=True)

    @given(case=cases(5))
    def keeps(case: Case) -> None:
        laws_of(model)[law](subject, case)

    keeps()


@pytest.fixture
def in_the_house(tmp_path: Path) -> Iterator[None]:
    """Put the file where the models are found."""
    (tmp_path / "dirichlet.py").write_text(MODEL)
    models.__path__.append(str(tmp_path))
    yield
    models.__path__.remove(str(tmp_path))
    sys.modules.pop("anygram.models.dirichlet", None)


def test_in_the_house_the_file_alone_is_a_model(in_the_house: None, tmp_path: Path) -> None:
    assert "dirichlet" in models.REGISTRY.names()
    book = tmp_path / "book.txt"
    book.write_text("abcabcabc" * 300)
    run = api.train(book, "dirichlet", out=tmp_path / "run", codec="bytes", settings={"strength": 1e-3})
    assert run.predict("ab", top=1)[0].symbol == "c"
    assert isinstance(run.model, LanguageModel) and isinstance(run.model, Countable)


def test_the_equation_is_the_one_cited(in_the_house: None) -> None:
    module = models.REGISTRY.load("dirichlet")
    model = module.create(module.Config(strength=2.0), 3, 0)
    model.count(np.array([0, 1, 0, 2], dtype=np.int32), np.array([4]))
    model.finish()
    # c(0) = 2, c(1) = 1, c(2) = 1 of N = 4, so P(w) = 3/7, 2/7, 2/7; after 0 came 1 and the boundary
    p_V = np.exp(model.predict(model.advance(model.start(1), np.array([[0]], dtype=np.int32)))[0])
    np.testing.assert_allclose(p_V, [(2 * 3 / 7) / 4, (1 + 2 * 2 / 7) / 4, (1 + 2 * 2 / 7) / 4])


def test_the_page_names_every_law_of_codecs() -> None:
    assert re.findall(r"^\| `(\w+)` \|", PAGE.split("## Add a codec")[1], re.MULTILINE) == list(CODEC_LAWS)


def test_the_page_names_what_the_entry_can_do() -> None:
    entry = (Path(__file__).parent.parent / "dev").read_text(encoding="utf-8")
    named = re.findall(r"^\| `\./dev (\w+)` \|", PAGE, re.MULTILINE)
    assert named
    assert all(re.search(rf"^    {name}\)", entry, re.MULTILINE) for name in named)
