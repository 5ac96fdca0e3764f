"""What may stand in a stretch of missing values, given what is before and after it: particles.

Values are drawn one by one by the model, given what is before; each way is then weighed by the density of
what comes after (sampling-importance-resampling, Rubin 1987). Few ways through a long stretch end where the
series goes on, so they are led there: after each value a way is weighed by how well the next known value
agrees with it, in a normal distribution as wide as values so many steps apart differ, and bad ways are
replaced by good ones. What the leading added is taken off again before the end (twisted particle filters:
Guarniero, Johansen & Lee 2017), so that it steers the search and changes nothing of what is sought.

Axes: P stretches, S ways through each, B = P · S rows, L values of a stretch, K symbols of values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anygram import lanes, states
from anygram.codecs.series import SeriesCodec
from anygram.information import log_softmax
from anygram.protocols import FloatArray, Ids, LanguageModel, State
from anygram.tasks.forecasting import chosen
from anygram.tasks.imputation.stretches import Around, read_after

FloatN = NDArray[np.float64]

WAYS = 128
_ROWS = 2048


@dataclass(frozen=True)
class Bridge:
    """Ways through a stretch, values_SL, and the probability of each."""

    values_SL: FloatN
    p_S: FloatN

    def mean_L(self) -> FloatN:
        """Return the mean of each value, which errs least in squares."""
        mean_L: FloatN = self.p_S @ self.values_SL
        return mean_L

    def quantile_L(self, share: float) -> FloatN:
        """Return a quantile of each value."""
        order_SL = np.argsort(self.values_SL, axis=0)
        cumulative_SL = np.cumsum(self.p_S[order_SL], axis=0)
        place_L = (cumulative_SL < share * cumulative_SL[-1]).sum(axis=0).clip(max=len(self.p_S) - 1)
        sorted_SL = np.take_along_axis(self.values_SL, order_SL, axis=0)
        found: FloatN = np.take_along_axis(sorted_SL, place_L[None], axis=0)[0]
        return found


def bridges(model: LanguageModel, codec: SeriesCodec, every: Sequence[Around], seed: int = 0) -> list[Bridge]:
    """Return what may stand in each stretch; it depends on the seed and the stretch's number alone."""
    found: dict[int, Bridge] = {}
    for length in sorted({one.stretch.length for one in every}):
        places = [place for place, one in enumerate(every) if one.stretch.length == length]
        for first in range(0, len(places), _ROWS // WAYS):
            group = places[first : first + _ROWS // WAYS]
            generators = [np.random.default_rng([seed, place]) for place in group]
            crossing = _Crossing(model, codec, [every[place] for place in group], generators)
            found |= dict(zip(group, crossing.run(length), strict=True))
    return [found[place] for place in range(len(every))]


class _Crossing:
    """Ways through stretches of one length, side by side: what was drawn so far, and the logs of weights."""

    def __init__(
        self,
        model: LanguageModel,
        codec: SeriesCodec,
        every: Sequence[Around],
        generators: Sequence[np.random.Generator],
    ) -> None:
        self._model, self._codec, self._every, self._generators = model, codec, every, generators
        self._place_B = np.repeat(np.arange(len(every)), WAYS)
        read = lanes.states_after(model, [one.history.ids_T for one in every])
        self._state: State = states.select(read, self._place_B)
        self._log_w_PS = np.zeros((len(every), WAYS))
        self._led_PS = np.zeros((len(every), WAYS))
        self._ids_BL: Ids = np.empty((len(self._place_B), 0), dtype=np.int32)
        self._within_BL: FloatN = np.empty((len(self._place_B), 0))

    def run(self, length: int) -> Iterator[Bridge]:
        """Draw value by value, weigh by what comes after, and yield a bridge for each stretch."""
        ahead_PLC = np.stack([self._codec.ahead(one.side, length, len(one.before)) for one in self._every])
        for step in range(length):
            if self._codec.conditions.count:
                self._state = self._model.advance(self._state, ahead_PLC[self._place_B, step])
            self._draw()
            self._state = self._model.advance(self._state, self._ids_BL[:, -1:])
            if step + 1 < length:
                self._lead(length - step)
        values = self._values()
        log_w_PS = self._log_w_PS - self._led_PS + self._after(values)
        for values_SL, log_w_S in zip(values, log_w_PS, strict=True):
            yield Bridge(values_SL, np.exp(log_softmax(log_w_S)))

    def _draw(self) -> None:
        """Draw the next value of each way: its symbol, and where within it the value lies."""
        log_p_BK = self._model.predict(self._state)[:, : self._codec.values].astype(np.float64)
        uniforms_B2 = np.concatenate([_strata(generator) for generator in self._generators])
        self._ids_BL = np.column_stack([self._ids_BL, chosen(log_p_BK, uniforms_B2[:, 0])])
        self._within_BL = np.column_stack([self._within_BL, uniforms_B2[:, 1]])

    def _values(self) -> list[FloatN]:
        """Return the values drawn so far, values_SL of each stretch."""
        ids_PSL = self._ids_BL.reshape(len(self._every), WAYS, -1)
        within_PSL = self._within_BL.reshape(ids_PSL.shape)
        return [
            self._codec.continued(one.history, ids_PSL[place], within_PSL[place])
            for place, one in enumerate(self._every)
        ]

    def _lead(self, steps: int) -> None:
        """Weigh ways by the known value so many steps ahead; replace bad ones by good ones."""
        led_PS = np.zeros_like(self._led_PS)
        for place, (one, values_SL) in enumerate(zip(self._every, self._values(), strict=True)):
            spread = _spread(one, steps)
            if spread > 0 and len(one.after_A):
                led_PS[place] = -((one.after_A[0] - values_SL[:, -1]) ** 2) / (2 * spread)
        self._log_w_PS += led_PS - self._led_PS
        self._led_PS = led_PS
        for place, generator in enumerate(self._generators):
            p_S = np.exp(log_softmax(self._log_w_PS[place]))
            if 1 / (p_S**2).sum() < WAYS / 2:
                self._resample(place, p_S, float(generator.random()))

    def _resample(self, place: int, p_S: FloatArray, share: float) -> None:
        """Let the ways through a stretch be drawn anew by their weights, evenly spread."""
        drawn_S = np.searchsorted(np.cumsum(p_S), (np.arange(WAYS) + share) / WAYS).clip(max=WAYS - 1)
        rows_B = np.arange(len(self._place_B))
        rows_B[place * WAYS : (place + 1) * WAYS] = place * WAYS + drawn_S
        self._state = states.select(self._state, rows_B)
        self._ids_BL, self._within_BL = self._ids_BL[rows_B], self._within_BL[rows_B]
        self._led_PS[place] = self._led_PS[place, drawn_S]
        self._log_w_PS[place] = 0.0

    def _after(self, values: Sequence[FloatN]) -> FloatN:
        """Return the log of the density of what comes after, given each way."""
        rows: list[tuple[Ids, float]] = []
        for one, values_SL in zip(self._every, values, strict=True):
            if not one.after:
                rows += [(np.empty(0, dtype=np.int32), 0.0)] * WAYS
            elif self._codec.config.difference:
                rows += [read_after(self._codec, one, way_L) for way_L in values_SL.tolist()]
            else:
                rows += [read_after(self._codec, one, values_SL[0].tolist())] * WAYS
        going = [row for row, (ids_T, _) in enumerate(rows) if len(ids_T)]
        # bins are of unequal width: that of a long way back may be likely, and is so only as it is wide
        log_p_B = -np.array([log_width for _, log_width in rows])
        if going:
            ids_BT, lengths_B = lanes.padded([rows[row][0] for row in going])
            log_p_BT, _ = self._model.score(states.select(self._state, going), ids_BT, lengths_B)
            log_p_B[going] += log_p_BT.sum(axis=1)
        return log_p_B.reshape(self._log_w_PS.shape)


def _strata(generator: np.random.Generator) -> FloatN:
    """Return two numbers from 0 to 1 for each way, each spread evenly over the ways (McKay et al. 1979)."""
    places_S2 = np.column_stack([generator.permutation(WAYS), generator.permutation(WAYS)])
    strata_S2: FloatN = (places_S2 + generator.random((WAYS, 2))) / WAYS
    return strata_S2


def _spread(one: Around, steps: int) -> float:
    """Return the mean square of what known values so many steps apart differ by; 0 where there are none."""
    if len(one.values_N) <= steps:
        return 0.0
    return float(np.mean((one.values_N[steps:] - one.values_N[:-steps]) ** 2))
