"""ETTh2 by the rules of its papers (Zhou et al. 2021).

Seven columns, 12, 4 and 4 months of 30 days to learn from, to choose by and to measure; errors in standard
deviations of the first part; 96 hours ahead. Published: DLinear's MSE of 0.289 (Zeng et al. 2023, table 2).
The samples of several networks are put together, of those that are best together by the MSE on the validation
part; their spread is calibrated by the same windows of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from peers.report import Table

from anygram.data.documents import Document
from anygram.tasks import forecast_calibration, forecasting
from anygram.tasks.forecast_calibration import Calibration
from anygram.tasks.forecasting import Forecast, Member, Setting, values_of
from forecasts import parts, statistical

FILE = "ett/ETTh2.csv"
HOURS, MONTH, DAY = 96, 30 * 24, 24
TRAIN, VALID, TEST = 12 * MONTH, 16 * MONTH, 20 * MONTH
PUBLISHED = 0.289
VALID_STRIDE = 97
"""Hours between windows of the validation part: each begins at another hour of the day."""
PEER_CONTEXT = 14 * DAY
"""Peers are fitted to so many hours before each window."""

_SIZES = {"method": "quantile", "bins": 64, "units": 64}
MEMBERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "hour": ("500steps", {**_SIZES, "difference": 1, "dropout": 0.4}),
    "clock": ("500steps", {**_SIZES, "difference": 1, "calendar": "hour", "dropout": 0.3}),
    "day": ("300steps", {**_SIZES, "difference": 24, "dropout": 0.3}),
    "week": ("300steps", {**_SIZES, "difference": 168, "dropout": 0.3}),
    "level": ("800steps", {**_SIZES, "difference": 0, "dropout": 0.4}),
}
"""Budgets and settings of GRUs: of changes since an hour (with the clock), a day or a week, or of values."""

Places = Sequence[tuple[Document, Sequence[int]]]


def measure(
    documents: Sequence[Document], folder: Path, stride: int, peer_stride: int, samples: int
) -> tuple[list[Table], list[dict[str, Any]], bool]:
    """Return the tables, their figures, and whether error and coverage are as wanted."""
    sizes = {one.name: float(np.nanstd(values_of(one)[:TRAIN])) for one in documents}
    valid = _places(documents, TRAIN, VALID, VALID_STRIDE)
    source = parts.written(documents, TRAIN, folder / "etth2.csv")
    runs = {
        name: parts.trained(source, "gru", settings, budget) for name, (budget, settings) in MEMBERS.items()
    }
    members = {name: (run.model, run.codec) for name, run in runs.items()}
    best, calibration, chosen = _chosen(members, valid, sizes, samples)
    named = f"GRUs: {', '.join(best)}"
    valid_mse = {
        "seasonal naive, 24 hours": parts.errors_of(parts.naive(valid, DAY, HOURS), sizes, DAY)["mse"],
        named: chosen,
    }
    pool = [members[name] for name in best]
    setting = Setting(HOURS, samples * len(pool))
    places = _places(documents, VALID, TEST, stride)
    figures = _ours(named, forecasting.pooled(pool, places, setting), calibration, sizes)
    naive = parts.errors_of(parts.naive(places, DAY, HOURS), sizes, DAY)
    figures = {"seasonal naive, 24 hours": naive, **figures}
    beside = _beside_peers(
        named, pool, _places(documents, VALID, TEST, peer_stride), calibration, sizes, setting
    )
    tables = [_table(figures, valid_mse, stride, samples)]
    if beside:
        tables.append(_peer_table(beside, peer_stride))
    stored = [
        {"data": "ETTh2", "stride": apart, "model": name, "factors": calibration.factors, **each}
        for apart, found in ((stride, figures), (peer_stride, beside))
        for name, each in found.items()
    ]
    ours = figures[f"{named}, calibrated"]
    return tables, stored, ours["mse"] < naive["mse"] and 0.75 <= ours["coverage"] <= 0.85


def _chosen(
    members: Mapping[str, Member], valid: Places, sizes: Mapping[str, float], samples: int
) -> tuple[tuple[str, ...], Calibration, float]:
    """Return the names that are best together on validation windows, what these calibrate, and their MSE."""
    held_out = {
        name: list(forecasting.forecasts(*member, valid, Setting(HOURS, samples), stream))
        for stream, (name, member) in enumerate(members.items())
    }
    tried = []
    for size in range(1, len(members) + 1):
        for names in combinations(members, size):
            found = parts.errors_of(_put_together(held_out, names), sizes, DAY)
            tried.append((found["mse"], names))
            parts.say(
                f"ETTh2, validation: {' and '.join(names)}: MSE {found['mse']:.4f}, {found['coverage']:.1%}"
            )
    mse, best = min(tried)
    calibration = forecast_calibration.learnt(_put_together(held_out, best))
    parts.say(f"ETTh2, calibrated: spread × {', '.join(f'{factor:.2f}' for factor in calibration.factors)}")
    return best, calibration, mse


def _put_together(held_out: Mapping[str, Sequence[Forecast]], names: Sequence[str]) -> Iterator[Forecast]:
    return map(forecasting.together, zip(*(held_out[name] for name in names), strict=True))


def _ours(
    named: str, drawn: Iterator[Forecast], calibration: Calibration, sizes: Mapping[str, float]
) -> dict[str, dict[str, Any]]:
    """Return the figures of forecasts as they were drawn, and calibrated."""
    before, after = parts.Errors(sizes, DAY), parts.Errors(sizes, DAY)
    for one in drawn:
        before.add(one)
        after.add(calibration.moved(one))
    return {named: before.figures(), f"{named}, calibrated": after.figures()}


def _beside_peers(
    named: str,
    pool: Sequence[Member],
    places: Places,
    calibration: Calibration,
    sizes: Mapping[str, float],
    setting: Setting,
) -> dict[str, dict[str, Any]]:
    """Return our figures, the naive ones and the peers' on the same windows; none where no peer is."""
    if not (peers := statistical.peers()):
        return {}
    found = {"seasonal naive, 24 hours": parts.errors_of(parts.naive(places, DAY, HOURS), sizes, DAY)}
    found |= _ours(named, forecasting.pooled(pool, places, setting), calibration, sizes)
    for peer in peers:
        parts.say(f"ETTh2: {peer}, {found[named]['windows']} windows")
        drawn = statistical.drawn(peer, places, HOURS, DAY, PEER_CONTEXT)
        found[f"{peer}, last {PEER_CONTEXT} hours"] = parts.errors_of(drawn, sizes, DAY)
    return found


