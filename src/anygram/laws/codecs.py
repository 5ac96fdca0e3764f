"""The laws that every codec keeps: functions of a codec and a datum that raise AssertionError.

A plug-in package tests its own codec so:

    codec = fit(["some text"], Config())

    @pytest.mark.parametrize("law", CODEC_LAWS)
    @given(text=texts())
    def test_law(law, text):
        CODEC_LAWS[law](codec, text)

A codec may refuse a text with a DataError; laws about symbols then have nothing to say. One whose data are
not text is tried on texts, which it may refuse, and on data of its kind with their sides, from `data_of`.
"""

from __future__ import annotations

import json
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from anygram.errors import AnygramError, DataError
from anygram.laws.agreement import hold
from anygram.protocols import BatchCodec, Codec, Encoded, Guided, Ids, Side, TensorCodec, Texts, WithSides
from anygram.storage import read_tensors, write_tensors

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


class CodecLaw(Protocol):
    """A law: a function of a codec, a datum and what goes beside it."""

    __name__: str

    def __call__(self, codec: Codec, text: str, side: Side | None = None) -> None: ...


_LONGEST_DRAWN = 1 << 14


def the_vocabulary_ends_in_the_boundary(codec: Codec, text: str, side: Side | None = None) -> None:
    """The boundary is the last id; an unknown symbol lies below it; every symbol reads on one line."""
    boundary = codec.vocabulary_size - 1
    hold(codec.boundary == boundary, f"the boundary is {codec.boundary}, not the last id {boundary}")
    unknown = codec.unknown
    hold(unknown is None or 0 <= unknown < boundary, f"the unknown symbol {unknown} lies outside")
    hold(unknown is None or not codec.lossless, "a lossless codec has a symbol for what it cannot spell")
    for identifier in (*_any_ids(codec, text).tolist(), boundary):
        name = codec.symbol(identifier)
        hold(len(name.splitlines()) == 1, f"symbol {identifier} reads as {name!r}, which is not one line")


def text_is_accepted_and_bytes_at_least_refused(codec: Codec, text: str, side: Side | None = None) -> None:
    """A codec of text accepts Unicode; all else is accepted too, or refused by a DataError of one line."""
    unicode = _kind(codec) == "text" and not any("\ud800" <= character <= "\udfff" for character in text)
    try:
        codec.encode(text, side)
    except DataError as error:
        hold(not unicode, f"Unicode text was refused: {error}")
        hold(len(str(error).splitlines()) == 1, f"the refusal is not one line: {str(error)!r}")
    except Exception as error:
        raise AssertionError(f"refused by {error!r}, not by a DataError") from error


def ids_lie_below_the_boundary(codec: Codec, text: str, side: Side | None = None) -> None:
    """Ids are one axis of int32, from 0 to below the boundary."""
    encoded = _encoded(codec, text, side)
    if encoded is None:
        return
    ids = encoded.ids
    hold(ids.dtype == np.int32 and ids.ndim == 1, f"ids are {ids.dtype} on {ids.ndim} axes, not int32 on one")
    hold(not len(ids) or int(ids.min()) >= 0, "an id is negative")
    hold(not len(ids) or int(ids.max()) < codec.boundary, f"id {ids.max(initial=0)} is no symbol of text")


def units_add_up(codec: Codec, text: str, side: Side | None = None) -> None:
    """Units are the text's bytes, shared out over its symbols; only a lossy codec may yield none."""
    encoded = _encoded(codec, text, side)
    if encoded is None:
        return
    ids, units = encoded.ids, encoded.units
    hold(units.shape == ids.shape, f"{len(units)} units for {len(ids)} symbols")
    hold(units.dtype == np.int64, f"units are {units.dtype}, not int64")
    hold(not len(units) or int(units.min()) >= 0, "a symbol covers less than nothing")
    wanted = len(text.encode("utf-8", "surrogateescape"))
    if len(ids) or codec.lossless:
        hold(
            int(units.sum()) == wanted,
            f"units add up to {units.sum()}, not to the {wanted} bytes of the text",
        )


def text_comes_back(codec: Codec, text: str, side: Side | None = None) -> None:
    """Decoding gives the text back; what a lossy codec gives back, it gives back again."""
    encoded = _encoded(codec, text, side)
    if encoded is None:
        return
    back = codec.decode(encoded.ids, encoded.side)
    if codec.lossless:
        hold(back == text, f"a lossless codec made {back!r} of {text!r}")
        return
    kept = _encoded(codec, back, encoded.side)
    again = None if kept is None else codec.decode(kept.ids, kept.side)
    hold(again == back, f"what was kept, {back!r}, came back as {again!r}")


