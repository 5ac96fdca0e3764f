"""Recordings: read from files, coded with and without loss, made by a model."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import anygram
from anygram.codecs.audio import AudioCodec, Config, fit
from anygram.data import sounds
from anygram.data.reading import ReadingOptions, Report, read
from anygram.errors import BadRecord, DataError, UsageError
from anygram.models import uniform
from anygram.tasks import generation
from tests.asking import ask
from tests.sided import Given

OPTIONS = ReadingOptions(kind="sounds")
SIDE = {"rate": 8000, "channels": 1}


def _samples(count: int, seed: int = 0) -> NDArray[np.int16]:
    return np.random.default_rng(seed).integers(-(1 << 15), 1 << 15, count).astype(np.int16)


def _write(path: Path, raw: bytes, width: int = 2, channels: int = 1, rate: int = 8000) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(raw)
    return path


def test_a_recording_comes_back_sample_by_sample(tmp_path: Path) -> None:
    samples = _samples(24)
    (found,) = read([str(_write(tmp_path / "one.wav", samples.tobytes(), channels=2))], OPTIONS, Report())
    assert found.side == {"rate": 8000, "channels": 2} and found.units == 48
    assert sounds.samples(found.text, found.side or {}).shape == (12, 2)
    (again,) = sounds.write(tmp_path / "again.wav", [found])
    assert again.read_bytes() == (tmp_path / "one.wav").read_bytes()


def test_eight_bits_become_sixteen(tmp_path: Path) -> None:
    (found,) = read([str(_write(tmp_path / "one.wav", bytes([0, 128, 255]), width=1))], OPTIONS, Report())
    assert sounds.samples(found.text, SIDE).ravel().tolist() == [-32768, 0, 127 * 256]


def test_what_is_no_whole_recording_is_told_in_one_line(tmp_path: Path) -> None:
    whole = _write(tmp_path / "whole.wav", _samples(100).tobytes())
    (tmp_path / "cut.wav").write_bytes(whole.read_bytes()[:150])
    (tmp_path / "head.wav").write_bytes(whole.read_bytes()[:20])
    (tmp_path / "text.wav").write_text("no recording at all")
    _write(tmp_path / "deep.wav", bytes(12), width=3)
    _write(tmp_path / "four.wav", bytes(12), width=4)
    (tmp_path / "short.wav").write_bytes(b"no")
    (tmp_path / "empty.wav").write_bytes(b"")
    for name, place, value in (("floats", 20, 3), ("mu", 20, 7), ("odd", 20, 99), ("still", 24, 0)):
        raw = bytearray(whole.read_bytes())
        raw[place : place + 2] = value.to_bytes(2, "little")
        (tmp_path / f"{name}.wav").write_bytes(raw)
    for name, said in (
        ("cut", "not a whole WAVE"),
        ("head", "not a whole"),
        ("text", "not a whole"),
        ("deep", "24 bits"),
        ("four", "32 bits"),
        ("short", "it ends early"),
        ("empty", "it ends early"),
        ("floats", "its samples are floats, not whole numbers of 8 or 16 bits"),
        ("mu", "μ-law, not whole"),
        ("odd", "format 99, not whole"),
        ("still", "0 samples a second"),
    ):
        with pytest.raises(BadRecord, match=said) as refused:
            list(read([str(tmp_path / f"{name}.wav")], OPTIONS, Report()))
        assert len(str(refused.value).splitlines()) == 1 and f"{name}.wav" in str(refused.value)


def test_a_broken_flac_is_told_in_one_line(tmp_path: Path) -> None:
    pytest.importorskip("miniaudio", reason="needs miniaudio: pip install 'anygram[sounds]'")
    (tmp_path / "one.flac").write_bytes(b"fLaC" + bytes(30))
    with pytest.raises(BadRecord, match=r"one\.flac: not a whole recording"):
        list(read([str(tmp_path / "one.flac")], OPTIONS, Report()))


def test_mixed_rates_are_refused_or_brought_to_one(tmp_path: Path) -> None:
    pytest.importorskip("scipy", reason="needs scipy: pip install 'anygram[sounds]'")
    slow, fast = sounds.document(_samples(80), 8000), sounds.document(_samples(160), 16000)
    with pytest.raises(DataError, match=r"several rates \(8000, 16000\).*--set codec.rate=8000"):
        fit(Given([slow, fast]), Config())
    with pytest.raises(DataError, match="16000 samples a second, those before 8000"):
        fit(Given([slow]), Config()).encode(fast.text, fast.side)
    encoded = fit(Given([slow, fast]), Config(rate=8000)).encode(fast.text, fast.side)
    assert encoded.side == SIDE and len(encoded.ids) == 160 and encoded.count == 160
    assert int(encoded.units.sum()) == 320


def test_a_low_tone_lives_through_another_rate() -> None:
    pytest.importorskip("scipy", reason="needs scipy: pip install 'anygram[sounds]'")
    tone = (10_000 * np.sin(2 * np.pi * 200 * np.arange(1600) / 16000)).astype(np.int16)
    codec = AudioCodec(Config(rate=8000))
    encoded = codec.encode(sounds.document(tone, 16000).text, {"rate": 16000, "channels": 1})
    back = sounds.samples(codec.decode(encoded.ids, encoded.side), encoded.side or {}).ravel()
    assert np.abs(back[100:-100].astype(int) - tone[::2][100:-100]).max() < 100


@given(st.lists(st.integers(-(1 << 15), (1 << 15) - 1), min_size=1))
def test_the_mu_law_errs_by_a_share_of_the_sample(values: list[int]) -> None:
    codec, samples = AudioCodec(Config(bits=8)), np.array(values, dtype=np.int16)
    encoded = codec.encode(sounds.document(samples, 8000).text, SIDE)
    back = sounds.samples(codec.decode(encoded.ids, SIDE), SIDE).ravel()
    # levels are even in ln(1 + 255 |x|): half a step is ln(256) / 256 of 1 / 255 + |x|
    allowed = (np.abs(samples.astype(float)) + 32768 / 255) * (np.expm1(np.log(256) / 256)) + 1
    assert (np.abs(back.astype(float) - samples) <= allowed).all()
    assert not codec.lossless and len(encoded.ids) == len(values)


def test_samples_are_two_symbols_of_ranges_of_their_own() -> None:
    encoded = AudioCodec(Config()).encode(
        sounds.document(np.array([-1, 256], dtype=np.int16), 8000).text, SIDE
    )
    assert encoded.ids.tolist() == [127, 511, 129, 256] and encoded.count == 2


def test_an_untrained_model_makes_whole_moments() -> None:
    codec = AudioCodec(Config())
    made = generation.make(
        uniform.create(uniform.Config(), codec.vocabulary_size, 0),
        codec,
        samples=5,
        side={"rate": 8000, "channels": 2},
    )
    assert all(len(document.to_bytes()) % 4 == 0 for document in made)


def test_sounds_are_written_as_waves_alone(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"sounds are written as \.wav"):
        sounds.write(tmp_path / "made.flac", [sounds.document(_samples(4), 8000)])


def test_one_long_recording_is_cut_between_samples(tmp_path: Path) -> None:
    source = _write(tmp_path / "long.wav", _samples(1001).tobytes())
    run = anygram.train(source, "uniform", codec="audio", test=0.1)
    figures = run.record.figures["test"]
    assert (figures["unit"], figures["units"], figures["bytes"]) == ("sample", 101, 202)
    assert figures["bits_per_unit"] == pytest.approx(2 * figures["bits_per_byte"])


@pytest.mark.parametrize("codec", ["audio", "spectrum"])
def test_silence_both_channels_and_nothing_at_all_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], codec: str
) -> None:
    pytest.importorskip("sklearn", reason="needs scikit-learn: pip install 'anygram[sounds]'")
    pytest.importorskip("scipy", reason="needs scipy: pip install 'anygram[sounds]'")
    for name, raw, channels in (("silent", bytes(1600), 1), ("both", _samples(800).tobytes(), 2)):
        source, run = _write(tmp_path / f"{name}.wav", raw, channels=channels), tmp_path / name
        words = ("train", source, "--codec", codec, "--model", "ngram", "--out", run)
        assert ask(capsys, *words).status == 0
        made = tmp_path / f"{name}-made.wav"
        assert ask(capsys, "generate", run, "--max-symbols", 40, "--out", made).status == 0
        assert made.exists()
    nothing = _write(tmp_path / "nothing.wav", b"")
    words = ("train", nothing, "--codec", codec, "--model", "ngram", "--out", tmp_path / "none")
    assert "name a source that holds some" in ask(capsys, *words).refusal
