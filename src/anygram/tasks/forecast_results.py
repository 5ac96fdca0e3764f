"""What came of forecasts: rows for a table, how good they were beside the seasonal naive ones, charts.

Axes: H steps, Q quantiles, N values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from anygram import storage, timeline
from anygram.data import series
from anygram.errors import UsageError
from anygram.reporting import amounts, pages
from anygram.reporting.documents import Document as Page
from anygram.reporting.documents import Figure, Paragraph, Section, Table
from anygram.reporting.fans import Fan
from anygram.tasks.forecast_calibration import Calibration
from anygram.tasks.forecast_metrics import Accuracy, Scores, check_quantiles
from anygram.tasks.forecasting import Forecast, seasonal_naive, values_of

_SHOWN_BEFORE = 3
"""A chart shows so many times the horizon of what came before."""
_MOST_CHARTS = 20


@dataclass(frozen=True)
class Forecasts:
    """Forecasts and their quantiles; of known values, their accuracy and that of the naive ones.

    Where they are calibrated, what by, and how good they would have been as they were drawn.
    """

    forecasts: Sequence[Forecast]
    quantiles: tuple[float, ...]
    accuracy: Accuracy | None = None
    naive: Accuracy | None = None
    calibration: Calibration | None = None
    as_drawn: Accuracy | None = None

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield a row for each value forecast: its series, time, mean and quantiles.

        Where values are known they stand beside these, with the time of the last value before the forecast.
        """
        for one in self.forecasts:
            quantiles_QH = one.quantiles_QH(self.quantiles)
            values_N, mean_H = values_of(one.document), one.mean_H
            for step, time in enumerate(one.times()):
                row: dict[str, Any] = {series.ID: one.name, series.TIME: time}
                if self.accuracy is not None:
                    value = float(values_N[one.known + step])
                    cutoff = series.times(one.document.side or {}, 1, one.known - 1)[0]
                    row |= {"cutoff": cutoff, series.VALUE: None if np.isnan(value) else value}
                row["mean"] = float(mean_H[step])
                row |= {f"q{q:g}": float(quantiles_QH[place, step]) for place, q in enumerate(self.quantiles)}
                yield row

    def to_json(self) -> dict[str, Any]:
        """Return how many forecasts there are, and how good they were."""
        fields: dict[str, Any] = {"forecasts": len(self.forecasts), "quantiles": list(self.quantiles)}
        if self.accuracy is not None and self.naive is not None:
            fields |= {"accuracy": self.accuracy.to_json(), "seasonal_naive": self.naive.to_json()}
        if self.calibration is not None:
            fields["calibration"] = self.calibration.to_json()
        if self.as_drawn is not None:
            fields["uncalibrated"] = self.as_drawn.to_json()
        return fields

    def table(self) -> Table | None:
        """Return the figures beside those of the seasonal naive forecast; None where no values are known.

        Those of calibrated forecasts have their own as they were drawn between the two.
        """
        columns = {"forecast": self.accuracy, "uncalibrated": self.as_drawn, "seasonal naive": self.naive}
        known = {name: column for name, column in columns.items() if column is not None}
        if self.accuracy is None:
            return None
        names = ("mase", "smape", "mae", "mse", "crps", "wql")
        rows = [[name, *(amounts.number(getattr(one, name)) for one in known.values())] for name in names]
        for interval in self.accuracy.coverage:
            held = [amounts.share(one.coverage[interval]) for one in known.values()]
            rows.append([f"coverage {interval}", *held[:-1], "–"])  # the naive forecast has no interval
        return Table(("", *known), rows)

    def fans(self) -> list[tuple[str, Fan]]:
        """Return a chart of each series' last forecast, by its name."""
        last = {one.document.name: one for one in self.forecasts}
        return [(one.name, _fan(one, self.quantiles)) for one in last.values()]

    def page(self, title: str) -> Page:
        """Return the charts as a page; of very many series the first ones."""
        fans = self.fans()
        about = f"{len(fans)} series, {len(self.forecasts)} forecasts"
        sections = []
        if (table := self.table()) is not None:
            sections.append(Section("accuracy", "How good they were", [table]))
        for number, (name, fan) in enumerate(fans[:_MOST_CHARTS]):
            figure = Figure(fan.drawing(f"fan{number}", name), fan.finding)
            sections.append(Section(f"series{number}", name, [figure]))
        if len(fans) > _MOST_CHARTS:
            left = Paragraph(f"{len(fans) - _MOST_CHARTS} more series are in the table that was written.")
            sections.append(Section("more", "More", [left]))
        return Page(title, about, sections)


def check_plot(path: Path) -> None:
    """Raise UsageError where a chart could not be written so."""
    if path.suffix.lower() not in (".html", ".svg"):
        raise UsageError(f"{path}: charts are written as .html or .svg; let the name end so")
    storage.require_writable(path)


def write_plot(made: Forecasts, path: Path) -> list[Path]:
    """Write fans as one page, or as one picture a series; return the files."""
    check_plot(path)
    if path.suffix.lower() == ".html":
        storage.write_text(path, pages.render(made.page("Forecasts")))
        return [path]
    fans = made.fans()
    paths = storage.numbered(path, len(fans))
    for one, (name, fan) in zip(paths, fans, strict=True):
        storage.write_text(one, fan.picture(name))
    return paths


def gathered(
    forecasts: Iterable[Forecast], quantiles: Sequence[float], calibration: Calibration | None = None
) -> Forecasts:
    """Return forecasts of what nobody knows yet, calibrated where there is what to do so by."""
    kept = [one if calibration is None else calibration.moved(one) for one in forecasts]
    return Forecasts(kept, check_quantiles(quantiles), calibration=calibration)


def measured(
    forecasts: Iterable[Forecast],
    quantiles: Sequence[float],
    season: int | None,
    calibration: Calibration | None = None,
) -> Forecasts:
    """Return forecasts of known values, and how good they were beside the seasonal naive ones.

    Without a `season` it is what is usual for each series' step. DataError where no value is known.
    """
    chosen = check_quantiles(quantiles)
    ours, naive, as_drawn = Scores(chosen), Scores(chosen), Scores(chosen)
    kept = []
    for drawn in forecasts:
        one = drawn if calibration is None else calibration.moved(drawn)
        steps = season or timeline.season_of(one.document.side or {})
        values_N, horizon = values_of(one.document), one.samples_SH.shape[1]
        history_N, actual_H = values_N[: one.known], values_N[one.known : one.known + horizon]
        ours.add(actual_H, one.samples_SH, history_N, steps)
        naive.add(actual_H, seasonal_naive(history_N, steps, horizon)[None], history_N, steps)
        if calibration is not None:
            as_drawn.add(actual_H, drawn.samples_SH, history_N, steps)
        kept.append(one)
    before = None if calibration is None else as_drawn.result()
    return Forecasts(kept, chosen, ours.result(), naive.result(), calibration, before)


def _fan(one: Forecast, quantiles: Sequence[float]) -> Fan:
    values_N, horizon = values_of(one.document), one.samples_SH.shape[1]
    first = max(0, one.known - _SHOWN_BEFORE * horizon)
    shown_N = values_N[first : one.known + horizon]
    side = one.document.side or {}
    return Fan(
        times=series.times(side, one.known + horizon - first, first),
        values=[None if np.isnan(value) else float(value) for value in shown_N],
        ahead=one.known - first,
        quantiles=tuple(quantiles),
        bounds=one.quantiles_QH(quantiles).tolist(),
        middle=one.quantiles_QH([0.5])[0].tolist(),
    )
