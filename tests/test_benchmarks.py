"""What benchmarks compute themselves: figures read from peers' words, budgets, blocks, weights, and rows."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import compression
import defaults
import numpy as np
import pytest
import recipe
import torch
from hypothesis import given
from hypothesis import strategies as st
from neural_peers import huggingface, quality
from neural_peers.arithmetic import block_rows, matrix_weights
from neural_peers.quality import Goal, Trial
from neural_peers.utilisation import operations
from neural_peers.word_language_model import valid_perplexity
from peers.processes import CommandFailed, Cost
from tuning.trials import Result, Settings, Subject, Trials

GOAL = Goal("text", "peer", "loss", "nats")


def cost(seconds: float) -> Cost:
    return Cost(seconds, 2 * seconds, 1e6)


def test_the_last_epochs_perplexity_is_read() -> None:
    printed = "\n".join(
        f"| end of epoch {n} | valid loss 5.00 | valid ppl   {ppl}" for n, ppl in ((1, 150.5), (2, 99.25))
    )
    assert valid_perplexity(printed) == 99.25
    with pytest.raises(CommandFailed, match="valid ppl"):
        valid_perplexity("| epoch   1 |   200/ 2983 batches | ppl  1000.00")


def test_times_are_compared_where_every_seed_reaches_the_figure() -> None:
    peer = [Trial(1.90, cost(90.0)), Trial(1.92, cost(80.0)), Trial(1.91, cost(85.0))]
    ours = [Trial(figure, cost(10.0 + seed), seed, 8.0) for seed, figure in enumerate((1.91, 1.85, 1.80))]
    found = quality.compare(GOAL, ours, peer)
    (wall,) = [row for row in found if row.what == "time to quality, budget 8 s: wall clock"]
    assert (wall.ours, wall.peer, wall.times_better) == (11.0, 85.0, 85.0 / 11.0)
    assert [row.ours for row in found if "seed" in row.what] == [10.0, 11.0, 12.0]


def test_one_seed_that_misses_fails_the_comparison_of_times_and_no_other_row() -> None:
    ours = [Trial(1.95, cost(5.0), 0, 4.0), Trial(1.85, cost(5.0), 1, 4.0), Trial(1.85, cost(9.0), 0, 8.0)]
    found = quality.compare(GOAL, ours, [Trial(1.90, cost(90.0))])
    (failed,) = [row for row in found if row.failed]
    assert "1 of 2 seeds" in failed.failed
    assert "1.9500" in failed.failed
    assert [row.ours for row in found if "wall clock" in row.what and row.peer] == [9.0]


def test_without_a_peer_ours_stand_alone() -> None:
    found = quality.compare(GOAL, [Trial(1.9, cost(5.0), 0, 4.0)], [])
    assert not any(row.failed or row.peer for row in found)


@given(st.integers(2, 60), st.integers(1, 9))
def test_blocks_predict_every_symbol_but_the_first_once(symbols: int, block: int) -> None:
    ids_N = np.arange(symbols)
    targets = [row[1:].tolist() for rows_BT in block_rows(ids_N, block) for row in rows_BT]
    assert list(chain.from_iterable(targets)) == list(range(1, symbols))
    assert all(len(row) <= block for row in targets)


@given(st.integers(20, 60), st.sampled_from([(4, 2), (6, 3), (8, 2)]))
def test_windows_give_all_but_the_first_ones_their_context(symbols: int, sizes: tuple[int, int]) -> None:
    block, stride = sizes
    counted: list[int] = []
    for rows_BT in block_rows(np.arange(symbols), block, stride):
        for row in rows_BT:
            counted += row[1:].tolist() if not counted else row[1 + block - stride :].tolist()
    assert counted == list(range(1, symbols))


def test_weights_that_are_multiplied_are_counted() -> None:
    table, layer, head = torch.nn.Embedding(7, 3), torch.nn.Linear(3, 5), torch.nn.Linear(3, 7)
    untied = torch.nn.ModuleList([table, layer, head])
    assert matrix_weights(untied, vocabulary=7, width=3) == 15 + 21
    head.weight = table.weight
    assert matrix_weights(untied, vocabulary=7, width=3) == 15 + 21
    # forward and backward of one product: six operations a weight and token
    assert operations(matrix_weights=15 + 21, layers=0, context=0, width=3, tokens=2) == 6 * 36 * 2


@given(st.integers(300_000, 50_000_000), st.integers(1, 12), st.sampled_from([256, 4096, 8192]))
def test_a_gpt2_of_nearly_as_many_parameters_is_found(parameters: int, layers: int, vocabulary: int) -> None:
    try:
        size = huggingface.size_like(parameters, vocabulary, 64, layers)
    except CommandFailed:
        # small networks come in coarse steps: an embedding alone may be too much
        assert parameters < 16 * 16 * vocabulary
        return
    assert abs(size.parameters / parameters - 1) <= huggingface.TOLERANCE
    assert size.width % size.heads == 0


def test_no_gpt2_is_small_enough_for_a_handful_of_parameters() -> None:
    with pytest.raises(CommandFailed, match="10 parameters"):
        huggingface.size_like(10, 8192, 64, 2)


def test_a_process_of_the_steps_found_takes_the_seconds_given() -> None:
    start, step = 7.5, 0.25
    steps = huggingface.steps_within(60.0, few_steps=12, few_cost=start + 12 * step, step_seconds=step)
    assert start + steps * step == 60.0
    assert huggingface.steps_within(1.0, few_steps=12, few_cost=start + 12 * step, step_seconds=step) == 1


SIZES = [{"units": units} for units in (64, 96, 128)]


class Bowl(Trials):
    """Trainings whose bits grow with the distance from a rate and a number of units; no process is run."""

    def __init__(self, rate: float, units: int) -> None:
        super().__init__(Subject("text", Path("text"), Path("held-out"), "files"), "model", "1s")
        self._rate, self._units = rate, units

    def sizes(self) -> list[dict[str, int]]:
        return SIZES

    def _train(self, settings: Settings, seed: int) -> Result:
        chosen = {"rate": 1.0, "rows": 16, "units": 96, **settings}
        apart = abs(np.log2(chosen["rate"] / self._rate)) + abs(chosen["units"] - self._units) / 32
        return Result(1 + float(apart) + abs(chosen["rows"] - 16), chosen)


def test_a_search_finds_a_better_neighbour_and_goes_on_when_asked_to() -> None:
    near = defaults.search(Bowl(rate=1.0, units=96), repeats=1, rounds=1)
    assert (near.ratio, near.best) == (1.0, near.default)
    far = defaults.search(Bowl(rate=4.0, units=96), repeats=1, rounds=1)
    assert (far.default_bits, far.best_bits, far.is_within) == (3.0, 2.0, False)
    further = defaults.search(Bowl(rate=4.0, units=128), repeats=2, rounds=9)
    assert (further.best_bits, further.best) == (1.0, {"rate": 4.0, "rows": 16, "units": 128})


def test_at_the_end_of_the_sizes_there_is_one_neighbour_less() -> None:
    centre = {"rate": 1.0, "rows": 1}
    sizes = [[one["units"] for one in defaults.neighbours(centre | size, SIZES)] for size in SIZES]
    assert sizes == [[64, 64, 64, 96], [96, 96, 96, 64, 128], [128, 128, 128, 96]]
    with pytest.raises(CommandFailed, match="units=100"):
        defaults.neighbours(centre | {"units": 100}, SIZES)


def test_every_change_is_one_the_model_has_and_the_recipe_has_not() -> None:
    settings = {"optimiser": "muon", "rate": 0.01, "rows": 16, "layers": 1, "momentum": 0.95, "carry": True}
    changes = recipe.changes_of(settings)
    assert {"momentum": 0.9} in changes
    assert {"momentum": 0.95} not in changes
    assert {"layers": 2} in changes
    assert [one["carry"] for one in changes if "carry" in one] == [False]
    for change in changes:
        assert change.keys() <= settings.keys()
        assert {**settings, **change} != settings


def test_a_file_must_be_as_small_as_wanted_or_smaller_than_zpaqs() -> None:
    def made(file: str, program: str, size: int) -> compression.Result:
        return compression.Result(file, program, None, 100_000, size, cost(1.0), cost(1.0))

    right = [made("titanic", compression.STRONG, 3_300), made("linux", compression.STRONG, 8_646)]
    assert compression.shortcomings([*right, made("linux", "zpaq -m5", 8_647)]) == []
    assert compression.shortcomings([*right, made("linux", "zpaq -m5", 8_646)]) == [
        "linux: 8,646 bytes, at most 8,645 wanted"
    ]
    assert len(compression.shortcomings([made("titanic", compression.STRONG, 3_301)])) == 1


def test_files_come_back_from_general_compressors(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"to be or not to be\n" * 500)
    general = [one for one in compression.programs([]) if not one.name.startswith("anygram")]
    results = [compression.measure("data", tmp_path / "data", one) for one in general]
    assert all(result.bytes_out < result.bytes_in == 9500 for result in results)
    assert len(compression.table(results).rows) == len(general)