def _table(
    figures: Mapping[str, Mapping[str, Any]], valid_mse: Mapping[str, float], stride: int, samples: int
) -> Table:
    rows = []
    for name, each in figures.items():
        valid = f"{valid_mse[name]:.4f}" if name in valid_mse else "–"
        rows.append([name, valid, *_cells(name, each)])
    rows.append(["DLinear, published", "–", f"{PUBLISHED:.3f}", *["–"] * 5])
    (windows,) = {each["windows"] for each in figures.values()}
    title = (
        f"ETTh2, 96 hours ahead: {windows:,} windows of the test part, {stride} hours apart, "
        f"{samples} samples of each GRU"
    )
    return Table(("forecast", "validation MSE", *_HEADER), rows, title)


def _peer_table(figures: Mapping[str, Mapping[str, Any]], stride: int) -> Table:
    (windows,) = {each["windows"] for each in figures.values()}
    title = f"ETTh2 beside peers: {windows} windows of the test part, {stride} hours apart"
    return Table(
        ("forecast", *_HEADER), [[name, *_cells(name, each)] for name, each in figures.items()], title
    )


_HEADER = ("MSE", "MAE", "MASE", "sMAPE", "CRPS", "in the 80 % interval")


def _cells(name: str, each: Mapping[str, Any]) -> list[str]:
    held = not name.startswith("seasonal naive")
    return [f"{each['mse']:.4f}", f"{each['mae']:.4f}", *parts.cells(each, held)]


def _places(documents: Sequence[Document], low: int, high: int, stride: int) -> Places:
    """Return every `stride`-th hour of a part, as long as what is forecast from there ends in it."""
    return [(parts.cut(document, high), range(low, high - HOURS + 1, stride)) for document in documents]