def streams_decode_alike(codec: Codec, text: str, side: Side | None = None) -> None:
    """Symbol by symbol the same text comes out as at once, whatever the symbols are."""
    encoded = _encoded(codec, text, side)
    for ids in (_any_ids(codec, text), *([] if encoded is None else [encoded.ids])):
        decoder = codec.decoder(side)
        streamed = "".join([*(decoder.push(identifier) for identifier in ids.tolist()), decoder.finish()])
        whole = codec.decode(ids, side)
        hold(streamed == whole, f"symbol by symbol {streamed!r}, at once {whole!r}")


def any_ids_decode(codec: Codec, text: str, side: Side | None = None) -> None:
    """Every sequence of ids below the boundary decodes to text, the empty one to nothing."""
    try:
        decoded = codec.decode(_any_ids(codec, text))
    except Exception as error:
        raise AssertionError(f"symbols below the boundary were refused by {error!r}") from error
    hold(isinstance(decoded, str), f"symbols decode to {type(decoded).__name__}, not str")
    hold(codec.decode(np.zeros(0, dtype=np.int32)) == "", "no symbols decode to something")


def encoding_is_a_function(codec: Codec, text: str, side: Side | None = None) -> None:
    """The same text is encoded alike each time, and what was read before does not matter."""
    first = _encoded(codec, text, side)
    _encoded(codec, text[::-1], side)
    again = _encoded(codec, text, side)
    hold(_same(first, again), "the same text was encoded differently the second time")


def many_texts_are_encoded_as_each_is(codec: Codec, text: str, side: Side | None = None) -> None:
    """A codec that encodes many texts at once gives each one's ids, closed; or refuses what it refuses."""
    if not isinstance(codec, BatchCodec):
        return
    texts = (text, "", text[::-1], text)
    each = [_encoded(codec, one) for one in texts]
    joined = Texts.of([one.encode("utf-8", "surrogatepass") for one in texts])
    try:
        ids, lengths = codec.encode_documents(joined)
    except DataError:
        hold(None in each, "texts are refused together of which each is accepted")
        return
    hold(None not in each, "texts are accepted together of which one is refused")
    closed = [[*one.ids.tolist(), codec.boundary] for one in each if one is not None]
    hold(lengths.tolist() == [len(one) for one in closed], "together texts have other lengths")
    hold(ids.tolist() == [symbol for one in closed for symbol in one], "together texts have other symbols")
    hold(ids.dtype == np.int32, f"ids are {ids.dtype}, not int32")


def restored_means_equal(codec: Codec, text: str, side: Side | None = None) -> None:
    """The `from_json` of the codec's module makes an equal codec of what is stored: JSON, and any tensors."""
    restored = _restored(codec)
    for what in ("vocabulary_size", "boundary", "unknown", "unit", "lossless"):
        old, new = getattr(codec, what), getattr(restored, what)
        hold(old == new, f"{what} was {old}, restored {new}")
    alike = _same(_encoded(codec, text, side), _encoded(restored, text, side))
    hold(alike, "the restored codec encodes differently")
    ids = _any_ids(codec, text)
    hold(codec.decode(ids) == restored.decode(ids), "the restored codec decodes differently")


def guides_allow_data(codec: Codec, text: str, side: Side | None = None) -> None:
    """A codec that guides allows the symbols of every datum, and the boundary where it ends."""
    encoded = _encoded(codec, text, side)
    if encoded is None or not isinstance(codec, Guided):
        return
    guide = codec.guide(encoded.side)
    for place, symbol in enumerate((*encoded.ids.tolist(), codec.boundary)):
        hold(bool(guide.allowed()[symbol]), f"symbol {symbol} at {place} of the datum is not allowed there")
        guide.push(symbol)


def what_is_guided_is_valid(codec: Codec, text: str, side: Side | None = None) -> None:
    """Symbols drawn from those allowed come to an end, and are a datum that is accepted and comes back."""
    encoded = _encoded(codec, text, side)
    if encoded is None or not isinstance(codec, Guided):
        return
    generator = np.random.default_rng(zlib.crc32(text.encode("utf-8", "surrogatepass")))
    guide = codec.guide(encoded.side)
    drawn: list[int] = []
    while not drawn or drawn[-1] != codec.boundary:
        allowed = np.flatnonzero(guide.allowed())
        hold(len(allowed) > 0, f"after {len(drawn)} symbols nothing is allowed")
        hold(len(drawn) < _LONGEST_DRAWN, f"after {len(drawn)} symbols there is still no end")
        drawn.append(int(generator.choice(allowed)))
        guide.push(drawn[-1])
    beside = guide.side
    made = codec.decode(np.array(drawn[:-1], dtype=np.int32), beside)
    hold(_encoded(codec, made, beside) is not None, f"what was drawn, {made!r}, is refused")
    text_comes_back(codec, made, beside)


