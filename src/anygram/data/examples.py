"""Real data that every machine has: the Python standard library of the interpreter that runs this, and what
scikit-learn carries."""

from __future__ import annotations

import ast
import sysconfig
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from anygram.data import pictures
from anygram.data.documents import Document
from anygram.errors import DataError, UnknownName

_LEFT_OUT = {"site-packages", "dist-packages", "test", "tests", "idle_test", "__pycache__"}


def read_example(name: str, label: str | None = None) -> Iterator[Document]:
    """Return the documents of a built-in example; UnknownName at once where there is none, or no such label.

    `docstrings`: every docstring of the library, one document each; `stdlib`: its source code, one
    document a file; `digits`: 1,797 handwritten digits, pictures of 8 × 8 pixels in 17 shades of grey
    (scikit-learn's 0 to 16, times 15 so that people see them), with the `digit` as their label.
    """
    if name not in EXAMPLES:
        raise UnknownName("example", name, EXAMPLES)
    if label is None:
        return (replace(document, given=None) for document in EXAMPLES[name]())
    if label != LABELS.get(name):
        raise UnknownName(f"label of example:{name}", label, [LABELS[name]] if name in LABELS else [])
    return EXAMPLES[name]()


def _library() -> Iterator[tuple[str, str]]:
    """Yield (path within the library, source) of its files in sorted order, tests and packages left out."""
    folder = Path(sysconfig.get_path("stdlib"))
    paths = sorted(
        path for path in folder.rglob("*.py") if _LEFT_OUT.isdisjoint(path.relative_to(folder).parts)
    )
    if not paths:
        raise DataError(f"{folder}: this Python has no source of its library; name a file instead")
    for path in paths:
        try:
            source = path.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        if source:
            yield path.relative_to(folder).as_posix(), source


def _docstrings() -> Iterator[Document]:
    for path, source in _library():
        for line, docstring in _docstrings_of(source):
            yield Document(docstring, name=f"{path}:{line}")


def _docstrings_of(source: str) -> list[tuple[int, str]]:
    """Return (line, docstring) of the module and of every class and function in it, in order."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # the library's, not the user's
            warnings.simplefilter("ignore", DeprecationWarning)
            tree = ast.parse(source)
    except (SyntaxError, ValueError):  # files that are kept broken on purpose
        return []
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    nodes = [node for node in ast.walk(tree) if isinstance(node, documented)]
    found = [(node.body[0].lineno, ast.get_docstring(node)) for node in nodes if node.body]
    return sorted((line, docstring) for line, docstring in found if docstring)


def _source_files() -> Iterator[Document]:
    return (Document(source, name=path) for path, source in _library())


def _digits() -> Iterator[Document]:
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DataError("example:digits comes with scikit-learn; pip install scikit-learn") from error
    found = load_digits()
    for number, (pixels_HW, digit) in enumerate(zip(found.images, found.target, strict=True)):
        picture = pictures.document((15 * pixels_HW).astype(np.uint8), name=f"digits:{number}:{digit}")
        yield replace(picture, given=str(digit))


EXAMPLES = {"docstrings": _docstrings, "stdlib": _source_files, "digits": _digits}
LABELS = {"digits": "digit"}
"""What the labels of examples are called."""
KINDS = {"digits": "pictures"}
"""Of what kind the examples are that are not text."""
