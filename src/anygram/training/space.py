"""Which settings of a plan a search may change, and the settings that were drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anygram import models, settings
from anygram.neural.searching import RATE
from anygram.spaces import Space, drawn_from
from anygram.training.plan import Plan, chosen_by, configs_of, reads_once, sort_settings


def space_of(plan: Plan) -> Space:
    """Return what its module offers, of networks the rate at least, without what the plan has set.

    UnknownName where the module offers what is no setting.
    """
    module = models.REGISTRY.load(plan.model)
    offered: Space = {} if reads_once(plan) else {"rate": RATE}
    if hasattr(module, "search_space"):
        offered = module.search_space()
    sort_settings(offered, {place: settings.keys(config) for place, config in configs_of(plan).items()})
    chosen = chosen_by(plan)
    pinned = chosen["model"].keys() | chosen["learner"].keys()
    return {key: range_ for key, range_ in offered.items() if key not in pinned}


def moved(plan: Plan, config: Any, learner_values: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return what was suggested for model and learner, with what the plan has drawn; UsageError where the
    model cannot be so.
    """
    if not plan.drawn:
        return config, dict(learner_values)
    learner = settings.to_words(settings.build(configs_of(plan)["learner"], learner_values))
    suggested = {**learner, **settings.to_words(config)}
    changed: dict[str, Any] = {}
    for key, range_ in space_of(plan).items():
        if key in plan.drawn:
            changed |= drawn_from(key, range_, plan.drawn[key], suggested)
    of_model = {key: value for key, value in changed.items() if key in settings.keys(type(config))}
    of_learner = {key: value for key, value in changed.items() if key not in of_model}
    return settings.build(type(config), of_model, config), {**learner_values, **of_learner}