CODEC_LAWS: dict[str, CodecLaw] = {
    law.__name__: law
    for law in (
        the_vocabulary_ends_in_the_boundary,
        text_is_accepted_and_bytes_at_least_refused,
        ids_lie_below_the_boundary,
        units_add_up,
        text_comes_back,
        streams_decode_alike,
        any_ids_decode,
        encoding_is_a_function,
        many_texts_are_encoded_as_each_is,
        restored_means_equal,
        guides_allow_data,
        what_is_guided_is_valid,
    )
}


def fitting_succeeds_or_is_refused(module: ModuleType, config: Any, documents: Sequence[str]) -> Codec | None:
    """Return the codec fitted on documents that are read once, None where they are refused in one line.

    Raises AssertionError where fitting fails otherwise, or comes out differently the second time.
    """
    try:
        codec: Codec = module.fit(_read_once(documents), config)
    except AnygramError as error:
        hold(len(str(error).splitlines()) == 1, f"the refusal is not one line: {str(error)!r}")
        return None
    except Exception as error:
        raise AssertionError(f"fitting failed by {error!r}, not by an AnygramError") from error
    again = module.fit(_read_once(documents), config)
    hold(is_stored_alike(codec, again), "fitting the same documents again gave another codec")
    return codec


def _read_once(documents: Sequence[str]) -> Iterable[str]:
    """Return the documents as they are read once; with sides they are what can tell these."""
    return documents if isinstance(documents, WithSides) else iter(documents)


def is_stored_alike(one: Codec, other: Codec) -> bool:
    """Return whether two codecs have the same description and the same tensors."""
    tensors, others = (each.tensors() if isinstance(each, TensorCodec) else {} for each in (one, other))
    return (
        one.to_json() == other.to_json()
        and tensors.keys() == others.keys()
        and all(
            tensors[name].dtype == others[name].dtype and np.array_equal(tensors[name], others[name])
            for name in tensors
        )
    )


def texts() -> SearchStrategy[str]:
    """Return texts to try laws on: any Unicode, any bytes, any surrogates, and what codecs trip over.

    Needs Hypothesis, which is not installed with anygram.
    """
    from hypothesis import strategies as st

    unlikely = st.text(st.characters(exclude_categories=[]), max_size=20)
    any_bytes = st.binary(max_size=40).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
    return st.one_of(st.text(), any_bytes, unlikely, st.lists(st.sampled_from(PITFALLS)).map("".join))


PITFALLS = (
    *(
        "the",
        "The",
        "to",
        "be",
        "a",
        "I'll",
        "e.g.",
        "3,141.59",
        "naïve",
        "cafe\u0301",
        "天",
        "山月",
        "にほん",
    ),
    *("हिन्दी", "ไทย", "👩\u200d🚀", "🇩🇪", "\ufeff", "\ufffd", "\u2028", "\xa0", "\u3000", "\x0b", "\x85"),
    *(" ", "  ", "\n", "\r\n", "\t", "\0", ".", "…", "</s>", "<unk>", "<s>", "<boundary>", "<0xE4>"),
    *("<|endoftext|>", "[UNK]", "Ġ", "Ċ", "##ing", "\u2581", "a" * 100, "\udcff", "\udcc3\udca9"),
)
"""Pieces of text that are special somewhere, or cut in the wrong place somewhere."""


def _kind(codec: Codec) -> str:
    """Return the kind of data that the codec is for."""
    return str(getattr(sys.modules[type(codec).__module__], "KIND", "text"))


def _encoded(codec: Codec, text: str, side: Side | None = None) -> Encoded | None:
    """Return the text's symbols, None where it is refused."""
    try:
        return codec.encode(text, side)
    except DataError:
        return None


def _restored(codec: Codec) -> Codec:
    fields = json.loads(json.dumps(codec.to_json()))
    from_json: Callable[..., Codec] = sys.modules[type(codec).__module__].from_json
    if not isinstance(codec, TensorCodec):
        return from_json(fields)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "codec.safetensors"
        write_tensors(path, codec.tensors())
        return from_json(fields, read_tensors(path))


def _any_ids(codec: Codec, text: str) -> Ids:
    """Return up to 30 ids below the boundary, drawn by the text: no codec need ever put out the like."""
    seed = zlib.crc32(text.encode("utf-8", "surrogatepass"))
    generator = np.random.default_rng(seed)
    return generator.integers(0, codec.vocabulary_size - 1, generator.integers(1, 31)).astype(np.int32)


def _same(one: Encoded | None, other: Encoded | None) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one.ids, other.ids) and np.array_equal(one.units, other.units)
