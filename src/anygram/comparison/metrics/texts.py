"""How near translations and summaries of what is held out are to the truth, by `tasks.translation.metrics`.

All contestants write by the same beam search; of a large test part MOST documents, evenly apart, are asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial

import numpy as np

from anygram.comparison.metrics.held import Held, Sums
from anygram.data.documents import Document, Documents
from anygram.data.splitting import Splits
from anygram.errors import UsageError
from anygram.protocols import FloatArray
from anygram.tasks.decoding.search import Search
from anygram.tasks.translation import metrics
from anygram.tasks.translation.asking import request_of
from anygram.tasks.translation.baselines import COPIED, LEAD, baselines
from anygram.tasks.translation.metrics import Metric
from anygram.tasks.translation.translating import references_of, source_of, translate

MOST = 500
_KIND: dict[str, metrics.Metrics] = {"bleu": "translation", "chrf": "translation", "rougeL": "summary"}
_PLAIN = {"translation": COPIED, "summary": LEAD}


def sums_of(name: str) -> Callable[[Held], Sums]:
    """Return what gives the sums of a figure of `tasks.translation.metrics`."""
    return partial(_sums, name)


def value_of(name: str) -> Callable[[FloatArray], float]:
    """Return what gives the figure of sums."""
    return partial(_value, name)


def plain_of(name: str) -> Callable[[Splits, int | None], tuple[str, Sums]]:
    """Return what gives the name and the sums of texts that need no model: sources, or first sentences."""
    return partial(_plain, name)


def _sums(name: str, held: Held) -> Sums:
    asked = _evenly(held.splits.test)
    codec = held.run.condition_codec
    if codec is None:
        raise UsageError("the run was not trained on pairs of texts; train with --target-field")
    search = Search()
    made = translate(held.run.model, held.run.codec, codec, asked, request_of(held.run, search))
    metric = _metric(name, asked)
    every = len(held.splits.test)
    of = "" if len(asked) == every else f"{len(asked):,} of {every:,} documents, "
    found = _measured(metric, [one.text for one in made], asked)
    return replace(found, how=f"{of}beam {search.beam}, {metric.signature}")


def _plain(name: str, splits: Splits, horizon: int | None) -> tuple[str, Sums]:
    asked, kind = _evenly(splits.test), _KIND[name]
    texts = baselines(kind, [source_of(one) for one in asked], None)[_PLAIN[kind]]
    return f"the {_PLAIN[kind]}", _measured(_metric(name, asked), texts, asked)


def _evenly(documents: Documents) -> list[Document]:
    places = np.unique(np.linspace(0, len(documents) - 1, min(MOST, len(documents))).round().astype(int))
    return [documents[place] for place in places.tolist()]


def _metric(name: str, asked: Sequence[Document]) -> Metric:
    """Return the metric that suits the references' script."""
    every = metrics.metrics_of(_KIND[name], [references_of(one) for one in asked])
    return next(one for one in every if name in one.names)


def _measured(metric: Metric, texts: Sequence[str], asked: Sequence[Document]) -> Sums:
    return Sums(metric.sums(texts, [references_of(one) for one in asked]))


def _value(name: str, sums_K: FloatArray) -> float:
    metric = _of_sums(name)
    return metric.values(sums_K)[metric.names.index(name)]


@cache
def _of_sums(name: str) -> Metric:
    """Return a metric for sums, which know nothing of scripts."""
    every = metrics.metrics_of(_KIND[name], [["text"]])
    return next(one for one in every if name in one.names)
