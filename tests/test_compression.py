"""Files come back to the bit or not at all, and are as small as the model's surprisal says."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import anygram
from anygram import models, runs
from anygram.api import Run
from anygram.errors import RunError
from anygram.reporting.progress import Silent
from anygram.tasks import compression
from anygram.tasks.compression import circumstances, container, ends
from anygram.tasks.compression.coders import Static
from anygram.tasks.compression.container import Block, Method, Source
from tests import another_machine, toy_tally
from tests.asking import ask, write_corpus
from tests.packing import TEXT, by_end, stored, there_and_back

ODD = [
    b"",
    b"a",
    b"\0",
    b"\xff",
    b"\n",
    b"\r\n\r",
    "naïve 中文 🙂".encode(),
    "naïve".encode()[:3],
    b"caf\xe9 " + "café".encode() + b"\x80\x80" + b" and a long quiet stretch of text" * 3 + b"\xf0\x9f\x99",
    bytes(range(256)),
    TEXT,
    TEXT[:-1] + b"\x00\xfe the cat \xff",
    "\ufeffmark \u2028 \u0085 \x1c\x0b\x0c".encode(),
    b"<unk> <boundary>   two  spaces \n\n ",
]
REPRODUCIBLE = [
    name for name in ("ngram", "frequency", "uniform", ends.ALONE) if name in models.REGISTRY.names()
]
CODEC_SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("bytes", {}),
    ("chars", {}),
    ("bpe", {"size": 300}),
    ("words", {"spell": True}),
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("compression"))


@pytest.fixture(scope="module")
def trained(corpus: Path) -> dict[str, Run]:
    """Return an n-gram run over each lossless codec, by the codec's name."""
    return {
        codec: anygram.train(corpus, "ngram", codec=codec, documents="files", settings={"order": 3, **values})
        for codec, values in CODEC_SETTINGS
    }


# Bytes come back


@pytest.mark.parametrize("codec", [codec for codec, _ in CODEC_SETTINGS])
@pytest.mark.parametrize("data", ODD, ids=range(len(ODD)))
def test_odd_files_come_back_through_every_lossless_codec(
    trained: dict[str, Run], tmp_path: Path, codec: str, data: bytes
) -> None:
    assert there_and_back(data, tmp_path, run=trained[codec]) == data


@pytest.mark.parametrize("codec", [codec for codec, _ in CODEC_SETTINGS])
@settings(max_examples=25)
@given(data=st.binary(max_size=300), rows=st.sampled_from([None, 1, 2, 7, 1000]))
def test_any_bytes_come_back_through_ngrams(
    trained: dict[str, Run], tmp_path: Path, codec: str, data: bytes, rows: int | None
) -> None:
    assert there_and_back(data, tmp_path, run=trained[codec], rows=rows) == data


NETWORKS = [
    ("lstm", {"units": 8, "embedding": 5}),
    ("transformer", {"layers": 1, "width": 16, "heads": 2, "context": 8}),
]


@pytest.mark.parametrize(("name", "values"), NETWORKS)
@settings(max_examples=50)
@given(data=st.binary(max_size=40), rows=st.sampled_from([None, 1, 3]))
def test_any_bytes_come_back_through_networks(
    tmp_path: Path, name: str, values: dict[str, Any], data: bytes, rows: int | None
) -> None:
    module = models.REGISTRY.load(name)
    model = module.create(module.Config(**values), 257, 1)
    assert by_end(data, tmp_path, stored(model), rows=rows) == data


@given(data=st.binary(max_size=300))
def test_any_bytes_come_back_without_a_run(alone: None, tmp_path: Path, data: bytes) -> None:
    assert there_and_back(data, tmp_path) == data


@pytest.mark.parametrize("coding", [False, True])
@given(data=st.binary(max_size=300))
def test_any_bytes_come_back_from_a_run_that_learns(tmp_path: Path, coding: bool, data: bytes) -> None:
    model = toy_tally.Learning(toy_tally.Config(), 257, coding)
    assert by_end(data, tmp_path, stored(model), adapt=True) == data


