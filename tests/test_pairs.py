"""Pairs: closed forms, what is refused, and how often intervals hold when all of them must."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from anygram import information
from anygram.comparison import pairs
from anygram.comparison.pairs import Scored, bounds, differences, widening

BIT = math.log(2)


def scored(who: str, bits_D: NDArray[np.float64], units_D: NDArray[np.int64] | None = None) -> Scored:
    units_D = np.ones(len(bits_D), dtype=np.int64) if units_D is None else units_D
    return Scored(who, bits_D * units_D * BIT, units_D)


def test_equal_contestants_cannot_be_told_apart() -> None:
    bits_D = np.random.default_rng(0).gamma(2.0, size=50)
    (pair,) = differences([scored("a", bits_D), scored("b", bits_D)], contiguous=False)
    assert (pair.difference, pair.ci_low, pair.ci_high, pair.distinguishable) == (0.0, 0.0, 0.0, False)


def test_what_is_worse_by_the_same_on_every_document_is_told_apart_exactly() -> None:
    bits_D = np.random.default_rng(0).gamma(2.0, size=50)
    (pair,) = differences([scored("worse", bits_D + 0.25), scored("better", bits_D)], contiguous=False)
    assert (pair.one, pair.other, pair.distinguishable) == ("better", "worse", True)
    assert [pair.ci_low, pair.difference, pair.ci_high] == pytest.approx([0.25] * 3)


def test_a_pair_has_the_interval_of_normal_theory_whatever_all_documents_have_in_common() -> None:
    generator = np.random.default_rng(0)
    hard_D, own_D = generator.gamma(2.0, 10.0, size=400), generator.normal(0.1, 1.0, size=400)
    (pair,) = differences([scored("a", hard_D), scored("b", hard_D + own_D)], contiguous=False)
    half = 1.96 * own_D.std() / math.sqrt(400)
    assert abs(pair.difference) == pytest.approx(abs(own_D.mean()))
    assert (pair.ci_high - pair.ci_low) / 2 == pytest.approx(half, rel=0.1)


def test_every_two_are_there_once_the_better_one_first() -> None:
    bits_D = np.random.default_rng(0).gamma(2.0, size=(4, 40))
    found = differences([scored(who, bits_D[k]) for k, who in enumerate("abcd")], contiguous=False)
    assert len({frozenset((pair.one, pair.other)) for pair in found}) == len(found) == 6
    assert all(pair.difference >= 0 for pair in found)
    assert differences([scored("alone", bits_D[0])], contiguous=False) == []
    assert set(found[0].to_json()) == {
        "one", "other", "difference", "ci_low", "ci_high", "distinguishable",
    }  # fmt: skip


@given(order=st.permutations(range(4)))
def test_the_order_of_contestants_does_not_matter(order: list[int]) -> None:
    bits_D = np.random.default_rng(0).gamma(2.0, size=(4, 40))
    field = [scored(str(k), bits_D[k]) for k in range(4)]
    assert differences([field[k] for k in order], contiguous=False) == differences(field, contiguous=False)


@pytest.mark.parametrize(
    ("units_D", "contiguous"),
    [
        (np.full(41, 10), False),
        (np.full(40, 11), False),
        (np.array([9, 11] + 38 * [10]), False),
        (np.full(63, 10), True),
        (np.full(40, 11), True),
        (np.repeat([19, 1], 20), True),
    ],
    ids=["more", "longer", "split elsewhere", "more blocks", "longer blocks", "blocks of other documents"],
)
def test_other_documents_are_refused(units_D: NDArray[np.int64], contiguous: bool) -> None:
    field = [
        scored("one", np.ones(40), np.full(40, 10)),
        scored("other", np.ones(len(units_D)), units_D),
    ]
    with pytest.raises(AssertionError, match="were scored on other"):
        differences(field, contiguous=contiguous)


def test_blocks_may_differ_by_the_symbols_over_their_edges() -> None:
    units_D = np.full(64, 1000)
    shifted_D = units_D + np.diff(np.random.default_rng(0).integers(0, 9, 65) * (np.arange(65) % 64 > 0))
    assert shifted_D.sum() == units_D.sum() and (shifted_D != units_D).any()
    field = [scored("bytes", np.full(64, 2.0), units_D), scored("bpe", np.full(64, 2.5), shifted_D)]
    (pair,) = differences(field, contiguous=True)
    assert pair.difference == pytest.approx(0.5) and pair.distinguishable


def test_intervals_are_wider_where_all_pairs_must_hold() -> None:
    """With eight alike, t is that of 28 comparisons: the studentised range, 4.29 / √2 for 95 %."""
    generator = np.random.default_rng(0)
    bits_KD = generator.normal(5.0, 1.0, size=(8, 500))
    field = [scored(str(k), bits_KD[k]) for k in range(8)]
    alone = differences(field[:2], contiguous=False)[0]
    together = next(
        pair for pair in differences(field, contiguous=False) if {pair.one, pair.other} == {"0", "1"}
    )
    ratio = (together.ci_high - together.ci_low) / (alone.ci_high - alone.ci_low)
    assert ratio == pytest.approx(4.29 / math.sqrt(2) / 1.96, rel=0.08)


def test_in_95_of_100_test_parts_all_pairs_hold_and_the_best_is_never_ruled_out() -> None:
    """Six contestants, of which three are equally the best, share the difficulty of documents."""
    generator = np.random.default_rng(7)
    truth_K = np.array([5.0, 5.0, 5.0, 5.05, 5.2, 5.5])
    all_held = best_kept = apart = 0
    times = 200
    for _ in range(times):
        hard_D = generator.gamma(2.0, 2.0, size=60)
        bits_KD = truth_K[:, None] + hard_D + generator.normal(0.0, 0.5, size=(6, 60))
        found = differences([scored(str(k), bits_KD[k]) for k in range(6)], contiguous=False)
        held = [
            pair.ci_low <= truth_K[int(pair.other)] - truth_K[int(pair.one)] <= pair.ci_high for pair in found
        ]
        all_held += all(held)
        best_kept += not any(pair.distinguishable for pair in found if int(pair.other) < 3)
        apart += any(pair.distinguishable for pair in found if (pair.one, pair.other) == ("0", "5"))
    assert 0.91 <= all_held / times <= 0.99
    assert best_kept / times >= 0.93
    assert apart / times > 0.9  # and they are not so wide as to say nothing


def test_one_at_a_time_some_pair_would_be_wrong_far_too_often() -> None:
    """What the simultaneous intervals are for: with 95 % each, all hold in far fewer than 95 of 100."""
    generator = np.random.default_rng(7)
    held = 0
    for _ in range(100):
        bits_KD = generator.normal(5.0, 1.0, size=(6, 60))
        bits_RK = np.stack(
            [information.paired_bootstrap(bits_D * BIT, np.ones(60), resamples=200) for bits_D in bits_KD],
            axis=1,
        )
        one_P, other_P = np.triu_indices(6, 1)
        low_P, high_P = np.quantile(bits_RK[:, one_P] - bits_RK[:, other_P], [0.025, 0.975], axis=0)
        held += bool(((low_P <= 0) & (high_P >= 0)).all())
    assert held / 100 < 0.8


def test_one_contestant_has_the_interval_of_the_bootstrap() -> None:
    one = scored("one", np.random.default_rng(0).gamma(2.0, size=50), np.arange(1, 51))
    figures_R = information.paired_bootstrap(one.nats_D, one.units_D)
    assert bounds(one, contiguous=False) == pytest.approx(information.interval(figures_R))


# Blocks of one text


def test_blocks_widen_the_interval_of_one_around_its_figure() -> None:
    one = scored("one", np.repeat(np.random.default_rng(0).gamma(2.0, size=8), 8))
    (low, high), (low_64, high_64) = bounds(one, contiguous=False), bounds(one, contiguous=True)
    factor = (one.bits_per_byte - low_64) / (one.bits_per_byte - low)
    assert factor == pytest.approx((high_64 - one.bits_per_byte) / (high - one.bits_per_byte))
    assert 2 < factor < math.sqrt(19) + 1e-9


def test_independent_blocks_widen_little_and_alike_neighbours_much() -> None:
    generator = np.random.default_rng(0)
    factors = [widening(generator.normal(size=64)) for _ in range(200)]
    assert min(factors) == 1.0 and np.mean(factors) < 1.1
    noise_D = generator.normal(size=5000)
    alike_D = np.zeros(5000)
    for block in range(1, 5000):
        alike_D[block] = 0.5 * alike_D[block - 1] + noise_D[block]
    assert widening(alike_D) == pytest.approx(math.sqrt(1.5 / 0.5), rel=0.05)
    assert widening(np.full(64, 3.0)) == 1.0
    assert widening(np.repeat([0.0, 1.0], 32)) == pytest.approx(math.sqrt(19.0))


def test_intervals_of_a_text_whose_blocks_are_alike_hold() -> None:
    """Without the widening 64 blocks with correlation 0.4 would hold in about 80 of 100."""
    generator = np.random.default_rng(3)
    held = {True: 0, False: 0}
    times = 300
    for _ in range(times):
        noise_D = generator.normal(size=164)
        for block in range(1, 164):
            noise_D[block] += 0.4 * noise_D[block - 1]
        base_D = generator.gamma(2.0, size=64)
        field = [scored("a", 5 + base_D), scored("b", 5 + base_D + noise_D[100:])]
        for contiguous in held:
            (pair,) = differences(field, contiguous=contiguous)
            held[contiguous] += pair.ci_low <= (0.0 if pair.one == "a" else -0.0) <= pair.ci_high
    assert held[False] / times < 0.88
    assert held[True] / times > 0.9


def test_few_bytes_with_empty_blocks_still_have_intervals() -> None:
    units_D = np.zeros(64, dtype=np.int64)
    units_D[:3] = 1
    (pair,) = differences(
        [scored("a", np.full(64, 1.0), units_D), scored("b", np.full(64, 2.0), units_D)], contiguous=True
    )
    assert pair.difference == pytest.approx(1.0) and math.isfinite(pair.ci_low)


def test_the_confidence_is_as_documented() -> None:
    assert pairs.CONFIDENCE == 0.95
