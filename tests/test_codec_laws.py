"""Every codec found in `anygram.codecs`, in several settings, keeps every law; wrong codecs are refused.

Nothing but SETTINGS names a codec: a new file in codecs/ is a subject with its defaults at least.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from anygram.codecs import REGISTRY, TEXT, kind_of
from anygram.data.documents import Document
from anygram.errors import AnygramError, DataError
from anygram.laws import CODEC_LAWS, data_of, fitting_succeeds_or_is_refused, texts
from anygram.protocols import Codec, Decoder, Encoded, Guide, Ids, Lengths, Side, Tensors, Texts
from tests.sided import Given

SAMPLE = (
    "To be, or not to be: that is the question. <unk> to </s> be it; naïve 3,141.59!\n"
    "Whether 'tis nobler in the mind to suffer \ufffd the slings and arrows\n\n",
    "秦川雄帝宅，函谷壯皇居。綺殿千尋起，離宮百雉餘。山月\r\nकी हिन्दी ไทย にほん cafe\u0301\n",
)
SAMPLES = {"series": ("1\n2\n\n3.5\n1e3\n-2\n" * 6, "7\n")}
"""Data of codecs that cannot be fitted on any text."""
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "chars": [{"min_count": 2}, {"size": 262}, {"size": 257}],
    "words": [
        *({"split": split, "spell": spell} for split in ("whitespace", "unicode") for spell in (False, True)),
        *({"split": split, "lines": False} for split in ("whitespace", "unicode")),
        {"size": 6},
        {"size": 270, "spell": True, "min_count": 1},
        {"split": "unicode", "min_count": 2},
    ],
    "bpe": [{"size": 257}, {"size": 300, "min_frequency": 3}, {"sample": 20}],
}
OTHER_SETTINGS: dict[str, list[dict[str, Any]]] = {
    "audio": [{"bits": 8}, {"mono": True}, {"bits": 8, "rate": 4000}, {"predict": 1}, {"predict": 3}],
    "image": [{"colours": 3}],
    "mixed": [
        {"codecs": "table+series:method=exact+audio:bits=8:rate=4000+bytes+image"},
        {"codecs": "table+series+spectrum:shapes=4+bytes+image"},
    ],
    "spectrum": [{"shapes": 2, "frame": 5}, {"rate": 1000}],
    "table": [{"bins": 2}, {"digits": False}, {"first": "day,note"}],
    "series": [
        {"method": "exact"},
        {"method": "exact", "calendar": "month"},
        {"method": "quantile", "bins": 8},
        {"bins": 20, "difference": 3},
        {"method": "quantile", "bins": 9, "difference": 1, "calendar": "hour,weekday"},
        {"method": "exact", "covariates": "word"},
        {
            "method": "quantile",
            "bins": 9,
            "calendar": "hour",
            "covariates": "promo,word",
            "covariate_bins": 2,
        },
    ],
}
"""Settings that only data of the codec's kind can be fitted with."""
SUBJECTS = [(name, setting) for name in REGISTRY.names() for setting in [{}, *SETTINGS.get(name, [])]]
OTHERS = [
    (name, setting)
    for name in REGISTRY.names()
    if kind_of(name) != TEXT
    for setting in [{}, *SETTINGS.get(name, []), *OTHER_SETTINGS.get(name, [])]
]


def _name(value: object) -> str:
    return ",".join(f"{key}={item}" for key, item in value.items()) if isinstance(value, dict) else str(value)


@functools.cache
def _fit(name: str, setting: tuple[tuple[str, Any], ...]) -> Codec:
    module = REGISTRY.load(name)
    codec: Codec = module.fit(SAMPLES.get(name, SAMPLE), module.Config(**dict(setting)))
    return codec


@pytest.mark.parametrize("law", CODEC_LAWS)
@pytest.mark.parametrize(("name", "setting"), SUBJECTS, ids=_name)
def test_law(name: str, setting: dict[str, Any], law: str) -> None:
    codec = _fit(name, tuple(setting.items()))

    @given(text=st.one_of(texts(), st.sampled_from(SAMPLE)))
    def keeps(text: str) -> None:
        CODEC_LAWS[law](codec, text)

    keeps()


