"""Figures of tasks that contestants can be ranked by in place of bits per byte.

Every figure is a function of sums over documents, or over windows of series, so that what is held out can be
drawn anew many times at no more than the cost of sums. What is measured is all of the test part, by the same
functions as the command of the task.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from anygram.comparison.metrics import labels, texts, windows
from anygram.comparison.metrics.held import Held, Sums
from anygram.data.preparation import DataOptions
from anygram.data.splitting import Splits
from anygram.errors import UnknownName, UsageError
from anygram.protocols import FloatArray


@dataclass(frozen=True)
class Metric:
    """A figure: what people call it, which way is better, of what data it is, and how it comes about.

    `sums` gives those of a run, `value` the figure of those of all documents together. `plain` gives the name
    and the sums of what anybody can do without a model; it raises where what is held out cannot be measured
    so, before anybody is trained.
    """

    title: str
    more_is_better: bool
    needs: str
    """What the data must be, in words."""
    fits: Callable[[DataOptions], bool]
    sums: Callable[[Held], Sums]
    value: Callable[[FloatArray], float]
    plain: Callable[[Splits, int | None], tuple[str, Sums]]
    item: str = "document"
    """What the sums are of, one row each."""

    def loss(self, figure: float) -> float:
        """Return what is the less the better the figure is."""
        return -figure if self.more_is_better else figure


def _of_series(
    title: str, sums: Callable[[Held], Sums], plain: Callable[[Splits, int | None], tuple[str, Sums]]
) -> Metric:
    return Metric(
        title=title,
        more_is_better=False,
        needs="series: compare codecs of series, as with --codec series",
        fits=lambda options: options.kind == windows.KIND,
        sums=sums,
        value=windows.mean,
        plain=plain,
        item="window",
    )


def _of_labels(
    title: str,
    sums: Callable[[Held], Sums],
    value: Callable[[FloatArray], float],
    plain: Callable[[Splits, int | None], tuple[str, Sums]],
) -> Metric:
    return Metric(
        title=title,
        more_is_better=True,
        needs="labelled documents: name the field of their labels with --label-field",
        fits=lambda options: bool(options.label_field),
        sums=sums,
        value=value,
        plain=plain,
    )


def _of_texts(title: str, name: str) -> Metric:
    return Metric(
        title=title,
        more_is_better=True,
        needs="pairs of texts: name the field of the targets with --target-field, or a file with --targets",
        fits=lambda options: bool(options.target_field or options.targets),
        sums=texts.sums_of(name),
        value=texts.value_of(name),
        plain=texts.plain_of(name),
    )


METRICS: Mapping[str, Metric] = {
    "accuracy": _of_labels("accuracy", labels.accuracy, windows.mean, labels.plain_accuracy),
    "f1": _of_labels("F1", labels.f1, labels.macro_f1, labels.plain_f1),
    "bleu": _of_texts("BLEU", "bleu"),
    "chrf": _of_texts("chrF", "chrf"),
    "rouge": _of_texts("ROUGE-L", "rougeL"),
    "mase": _of_series("MASE", windows.mase, windows.plain_mase),
    "crps": _of_series("CRPS", windows.crps, windows.plain_crps),
}


def of(name: str) -> Metric:
    """Return the metric of a name; UnknownName where there is none."""
    if name not in METRICS:
        raise UnknownName("metric", name, METRICS)
    return METRICS[name]


def check(name: str, horizon: int | None, options: DataOptions) -> None:
    """Raise where the metric does not fit the data, or the horizon not the metric; no metric fits all."""
    if horizon is not None and (not name or of(name).item != "window"):
        raise UsageError("--horizon is for --metric mase or crps; name one of these, or leave it out")
    if horizon is not None and horizon < 1:
        raise UsageError(f"--horizon must be at least 1, got {horizon}")
    if name and not of(name).fits(options):
        raise UsageError(f"--metric {name} is of {of(name).needs}")
