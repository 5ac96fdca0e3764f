"""Pictures: read from files, coded, made, and compared with bytes on the same documents."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import anygram
from anygram.codecs.image import Config, ImageCodec, fit
from anygram.data import pictures
from anygram.data.reading import ReadingOptions, Report, read
from anygram.errors import BadRecord, DataError, UsageError
from anygram.models import uniform
from anygram.tasks import generation
from tests.sided import Given

Image = pytest.importorskip("PIL.Image", reason="needs Pillow: pip install 'anygram[pictures]'")
OPTIONS = ReadingOptions(kind="pictures")


def _pixels(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize(("shape", "channels"), [((3, 5), 1), ((3, 5, 2), 2), ((3, 5, 3), 3), ((3, 5, 4), 4)])
def test_a_picture_comes_back_value_by_value(tmp_path: Path, shape: tuple[int, ...], channels: int) -> None:
    pixels = _pixels(*shape)
    Image.fromarray(pixels).save(tmp_path / "one.png")
    (found,) = read([str(tmp_path)], OPTIONS, Report())
    assert found.side == {"width": 5, "height": 3, "channels": channels}
    assert found.to_bytes() == pixels.tobytes() and found.units == pixels.size
    (again,) = pictures.write(tmp_path / "again.png", [found])
    assert np.asarray(Image.open(again)).tobytes() == pixels.tobytes()


def test_bits_and_palettes_become_grey_and_colour(tmp_path: Path) -> None:
    Image.fromarray(_pixels(4, 4)).convert("1").save(tmp_path / "bits.png")
    Image.fromarray(_pixels(4, 4, 3)).convert("P").save(tmp_path / "palette.png")
    bits, palette = read([str(tmp_path)], OPTIONS, Report())
    assert bits.side is not None and bits.side["channels"] == 1 and set(bits.to_bytes()) <= {0, 255}
    assert palette.side is not None and palette.side["channels"] == 3


def test_frames_of_an_animation_are_one_document(tmp_path: Path) -> None:
    first, second = (Image.fromarray(pixels) for pixels in _pixels(2, 4, 6))
    first.save(tmp_path / "moves.gif", save_all=True, append_images=[second])
    (found,) = read([str(tmp_path / "moves.gif")], OPTIONS, Report())
    assert found.side is not None and (found.side["frames"], found.side["height"]) == (2, 4)
    assert len(found.to_bytes()) == 2 * 4 * 6 * found.side["channels"]


def test_what_is_no_whole_picture_is_told_in_one_line(tmp_path: Path) -> None:
    Image.fromarray(_pixels(30, 30, 3)).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:300])
    (tmp_path / "text.png").write_text("no picture")
    Image.fromarray(_pixels(3, 3).astype(np.uint16) * 256).save(tmp_path / "deep.png")
    for name, said in (
        ("cut", "not a whole picture"),
        ("text", "not a whole picture"),
        ("deep", "mode I;16"),
    ):
        with pytest.raises(BadRecord, match=said) as refused:
            list(read([str(tmp_path / f"{name}.png")], OPTIONS, Report()))
        assert len(str(refused.value).splitlines()) == 1 and f"{name}.png" in str(refused.value)
    report = Report()
    skipping = ReadingOptions(kind="pictures", on_bad_record="skip")
    assert len(list(read([str(tmp_path)], skipping, report))) == 1 and report.skipped == 3


def test_options_and_files_of_text_are_refused(tmp_path: Path) -> None:
    Image.fromarray(_pixels(3, 3)).save(tmp_path / "one.png")
    (tmp_path / "one.txt").write_text("text")
    with pytest.raises(UsageError, match="--documents is for text"):
        read([str(tmp_path)], ReadingOptions(documents="lines", kind="pictures"), Report())
    with pytest.raises(DataError, match=r"one\.txt: not read as pictures"):
        read([str(tmp_path / "one.txt")], OPTIONS, Report())
    assert len(list(read([str(tmp_path)], OPTIONS, Report()))) == 1  # of a folder only pictures are taken


def test_a_side_that_is_none_of_the_picture_is_refused() -> None:
    side = {"width": 2, "height": 2, "channels": 1}
    for text, wrong in (
        ("abcd", None),
        ("abc", side),
        ("abcd", {**side, "width": 0}),
        ("abcd", {"width": 4}),
    ):
        with pytest.raises(DataError):
            ImageCodec().encode(text, wrong)


@given(colours=st.integers(2, 9), data=st.data())
def test_a_palette_takes_the_nearest_colour(colours: int, data: st.DataObject) -> None:
    pixels = np.array(data.draw(st.lists(st.integers(0, 255), min_size=30, max_size=30)), dtype=np.uint8)
    document = pictures.document(pixels.reshape(2, 5, 3))
    codec = fit(Given([document]), Config(colours))
    back = pictures.pixels(codec.decode(codec.encode(document.text, document.side).ids), document.side or {})
    palette = np.array([list(spelling) for spelling in codec.spellings], dtype=np.int64)
    for pixel, kept in zip(pixels.reshape(-1, 3), back.reshape(-1, 3), strict=True):
        apart = ((palette - pixel) ** 2).sum(axis=1)
        assert ((kept.astype(np.int64) - pixel) ** 2).sum() == apart.min()
    assert len(palette) <= colours and not codec.lossless


def test_an_untrained_model_makes_whole_pictures() -> None:
    side = {"width": 3, "height": 2, "channels": 3}
    codec = ImageCodec()
    model = uniform.create(uniform.Config(), codec.vocabulary_size, 0)
    begun = "\x01\x02\x03"
    for made in generation.make(model, codec, begun, samples=3, side=side):
        assert made.side == side and len(made.to_bytes()) == 18 and made.text.startswith(begun)
    with pytest.raises(UsageError, match="which size"):
        generation.make(model, codec)


def test_few_pictures_are_split_whole(tmp_path: Path) -> None:
    for number in range(5):
        Image.fromarray(_pixels(number + 3, 4)).save(tmp_path / f"{number}.png")
    run = anygram.train(tmp_path, "uniform", codec="image", test=0.3)
    assert run.kind == "pictures" and run.record.data["kind"] == "pictures"
    figures = run.record.figures["test"]
    assert figures["unit"] == "channel value" and figures["units"] == figures["bytes"]
    assert figures["bytes"] in {4 * sum(range(first, 8)) for first in range(4, 8)}
    assert run.evaluate(tmp_path).documents == 5


def test_pictures_are_compared_with_bytes_and_with_nothing_else(tmp_path: Path) -> None:
    for number in range(6):
        Image.fromarray(_pixels(4, 4) // 64).save(tmp_path / f"{number}.png")
    found = anygram.compare(
        tmp_path, tmp_path / "out", models="frequency:image,frequency:bytes", budget="1epochs"
    )
    one, other = (row.bits_per_byte for row in found.rows if not row.floor)
    assert one == pytest.approx(other)
    drawn, undrawn = (
        found.fields["details"][f"frequency-{codec}"]["drawings"] for codec in ("image", "bytes")
    )
    assert undrawn == [] and len(drawn) == 12
    sizes = {Image.open(io.BytesIO(base64.b64decode(one))).size for one in drawn}
    assert sizes == {(4, 4)} and drawn[0] in (tmp_path / "out" / "report.html").read_text()
    assert all(one["excerpt"] == "" for one in found.fields["disagreements"])
    with pytest.raises(UsageError, match="image is for pictures and chars is for text"):
        anygram.compare(tmp_path, tmp_path / "no", models="frequency:image,frequency:chars")
    with pytest.raises(UsageError, match="chars is for text, and this comparison is of pictures"):
        anygram.compare(out=tmp_path / "out", add="ngram:chars")


def test_an_example_of_another_kind_is_refused() -> None:
    with pytest.raises(
        DataError, match="example:digits holds pictures, not sounds; choose a codec of pictures"
    ):
        read(["example:digits"], ReadingOptions(kind="sounds"), Report())
    with pytest.raises(
        DataError, match="example:docstrings holds text, not pictures; choose a codec of text"
    ):
        read(["example:docstrings"], OPTIONS, Report())


def test_the_digits_are_an_example() -> None:
    pytest.importorskip("sklearn", reason="needs scikit-learn")
    found = list(read(["example:digits"], OPTIONS, Report()))
    assert len(found) == 1797 and found[0].name == "digits:0:0"
    assert found[0].side == {"width": 8, "height": 8, "channels": 1}
    assert set(found[0].to_bytes()) <= set(range(0, 241, 15))
