"""What came of one way of translating or summing up, and the rows of it beside others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from peers.report import Table

from anygram.tasks.translation import metrics
from anygram.tasks.translation.metrics import MODEL, Measured, Metrics
from translations.pairs import Held


@dataclass(frozen=True)
class Written:
    """The texts of one way, the pairs that it learnt from, and its seconds to learn and to write."""

    who: str
    pairs: int
    texts: Sequence[str]
    train_seconds: float | None = None
    write_seconds: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Figures:
    """One way's figures by metric, each with its 95 % interval."""

    written: Written
    measured: Mapping[str, Measured] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return what is stored of them; texts are the data's."""
        told = {name: value for name, value in asdict(self.written).items() if name != "texts"}
        return {**told, "figures": {name: asdict(one) for name, one in self.measured.items()}}


def measured(kind: Metrics, tested: Sequence[Held], way: Written) -> Figures:
    """Return the figures of a way on all references of every source; one without texts has none."""
    if not way.texts:
        return Figures(way)
    references = [one.references for one in tested]
    told = metrics.measure({MODEL: way.texts}, references, metrics.metrics_of(kind, references))
    return Figures(way, {one.metric: one for one in told})


def row(one: Figures, names: Sequence[str]) -> list[str]:
    """Return a row of the table: figures of these metrics as 12.3 [11.2, 13.4]."""
    written = one.written
    shown = [_figure(one.measured.get(name)) for name in names]
    costs = [_seconds(written.train_seconds), _seconds(written.write_seconds)]
    return [written.who, f"{written.pairs:,}" if written.pairs else "–", *shown, *costs, written.note]


def signatures(figures: Sequence[Figures]) -> str:
    """Return how each metric was computed."""
    told = {name: one.signature for each in figures for name, one in each.measured.items()}
    return "; ".join(f"{name}: {signature}" for name, signature in told.items())


def table(title: str, figures: Sequence[Figures]) -> Table:
    """Return the figures as a table."""
    names = list(next(iter(figures)).measured)
    header = ("way", "pairs", *names, "learns", "writes", "")
    return Table(header, [row(one, names) for one in figures], title)


def _figure(one: Measured | None) -> str:
    return "–" if one is None else f"{one.value:.1f} [{one.low:.1f}, {one.high:.1f}]"


def _seconds(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:,.0f} s"
