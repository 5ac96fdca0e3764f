"""How the difference of a series is found: every candidate beside it, on stretches that measure nothing else.

Each stretch is forecast by `frequency`, which learnt from the values before it. Series whose times are not
even are read without them, as if each value stood one step after the last.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from peers.report import Table

from anygram.api import Run
from anygram.data import series
from anygram.data.documents import Document
from anygram.data.frames import is_number
from anygram.tasks import forecast_results, forecasting
from anygram.tasks.forecast_metrics import QUANTILES
from anygram.tasks.forecasting import Setting
from forecasts import parts

SAMPLES = 60
_DAY, _HOUR, _FIVE_MINUTES = 86_400, 3_600, 300
_NAB, _AIRLINE = "nab/realKnownCause", "jbrownlee/airline-passengers.csv"
_AMBIENT = f"{_NAB}/ambient_temperature_system_failure.csv"


@dataclass(frozen=True)
class Stretch:
    """Values from `learnt` to `end` of a file's series, `horizon` ahead each `stride`-th; shares are of all.

    `step` are seconds, of a file whose times are left out.
    """

    name: str
    file: str
    learnt: float
    end: float
    horizon: int
    stride: int
    candidates: Sequence[int]
    step: int | None = None


STRETCHES = (
    *(
        Stretch(f"airline, months {first + 1}–{first + 24}", _AIRLINE, first, first + 24, 12, 3, (0, 1, 12))
        for first in (60, 72, 84)
    ),
    Stretch("monthly sunspots", "jbrownlee/monthly-sunspots.csv", 1800, 2300, 12, 17, (0, 1, 12)),
    Stretch("daily temperatures", "jbrownlee/daily-min-temperatures.csv", 2500, 3000, 7, 33, (0, 1, 7), _DAY),
    Stretch("ETTh2, validation part", "ett/ETTh2.csv", 8640, 11520, 24, 97, (0, 1, 24, 168)),
    Stretch("NAB nyc_taxi", f"{_NAB}/nyc_taxi.csv", 5000, 7000, 48, 97, (0, 1, 48, 336)),
    Stretch("NAB ambient_temperature", _AMBIENT, 0.5, 0.65, 24, 54, (0, 1, 24), _HOUR),
    *(
        Stretch(f"NAB {name}", f"{_NAB}/{name}_{what}.csv", 0.5, 0.65, 72, stride, (0, 1, 288), _FIVE_MINUTES)
        for name, what, stride in (
            ("machine_temperature", "system_failure", 170),
            ("ec2_request_latency", "system_failure", 30),
            ("cpu_utilization", "asg_misconfiguration", 135),
        )
    ),
)  # fmt: skip


def measure(data: Path, folder: Path) -> Table:
    """Return the CRPS of each candidate on each stretch, and what is found where nothing is set."""
    rows = []
    for stretch in STRETCHES:
        documents = _series(data, stretch)
        found = _run(documents, stretch, folder, {}).codec.to_json()["difference"]
        told = [f"{apart}: {_crps(documents, stretch, folder, apart):.4g}" for apart in stretch.candidates]
        parts.say(f"differences, {stretch.name}: {', '.join(told)}; found {found}")
        rows.append([stretch.name, ", ".join(told), str(found)])
    return Table(("validation stretch", "CRPS by difference", "found"), rows, "How the difference is found")


def _series(data: Path, stretch: Stretch) -> list[Document]:
    """Return the series of a file, with times at an even step where its own are not."""
    if stretch.step is None:
        return parts.series_of(data / stretch.file)
    with (data / stretch.file).open(newline="") as stream:
        values = [row[1] if is_number(row[1]) else "" for row in list(csv.reader(stream))[1:]]
    side = {"id": "value", "start": "2000-01-01", "step": stretch.step, "first": 0}
    return [series.document(values, side, "value")]


def _places(documents: Sequence[Document], stretch: Stretch) -> list[int]:
    """Return where the stretch begins and ends."""
    length = documents[0].text.count("\n")
    return [int(at * length) if at < 1 else int(at) for at in (stretch.learnt, stretch.end)]


def _run(documents: Sequence[Document], stretch: Stretch, folder: Path, settings: dict[str, int]) -> Run:
    source = parts.written(documents, _places(documents, stretch)[0], folder / "learnt.csv")
    return parts.trained(source, "frequency", settings, "1epochs")


def _crps(documents: Sequence[Document], stretch: Stretch, folder: Path, apart: int) -> float:
    run = _run(documents, stretch, folder, {"difference": apart})
    learnt, end = _places(documents, stretch)
    ends = range(learnt, end - stretch.horizon + 1, stretch.stride)
    places = [(parts.cut(document, end), ends) for document in documents]
    drawn = forecasting.forecasts(run.model, run.codec, places, Setting(stretch.horizon, SAMPLES))
    accuracy = forecast_results.measured(drawn, QUANTILES, stretch.horizon).accuracy
    assert accuracy is not None, "values are known"
    return accuracy.crps
