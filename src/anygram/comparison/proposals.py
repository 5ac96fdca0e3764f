"""What a search tries next, by Optuna's tree-structured Parzen estimator (Bergstra et al. 2011); an extra.

Each proposal is a function of the trials before it and of a seed, so that a search that was stopped goes on
as if it had not been.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from anygram.errors import UsageError
from anygram.spaces import Choice, Drawn, Factor, Range, Shift, Space

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

_RANDOM = 4
"""So many trials are told before the estimator is asked; those before are drawn at random."""
_ATTEMPTS = 30


def require_optuna() -> None:
    """Raise UsageError where the extra is not installed."""
    if find_spec("optuna") is None:
        raise UsageError(
            "optuna, which --search needs, is not installed; pip install 'anygram[search]', "
            "or leave out --search"
        )


def propose(space: Space, told: Sequence[tuple[Drawn, float | None]], seed: int) -> Drawn | None:
    """Return what to try after these trials, each with its figure (less is better; None where it failed).

    The first is what is suggested: nothing is drawn. None where nothing new is found, as in a small space.
    """
    if not told:
        return {}
    as_suggested = {key: _as_suggested(range_) for key, range_ in space.items()}
    tried = [({**as_suggested, **drawn}, figure) for drawn, figure in told]
    for attempt in range(_ATTEMPTS):
        (number,) = np.random.SeedSequence([seed, len(told), attempt]).generate_state(1)
        drawn = _ask(space, tried, int(number))
        if drawn not in [before for before, _ in tried]:
            return drawn
    return None


def _ask(space: Space, tried: Sequence[tuple[dict[str, Any], float | None]], seed: int) -> dict[str, Any]:
    """Return what the estimator draws; a trial that failed is as bad as the worst that did not."""
    import optuna  # the extra

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=_RANDOM)
    study = optuna.create_study(sampler=sampler)
    distributions = {key: _distribution(range_) for key, range_ in space.items()}
    figures = [figure for _, figure in tried if figure is not None]
    for drawn, figure in tried if figures else ():
        value = max(figures) if figure is None else figure
        study.add_trial(optuna.trial.create_trial(params=drawn, distributions=distributions, value=value))
    return dict(study.ask(distributions).params)


def _distribution(range_: Range) -> BaseDistribution:
    from optuna import distributions

    match range_:
        case Factor(low, high):
            return distributions.FloatDistribution(low, high, log=True)
        case Shift(low, high, step):
            return distributions.FloatDistribution(low, high, step=step)
        case Choice(others):
            return distributions.CategoricalDistribution((None, *others))


def _as_suggested(range_: Range) -> float | None:
    """Return what changes nothing."""
    match range_:
        case Factor():
            return 1.0
        case Shift():
            return 0.0
        case Choice():
            return None
