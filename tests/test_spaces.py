"""What a search may change: around what is suggested, within what every model's config allows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram import models, settings, training
from anygram.budgets import Budget
from anygram.errors import UnknownName
from anygram.spaces import Choice, Factor, Range, Shift, drawn_from
from anygram.training import space

SEARCHED = [name for name in models.alone() if hasattr(models.REGISTRY.load(name), "search_space")]


def _suggested(model: str, vocabulary_size: int, budget: Budget) -> tuple[Any, dict[str, Any]]:
    sample = np.arange(5000, dtype=np.int32) % vocabulary_size
    config, learner = models.REGISTRY.load(model).suggest(sample, 10**6, vocabulary_size, budget)
    return config, learner


def _ends(range_: Range) -> list[Any]:
    """Return what lies at the edges of a range."""
    return [None, *range_.others] if isinstance(range_, Choice) else [range_.low, range_.high]


def test_networks_and_tables_offer_a_space_and_what_has_nothing_to_choose_does_not() -> None:
    assert {"lstm", "gru", "rnn", "gated", "mingru", "minlstm", "nnlm", "transformer"} < set(SEARCHED)
    assert {"ngram", "frequency"} < set(SEARCHED)
    for name in ("uniform", "contextmix"):
        assert training.space_of(training.Plan(name, "bytes")) == {}


@pytest.mark.parametrize("model", SEARCHED)
@given(data=st.data(), seconds=st.floats(1, 1e5), vocabulary_size=st.sampled_from([3, 257, 1000, 50_000]))
def test_whatever_is_drawn_makes_settings_that_model_and_learner_take(
    model: str, data: st.DataObject, seconds: float, vocabulary_size: int
) -> None:
    offered = training.space_of(training.Plan(model, "bytes"))
    drawn = {key: data.draw(st.sampled_from(_ends(range_)), key) for key, range_ in offered.items()}
    plan = training.Plan(model, "bytes", drawn=drawn)
    suggested = _suggested(model, vocabulary_size, Budget(seconds=seconds))
    config, learner = space.moved(plan, *suggested)
    models.REGISTRY.load(model).create(config, 3, 0)
    settings.build(training.plan.configs_of(plan)["learner"], learner)
    assert (config, learner) != suggested


@pytest.mark.parametrize("model", SEARCHED)
def test_nothing_drawn_is_what_is_suggested(model: str) -> None:
    suggested = _suggested(model, 257, Budget(seconds=60))
    assert space.moved(training.Plan(model, "bytes"), *suggested) == suggested


def test_heads_and_their_rate_go_with_the_width() -> None:
    suggested = _suggested("transformer", 257, Budget(seconds=60))
    config, learner = space.moved(training.Plan("transformer", drawn={"width": 1.5}), *suggested)
    assert config.width % 32 == 0 and config.width > suggested[0].width
    assert config.width // config.heads == suggested[0].width // suggested[0].heads == 32
    assert learner["head_rate"] * config.width == pytest.approx(
        suggested[1]["head_rate"] * suggested[0].width, rel=1e-5
    )
    assert learner["rate"] == suggested[1]["rate"]


def test_what_is_pinned_is_not_searched() -> None:
    pinned = training.Plan("lstm", values={"units": 24, "learner.rate": "find"}, drawn={"rate": 2.0})
    assert list(training.space_of(pinned)) == ["dropout"]
    suggested = _suggested("lstm", 257, Budget(seconds=60))
    assert space.moved(pinned, *suggested) == suggested


def test_a_network_that_offers_nothing_has_its_rate_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(models.REGISTRY.load("gru"), "search_space")
    assert list(training.space_of(training.Plan("gru"))) == ["rate"]
    monkeypatch.delattr(models.REGISTRY.load("ngram"), "search_space")
    assert training.space_of(training.Plan("ngram")) == {}


def test_a_space_of_what_is_no_setting_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    offered = {"widht": Factor(0.5, 2)}
    monkeypatch.setattr(models.REGISTRY.load("gru"), "search_space", lambda: offered)
    with pytest.raises(UnknownName, match="no setting named 'widht'"):
        training.space_of(training.Plan("gru"))


@given(st.integers(1, 4096), st.floats(0.25, 4), st.sampled_from([1, 8, 32]))
def test_a_whole_number_stays_whole_and_near_what_was_drawn(units: int, factor: float, multiple: int) -> None:
    changed = drawn_from("units", Factor(0.25, 4, multiple), factor, {"units": units})["units"]
    assert isinstance(changed, int) and changed > 0
    assert changed == units or changed % multiple == 0
    assert abs(changed - units * factor) <= max(multiple / 2, multiple - units * factor)


def test_a_shift_keeps_within_its_bounds_and_a_choice_may_be_what_is_suggested() -> None:
    order = Shift(-2, 4, step=1, least=1, most=16)
    assert [drawn_from("order", order, by, {"order": 2})["order"] for by in (-2, 0, 4)] == [1, 2, 6]
    kind = Choice(("b", "c"))
    assert drawn_from("kind", kind, None, {"kind": "a"}) == {}
    assert drawn_from("kind", kind, "c", {"kind": "a"}) == {"kind": "c"}
