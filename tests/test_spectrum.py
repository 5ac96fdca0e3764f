"""Sounds by their spectra: what is told apart, what comes back, what is made of symbols."""

from __future__ import annotations

import itertools
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import anygram
from anygram.codecs import spectrum
from anygram.codecs.spectrum import Config, SpectrumCodec
from anygram.data import sounds
from anygram.data.documents import Document
from anygram.errors import DataError, RunError, UsageError
from tests.sided import Given

pytest.importorskip("scipy", reason="needs scipy: pip install 'anygram[sounds]'")
pytest.importorskip("sklearn", reason="needs scikit-learn: pip install 'anygram[sounds]'")

SIDE = {"rate": 8000, "channels": 1}
TONES = (200, 500, 1100, 2300)
SECOND = 8000


def tone(frequency: float, loudest: float = 8000.0, rate: int = 8000, count: int = SECOND) -> Document:
    moments = np.arange(count * rate // 8000) / rate
    return sounds.document((loudest * np.sin(2 * np.pi * frequency * moments)).astype(np.int16), rate)


def fit(documents: Sequence[Document], config: Config | None = None) -> SpectrumCodec:
    return spectrum.fit(Given(documents), config or Config())


@pytest.fixture(scope="module")
def codec() -> SpectrumCodec:
    """A codec of four tones."""
    return fit([tone(frequency) for frequency in TONES], Config(shapes=4))


def pairs_of(codec: SpectrumCodec, document: Document) -> NDArray[np.int32]:
    """Return level and shape of each frame."""
    return codec.encode(document.text, document.side).ids.reshape(-1, 2)


def test_tones_have_a_shape_each_however_loud(codec: SpectrumCodec) -> None:
    shapes = []
    for frequency in TONES:
        loud_N2, soft_N2 = (pairs_of(codec, tone(frequency, loudest)) for loudest in (16000, 500))
        (shape,) = {*loud_N2[:, 1].tolist(), *soft_N2[:, 1].tolist()}
        shapes.append(shape)
        assert loud_N2[:, 0].min() > soft_N2[:, 0].max()
    assert len(set(shapes)) == len(TONES)


@pytest.mark.parametrize("level", [6, 9, 12])
def test_level_g_is_a_root_mean_square_of_2_to_the_g_less_1(level: int) -> None:
    noise_N = np.random.default_rng(0).standard_normal(SECOND)

    def loud(rms: float) -> Document:
        return sounds.document(np.rint(rms * noise_N).astype(np.int16), 8000)

    pairs_N2 = pairs_of(fit([loud(2000)]), loud(2 ** (level - 1)))
    assert (pairs_N2[:, 0] == level).mean() > 0.9 and (abs(pairs_N2[:, 0] - level) <= 1).all()


def test_what_was_decoded_is_coded_as_itself(codec: SpectrumCodec) -> None:
    pairs = itertools.product(range(4, 16), range(16, codec.boundary))
    ids = np.array([identifier for pair in pairs for identifier in pair], dtype=np.int32)
    made = codec.decode(ids, SIDE)
    assert codec.encode(made, SIDE).ids.tolist() == ids.tolist()


@given(st.integers(0, 2**32 - 1), st.integers(0, 4000), st.floats(0, 9000))
def test_any_sound_is_settled_after_it_was_coded_once(
    codec: SpectrumCodec, seed: int, count: int, loudness: float
) -> None:
    noise_N = loudness * np.random.default_rng(seed).standard_normal(count)
    given = sounds.document(np.clip(np.rint(noise_N), -32768, 32767).astype(np.int16), 8000)
    encoded = codec.encode(given.text, given.side)
    again = codec.encode(codec.decode(encoded.ids, encoded.side), encoded.side)
    assert again.ids.tolist() == encoded.ids.tolist()


def test_a_frame_is_heard_alike_whatever_is_beside_it() -> None:
    frames_NS = np.random.default_rng(0).integers(-9999, 9999, (130, 160)).astype(np.int16)
    heard_NM = spectrum._heard(frames_NS, 8000)
    for first, end in ((0, 1), (7, 10), (1, 130)):
        assert np.array_equal(spectrum._heard(frames_NS[first:end], 8000), heard_NM[first:end])


def test_silence_is_silence_and_the_end_is_filled_with_it(codec: SpectrumCodec) -> None:
    nothing = sounds.document(np.zeros(200, dtype=np.int16), 8000)
    encoded = codec.encode(nothing.text, SIDE)
    assert encoded.ids.tolist() == [0, 16, 0, 16] and encoded.count == 2 and encoded.units.sum() == 400
    assert codec.decode(encoded.ids, SIDE) == "\0" * 640
    assert codec.encode("", SIDE).ids.tolist() == []


def test_silence_alone_and_no_recording_at_all_are_learnt_from() -> None:
    nothing = sounds.document(np.zeros(200, dtype=np.int16), 8000)
    for documents in ([nothing], [], [sounds.document(np.zeros(0, dtype=np.int16), 8000)]):
        assert fit(documents).vocabulary_size == 16 + 1 + 1


def test_another_rate_and_both_channels_are_brought_to_one(codec: SpectrumCodec) -> None:
    fast = tone(500, rate=16000)
    both = sounds.document(np.repeat(sounds.samples(fast.text, SIDE).ravel(), 2), 16000, 2)
    wanted_N2 = pairs_of(codec, tone(500))
    for other in (fast, both):
        encoded = codec.encode(other.text, other.side)
        assert encoded.side == SIDE and encoded.count == 50
        assert int(encoded.units.sum()) == len(other.to_bytes())
        # the first and the last frame hear where the filter begins and ends
        assert np.array_equal(encoded.ids.reshape(-1, 2)[1:-1], wanted_N2[1:-1])


def test_more_shapes_are_nearer_to_what_was_heard() -> None:
    generator = np.random.default_rng(0)
    mixed = []
    for _ in range(12):
        tones = [tone(generator.uniform(100, 3900), count=1600) for _ in range(3)]
        samples_NT = np.stack([sounds.samples(one.text, SIDE).ravel() // 4 for one in tones])
        mixed.append(sounds.document(samples_NT.sum(axis=0).astype(np.int16), 8000))

    def distance(codec: SpectrumCodec) -> float:
        """Return the root mean square of differences of log mel energies, in decibels."""
        apart = []
        for one in mixed:
            back = codec.decode(codec.encode(one.text, SIDE).ids, SIDE)
            heard = [
                spectrum._heard(sounds.samples(text, SIDE).reshape(-1, 160), 8000)
                for text in (one.text, back)
            ]
            apart.append(((heard[0] - heard[1]) ** 2).mean())
        return float(np.sqrt(np.mean(apart)))

    few, many = (distance(fit(mixed, Config(shapes=shapes))) for shapes in (2, 32))
    assert many < few / 2


def test_a_shape_sounds_at_the_last_level(codec: SpectrumCodec) -> None:
    frames = np.frombuffer(
        codec.decode(np.array([17, 12, 14, 17, 18], dtype=np.int32)).encode("utf-8", "surrogateescape"), "<i2"
    ).reshape(-1, 160)
    assert not frames[0].any()
    assert np.sqrt((frames[1:].astype(float) ** 2).mean(axis=1)) == pytest.approx([2**13, 2**13], rel=0.01)


def test_frames_to_learn_from_are_spread_over_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spectrum, "_SAMPLED_FRAMES", 10)
    sizes = (7, 1, 30, 0, 12, 200, 3)
    numbered = np.repeat(np.arange(sum(sizes), dtype=np.int16)[:, None], 160, axis=1)
    recordings = np.split(numbered, np.cumsum(sizes)[:-1])
    kept = spectrum._spread(recordings, Config())[:, 0]
    assert 10 <= len(kept) <= 20 and kept[0] == 0
    assert len(set(np.diff(kept).tolist())) == 1


def test_settings_and_stored_codecs_that_cannot_be_are_refused(codec: SpectrumCodec) -> None:
    for setting in ({"shapes": 0}, {"frame": 1}, {"rate": 10}):
        (name,) = setting
        with pytest.raises(UsageError, match=f"^{name} must be from"):
            Config(**setting)
    with pytest.raises(RunError, match="no 'shapes' of 160 samples"):
        spectrum.from_json(codec.to_json(), None)
    with pytest.raises(DataError, match="name files of sounds"):
        codec.encode("to be")


def test_a_model_of_spectra_makes_sounds_that_play(tmp_path: Path) -> None:
    for frequency in TONES:
        sounds.write(tmp_path / f"{frequency}.wav", [tone(frequency, count=800)])
    run = anygram.train(tmp_path, "ngram", codec="spectrum", out=tmp_path / "run")
    made = anygram.load(tmp_path / "run").sample(n=3, seed=1)
    for path in sounds.write(tmp_path / "made.wav", made):
        with wave.open(str(path), "rb") as file:
            assert (file.getframerate(), file.getnchannels()) == (8000, 1)
            assert file.getnframes() % 160 == 0
    figures = run.evaluate(str(tmp_path / "200.wav"))
    assert figures.nats > 0
