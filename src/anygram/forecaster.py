"""Forecasts of frames in memory, by the words that users of Nixtla and Darts know: `fit`, `predict`.

A frame is long: a column `unique_id` of names, `ds` of times and `y` of values. It may be a pyarrow table, a
pandas one, or a mapping of columns; what `predict` returns is of the same kind.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from anygram import api
from anygram.budgets import Budget
from anygram.codecs.series import Config
from anygram.data import frames, futures, series
from anygram.data.documents import Document
from anygram.data.futures import Future
from anygram.errors import BadRecord, UsageError
from anygram.tasks import forecast_request
from anygram.tasks.forecast_metrics import QUANTILES
from anygram.tasks.forecast_request import Request
from anygram.tasks.forecast_results import Forecasts
from anygram.tasks.forecasting import Setting


class Forecaster:
    """A model of series that is fitted to a frame and asked for what follows it.

    `settings` are those of the model, its learner and the codec `series`, as `--set` takes them.
    """

    def __init__(
        self,
        model: str = "gru",
        settings: Mapping[str, Any] | None = None,
        budget: str | Budget = "1m",
        seed: int = 0,
    ) -> None:
        self.model, self.settings, self.budget, self.seed = model, dict(settings or {}), budget, seed
        self.run: api.Run | None = None
        self._known: list[Document] = []
        self._as_given: Any = dict

    def fit(self, frame: Any) -> Forecaster:
        """Learn from a frame, and remember it as what comes before the forecast; return self.

        DataError, in one line, where the frame is none or a series in it cannot be used.
        """
        self._as_given = _kind_of(frame)
        self._known = _documents(frame, self._beside)
        with tempfile.TemporaryDirectory(prefix="anygram-") as folder:
            path = Path(folder) / "series.csv"
            series.write(path, self._known)
            self.run = api.train(
                path, self.model, codec="series", settings=self.settings, budget=self.budget, seed=self.seed
            )
        return self

    def predict(
        self,
        h: int,
        num_samples: int = 100,
        quantiles: Sequence[float] = QUANTILES,
        frame: Any = None,
        X_df: Any = None,
        calibrate: int | None = None,
    ) -> Any:
        """Return a frame of the next `h` values of each series: unique_id, ds, mean, and quantiles as q0.1.

        They follow what was fitted, or the series of `frame`, whose last `calibrate` windows teach how wide
        intervals must be and must be newer than what was fitted. Of a forecaster with covariates, `X_df` is a
        frame of theirs for these values: unique_id, ds, and each. UsageError before `fit`.
        """
        if calibrate is not None and frame is None:
            raise UsageError("what was fitted cannot calibrate; give a frame that goes on from it")
        documents = self._known if frame is None else _documents(frame, self._beside)
        futures.check(self._beside, given=X_df is not None, ahead=True)
        if X_df is not None:
            future = Future(_columns(X_df), "X_df")
            documents = list(futures.followed(documents, future, self._beside, h))
        request = Request(Setting(h, num_samples, self.seed), quantiles, calibrate=calibrate)
        rows = list(self._answer(documents, request).rows())
        return self._as_given({name: [row[name] for row in rows] for name in rows[0]})

    def cross_validation(
        self,
        frame: Any,
        h: int,
        n_windows: int,
        step_size: int | None = None,
        season: int | None = None,
        quantiles: Sequence[float] = QUANTILES,
        calibrate: int | None = None,
    ) -> Forecasts:
        """Return forecasts of the last windows of a frame, and how good they were beside seasonal naive ones.

        Windows are `step_size` values apart, `h` if that is left out; `calibrate` windows before them teach
        how wide intervals must be. The model stays as it was fitted, so that for a fair figure it must not
        have been fitted to any of them. DataError for a series too short.
        """
        setting = Setting(h, seed=self.seed)
        request = Request(setting, quantiles, n_windows, calibrate, step_size, season)
        return self._answer(_documents(frame, self._beside), request)

    @property
    def _beside(self) -> tuple[str, ...]:
        """The columns that are read beside the values, as the settings name them."""
        return Config(covariates=str(self.settings.get("covariates", ""))).beside

    def _answer(self, documents: Sequence[Document], request: Request) -> Forecasts:
        """Return what is asked for of these series."""
        if self.run is None:
            raise UsageError("the forecaster knows no series yet; call fit first")
        return forecast_request.answer([(self.run.model, self.run.codec)], documents, request)


def _documents(frame: Any, beside: Sequence[str]) -> list[Document]:
    """Return the series of a frame; DataError for the first that cannot be used."""
    found = []
    for one in series.documents_of(_columns(frame), "frame", beside=beside):
        if isinstance(one, BadRecord):
            raise one
        found.append(one)
    return found


def _columns(frame: Any) -> frames.Columns:
    """Return the cells of a frame as text; UsageError where it is none."""
    if not isinstance(frame, Mapping) and not hasattr(frame, "columns"):
        raise UsageError(f"a frame must be a table of columns, got {type(frame).__name__}; give a mapping")
    if hasattr(frame, "column_names"):
        return frames.columns_of(frame)
    names = list(frame) if isinstance(frame, Mapping) else list(frame.columns)
    return {str(name): [frames.cell(value) for value in frame[name]] for name in names}


def _kind_of(frame: Any) -> Any:
    """Return what makes a frame of such a kind from columns."""
    if hasattr(frame, "column_names"):
        import pyarrow

        return pyarrow.table
    return dict if isinstance(frame, Mapping) else type(frame)
