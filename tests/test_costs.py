"""Costs of asking: states that grow and that do not, rates, energy counted by a machine that is made up."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from anygram.codecs import bpe
from anygram.comparison import costs, energy
from anygram.comparison.energy import metered
from anygram.data.documents import Document
from anygram.models import uniform
from tests import networks
from tests.held_out import LettersCodec, documents, scored_by

CODEC = LettersCodec()
PROMPT_T = np.zeros(100, dtype=np.int32)


def test_a_recurrent_state_is_constant_and_a_cache_grows() -> None:
    lstm = networks.network("lstm", {"units": 8, "embedding": 5})
    assert costs.state_bytes(lstm, PROMPT_T) == costs.state_bytes(lstm, PROMPT_T[:7])
    wide = {"layers": 2, "width": 16, "heads": 2, "context": 50}
    transformer = networks.network("transformer", wide)
    at_ten, at_twenty = (costs.state_bytes(transformer, PROMPT_T[:length]) for length in (10, 20))
    # keys and values of two layers: 16 numbers of 4 bytes each
    assert at_twenty - at_ten == 10 * 2 * 2 * 16 * 4
    assert costs.state_bytes(transformer, PROMPT_T) == costs.state_bytes(transformer, PROMPT_T[:60])


def test_costs_are_figures_of_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "_GENERATION_SECONDS", 0.05)
    model = uniform.create(uniform.Config(), CODEC.vocabulary_size, 0)
    found = costs.of_asking(model, CODEC, scored_by(model, CODEC, documents([3, 5])))
    assert found.keys() == {
        "peak_memory_bytes", "state_bytes_per_100_symbols", "first_symbol_seconds",
        "generate_symbols_per_second",
    }  # fmt: skip
    assert found["state_bytes_per_100_symbols"] == 8  # one number
    assert found["peak_memory_bytes"] > 1e6
    assert 0 < found["first_symbol_seconds"] < 1
    assert found["generate_symbols_per_second"] > 10


def test_a_prompt_that_ends_within_a_character_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "_GENERATION_SECONDS", 0.01)
    codec = bpe.fit(["plain"], bpe.Config(size=257))
    model = uniform.create(uniform.Config(), codec.vocabulary_size, 0)
    scored = scored_by(model, codec, [Document("山月" * 40)])
    assert costs.of_asking(model, codec, scored)["first_symbol_seconds"] > 0


def _zone(folder: Path, number: str, name: str, joules: float, most: float = 1000.0) -> Path:
    zone = folder / f"intel-rapl:{number}"
    zone.mkdir()
    (zone / "name").write_text(f"{name}\n")
    (zone / "energy_uj").write_text(f"{int(joules * 1e6)}\n")
    (zone / "max_energy_range_uj").write_text(f"{int(most * 1e6)}\n")
    return zone / "energy_uj"


def _count(file: Path, joules: float) -> None:
    new = file.with_suffix(".new")
    new.write_text(f"{int(joules * 1e6)}\n")
    new.replace(file)  # a counter is never half written


def test_processors_and_memory_are_added_up_and_their_parts_are_not(tmp_path: Path) -> None:
    package = _zone(tmp_path, "0", "package-0", 100)
    cores = _zone(tmp_path, "0:0", "core", 50)
    memory = _zone(tmp_path, "0:1", "dram", 20)
    platform = _zone(tmp_path, "1", "psys", 500)
    with metered(tmp_path) as meter:
        for file, joules in ((package, 110), (cores, 59), (memory, 21.5), (platform, 600)):
            _count(file, joules)
    assert meter.joules == pytest.approx(11.5)


def test_a_counter_that_begins_anew_is_followed(tmp_path: Path) -> None:
    file = _zone(tmp_path, "0", "package-0", 990)
    with metered(tmp_path) as meter:
        _count(file, 5)
        meter.read()
        _count(file, 8)
    assert meter.joules == pytest.approx(15 + 3)


def test_counters_are_read_while_the_block_goes_on(tmp_path: Path) -> None:
    """Twice around within the block: only a reading in between can tell."""
    file = _zone(tmp_path, "0", "package-0", 0)
    with metered(tmp_path, every_seconds=0.01) as meter:
        for joules in (900, 100, 300):
            _count(file, joules)
            before = meter.joules
            deadline = time.monotonic() + 10
            while meter.joules == before and time.monotonic() < deadline:
                time.sleep(0.005)
    assert meter.joules == pytest.approx(1300)
    assert not [thread for thread in threading.enumerate() if thread.name == "energy"]


def test_a_machine_that_cannot_tell_says_nothing(tmp_path: Path) -> None:
    with metered(tmp_path / "missing") as meter:
        pass
    assert meter.joules is None


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_counters_that_may_not_be_read_say_nothing(tmp_path: Path) -> None:
    _zone(tmp_path, "0", "package-0", 1).chmod(0)
    with metered(tmp_path) as meter:
        pass
    assert meter.joules is None


def test_a_counter_that_breaks_on_the_way_says_nothing(tmp_path: Path) -> None:
    file = _zone(tmp_path, "0", "package-0", 1)
    with metered(tmp_path) as meter:
        file.write_text("none\n")
    assert meter.joules is None


def test_an_error_in_the_block_comes_through(tmp_path: Path) -> None:
    _zone(tmp_path, "0", "package-0", 1)
    with pytest.raises(ValueError, match="mine"), metered(tmp_path):
        raise ValueError("mine")


def test_this_machine_gives_joules_or_nothing() -> None:
    with metered() as meter:
        pass
    assert meter.joules is None or meter.joules >= 0
    assert energy.RAPL.is_absolute()
