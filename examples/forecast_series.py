"""Forecast a series with intervals: two years of daily sales that the program makes itself.

    python examples/forecast_series.py

Errors that such programs often have, and what is done here instead:

- The scale is taken from the whole series, so that the model is told how the future will be. Here it comes
  from the history alone, and is a part of what the model reads.
- One forecast is measured, at the end of the series. Here there are many windows, each forecast from all that
  lies before it.
- A forecast is one number. Here it is samples, and how often their intervals hold the value is counted.
- Nothing simple stands beside it. Here the last week, repeated, does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import anygram
from anygram.tasks.forecast_results import Forecasts

DAYS, WEEK, HORIZON, WINDOWS = 728, 7, 14, 8


def sales(days: int = DAYS, seed: int = 0) -> list[int]:
    """Return so many days' sales: a week's rhythm, and chance."""
    generator = np.random.default_rng(seed)
    rhythm = np.array([20, 18, 19, 24, 35, 50, 42])[np.arange(days) % WEEK]
    return [int(number) for number in generator.poisson(rhythm)]


def frame(values: Sequence[int]) -> dict[str, list[object]]:
    """Return the values as a long frame."""
    days = [str(np.datetime64("2024-01-01") + number) for number in range(len(values))]
    return {"unique_id": ["sales"] * len(values), "ds": list(days), "y": list(values)}


def main() -> Forecasts:
    """Learn from all but the last windows, measure on these, print what was found and return it."""
    values = sales()
    settings = {"method": "quantile", "bins": 16, "calendar": "weekday", "order": 2}
    learnt = len(values) - HORIZON * WINDOWS
    forecaster = anygram.Forecaster("frequency", settings).fit(frame(values[:learnt]))
    tested = forecaster.cross_validation(frame(values), HORIZON, WINDOWS, season=WEEK)
    table = tested.table()
    assert table is not None, "the windows' values are known"
    for row in (table.header, *table.rows):
        print(f"{row[0]:20}{row[1]:>12}{row[2]:>16}")
    ahead = forecaster.predict(3)
    for place in range(3):
        print(f"{ahead['ds'][place]}: {ahead['q0.1'][place]:.0f} to {ahead['q0.9'][place]:.0f}")
    return tested


if __name__ == "__main__":
    main()