@pytest.mark.parametrize(("adapt", "values"), [(True, {}), ("recency", {"orders": "2"})])
def test_counting_runs_adapt(
    trained: dict[str, Run], tmp_path: Path, adapt: bool | str, values: dict[str, Any]
) -> None:
    data = b"nobody ever saw such words: qwertz, zxcvb, asdfg. " * 20
    run = trained["bytes"]
    assert there_and_back(data, tmp_path, run=run, adapt=adapt, adapt_settings=values) == data
    adapted = (tmp_path / "data.ng").stat().st_size
    assert there_and_back(data, tmp_path, run=run) == data
    assert adapted < (tmp_path / "data.ng").stat().st_size / 2


@pytest.mark.parametrize("adapt", [True, "dynamic", "continuous"])
@given(data=st.binary(max_size=100))
def test_networks_adapt(tmp_path: Path, adapt: bool | str, data: bytes) -> None:
    module = models.REGISTRY.load("lstm")
    model = module.create(module.Config(units=4, embedding=3), 257, 1)
    assert by_end(data, tmp_path, stored(model), adapt=adapt) == data


def test_blocks_follow_each_other(
    alone: None, trained: dict[str, Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ends, "ALONE_BYTES", 100)
    monkeypatch.setattr(ends, "RUN_BYTES", 100)
    data = TEXT + np.random.default_rng(0).bytes(250) + "é".encode() * 99 + TEXT
    assert there_and_back(data, tmp_path) == data
    for run in trained.values():
        assert there_and_back(data, tmp_path, run=run) == data
    learning = stored(toy_tally.Learning(toy_tally.Config(), 257))
    assert by_end(data, tmp_path, learning, adapt=True) == data


def test_what_was_stored_is_learnt_from_at_both_ends(
    alone: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ends, "ALONE_BYTES", 300)
    noise = np.random.default_rng(0).bytes(300)
    (tmp_path / "data").write_bytes(noise + TEXT)
    made = anygram.compress(tmp_path / "data", tmp_path / "data.ng")
    assert 300 <= made.stored_bytes < len(noise + TEXT)
    assert there_and_back(noise + TEXT, tmp_path) == noise + TEXT


def test_what_a_codec_cannot_carry_is_stored_alone(trained: dict[str, Run], tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(TEXT + b"\xff\xfe" + TEXT)
    made = anygram.compress(tmp_path / "data", tmp_path / "data.ng", run=trained["bpe"])
    assert made.stored_bytes == 2 and made.bytes_out < len(TEXT)


def test_a_codec_that_loses_something_is_found_out(trained: dict[str, Run], tmp_path: Path) -> None:
    class Forgetful(type(trained["bytes"].codec)):  # type: ignore[misc]
        def decode(self, ids: Any, side: Any = None) -> str:
            return str(super().decode(ids, side)).replace("cat", "dog")

    assert by_end(TEXT, tmp_path, stored(trained["bytes"].model, Forgetful())) == TEXT


# Sizes


@pytest.mark.parametrize("codec", [codec for codec, _ in CODEC_SETTINGS])
def test_a_file_is_as_small_as_evaluate_says(trained: dict[str, Run], tmp_path: Path, codec: str) -> None:
    data = tmp_path / "data.txt"
    data.write_bytes(TEXT * 40)
    made = anygram.compress(data, tmp_path / "data.ng", run=trained[codec])
    nats = trained[codec].evaluate(data, documents="files").nats
    model, ids = trained[codec].model, trained[codec].codec.encode((TEXT * 40).decode()).ids
    end_nats = -float(model.predict(model.advance(model.start(1), ids[None]))[0, -1])
    assert made.surprisal_bits == pytest.approx((nats - end_nats) / np.log(2), rel=1e-9)
    assert made.surprisal_bits is not None and made.symbols == len(ids)
    header = 3 + 2 + 8 + 1
    assert 8 * (made.bytes_out - header) <= 1.001 * made.surprisal_bits + 8 * (10 + 8)


def test_a_small_file_has_a_small_header(alone: None, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"a" * 100_000)
    made = anygram.compress(tmp_path / "data", tmp_path / "data.ng")
    code = toy_tally.CodingTally(257, 0.05).encode(np.full(100_000, ord("a"), dtype=np.int32))
    assert made.bytes_out - len(code) == 3 + 2 + (1 + 1) + 3 + 1 + 4
    (tmp_path / "data").write_bytes(b"")
    assert anygram.compress(tmp_path / "data", tmp_path / "data.ng").bytes_out == 3 + 2 + (1 + 1) + 1 + 4


def test_rows_cost_what_is_said(trained: dict[str, Run], tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(TEXT * 20)
    sizes = {
        rows: anygram.compress(tmp_path / "data", tmp_path / "data.ng", run=trained["bytes"], rows=rows)
        for rows in (1, 50)
    }
    assert (sizes[1].rows, sizes[50].rows, sizes[1].cold_start_bits) == (1, 50, 0.0)
    assert sizes[50].surprisal_bits is not None and sizes[1].surprisal_bits is not None
    # an n-gram has forgotten after two symbols how a row began: the estimate is all of the difference
    assert sizes[50].surprisal_bits - sizes[1].surprisal_bits == pytest.approx(sizes[50].cold_start_bits)
    assert sizes[50].cold_start_bits > 0


def test_networks_read_long_blocks_in_rows() -> None:
    module = models.REGISTRY.load("lstm")
    network = Static(module.create(module.Config(units=4, embedding=2), 257, 0))
    rows = [network.rows_for(symbols) for symbols in (0, 1, 1 << 13, (1 << 13) + 1, 1 << 20)]
    assert rows == [1, 1, 1, 2, 128]
    counting = Static(models.REGISTRY.load("uniform").create(None, 257, 0))
    assert counting.rows_for(1 << 20) == 1


# Machines


@pytest.mark.parametrize("name", REPRODUCIBLE)
def test_what_counts_decodes_on_another_machine(corpus: Path, tmp_path: Path, name: str) -> None:
    run = anygram.train(corpus, name, codec="bytes", out=tmp_path / "run")
    (tmp_path / "data").write_bytes(TEXT + bytes(range(256)))
    anygram.compress(tmp_path / "data", tmp_path / "data.ng", run=run)
    code = "import anygram, sys; anygram.decompress(sys.argv[1], sys.argv[2], run=sys.argv[3])"
    files = [tmp_path / part for part in ("data.ng", "back", "run")]
    another_machine.run(code, *files, folder=tmp_path / "kernels")
    assert (tmp_path / "back").read_bytes() == (tmp_path / "data").read_bytes()


@pytest.mark.skipif(ends.ALONE not in REPRODUCIBLE, reason="no model that learns from the file alone")
def test_files_come_back_without_a_run_and_on_another_machine(tmp_path: Path) -> None:
    for data in ODD:
        assert there_and_back(data, tmp_path) == data
    (tmp_path / "data").write_bytes(b"".join(ODD) * 3)
    anygram.compress(tmp_path / "data", tmp_path / "data.ng")
    code = "import anygram, sys; anygram.decompress(sys.argv[1], sys.argv[2])"
    files = [tmp_path / part for part in ("data.ng", "back")]
    another_machine.run(code, *files, folder=tmp_path / "kernels")
    assert (tmp_path / "back").read_bytes() == (tmp_path / "data").read_bytes()


def test_a_network_is_decoded_under_its_own_circumstances_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = models.REGISTRY.load("lstm")
    run = stored(module.create(module.Config(units=4, embedding=2), 257, 0))
    (tmp_path / "data").write_bytes(b"to be")
    end = ends.with_run(run, "run")
    compression.compress(str(tmp_path / "data"), tmp_path / "data.ng", end, Silent())
    monkeypatch.setattr(circumstances, "version", lambda package: "0.0.7")
    with pytest.raises(RunError, match=r"data.ng was compressed with anygram 0\S+, here it is 0\.0\.7, "):
        compression.decompress(str(tmp_path / "data.ng"), tmp_path / "back", run, "run", Silent())
    assert not (tmp_path / "back").exists()


def test_threads_are_those_of_the_other_end() -> None:
    import torch

    before = torch.get_num_threads()
    module = models.REGISTRY.load("lstm")
    described = circumstances.describe(module.create(module.Config(units=4, embedding=2), 257, 0))
    with circumstances.recreated(described.replace(f'"threads":{before}', f'"threads":{before + 2}'), "x"):
        assert torch.get_num_threads() == before + 2
    assert torch.get_num_threads() == before


# The command line


def test_a_file_comes_back_by_the_command_line(
    alone: None, capsys: pytest.CaptureFixture[str], trained: dict[str, Run], tmp_path: Path
) -> None:
    data, out, back = tmp_path / "data", tmp_path / "out", tmp_path / "back"
    data.write_bytes(TEXT)
    for words in ([], ["--run", trained["chars"].path]):
        said = ask(capsys, "compress", data, "--out", out, *words, "--json")
        assert said.fields["bytes_in"] == len(TEXT) and said.fields["bytes_out"] == out.stat().st_size
        assert said.fields["bits_per_byte"] == pytest.approx(8 * out.stat().st_size / len(TEXT))
        assert said.fields["model_bytes"] == (runs.model_bytes(trained["chars"].path) if words else 0)
        assert ask(capsys, "decompress", out, "--out", back, *words).status == 0
        assert back.read_bytes() == TEXT
    said = ask(capsys, "compress", data, "--out", out, *words, "--rows", "5")
    assert f"{len(TEXT):,} bytes became" in said.out and "beginning 5 rows" in said.out
    assert f"takes the run too, of {runs.model_bytes(trained['chars'].path):,} bytes" in said.out


def test_settings_without_a_run_are_found_in_the_file(alone: None, tmp_path: Path) -> None:
    sizes = {}
    (tmp_path / "data").write_bytes(TEXT)
    for size in ("fast", "strong"):
        made = anygram.compress(tmp_path / "data", tmp_path / size, settings={"size": size}, memory="1M")
        anygram.decompress(tmp_path / size, tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == TEXT
        sizes[size] = made.bytes_out
    assert sizes["strong"] < sizes["fast"]


def test_standard_input_is_read(alone: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Piped:
        buffer = io.BytesIO(TEXT)

    monkeypatch.setattr(sys, "stdin", Piped)
    anygram.compress("-", tmp_path / "made.ng")
    Piped.buffer = io.BytesIO((tmp_path / "made.ng").read_bytes())
    anygram.decompress("-", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == TEXT


# The format


def test_the_format_stays(alone: None, tmp_path: Path) -> None:
    """Version 1, byte by byte: what old files hold."""
    (tmp_path / "data").write_bytes(b"aab")
    anygram.compress(tmp_path / "data", tmp_path / "made.ng", settings={"size": "strong"})
    made = (tmp_path / "made.ng").read_bytes()
    source = Source(io.BytesIO(made), "made.ng")
    assert source.header == container.Header(Method.ALONE, settings="s")
    assert list(source.blocks()) == [Block(3, b"aab", stored=True)]
    assert made[:-4] == b"\xe1ng\x01\x00\x01s" + bytes([4 * 3 + 2 + 1]) + b"aab"


# Mixtures


def test_a_mixture_and_its_members_are_known_by_a_fingerprint(
    trained: dict[str, Run], corpus: Path, tmp_path: Path
) -> None:
    counted = anygram.train(corpus, "frequency", codec="bytes", settings={"order": 1})
    other = anygram.train(corpus, "frequency", codec="bytes", settings={"order": 2})
    (tmp_path / "fitted.txt").write_bytes(TEXT)
    mixed = [
        anygram.train(
            corpus,
            "mixture",
            members=[trained["bytes"], member],
            valid=str(tmp_path / "fitted.txt"),
            out=tmp_path / f"mixed-{number}",
        )
        for number, member in enumerate((counted, other))
    ]
    for data in ODD:
        assert there_and_back(data, tmp_path, run=mixed[0]) == data
    assert there_and_back(TEXT, tmp_path, run=mixed[0], adapt=True) == TEXT
    with pytest.raises(RunError, match="with another run than"):
        anygram.decompress(tmp_path / "data.ng", tmp_path / "back", run=mixed[1])
