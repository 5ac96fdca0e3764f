"""What somebody wants forecast, checked as a whole before anything is read, and the answer to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from anygram.data.documents import Document
from anygram.errors import UsageError
from anygram.tasks import forecast_calibration, forecast_results, forecasting
from anygram.tasks.forecast_calibration import Calibration
from anygram.tasks.forecast_metrics import QUANTILES, check_quantiles
from anygram.tasks.forecast_results import Forecasts
from anygram.tasks.forecasting import Member, Setting


@dataclass(frozen=True)
class Request:
    """What to forecast, and of which windows.

    `backtest` is how many of the last windows of known values are forecast; without it what nobody knows is.
    `calibrate` windows before these teach how far samples lie apart. Windows are `stride` values apart, the
    horizon if that is left out; `season` values are what MASE and the naive forecast go by.
    """

    setting: Setting
    quantiles: Sequence[float] = QUANTILES
    backtest: int | None = None
    calibrate: int | None = None
    stride: int | None = None
    season: int | None = None

    def __post_init__(self) -> None:
        check_quantiles(self.quantiles)
        for name in ("backtest", "calibrate", "stride", "season"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} must be at least 1, got {value}")
        if self.season is not None and self.backtest is None:
            raise UsageError("season is for known values; add backtest, the number of windows")
        if self.stride is not None and self.backtest is None and self.calibrate is None:
            raise UsageError("stride is for known values; add backtest or calibrate, the number of windows")

    @property
    def apart(self) -> int:
        """How far windows are apart."""
        return self.stride or self.setting.horizon


def answer(members: Sequence[Member], documents: Iterable[Document], request: Request) -> Forecasts:
    """Return the forecasts of all members together, measured where values are known.

    UsageError for a member that is of other data; DataError where a series is too short.
    """
    for _, codec in members:
        forecasting.require_series(codec)
    setting = request.setting
    if request.backtest is None:
        places = list(forecasting.ahead(documents))
    else:
        places = list(forecasting.windows(documents, setting.horizon, request.backtest, request.apart))
    calibration = _calibration(members, places, request)
    drawn = forecasting.pooled(members, places, setting)
    if request.backtest is None:
        return forecast_results.gathered(drawn, request.quantiles, calibration)
    return forecast_results.measured(drawn, request.quantiles, request.season, calibration)


def _calibration(
    members: Sequence[Member], places: Sequence[tuple[Document, Sequence[int]]], request: Request
) -> Calibration | None:
    """Return what windows before all places teach, drawn by numbers of their own."""
    if request.calibrate is None:
        return None
    horizon = request.setting.horizon
    before = forecast_calibration.windows_before(places, horizon, request.calibrate, request.apart)
    drawn = forecasting.pooled(members, before, request.setting, stream=len(members))
    return forecast_calibration.learnt(drawn)
