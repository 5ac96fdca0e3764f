"""Learning curves: closed forms, how often their intervals hold, what is no curve, and where two cross."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram.comparison import curves
from anygram.comparison.crossings import Crossing, between, crossings
from anygram.comparison.curves import Curve, Point, check, describe, fit, obstacle, summary

SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1)
ALL = 1_600_000


def points(a: float, b: float, c: float, count: int = 5, noise: Sequence[float] = (0,) * 5) -> list[Point]:
    """Return the first points of a + b (N / N_1)^−c, each off by its noise."""
    return [
        Point(round(ALL * share), a + b * (share / SHARES[0]) ** -c + off)
        for share, off in zip(SHARES[:count], noise, strict=False)
    ]


def curve(a: float, b: float, c: float) -> Curve:
    found = fit(points(a, b, c))
    assert found is not None
    return found


@given(
    a=st.floats(0.3, 1.5),
    b=st.floats(0.5, 3.0),
    c=st.floats(0.1, 0.8),
    times=st.sampled_from([1.0, 2.0, 8.0]),
)
def test_an_exact_curve_is_found_again(a: float, b: float, c: float, times: float) -> None:
    """Its own value lies in the interval of any size, and the middle of what was measured is close."""
    found = curve(a, b, c)
    truth = a + b * (times / SHARES[0]) ** -c
    band = found.predict(round(ALL * times), confidence=0.99)
    assert band.low <= truth <= band.high
    if times == 1.0:
        assert band.middle == pytest.approx(truth, rel=0.01)


def test_further_out_less_is_known() -> None:
    found = curve(1.0, 2.0, 0.25)
    widths = [(band := found.predict(ALL * times)).high - band.low for times in (1, 2, 4, 8)]
    assert widths == sorted(widths) and widths[-1] < 0.5


def test_more_points_say_more() -> None:
    widths = []
    for count in (4, 5):
        found = fit(points(1.0, 2.0, 0.25, count))
        assert found is not None
        band = found.predict(2 * ALL)
        widths.append(band.high - band.low)
    assert widths[1] < widths[0]


def test_intervals_hold_as_often_as_they_say_on_curves_of_the_prior() -> None:
    """Parameters and noise drawn as the prior says: the fifth point lies inside in about 90 of 100."""
    generator = np.random.default_rng(5)
    held, times = 0, 250
    for _ in range(times):
        c = math.exp(generator.uniform(math.log(0.02), 0.0))
        b, share = generator.uniform(0.5, 3.0), generator.uniform(0.0, 1.0)
        lowest = b * 8.0**-c  # of four points, above a
        a = share / (1 - share) * lowest if share < 0.9 else 9 * lowest
        clean = points(a, b, c)
        share_N = math.exp(generator.uniform(math.log(0.005), math.log(0.1))) * generator.normal(size=5)
        noisy = [
            Point(point.bytes, point.bits_per_byte * (1 + off))
            for point, off in zip(clean, share_N, strict=True)
        ]
        found = curves._posterior(noisy[:4])  # those that rise by chance, too: the prior knows no obstacle
        band = found.predict(ALL)
        held += band.low <= noisy[4].bits_per_byte <= band.high
    assert 0.85 <= held / times <= 0.97


def test_the_check_does_not_see_the_last_point() -> None:
    good = check(points(1.0, 2.0, 0.25))
    bad = check(points(1.0, 2.0, 0.25, noise=(0, 0, 0, 0, -0.5)))
    assert good is not None and bad is not None
    assert good.band == bad.band
    assert good.held and not bad.held
    assert bad.to_json() == {
        "bytes": ALL, "low": bad.band.low, "high": bad.band.high, "measured": bad.measured, "held": False,
    }  # fmt: skip


@given(order=st.permutations(range(5)))
def test_the_order_of_points_does_not_matter(order: list[int]) -> None:
    measured = points(1.0, 2.0, 0.25)
    found, mixed = fit(measured), fit([measured[k] for k in order])
    assert found is not None and mixed is not None
    assert found.to_json() == mixed.to_json()
    assert check(measured) == check([measured[k] for k in order])


# What is no curve


def test_few_points_are_no_curve_and_say_so() -> None:
    assert fit(points(1.0, 2.0, 0.25, 3)) is None
    assert obstacle(points(1.0, 2.0, 0.25, 3)) == "3 points are too few for a curve; it takes 4"
    assert fit(points(1.0, 2.0, 0.25, 4)) is not None and check(points(1.0, 2.0, 0.25, 4)) is None


def test_points_that_rise_are_no_curve_and_say_where() -> None:
    rising = points(1.0, 2.0, 0.25, noise=(0, 0, 0.5, 0, 0))
    assert fit(rising) is None and check(rising) is None
    assert obstacle(rising).startswith("more data made it worse: 2.682 bits per byte after 200 KB, 2.914 ")
    assert fit(points(1.0, 2.0, 0.02, noise=(0, 0, 0.07, 0, 0))) is not None  # by chance, within 2 %


def test_two_points_of_one_size_are_refused() -> None:
    measured = points(1.0, 2.0, 0.25)
    assert "two points stand at" in obstacle([*measured, measured[-1]])


def test_a_flat_line_is_a_curve() -> None:
    """What has learnt all there is for it, as a uniform model: no more data change it."""
    found = fit([Point(point.bytes, 8.0) for point in points(1.0, 2.0, 0.25)])
    assert found is not None
    band = found.predict(8 * ALL)
    assert band.high == pytest.approx(8.0, rel=0.05) and band.middle == pytest.approx(8.0, rel=0.05)


# What results.json gets


def test_an_entry_has_points_fit_check_and_words() -> None:
    measured = [{"bytes": point.bytes, "bits_per_byte": point.bits_per_byte} for point in points(1, 2, 0.25)]
    entry = describe("lstm-bytes", measured)
    assert entry["who"] == "lstm-bytes" and entry["points"] == measured
    fitted = entry["fit"]
    assert fitted["a"] + fitted["b"] * ALL ** -fitted["c"] == pytest.approx(2.0, rel=0.01)
    sizes = [band["bytes"] for band in fitted["band"]]
    assert (sizes[0], sizes[-1]) == (ALL // 16, 8 * ALL) and sizes == sorted(sizes)
    assert all(band["low"] <= band["middle"] <= band["high"] for band in fitted["band"])
    assert entry["check"]["held"] and "was to lie between" in entry["said"] and "it does" in entry["said"]


def test_of_a_check_that_fails_it_is_said_how_the_last_step_was_unlike_the_others() -> None:
    known = {"epochs": 1.0, "model_settings": {"n": 4}}
    measured: list[dict[str, Any]] = [
        {"bytes": point.bytes, "bits_per_byte": point.bits_per_byte, **known} for point in points(1, 2, 0.25)
    ]
    held = describe("lstm-bytes", measured)
    assert held["check"]["held"] and held["why"] == ""
    half = measured[-2]["bits_per_byte"]
    measured[-1] |= {"bits_per_byte": half - 0.5}
    faster = describe("lstm-bytes", measured)
    assert not faster["check"]["held"] and "the last one 0.500, more than the one before it" in faster["why"]
    assert "settings" not in faster["why"] and "reading" not in faster["why"]
    measured[-1] |= {"bits_per_byte": half + 0.5, "epochs": 0.5, "model_settings": {"n": 6}}
    why = describe("lstm-bytes", measured)["why"]
    assert "the last one -0.500." in why and "n 4 to 6" in why and "0.5 of one reading" in why


def test_where_more_data_made_it_worse_it_is_said_whether_there_was_time_to_read_them() -> None:
    measured: list[dict[str, Any]] = [
        {"bytes": point.bytes, "bits_per_byte": point.bits_per_byte, "epochs": 1.0}
        for point in points(1, 2, 0.25)
    ]
    measured[-1] |= {"bits_per_byte": 3.0}
    assert "worse" in describe("lstm-bytes", measured)["said"]
    assert "time is what it lacks" not in describe("lstm-bytes", measured)["said"]
    measured[-1] |= {"epochs": 0.25}
    assert "0.25 of one reading: time is what it lacks" in describe("lstm-bytes", measured)["said"]


def test_a_failed_point_is_none() -> None:
    measured = [{"bytes": point.bytes, "bits_per_byte": point.bits_per_byte} for point in points(1, 2, 0.25)]
    measured[0]["bits_per_byte"] = None  # type: ignore[assignment]
    entry = describe("lstm-bytes", measured)
    assert entry["fit"] is not None and entry["check"] is None and entry["said"] == ""
    measured[1]["bits_per_byte"] = None  # type: ignore[assignment]
    entry = describe("lstm-bytes", measured)
    assert entry["fit"] is None and entry["said"] == "No curve: 3 points are too few for a curve; it takes 4."


def test_for_how_many_the_check_held_is_said() -> None:
    good = {"who": "good", "check": {"held": True, "measured": 2.0, "low": 1.9, "high": 2.1}}
    bad = {"who": "bad", "check": {"held": False, "measured": 2.5, "low": 1.9, "high": 2.1}}
    none = {"who": "none", "check": None}
    assert summary([good, none]) == (
        "Of 1 learning curves, the last point lay where the points before it said (90 %) for 1."
    )
    assert summary([good, bad]).endswith(
        "for 1, not for bad (2.500, said were 1.900 to 2.100); of those nothing is said beyond the data."
    )
    assert summary([none]) == "No learning curve had the five points that a check of it takes."


# Crossings


def place(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    """Return where the two curves are equal, by bisection."""
    low, high = 1 / 16, 1e9

    def ahead(share: float) -> float:
        value, value_other = (a + b * (share / SHARES[0]) ** -c for a, b, c in (one, other))
        return float(value - value_other)

    assert ahead(low) < 0 < ahead(high)
    for _ in range(100):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if ahead(middle) < 0 else (low, middle)
    return ALL * low


QUICK, DEEP = (1.5, 1.0, 0.6), (0.8, 2.2, 0.5)


def test_a_crossing_inside_the_data_is_found() -> None:
    truth = place(QUICK, DEEP)
    assert truth < ALL
    (found,) = crossings({"ngram": curve(*QUICK), "lstm": curve(*DEEP)})
    assert (found.below, found.above, found.within) == ("ngram", "lstm", True)
    assert found.bytes == pytest.approx(truth, rel=0.1)
    assert found.low is not None and found.high is not None and found.low <= truth <= found.high


def test_the_order_of_curves_does_not_matter() -> None:
    one, other = curve(*QUICK), curve(*DEEP)
    assert crossings({"a": one, "b": other}) == crossings({"b": other, "a": one})


def test_a_crossing_beyond_the_data_is_probable_and_wants_trust() -> None:
    near = (1.2, 1.0, 0.5), (0.5, 2.6, 0.35)
    truth = place(*near)
    assert ALL < truth < 8 * ALL
    field = {"ngram": curve(*near[0]), "lstm": curve(*near[1])}
    (found,) = crossings(field)
    assert (found.below, found.above, found.within) == ("ngram", "lstm", False)
    assert found.bytes == pytest.approx(truth, rel=0.3)
    assert "beyond the data, so only probable" in found.text
    assert crossings(field, trusted={"lstm": False}) == []


def test_crossings_of_entries_trust_those_whose_check_held() -> None:
    def entry(who: str, a: float, b: float, c: float) -> dict[str, Any]:
        measured = [{"bytes": point.bytes, "bits_per_byte": point.bits_per_byte} for point in points(a, b, c)]
        return describe(who, measured)

    entries = [entry("ngram", 1.2, 1.0, 0.5), entry("lstm", 0.5, 2.6, 0.35), describe("dead", [])]
    (found,) = between(entries)
    assert (found.below, found.above, found.within) == ("ngram", "lstm", False)
    entries[1]["check"] = {**entries[1]["check"], "held": False}
    assert between(entries) == []


def test_curves_that_do_not_cross_are_not_listed() -> None:
    assert crossings({"good": curve(1.0, 1.0, 0.3), "bad": curve(1.5, 2.0, 0.3)}) == []


def test_a_crossing_that_the_measured_ends_gainsay_is_not_said() -> None:
    """Curves that hardly differ cross in many draws, both ways; who was better at the ends is known."""
    measured = {
        "ngram": [2.939, 2.762, 2.486, 2.283, 2.205],
        "lstm": [2.951, 2.709, 2.428, 2.258, 2.173],
        "transformer": [3.403, 2.796, 2.477, 2.267, 2.182],
    }
    sizes = [round(ALL * share) for share in SHARES]
    fitted = {who: fit([*map(Point, sizes, bits)]) for who, bits in measured.items()}
    found = crossings({who: curve for who, curve in fitted.items() if curve})
    assert [(one.below, one.above, one.within) for one in found] == [("ngram", "transformer", True)]


def test_a_crossing_far_beyond_the_data_is_not_said() -> None:
    far = (1.0, 1.0, 0.5), (0.9, 3.0, 0.3)
    assert place(*far) > 30 * ALL
    assert crossings({"a": curve(*far[0]), "b": curve(*far[1])}) == []


def test_a_crossing_in_words() -> None:
    found = Crossing("ngram", "transformer", 3_000_000, None, 20_000_000, within=True)
    assert found.text == (
        "ngram is better below about 3 MB, transformer above "
        "(90 %: less to 20 MB; inside what was measured)"
    )  # fmt: skip
    assert Crossing("a", "b", 5, 4, None, within=False).to_json() == {
        "below": "a", "above": "b", "bytes": 5, "low": 4, "high": None, "within": False,
    }  # fmt: skip
