"""Learners: how a model learns. By counting, on line or by gradient; the training loop never asks which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anygram import settings
from anygram.errors import UsageError
from anygram.learning import counting, online
from anygram.learning.group import ALONE, Group
from anygram.protocols import Countable, Differentiable, LanguageModel, Learner, Online


def config_of(model: LanguageModel) -> type[Any]:
    """Return the dataclass of the settings that this model's way of learning has."""
    if isinstance(model, Countable):
        return counting.Config
    if isinstance(model, Online):
        return online.Config
    from anygram.learning import gradient  # imports torch

    return gradient.Config


def learner_for(
    model: LanguageModel,
    values: Mapping[str, Any],
    seed: int,
    suggested: Mapping[str, Any] | None = None,
    group: Group = ALONE,
    budget: float | None = None,
) -> Learner:
    """Return the learner that fits the model: `values` over `suggested` over its defaults.

    `group` are the processes that learn together, `budget` the seconds they have, None if there is no limit.
    """
    if isinstance(model, Countable):
        start = settings.build(counting.Config, suggested or {})
        return counting.CountingLearner(model, settings.build(counting.Config, values, start), seed)
    if isinstance(model, Online):
        given = settings.build(online.Config, suggested or {})
        return online.OnlineLearner(model, settings.build(online.Config, values, given), seed)
    if isinstance(model, Differentiable):
        from anygram.learning import gradient  # imports torch

        base = settings.build(gradient.Config, suggested or {})
        config = settings.build(gradient.Config, values, base)
        return gradient.GradientLearner(model, config, seed, group, budget)
    raise UsageError(
        f"{type(model).__name__} can not be counted, read or differentiated; give it count, learn or loss"
    )