@pytest.mark.parametrize("law", CODEC_LAWS)
@pytest.mark.parametrize(("name", "setting"), OTHERS, ids=_name)
def test_law_on_data_of_its_kind(name: str, setting: dict[str, Any], law: str) -> None:
    module = REGISTRY.load(name)
    known = st.lists(data_of(module.KIND), min_size=1, max_size=3)

    @given(documents=known, document=data_of(module.KIND))
    def keeps(documents: list[Document], document: Document) -> None:
        codec = fitting_succeeds_or_is_refused(module, module.Config(**setting), Given(documents))
        assert codec is not None
        CODEC_LAWS[law](codec, document.text, document.side)

    keeps()


@pytest.mark.parametrize(("name", "setting"), OTHERS, ids=_name)
def test_data_of_its_kind_are_accepted(name: str, setting: dict[str, Any]) -> None:
    module = REGISTRY.load(name)

    @given(document=data_of(module.KIND))
    def keeps(document: Document) -> None:
        codec: Codec = module.fit(Given([document]), module.Config(**setting))
        encoded = codec.encode(document.text, document.side)
        if codec.lossless:
            assert codec.decode(encoded.ids, encoded.side) == document.text

    keeps()


@pytest.mark.parametrize(("name", "setting"), SUBJECTS, ids=_name)
def test_a_codec_fitted_on_anything_keeps_the_laws(name: str, setting: dict[str, Any]) -> None:
    module = REGISTRY.load(name)

    @given(documents=st.lists(texts(), max_size=3), text=texts())
    def keeps(documents: list[str], text: str) -> None:
        codec = fitting_succeeds_or_is_refused(module, module.Config(**setting), documents)
        for law in CODEC_LAWS.values() if codec is not None else ():
            assert codec is not None
            law(codec, text)

    keeps()


@pytest.mark.parametrize("name", REGISTRY.names())
@pytest.mark.parametrize("documents", [[], [""], ["a"], ["é", ""], [" \n "]], ids=repr)
def test_the_least_corpora_are_fitted_or_refused(name: str, documents: list[str]) -> None:
    module = REGISTRY.load(name)
    codec = fitting_succeeds_or_is_refused(module, module.Config(), documents)
    if codec is not None:
        for law in CODEC_LAWS.values():
            for text in (*documents, "né\n"):
                law(codec, text)


def test_every_codec_is_a_codec() -> None:
    for name in REGISTRY.names():
        assert isinstance(_fit(name, ()), Codec)


class _Sound:
    """Text as UTF-8 bytes, written as plainly as can be; each wrong codec below changes one thing."""

    vocabulary_size = 257
    boundary = 256
    unknown: int | None = None
    unit = "byte"
    lossless = True

    def encode(self, text: str, side: Mapping[str, Any] | None = None) -> Encoded:
        try:
            raw = text.encode("utf-8")
        except UnicodeEncodeError:
            raise DataError("not UTF-8; mend it") from None
        return Encoded(np.array(list(raw), dtype=np.int32), np.ones(len(raw), dtype=np.int64))

    def decode(self, ids: Ids, side: Mapping[str, Any] | None = None) -> str:
        return bytes(ids.tolist()).decode("utf-8", "replace")

    def decoder(self, side: Mapping[str, Any] | None = None) -> Decoder:
        return _Whole(self)

    def symbol(self, identifier: int) -> str:
        return f"byte {identifier}"

    def to_json(self) -> dict[str, Any]:
        return {"wrong": type(self).__name__}


class _Whole:
    """Holds everything back to the end."""

    def __init__(self, codec: _Sound) -> None:
        self._codec = codec
        self._held: list[int] = []

    def push(self, symbol: int) -> str:
        self._held.append(symbol)
        return ""

    def finish(self) -> str:
        return self._codec.decode(np.array(self._held, dtype=np.int32))


class EmitsTheBoundary(_Sound):
    def encode(self, text: str, side: Mapping[str, Any] | None = None) -> Encoded:
        encoded = super().encode(text)
        return Encoded(np.append(encoded.ids, np.int32(256)), np.append(encoded.units, 0))

    def decode(self, ids: Ids, side: Mapping[str, Any] | None = None) -> str:
        return super().decode(ids[ids < 256])


class ReadsTheBoundaryTyped(_Sound):
    def encode(self, text: str, side: Mapping[str, Any] | None = None) -> Encoded:
        kept = super().encode(text.replace("<boundary>", ""))
        count = text.count("<boundary>")
        ids = np.append(kept.ids, np.full(count, 256, dtype=np.int32))
        return Encoded(ids, np.append(kept.units, np.full(count, len("<boundary>"))))


