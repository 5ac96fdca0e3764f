"""What scikit-learn calls X as documents: texts, or the rows of a table. Axes: N samples, F features."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import validate_data

from anygram import codecs, storage
from anygram.data import frames, kinds, tables
from anygram.data.documents import Document
from anygram.errors import UsageError

TEXT = "text"
"""The field of texts in the file that a run learns from."""
Beside = Literal["label", "target"]
"""What stands beside samples: a label of each, or the text that it shall become."""
_KINDS = (kinds.TEXT, "tables")


@dataclass(frozen=True)
class Samples:
    """Documents, and what stands beside each, as it is `called`; nothing where that is None."""

    documents: Sequence[Document]
    beside: Sequence[str] = ()
    called: Beside | None = None

    def __len__(self) -> int:
        return len(self.documents)

    def of(self, places_K: NDArray[np.int64]) -> Samples:
        """Return the samples at these places."""
        beside = [self.beside[place] for place in places_K] if self.beside else ()
        return Samples([self.documents[place] for place in places_K], beside, self.called)

    def write(self, folder: Path) -> tuple[Path, str]:
        """Write them into a folder, and return the file and the field of what stands beside them.

        Texts become JSON lines, rows CSV; the field is called so that no column of a table is.
        """
        side = self.documents[0].side
        if side is None:
            lines = [{TEXT: document.text} for document in self.documents]
            if self.called is not None:
                for line, value in zip(lines, self.beside, strict=True):
                    line[self.called] = value
            storage.write_text(folder / "texts.jsonl", "".join(f"{json.dumps(line)}\n" for line in lines))
            return folder / "texts.jsonl", self.called or ""
        field: str = self.called or ""
        while field in side["columns"]:
            field += "_"
        rows = self.documents
        if self.called is not None:
            rows = [
                tables.document([*tables.values(row), value], [*side["columns"], field])
                for row, value in zip(rows, self.beside, strict=True)
            ]
        return tables.write(folder / "rows.csv", rows)[0], field


def kind_of(codec: str) -> str:
    """Return whether X holds texts or rows of tables; UsageError for a codec of other data."""
    kind = codecs.kind_of(codec)
    if kind not in _KINDS:
        raise UsageError(
            f"estimators learn texts and tables, and the codec '{codec}' is of {kind}; train it with ag.train"
        )
    return kind


def documents_of(estimator: Any, X: Any, reset: bool) -> list[Document]:
    """Return the samples as documents, their names and number of features those of `fit` unless `reset`.

    ValueError as scikit-learn has it for what is no X; UsageError for texts that are none.
    """
    if kind_of(estimator.codec) == kinds.TEXT:
        return [Document(text) for text in texts_of(X)]
    X_NF = validate_data(
        estimator, X, reset=reset, dtype=None, ensure_all_finite="allow-nan", accept_sparse=False
    )
    names = getattr(estimator, "feature_names_in_", [f"x{number}" for number in range(X_NF.shape[1])])
    return [tables.document([_cell(value) for value in row_F], list(names)) for row_F in X_NF]


def texts_of(X: Any) -> list[str]:
    """Return the texts of X; UsageError, which is a ValueError, where it holds none, or anything else."""
    if isinstance(X, str) or not hasattr(X, "__len__") or getattr(X, "ndim", 1) != 1:
        raise UsageError(
            "X must be a list of texts, or an array of one axis; of rows of numbers take codec='table'"
        )
    texts = list(X)
    strange = next((number for number, text in enumerate(texts) if not isinstance(text, str)), None)
    if strange is not None:
        found = type(texts[strange]).__name__
        raise UsageError(f"X holds {found} at {strange}, not a text; of rows of numbers take codec='table'")
    if not texts:
        raise UsageError("X holds 0 texts; give it at least one")
    return texts


def _cell(value: Any) -> str:
    """Return a value as a table's cell: nothing where it is missing, a whole number without a point.

    >>> _cell(np.float32(0.1)), _cell(2.0), _cell(float("nan"))
    ('0.1', '2', '')
    """
    if value is None or value != value:
        return ""
    if isinstance(value, np.floating) and not float(value).is_integer():
        return str(value)  # with no more digits than its own precision has
    return frames.cell(value.item() if isinstance(value, np.generic) else value)
