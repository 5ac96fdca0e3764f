"""What all estimators share: a run that `fit` trains, and that goes where a pickle of them goes."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from anygram import api
from anygram.budgets import Budget
from anygram.data import kinds
from anygram.data.documents import Document
from anygram.errors import RunError
from anygram.estimators import inputs
from anygram.estimators.inputs import Samples
from anygram.run import Run

Files = dict[str, NDArray[np.uint8]]
"""The files of a run's folder: their bytes, by their path in it."""


class Learnt(BaseEstimator):
    """An estimator that trains a run in `fit` and keeps it as `run_`.

    `settings` are those of the model, its learner and the codec, as `--set` takes them; a model that counts
    needs no `budget`. Numbers of tables are told by their bins alone unless the settings say `digits=True`:
    what stands behind the bin is no more than noise to what tells rows apart.
    """

    run_: Run

    def __init__(
        self,
        model: str,
        codec: str,
        settings: Mapping[str, Any] | None,
        budget: str | Budget,
        seed: int,
    ) -> None:
        self.model = model
        self.codec = codec
        self.settings = settings
        self.budget = budget
        self.seed = seed

    def _documents(self, X: Any) -> list[Document]:
        """Return samples as documents, as `fit` did; NotFittedError before it."""
        check_is_fitted(self, "run_")
        return inputs.documents_of(self, X, reset=False)

    def _learn(self, samples: Samples, held_out: Samples | None = None) -> Run:
        """Return a run of these samples, and of what stands beside them.

        Those that are `held_out` are for validation, nothing where they are none; None leaves it to training.
        """
        if len(samples) == 1:
            held_out = Samples([])
        with tempfile.TemporaryDirectory(prefix="anygram-") as name:
            folder = Path(name)
            path, field = samples.write(folder)
            valid = None
            if held_out is not None:
                valid = str(held_out.write(folder / "held")[0]) if len(held_out) else "none"
            return api.train(
                path,
                self.model,
                codec=self.codec,
                text_field=inputs.TEXT if inputs.kind_of(self.codec) == kinds.TEXT else None,
                label_field=field if samples.called == "label" else None,
                target_field=field if samples.called == "target" else None,
                valid=valid,
                settings=self._chosen(),
                budget=self.budget,
                seed=self.seed,
            )

    def _chosen(self) -> dict[str, Any]:
        chosen = dict(self.settings or {})
        if inputs.kind_of(self.codec) != kinds.TEXT and not {"digits", "codec.digits"} & set(chosen):
            chosen["codec.digits"] = False
        return chosen

    @contextmanager
    def _asked(self, X: Any) -> Iterator[tuple[Path, str | None]]:
        """Yield samples as a file that `run_` can be asked about, and the field of its texts."""
        documents = self._documents(X)
        with tempfile.TemporaryDirectory(prefix="anygram-") as name:
            path, _ = Samples(documents).write(Path(name))
            yield path, inputs.TEXT if inputs.kind_of(self.codec) == kinds.TEXT else None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        rows = inputs.kind_of(self.codec) != kinds.TEXT
        tags.input_tags.one_d_array = not rows
        tags.input_tags.two_d_array = rows
        tags.input_tags.string = True
        tags.input_tags.allow_nan = rows
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Return the parameters and what was fitted, the run as the bytes of its files."""
        state: dict[str, Any] = super().__getstate__()
        return {**state, "run_": _packed(self.run_.path)} if "run_" in state else state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "run_" in state:
            state = {**state, "run_": _unpacked(state["run_"])}
        super().__setstate__(state)


def _packed(folder: Path) -> Files:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        file.relative_to(folder).as_posix(): np.frombuffer(file.read_bytes(), dtype=np.uint8)
        for file in files
    }


def _unpacked(files: Files) -> Run:
    """Return the run of these files, in a folder that is deleted with it; RunError for one outside of it."""
    home = Path(tempfile.mkdtemp(prefix="anygram-run-"))
    try:
        for name, bytes_N in files.items():
            if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                raise RunError(
                    f"a file of a run is called '{name}', outside of its folder; fit the estimator anew"
                )
            path = home / "run" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bytes_N.tobytes())
        run = Run(home / "run")
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise
    weakref.finalize(run, shutil.rmtree, home, ignore_errors=True)
    return run