class WideIds(_Sound):
    def encode(self, text: str, side: Mapping[str, Any] | None = None) -> Encoded:
        encoded = super().encode(text)
        wide: Any = encoded.ids.astype(np.int64)
        return Encoded(wide, encoded.units)


class CountsCharacters(_Sound):
    def encode(self, text: str, side: Mapping[str, Any] | None = None) -> Encoded:
        encoded = super().encode(text)
        return Encoded(encoded.ids, encoded.units * ((encoded.ids & 0xC0) != 0x80))


class FoldsCase(_Sound):
    def encode(self, text: str, side: Mapping[str, Any] | None = None) -> Encoded:
        folded = "".join(c.lower() if c.isascii() else c for c in text)
        return super().encode(folded)


class TurnsRound(_Sound):
    lossless = False

    def encode(self, text: str, side: Mapping[str, Any] | None = None) -> Encoded:
        encoded = super().encode(text)
        return Encoded(encoded.ids[::-1], encoded.units)


class BreaksCharacters(_Sound):
    def decoder(self, side: Mapping[str, Any] | None = None) -> Decoder:
        return _ByteByByte()


class _ByteByByte:
    def push(self, symbol: int) -> str:
        return bytes([symbol]).decode("utf-8", "replace")

    def finish(self) -> str:
        return ""


class ForgetsTheEnd(_Sound):
    def decoder(self, side: Mapping[str, Any] | None = None) -> Decoder:
        return _Endless(self)


class _Endless(_Whole):
    def finish(self) -> str:
        return ""


class DecodesUtf8Only(_Sound):
    def decode(self, ids: Ids, side: Mapping[str, Any] | None = None) -> str:
        return bytes(ids.tolist()).decode("utf-8")


class FailsOnSurrogates(_Sound):
    def encode(self, text: str, side: Mapping[str, Any] | None = None) -> Encoded:
        text.encode("utf-8")
        return super().encode(text)


class RefusesChinese(_Sound):
    def encode(self, text: str, side: Mapping[str, Any] | None = None) -> Encoded:
        if not text.isascii():
            raise DataError("not ASCII; write English")
        return super().encode(text)


class Remembers(_Sound):
    def __init__(self) -> None:
        self._read = 0

    def encode(self, text: str, side: Mapping[str, Any] | None = None) -> Encoded:
        self._read += 1
        encoded = super().encode(text)
        return Encoded(np.roll(encoded.ids, self._read), encoded.units)


class SpeaksInLines(_Sound):
    def symbol(self, identifier: int) -> str:
        return "byte\n" + str(identifier)


class BoundaryFirst(_Sound):
    boundary = 0


class LosesItsTable(_Sound):
    def __init__(self, shift: int = 1) -> None:
        self._shift = shift

    def encode(self, text: str, side: Mapping[str, Any] | None = None) -> Encoded:
        encoded = super().encode(text)
        return Encoded((encoded.ids + np.int32(self._shift)) % np.int32(256), encoded.units)

    def decode(self, ids: Ids, side: Mapping[str, Any] | None = None) -> str:
        return super().decode((ids - self._shift) % 256)


class LosesItsTensors(LosesItsTable):
    def tensors(self) -> Tensors:
        return {"shift": np.array([self._shift])}


class ForgetsToClose(_Sound):
    def encode_documents(self, texts: Texts) -> tuple[Ids, Lengths]:
        return texts.bytes_N.astype(np.int32), np.diff(texts.ends_D, prepend=0)


class _Guides(_Sound):
    """Guides with the symbols that it allows anywhere, the boundary among them."""

    symbols: Sequence[int] = range(257)

    def guide(self, side: Side | None = None) -> Guide:
        return _Anywhere(list(self.symbols))

    def beginning(self, text: str, side: Side | None = None) -> Ids:
        return self.encode(text).ids


class _Anywhere:
    side: Side | None = None

    def __init__(self, symbols: list[int]) -> None:
        self._symbols = symbols

    def allowed(self) -> NDArray[np.bool_]:
        allowed_V = np.zeros(257, dtype=bool)
        allowed_V[self._symbols] = True
        return allowed_V

    def push(self, symbol: int) -> None:
        pass


class ForbidsCapitals(_Guides):
    symbols = [byte for byte in range(257) if not chr(byte).isupper()]  # noqa: RUF012


