"""The answer: whom it recommends, what it says beside it, and sensible words where there is little to say."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram.comparison.agreement import another_seed, indistinguishable, third
from anygram.comparison.answer import Evidence, answer
from anygram.comparison.crossings import Crossing
from anygram.comparison.pairs import Difference
from anygram.comparison.pareto import PREFERENCES
from anygram.errors import UsageError

Row = dict[str, Any]


def row(who: str, bits: float | None, **figures: Any) -> Row:
    ends = {} if bits is None else {"ci_low": bits - 0.01, "ci_high": bits + 0.01}
    return {"who": who, "bits_per_byte": bits, **ends, **figures}


LSTM = row(
    "lstm-bpe", 2.0, perplexity=2.0**6, train_seconds=120.0, score_bytes_per_second=50e3,
    model_bytes=9_000_000, generate_symbols_per_second=500.0, first_symbol_seconds=0.01,
    peak_memory_bytes=800_000_000,
)  # fmt: skip
GRU = row("gru-bpe", 2.004, train_seconds=120.0, score_bytes_per_second=100e3)
NGRAM = row(
    "ngram-bytes", 2.08, perplexity=2.0**2.08, train_seconds=3.0, score_bytes_per_second=5e6,
    model_bytes=4_000_000, generate_symbols_per_second=9000.0, first_symbol_seconds=0.001,
    peak_memory_bytes=300_000_000,
)  # fmt: skip
UNIFORM = row("uniform-bytes", 8.0, score_bytes_per_second=1e9, model_bytes=10, peak_memory_bytes=1000)
XZ = row("xz", 2.5, adaptive=True, floor=True)
READER = row("ngram-bytes", 1.5, adaptive=True, way="own")
WORDS = row("ngram-words", None, perplexity=90.0)
DEAD = row("rnn-bpe", None, error="out of memory; give a smaller size or less data")

PAIRS = [
    Difference("lstm-bpe", "gru-bpe", 0.004, -0.002, 0.010),
    Difference("lstm-bpe", "ngram-bytes", 0.08, 0.06, 0.10),
    Difference("gru-bpe", "ngram-bytes", 0.076, 0.05, 0.10),
]
EVIDENCE = Evidence(pairs=PAIRS, test_bytes=111_540, test_documents=40)


def say(*rows: Row, prefer: str = "quality", evidence: Evidence = EVIDENCE) -> str:
    return answer(rows, prefer, evidence).text


# The choice


def test_for_quality_the_fewest_bits_with_interval_costs_and_who_is_as_good() -> None:
    found = answer([NGRAM, GRU, LSTM, UNIFORM, XZ], "quality", EVIDENCE)
    assert found.to_json()["winner"] == "lstm-bpe" and list(found.beside) == ["gru-bpe"]
    assert list(found.pareto) == ["lstm-bpe", "gru-bpe", "ngram-bytes", "uniform-bytes"]
    assert found.text == (
        "Choose lstm-bpe: it predicts best, at 2.000 bits per byte (95 % interval 1.990 to 2.010) "
        "on 112 KB held out. It trained for 120 s, takes 9 MB on disk, held 800 MB of "
        "memory, reads 50 KB a second and writes 500 symbols a second. Not distinguishable from it "
        "on this test part: gru-bpe, which reads 2 times as fast (apart by 0.004 bits per "
        "byte, give or take 0.006). Where speed matters, ngram-bytes, trained for 3 s, reads 100 "
        "times as fast for 4 % more bits. Intervals cover the choice of the test part, for all "
        "pairs together, not that of the training seed. It needs 20 % fewer bits than xz, the best "
        "compressor here (2.500, learning while it reads)."
    )


def test_one_that_is_hardly_worse_and_much_faster_is_a_bargain() -> None:
    assert (
        "Where speed matters, ngram-bytes, trained for 3 s, reads 100 times as fast for 4 % more bits."
    ) in say(LSTM, NGRAM, UNIFORM)
    assert "Where speed matters" not in say(LSTM, UNIFORM)
    assert "Where speed matters" not in say(LSTM, GRU)  # as good as the best, and so told already
    assert "Where speed matters" not in say(LSTM, NGRAM, prefer="memory")


def test_where_all_can_be_told_apart_the_nearest_is_named() -> None:
    pairs = [Difference("lstm-bpe", "ngram-bytes", 0.08, 0.06, 0.10)]
    found = answer([LSTM, NGRAM], "quality", replace(EVIDENCE, pairs=pairs))
    assert found.beside == []
    nearest = "the nearest, ngram-bytes, is worse by 0.080 bits per byte (0.060 to 0.100)"
    assert f"All others can be told from it; {nearest}." in found.text


@pytest.mark.parametrize(
    ("prefer", "claim"),
    [
        ("speed", "the fastest reader (5 MB a second)"),
        ("memory", "the smallest (304 MB of disk and memory together)"),
        ("latency", "the first to answer (12.1 ms for 100 bytes)"),
    ],
)
def test_for_a_cost_the_cheapest_within_five_per_cent_and_what_it_gives_up(prefer: str, claim: str) -> None:
    found = answer([LSTM, GRU, NGRAM, UNIFORM], prefer, EVIDENCE)
    assert found.winner == "ngram-bytes"
    assert found.text.startswith(
        f"Choose ngram-bytes for {prefer}: {claim} of those within 5 % of the fewest bits, at 2.080 "
        "bits per byte (95 % interval 2.070 to 2.090) on 112 KB held out; that gives "
        "up 4 % against lstm-bpe, which predicts best (2.000)."
    )


def test_the_best_may_be_the_cheapest_too() -> None:
    text = say(
        row("a", 2.0, score_bytes_per_second=9.0), row("b", 2.01, score_bytes_per_second=5.0), prefer="speed"
    )
    assert "bits per byte (95 % interval 1.990 to 2.010) on 112 KB held out, and nobody predicts" in text


def test_a_cost_that_nobody_measured_is_said() -> None:
    text = say(row("a", 2.0), row("b", 3.0), prefer="latency")
    assert text.startswith("What latency needs was not measured; a predicts best, at 2.000 bits per byte")


def test_an_unknown_preference_is_refused() -> None:
    with pytest.raises(
        UsageError, match="--prefer must be one of quality, speed, memory, latency, got 'beauty'"
    ):
        answer([LSTM], "beauty")


# Static figures alone are ranked


def test_adaptive_lossy_and_compressors_never_win() -> None:
    for prefer in ("quality", "speed", "memory", "latency"):
        found = answer(
            [READER, WORDS, XZ, LSTM, row("zpaq", 0.5, adaptive=True, floor=True)], prefer, EVIDENCE
        )
        assert found.winner == "lstm-bpe" and set(found.pareto) <= {"lstm-bpe"}
    assert "Apart from this ranking, ngram-bytes that goes on learning while it reads (own) needs 1.500." in (
        found.text
    )
    assert "Lossy and so outside the ranking: ngram-words (perplexity 90)" in found.text
    assert "It does not beat zpaq, the best compressor here (0.500, learning while it reads)" in found.text


def test_one_contestant_is_ranked_with_nobody() -> None:
    text = say(LSTM)
    assert text.startswith(
        "Choose lstm-bpe, which nobody is there to be ranked with: it needs 2.000 bits per byte"
    )
    assert "The interval covers the choice of the test part, not that of the training seed." in text


def test_where_all_failed_nothing_is_recommended() -> None:
    found = answer([DEAD], "quality")
    assert (found.winner, list(found.beside), list(found.pareto)) == (None, [], [])
    assert found.text == (
        "Nothing can be recommended, for every contestant failed. "
        "rnn-bpe failed: out of memory; give a smaller size or less data."
    )


def test_where_all_are_lossy_there_is_a_remedy() -> None:
    text = say(WORDS, DEAD)
    assert text.startswith("There is nobody to rank: bits per byte are of lossless codecs alone. Lossy")
    assert "rnn-bpe failed" in text and text.endswith(
        "Add a model over bytes, bpe or chars, which lose nothing."
    )


def test_lossy_codecs_of_numbers_are_told_by_their_density() -> None:
    fine = {"who": "lstm-series", "bits_per_unit": -0.5, "unit": "value", "perplexity": 300.0}
    coarse = {"who": "ngram-series", "bits_per_unit": 0.25, "unit": "value", "perplexity": 9.0}
    names = "lstm-series (-0.500 bits per value) and ngram-series (0.250 bits per value)"
    densities = "bits of densities compare with each other, in any bins"
    assert f"outside the ranking: {names}; {densities}." in say(coarse, fine)
    both = say(coarse, fine, WORDS)
    assert "(perplexity " in both
    assert f"; perplexities compare at equal tokens only; {densities}." in both


def test_only_compressors_or_nothing_is_nobody() -> None:
    assert answer([XZ], "quality").text == answer([], "speed").text == (
        "There is nobody to rank: no static contestant."
    )  # fmt: skip


# Caveats


def test_caveats_are_said() -> None:
    broken = [("the same budget", ["ngram-bytes"]), ("duplicates across the parts are counted", [])]
    evidence = replace(EVIDENCE, duplicates=3, repeated=0.25, broken_rules=broken)
    text = say({**LSTM, "stopped": "a loss no longer finite"}, NGRAM, DEAD, evidence=evidence)
    for part in (
        "Stopped early: lstm-bpe (a loss no longer finite).",
        "3 of 40 test documents are in the training part too, and 25 % of the test part's bytes are in long "
        "lines that training had, which flatters",
        "Not all rules held, so read this with care: the same budget (ngram-bytes); duplicates across the "
        "parts are counted.",
        "rnn-bpe failed: out of memory; give a smaller size or less data.",
    ):
        assert part in text
    assert ".." not in text


def test_a_winner_that_broke_a_rule_is_not_to_be_relied_on() -> None:
    text = say(LSTM, NGRAM, evidence=replace(EVIDENCE, broken_rules=[("causality", ["lstm-bpe"])]))
    assert (
        "so lstm-bpe itself is concerned, and its figure not to be relied on: causality (lstm-bpe)." in text
    )


def test_long_lines_that_training_had_are_said_where_they_are_many() -> None:
    said = (
        "of the test part's bytes are in long lines that training had, which flatters what learns by heart."
    )
    assert f"12 % {said}" in say(LSTM, NGRAM, evidence=replace(EVIDENCE, repeated=0.12))
    assert "long lines" not in say(LSTM, NGRAM, evidence=replace(EVIDENCE, repeated=0.09))


def test_who_would_overtake_with_more_data_and_who_was_overtaken() -> None:
    crossings = [
        Crossing("ngram-bytes", "lstm-bpe", 300_000, 200_000, 400_000, within=True),
        Crossing("lstm-bpe", "transformer-bpe", 4_000_000, 2_000_000, None, within=False),
    ]
    text = say(LSTM, NGRAM, evidence=replace(EVIDENCE, crossings=crossings))
    assert (
        "With more data of this kind, from about 4 MB to learn from, transformer-bpe would probably "
        "be better (90 %: from 2 MB on, if at all). With less data others are better: ngram-bytes "
        "below about 300 KB."
    ) in text


def test_how_much_more_data_it_would_take_is_said() -> None:
    crossing = Crossing("lstm-bpe", "transformer-bpe", 4_000_000, 2_000_000, 8_000_000, within=False)
    text = say(LSTM, evidence=replace(EVIDENCE, crossings=[crossing], train_bytes=1_000_000))
    assert "from about 4 MB to learn from, 4 times as much as here, transformer-bpe would" in text
    assert "(90 %: 2 MB to 8 MB)" in text


def test_a_crossing_of_others_is_not_the_winners() -> None:
    crossing = Crossing("ngram-bytes", "gru-bpe", 4_000_000, None, None, within=False)
    assert "With more data" not in say(LSTM, NGRAM, evidence=replace(EVIDENCE, crossings=[crossing]))


# What a third of the budget, or another seed, would have said


def test_those_not_told_apart_are_named_the_nearest_first() -> None:
    pairs = [
        *PAIRS,
        Difference("best", "lstm-bpe", 0.001, -0.01, 0.012),
        Difference("lstm-bpe", "far", 0.009, -0.01, 0.03),
    ]
    assert indistinguishable("lstm-bpe", pairs) == ["best", "gru-bpe", "far"]


def test_the_same_winner_agrees() -> None:
    found = third([LSTM, NGRAM], PAIRS, [row("lstm-bpe", 2.1), row("ngram-bytes", 2.2)])
    assert found.agrees and found.winner == "lstm-bpe"
    assert found.text == (
        "With a third of the budget, lstm-bpe comes first too, at 2.100 bits per byte (2.090 to 2.110)."
    )
    assert [one["who"] for one in found.to_json()["results"]] == ["lstm-bpe", "ngram-bytes"]


def test_one_that_is_not_told_from_the_winner_agrees() -> None:
    found = another_seed([LSTM, GRU], PAIRS, [row("lstm-bpe", 2.02), row("gru-bpe", 2.01)])
    assert found.agrees and found.winner == "gru-bpe"
    assert found.text == (
        "With another seed, gru-bpe comes first, at 2.010 bits per byte (2.000 to 2.020), before "
        "lstm-bpe, which reaches 2.020; the whole comparison does not tell the two apart. "
        "From one seed to the other figures moved by at most 0.020 (lstm-bpe)."
    )
    assert found.text in say(LSTM, GRU, evidence=replace(EVIDENCE, another_seed=found))


def test_another_winner_does_not_agree() -> None:
    found = third([LSTM, NGRAM], PAIRS, [row("lstm-bpe", 2.3), row("ngram-bytes", 2.2), DEAD])
    assert not found.agrees
    assert found.text == (
        "With a third of the budget, ngram-bytes comes first, at 2.200 bits per byte (2.190 to "
        "2.210), before lstm-bpe, which reaches 2.300: what is best depends on it."
    )
    assert found.text in say(LSTM, NGRAM, evidence=replace(EVIDENCE, third=found))


def test_where_all_failed_with_a_third_there_is_nothing_to_compare() -> None:
    found = third([LSTM], PAIRS, [DEAD])
    assert (found.agrees, found.winner) == (False, None)
    assert found.text == "With a third of the budget there is nothing to compare."


# Whatever is measured


def figure(least: float, most: float) -> st.SearchStrategy[float | None]:
    return st.none() | st.floats(least, most)


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "bits_per_byte": figure(0.01, 9.0),
            "bits_per_unit": figure(-9.0, 9.0),
            "unit": st.just("value"),
            "perplexity": figure(1.0, 1e6),
            "adaptive": st.booleans(),
            "floor": st.booleans(),
            "train_seconds": figure(0.0, 1e5),
            "score_bytes_per_second": figure(0.0, 1e9),
            "generate_symbols_per_second": figure(0.0, 1e6),
            "first_symbol_seconds": figure(0.0, 10.0),
            "model_bytes": st.none() | st.integers(0, 10**10),
            "peak_memory_bytes": st.none() | st.integers(0, 10**10),
            "stopped": st.sampled_from(["", "no memory."]),
            "error": st.sampled_from(["", "", "", "no disk."]),
        }
    ),
    max_size=6,
)


@given(rows=ROWS, prefer=st.sampled_from(PREFERENCES), data=st.data())
def test_whatever_was_measured_there_are_sensible_words(
    rows: list[Row], prefer: str, data: st.DataObject
) -> None:
    rows = [{"who": f"model{number}", **row} for number, row in enumerate(rows)]
    whos = [row["who"] for row in rows]
    pairs = [
        Difference(one, other, 0.1, data.draw(st.sampled_from([-0.1, 0.05])), 0.3)
        for one, other in combinations(whos, 2)
    ]
    found = answer(rows, prefer, Evidence(pairs=pairs))
    assert not re.search(r"None|nan|inf\b|  |\.\.|, ,| \.|\( ", found.text), found.text
    assert found.text[0].isupper() and found.text.endswith(".")
    named = {row["who"]: row for row in rows}
    for who in [*filter(None, [found.winner]), *found.beside, *found.pareto]:
        ranked = named[who]
        assert ranked["bits_per_byte"] is not None
        assert not (ranked["adaptive"] or ranked["floor"] or ranked["error"])
    json.dumps(found.to_json(), allow_nan=False)