class LeadsAstray(_Guides):
    def encode(self, text: str, side: Mapping[str, Any] | None = None) -> Encoded:
        if not text.isascii():
            raise DataError("not ASCII; write English")
        return super().encode(text)


class LeadsNowhere(_Guides):
    symbols = range(256)


class Tabled(LosesItsTensors):
    """Restored by its tensors as by nothing else."""


def from_json(fields: Mapping[str, Any], tensors: Tensors | None = None) -> Codec:
    """Return a codec of this module, as laws restore it."""
    if fields["wrong"] in ("LosesItsTable", "LosesItsTensors"):
        return LosesItsTable(shift=2)
    if fields["wrong"] == "Tabled":
        assert tensors is not None
        return Tabled(shift=int(tensors["shift"][0]))
    wrong: Codec = globals()[fields["wrong"]]()
    return wrong


WRONG = [
    (EmitsTheBoundary, "ids_lie_below_the_boundary", "to be"),
    (ReadsTheBoundaryTyped, "ids_lie_below_the_boundary", "a <boundary> b"),
    (WideIds, "ids_lie_below_the_boundary", "to be"),
    (CountsCharacters, "units_add_up", "naïve"),
    (FoldsCase, "text_comes_back", "To be"),
    (TurnsRound, "text_comes_back", "to be"),
    (BreaksCharacters, "streams_decode_alike", "naïve"),
    (ForgetsTheEnd, "streams_decode_alike", "to be"),
    (DecodesUtf8Only, "any_ids_decode", "to be"),
    (FailsOnSurrogates, "text_is_accepted_and_bytes_at_least_refused", "\udcff"),
    (RefusesChinese, "text_is_accepted_and_bytes_at_least_refused", "山月"),
    (Remembers, "encoding_is_a_function", "to be"),
    (SpeaksInLines, "the_vocabulary_ends_in_the_boundary", "to be"),
    (BoundaryFirst, "the_vocabulary_ends_in_the_boundary", "to be"),
    (ForgetsToClose, "many_texts_are_encoded_as_each_is", "to be"),
    (LosesItsTable, "restored_means_equal", "to be"),
    (LosesItsTensors, "restored_means_equal", "to be"),
    (ForbidsCapitals, "guides_allow_data", "To be"),
    (LeadsAstray, "what_is_guided_is_valid", "to be"),
    (LeadsNowhere, "what_is_guided_is_valid", "to be"),
]


@pytest.mark.parametrize(("wrong", "law", "text"), WRONG)
def test_a_wrong_codec_is_refused_by_the_law_it_breaks(wrong: type[_Sound], law: str, text: str) -> None:
    CODEC_LAWS[law](_Sound(), text)
    with pytest.raises(AssertionError):
        CODEC_LAWS[law](wrong(), text)


def test_a_codec_is_restored_with_its_tensors() -> None:
    CODEC_LAWS["restored_means_equal"](Tabled(shift=3), "to be")


def test_every_law_has_a_codec_that_breaks_it() -> None:
    assert {law for _, law, _ in WRONG} == set(CODEC_LAWS)


class _Fits:
    """A codec's module whose `fit` is given."""

    def __init__(self, fit: Any) -> None:
        self.fit = fit


def _refuse_in_two_lines(data: Any, config: Any) -> Codec:
    raise AnygramError("no text\nnone at all")


def _read_twice(data: Any, config: Any) -> Codec:
    list(data)
    return LosesItsTable(shift=len(next(data)))


class _Unsteady(_Sound):
    fitted = 0

    def to_json(self) -> dict[str, Any]:
        return {"wrong": "_Unsteady", "fitted": self.fitted}


def _differ_each_time(data: Any, config: Any) -> Codec:
    _Unsteady.fitted += 1
    codec = _Unsteady()
    codec.fitted = _Unsteady.fitted
    return codec


def _differ_in_tensors(data: Any, config: Any) -> Codec:
    _Unsteady.fitted += 1
    return Tabled(shift=_Unsteady.fitted)


@pytest.mark.parametrize("fit", [_refuse_in_two_lines, _read_twice, _differ_each_time, _differ_in_tensors])
def test_wrong_fitting_is_refused(fit: Any) -> None:
    module: Any = _Fits(fit)
    with pytest.raises(AssertionError):
        fitting_succeeds_or_is_refused(module, None, ["to be"])
