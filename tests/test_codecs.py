"""What each codec promises beyond the laws: closed forms, worked examples, published counts, refusals."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from anygram import settings
from anygram.codecs import REGISTRY, bpe, bytes, chars, words
from anygram.codecs._breaks import word_pattern
from anygram.errors import AnygramError, DataError, RunError, UsageError
from anygram.laws.codecs import is_stored_alike
from anygram.protocols import Tensors

REAL_TEXT = ("wikitext-2/wiki.valid.tokens", "chinese-poetry/tang.txt", "tinyshakespeare/input.txt")


def _symbols(codec: Any, text: str) -> list[str]:
    return [codec.symbol(identifier) for identifier in codec.encode(text).ids.tolist()]


def test_the_registry_lists_the_four_codecs_of_text() -> None:
    assert {"bytes", "chars", "words", "bpe"} <= set(REGISTRY.names())
    assert not [name for name in REGISTRY.names() if name.startswith("_")]


@pytest.mark.parametrize("path", REAL_TEXT)
@pytest.mark.parametrize("name", ["bytes", "chars", "words", "bpe"])
def test_real_text_comes_back(real_data: Path, name: str, path: str) -> None:
    with (real_data / path).open(encoding="utf-8", newline="") as file:
        text = file.read(300_000)
    module = REGISTRY.load(name)
    codec = module.fit(
        [text[:100_000]], settings.build(module.Config, {"spell": True} if name == "words" else {})
    )
    encoded = codec.encode(text)
    assert codec.decode(encoded.ids) == text
    assert encoded.units.sum() == len(text.encode())


class TestBytes:
    def test_ids_are_the_bytes(self) -> None:
        raw = bytes.BytesCodec().encode("né\n").ids
        assert raw.tolist() == list("né\n".encode())

    @given(raw=st.binary())
    def test_every_file_is_carried(self, raw: Any) -> None:
        codec = bytes.BytesCodec()
        encoded = codec.encode(raw.decode("utf-8", "surrogateescape"))
        assert encoded.ids.tolist() == list(raw)
        assert codec.decode(encoded.ids).encode("utf-8", "surrogateescape") == raw

    @pytest.mark.parametrize("wrong", [256, -1])
    def test_the_boundary_and_beyond_are_refused(self, wrong: int) -> None:
        codec = bytes.BytesCodec()
        with pytest.raises(UsageError, match="ids run from 0 to 255"):
            codec.decode(np.array([65, wrong], dtype=np.int32))
        with pytest.raises(UsageError, match="ids run from 0 to 255"):
            codec.decoder().push(wrong)

    @pytest.mark.parametrize("text", ["ab\ud800", "\udc7f", "\udd00"])
    def test_what_no_bytes_decode_to_is_refused(self, text: str) -> None:
        with pytest.raises(DataError, match=f"character {len(text) - 1} is the lone surrogate U\\+D"):
            bytes.BytesCodec().encode(text)

    def test_escapes_that_spell_a_character_are_refused(self) -> None:
        with pytest.raises(DataError, match="spell valid UTF-8"):
            bytes.BytesCodec().encode("\udcc3\udca9")


class TestChars:
    def test_seen_characters_are_symbols_and_others_spelled(self) -> None:
        codec = chars.fit(["naïve", "天"], chars.Config())
        assert codec.vocabulary_size == 256 + 2 + 1
        assert _symbols(codec, "ï天é\n") == ["ï", "天", "<0xC3>", "<0xA9>", "\\n"]
        assert codec.encode("ï天é\n").units.tolist() == [2, 3, 1, 1, 1]

    def test_the_most_frequent_characters_stay(self) -> None:
        codec = chars.fit(["山山月天天天é"], chars.Config(size=259))
        assert codec.to_json() == {"characters": "天山"}

    def test_equally_frequent_characters_stay_by_code_point(self) -> None:
        assert chars.fit(["月天"], chars.Config(size=258)).to_json() == {"characters": "天"}

    def test_rare_characters_are_spelled(self) -> None:
        assert chars.fit(["天天", "山"], chars.Config(min_count=2)).to_json() == {"characters": "天"}

    def test_documents_in_pieces_count_as_one(self) -> None:
        text = "天山山" * 10
        assert chars.fit(text, chars.Config()).to_json() == chars.fit([text], chars.Config()).to_json()

    def test_escaped_bytes_join_when_decoded(self) -> None:
        codec = chars.fit(["é"], chars.Config())
        assert codec.decode(np.array([0xC3, 0xA9, 256, 0xC3, 65], dtype=np.int32)) == "éé\udcc3A"


class TestWords:
    def test_kenlm_splits_on_five_characters_only(self) -> None:
        text = "a\0b\tc\nd\re f\x0bg\xa0h\u3000i\x85j"
        assert re.findall(word_pattern("whitespace"), text) == [
            "a",
            "b",
            "c",
            "d",
            "e",
            "f\x0bg\xa0h\u3000i\x85j",
        ]

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("Don't stop.", ["Don't", "stop", "."]),
            ("e.g. 3,141.59, 7", ["e.g", ".", "3,141.59", ",", "7"]),
            ("a,b a_b x2", ["a", ",", "b", "a_b", "x2"]),
            ("naïve cafe\u0301", ["naïve", "cafe\u0301"]),
            ("हिन्दी में", ["हिन्दी", "में"]),
            ("今天ok天", ["今", "天", "ok", "天"]),
            ("にほんカタカナ", ["に", "ほ", "ん", "カタカナ"]),
            ("ไทย", ["ไ", "ท", "ย"]),
            ("(a) -- b\u3000c\xa0d", ["(", "a", ")", "-", "-", "b", "c", "d"]),
        ],
    )
    def test_unicode_word_breaks(self, text: str, found: list[str]) -> None:
        assert re.findall(word_pattern("unicode"), text) == found

    def test_unknown_words_are_one_symbol_and_spacing_is_lost(self) -> None:
        codec = words.fit(["to be\nor not to be"], words.Config(min_count=2))
        encoded = codec.encode("  to  go\n to be ")
        assert codec.decode(encoded.ids) == "to <unk>\nto be"
        assert encoded.units.tolist() == [4, 4, 1, 3, 4]
        assert (codec.unknown, codec.lossless) == (0, False)

    def test_units_are_bytes_not_characters(self) -> None:
        codec = words.fit(["天 é"], words.Config())
        assert codec.encode("天  é 天 ").units.tolist() == [3, 4, 5]

    def test_a_text_without_words_has_no_symbols(self) -> None:
        codec = words.fit(["a"], words.Config())
        assert len(codec.encode(" \t ").ids) == len(codec.encode(" \t ").units) == 0

    def test_ids_go_by_frequency_then_alphabet(self) -> None:
        codec = words.fit(["b a c c\n", "d b"], words.Config())
        assert [codec.symbol(i) for i in range(codec.vocabulary_size)] == [
            *("<unk>", "\\n", "b", "c", "a", "d", "<boundary>")
        ]

    @pytest.mark.parametrize("split", ["whitespace", "unicode"])
    @pytest.mark.parametrize("lines", [None, False, True])
    @pytest.mark.parametrize("text", ["a b c d e f g h", "a b c d e\nf g h"])
    def test_size_counts_every_symbol(self, split: Any, lines: bool | None, text: str) -> None:
        codec = words.fit([text], words.Config(size=5, split=split, lines=lines))
        assert codec.vocabulary_size == 5

    @pytest.mark.parametrize("split", ["whitespace", "unicode"])
    def test_a_newline_is_a_symbol_or_spacing(self, split: Any) -> None:
        def symbols(text: str, lines: bool | None) -> list[str]:
            return _symbols(words.fit(["a", text], words.Config(split=split, lines=lines)), "a\r\n\na")

        assert symbols("a", True) == symbols("a\na", None) == ["a", "\\n", "\\n", "a"]
        assert symbols("a\na", False) == symbols("a", None) == ["a", "a"]

    def test_lines_without_newlines_have_no_symbol_for_one(self) -> None:
        codec = words.fit(["a b", "b"], words.Config())
        assert codec.vocabulary_size == 4 and codec.to_json()["lines"] is False

    @pytest.mark.parametrize("split", ["whitespace", "unicode"])
    def test_words_are_found_by_name(self, split: Any) -> None:
        codec = words.fit(["to be\n天 to"], words.Config(split=split, min_count=1))
        assert isinstance(codec, words.WordsCodec)
        for identifier in range(1, codec.boundary):
            assert codec.id_of(codec.symbols.raw(identifier).decode()) == identifier
        unknown = ["", "or", " to", "to ", "to be", "<unk>", "<boundary>", "\ufffd", "\udcff", "t" * 10**6]
        assert "to" in codec and [word for word in unknown if word in codec] == []

    @pytest.mark.parametrize("known", [["to", "be"], ["天", "na\u00efve", "a"], []])
    @pytest.mark.parametrize("lines", [False, True])
    def test_words_are_read_as_they_were_ever_stored(self, known: list[str], lines: bool) -> None:
        codec = words.WordsCodec(known, "whitespace", lines=lines)
        fields = codec.to_json()
        assert fields == {"spell": False, "split": "whitespace", "lines": lines}
        restored = [words.from_json(fields, codec.tensors())]
        restored += [words.from_json({**fields, "words": form}) for form in (known, " ".join(known))]
        assert all(is_stored_alike(codec, each) for each in restored)
        assert {each.vocabulary_size for each in restored} == {len(known) + 2 + lines}

    def test_words_are_stored_end_to_end(self) -> None:
        stored = words.WordsCodec(["to", "天"], "whitespace", lines=True).tensors()
        assert stored["bytes"].tobytes() == "to天".encode()
        assert stored["ends"].tolist() == [2, 5] and stored["ends"].dtype == np.uint32

    def test_unknown_typed_literally_is_a_word(self) -> None:
        codec = words.fit(["<unk> a"], words.Config())
        ids = codec.encode("<unk> b").ids.tolist()
        assert ids[0] != ids[1] == codec.unknown

    def test_words_never_seen_typed_like_unknown_are_unknown(self) -> None:
        codec = words.fit(["a"], words.Config())
        assert codec.encode("<unk>").ids.tolist() == [codec.unknown]

    def test_spelled_words_take_the_space_before(self) -> None:
        codec = words.fit(["to be to be, to be"], words.Config(spell=True))
        assert codec.to_json()["words"] == [" be", " to"]
        assert _symbols(codec, "to be  be") == ["t", "o", " be", " ", " be"]
        assert codec.vocabulary_size == 256 + 2 + 1

    def test_a_known_word_without_its_space_is_a_space_and_the_word(self) -> None:
        codec = words.fit(["ab\tab"], words.Config(spell=True))
        assert _symbols(codec, "ab ab abc") == ["ab", " ", "ab", " ", "a", "b", "c"]

    def test_spelling_needs_two_occurrences_unless_told(self) -> None:
        text = ["ab ab cd"]
        assert words.fit(text, words.Config(spell=True)).vocabulary_size == 257
        assert words.fit(text, words.Config(spell=True, min_count=1)).to_json()["words"] == [
            " ab",
            " cd",
            "ab",
        ]

    def test_escaped_bytes_are_refused_or_spelled(self) -> None:
        with pytest.raises(DataError, match=r"character 2 is the byte 0xFF.*use --codec bytes"):
            words.fit(["a"], words.Config()).encode("a \udcff")
        spelled = words.fit(["a\udcff a\udcff"], words.Config(spell=True))
        assert _symbols(spelled, "a\udcff") == ["a", "<0xFF>"]

    def test_no_frequent_word_is_refused(self) -> None:
        with pytest.raises(DataError, match="no word occurs 2 times in the training part"):
            words.fit(["a b c"], words.Config(min_count=2))

    def test_wikitext_counts_are_the_published_ones(self, real_data: Path) -> None:
        """Merity et al. 2017, table 1: vocabulary 33,278; 2,088,628 / 217,646 / 245,569 tokens."""
        parts = {
            part: (real_data / "wikitext-2" / f"wiki.{part}.tokens").read_text(encoding="utf-8")
            for part in ("train", "valid", "test")
        }
        codec = words.fit([parts["train"]], words.Config())
        # <unk> and the newline (<eos>) are in the published vocabulary, our unknown and boundary are not
        assert codec.vocabulary_size - 2 == 33_278
        ids = {part: codec.encode(text).ids for part, text in parts.items()}
        assert [len(ids[part]) for part in ("train", "valid", "test")] == [2_088_628, 217_646, 245_569]
        assert not (ids["test"] == codec.unknown).any()


def _plain_bpe(word: str, merges: list[tuple[str, str]]) -> list[str]:
    """Slow twin: apply the merges one after the other, each everywhere (Sennrich et al. 2016, figure 1)."""
    parts = list(word)
    for left, right in merges:
        i = 0
        while i < len(parts) - 1:
            if (parts[i], parts[i + 1]) == (left, right):
                parts[i : i + 2] = [left + right]
            i += 1
    return parts


def _merges(codec: bpe.BpeCodec) -> list[tuple[str, str]]:
    tokenizer = json.loads(codec.to_json()["tokenizer"])
    return [(left.replace("Ġ", " "), right.replace("Ġ", " ")) for left, right in tokenizer["model"]["merges"]]


def _gpt2(real_data: Path) -> Tokenizer:
    folder = real_data / "tokenizers"
    tokenizer = Tokenizer(models.BPE.from_file(str(folder / "encoder.json"), str(folder / "vocab.bpe")))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>", "<|new|>"])
    return tokenizer


def _saved(tokenizer: Tokenizer, folder: Path) -> str:
    path = folder / "tokenizer.json"
    tokenizer.save(str(path))
    return str(path)


def _byte_level() -> Tokenizer:
    """Return the least tokenizer that is accepted: bytes without merges."""
    tokenizer = Tokenizer(
        models.BPE({c: i for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}, [])
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return tokenizer


class TestBpe:
    def test_the_paper_s_example_merges_e_s_then_es_t(self) -> None:
        """Sennrich et al. 2016, section 3.2 and its toy dictionary."""
        text = " low" * 5 + " lower" * 2 + " newest" * 6 + " widest" * 3
        assert _merges(bpe.fit([text], bpe.Config(size=259))) == [("e", "s"), ("es", "t")]

    @given(text=st.text("abc ", max_size=30))
    def test_symbols_are_those_of_the_slow_twin(self, text: str) -> None:
        codec = bpe.fit(["abc ab abcab cab cabab bcab bac abcabc"] * 3, bpe.Config(size=275))
        pieces = re.findall(r" ?[abc]{1,24}| {1,24}(?![abc])| {1,24}", text)
        assert _symbols(codec, text) == [
            part for piece in pieces for part in _plain_bpe(piece, _merges(codec))
        ]

    @given(text=st.text("ab .\n\t'3é天\u2028\x1f\x85", max_size=60))
    def test_cutting_a_long_text_changes_nothing(self, text: str) -> None:
        codec = bpe.fit(["ab ab. 'ab ab\n\nab 33 3a  ab é天 天é'3"] * 3, bpe.Config(size=280))
        whole = codec.encode(text).ids.tolist()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bpe, "_PIECE", 3)
            assert codec.encode(text).ids.tolist() == whole

    def test_learning_is_deterministic_and_ignores_the_order_of_documents(self) -> None:
        documents = [f"the {i % 7} cats sat on {i % 5} mats" for i in range(50)]
        learnt = [
            bpe.fit(texts, bpe.Config(size=300)).to_json()
            for texts in (documents, documents, documents[::-1])
        ]
        assert learnt[0] == learnt[1] == learnt[2]

    def test_sizes_are_kept(self) -> None:
        text = ["the cat sat on the mat " * 20]
        assert bpe.fit(text, bpe.Config(size=265)).vocabulary_size == 265
        assert bpe.fit(text, bpe.Config(size=257)).vocabulary_size == 257

    def test_rare_pairs_are_not_merged(self) -> None:
        assert bpe.fit(["abcabc"], bpe.Config(min_frequency=3)).vocabulary_size == 257

    @pytest.mark.parametrize("character", ["a", "天", "7", "!", " "])
    def test_an_unspaced_text_is_not_one_word(self, character: str) -> None:
        codec = bpe.fit([character * 20_000], bpe.Config(size=400))
        assert max(map(len, codec.spellings)) == 24 * len(character.encode())

    def test_special_tokens_typed_literally_are_text(self) -> None:
        codec = bpe.fit(["<|endoftext|> a"], bpe.Config(size=260))
        assert "".join(_symbols(codec, "<|endoftext|>")) == "<|endoftext|>"
        assert len(codec.encode("<|endoftext|>").ids) > 1

    def test_escaped_bytes_are_refused(self) -> None:
        with pytest.raises(DataError, match=r"character 1 is the byte 0xFF.*use --codec bytes"):
            bpe.fit(["a"], bpe.Config()).encode("a\udcff")
        with pytest.raises(DataError, match="character 0 is the byte 0x80"):
            bpe.fit(["\udc80"], bpe.Config())

    def test_gpt2_gives_the_published_ids(self, real_data: Path, tmp_path: Path) -> None:
        codec = bpe.fit([], bpe.Config(tokenizer=_saved(_gpt2(real_data), tmp_path)))
        assert codec.vocabulary_size == 50_257 + 1
        # the example of the released model's documentation
        assert codec.encode("Hello world").ids.tolist() == [15496, 995]
        assert codec.decode(np.array([15496, 995], dtype=np.int32)) == "Hello world"

    def test_gpt2_gives_the_library_s_ids_but_for_special_tokens(
        self, real_data: Path, tmp_path: Path
    ) -> None:
        tokenizer = _gpt2(real_data)
        codec = bpe.fit([], bpe.Config(tokenizer=_saved(tokenizer, tmp_path)))
        text = (real_data / "wikitext-2" / "wiki.test.tokens").read_text(encoding="utf-8")[:200_000]
        assert codec.encode(text).ids.tolist() == tokenizer.encode(text).ids
        for literal in ("<|endoftext|>", "<|new|>"):
            assert len(tokenizer.encode(literal).ids) == 1
            assert codec.decode(codec.encode(literal).ids) == literal
            assert len(codec.encode(literal).ids) > 1
        assert codec.symbol(50_256) == "<|endoftext|>"

    def test_a_loaded_tokenizer_is_stored_whole(self, real_data: Path, tmp_path: Path) -> None:
        codec = bpe.fit([], bpe.Config(tokenizer=_saved(_gpt2(real_data), tmp_path)))
        restored = bpe.from_json(json.loads(json.dumps(codec.to_json())))
        assert restored.to_json() == codec.to_json()

    def test_unused_ids_decode_to_nothing(self, tmp_path: Path) -> None:
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        tokenizer = Tokenizer(models.BPE({c: i + (i > 9) for i, c in enumerate(alphabet)}, []))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        codec = bpe.fit([], bpe.Config(tokenizer=_saved(tokenizer, tmp_path)))
        assert codec.symbol(10) == "<unused>"
        assert codec.decode(np.array([10], dtype=np.int32)) == ""

    def _refusal(self, tokenizer: Tokenizer, folder: Path) -> str:
        with pytest.raises(DataError) as refusal:
            bpe.fit([], bpe.Config(tokenizer=_saved(tokenizer, folder)))
        assert "\n" not in str(refusal.value)
        return str(refusal.value)

    def test_a_tokenizer_that_would_change_text_is_refused(self, tmp_path: Path) -> None:
        assert bpe.fit([], bpe.Config(tokenizer=_saved(_byte_level(), tmp_path))).vocabulary_size == 257
        normalising, prefixing, removing, spaced, suffixed = (_byte_level() for _ in range(5))
        normalising.normalizer = normalizers.NFC()
        assert "its normalizer (NFC) changes the text" in self._refusal(normalising, tmp_path)
        prefixing.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        assert "puts a space before the text" in self._refusal(prefixing, tmp_path)
        removing.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Split(" ", "removed"), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
        assert "(Split) removes text" in self._refusal(removing, tmp_path)
        spaced.pre_tokenizer = pre_tokenizers.Metaspace()
        assert "(Metaspace) is not known to keep the text" in self._refusal(spaced, tmp_path)
        suffixed.model = models.BPE(suffixed.get_vocab(), [], end_of_word_suffix="!")
        assert "its end_of_word_suffix" in self._refusal(suffixed, tmp_path)

    def test_a_tokenizer_of_another_kind_is_refused(self, tmp_path: Path) -> None:
        assert "its model is WordLevel" in self._refusal(Tokenizer(models.WordLevel({"a": 0}, "a")), tmp_path)
        assert "256 of the 256 bytes" in self._refusal(Tokenizer(models.BPE()), tmp_path)
        bare = _byte_level()
        bare.pre_tokenizer = pre_tokenizers.Digits()
        assert "not byte-level" in self._refusal(bare, tmp_path)

    @pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"model": 3}', '{"model": {"type": "BPE"}}'])
    def test_a_damaged_tokenizer_is_refused(self, tmp_path: Path, content: str) -> None:
        path = tmp_path / "tokenizer.json"
        path.write_text(content)
        with pytest.raises(DataError, match=r"tokenizer\.json cannot be used: it is damaged") as refusal:
            bpe.fit([], bpe.Config(tokenizer=str(path)))
        assert "\n" not in str(refusal.value)

    def test_a_missing_tokenizer_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"cannot read the tokenizer .*No such file"):
            bpe.fit([], bpe.Config(tokenizer=str(tmp_path / "none.json")))


class TestSample:
    """How much of the training part byte pairs are learnt from."""

    def test_a_small_corpus_is_read_whole(self) -> None:
        assert bpe._spread(iter(["a b", "", "c"]), 100) == ["a b", "c"]

    @given(count=st.integers(1, 400), limit=st.integers(1, 300))
    def test_a_large_one_is_read_evenly_within_the_limit(self, count: int, limit: int) -> None:
        documents = [f"{i:03}" for i in range(count)]
        kept = bpe._spread(iter(documents), limit)
        places = [int(text) for text in kept]
        assert sum(map(len, kept)) <= max(limit, 3)
        assert kept == documents or sum(map(len, kept)) * 2 >= limit - 9
        assert places[0] == 0 and len(set(np.diff(places).tolist())) <= 1

    def test_distinct_words_are_limited_and_repeated_ones_are_not(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bpe, "_DISTINCT", 100)
        unspaced = [f"{i:030}" for i in range(50)]
        assert len(bpe._spread(unspaced, 10_000)) == 2
        assert len(bpe._spread(["the same words"] * 50, 10_000)) == 50

    def test_a_long_document_is_held_in_pieces(self) -> None:
        def endless() -> Iterator[str]:
            yield "".join(chr(0x4E00 + i % 20_000) for i in range(500_000))

        kept = bpe._spread(endless(), 30_000)
        assert len(kept) > 1 and sum(map(len, kept)) <= 30_000


@pytest.mark.parametrize(
    ("name", "setting", "reason"),
    [
        ("chars", {"min_count": 0}, "min_count must be at least 1, got 0"),
        ("chars", {"size": 256}, "size must be at least 257"),
        ("words", {"min_count": 0}, "min_count must be at least 1, got 0"),
        ("words", {"size": 3}, "size must be at least 4"),
        ("words", {"size": 257, "spell": True}, "size must be at least 258"),
        ("words", {"spell": True, "lines": False}, "spell keeps every newline"),
        ("words", {"split": "kanji"}, "split must be one of whitespace, unicode"),
        ("bpe", {"size": 256}, "size must be at least 257"),
        ("bpe", {"min_frequency": 0}, "min_frequency must be at least 1"),
        ("bpe", {"sample": 0}, "sample must be at least 1 character"),
        ("bpe", {"size": 300, "tokenizer": "a.json"}, "drop size, or drop tokenizer"),
        ("bytes", {"size": 300}, "no setting named 'size'"),
    ],
)
def test_settings_out_of_range_are_refused(name: str, setting: dict[str, Any], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        settings.build(REGISTRY.load(name).Config, setting)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("chars", {}),
        ("chars", {"characters": 3}),
        ("words", {"words": ["a"]}),
        ("words", {"words": 3, "split": "whitespace", "spell": False, "lines": True}),
        ("words", {"words": ["a"], "split": "kanji", "spell": False, "lines": True}),
        ("words", {"words": ["a b"], "split": "whitespace", "spell": False, "lines": True}),
        ("words", {"words": ["a", ""], "split": "whitespace", "spell": False, "lines": True}),
        ("words", {"words": " a", "split": "unicode", "spell": False, "lines": True}),
        ("words", {"split": "whitespace", "spell": False, "lines": True}),
        ("bpe", {}),
        ("bpe", {"tokenizer": "{"}),
    ],
)
def test_a_damaged_codec_is_refused_in_one_line(name: str, fields: dict[str, Any]) -> None:
    with pytest.raises((RunError, DataError)) as refusal:
        REGISTRY.load(name).from_json(fields)
    assert isinstance(refusal.value, AnygramError)
    assert "codec.json" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def _ends(*ends_W: int, kind: Any = np.uint32) -> NDArray[Any]:
    return np.array(ends_W, dtype=kind)


def _raw(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode("latin-1"), dtype=np.uint8)


DAMAGED_WORDS: dict[str, tuple[Tensors, str]] = {
    "no bytes": ({"ends": _ends(2, 4)}, "no usable 'bytes' and 'ends'"),
    "no ends": ({"bytes": _raw("tobe")}, "no usable 'bytes' and 'ends'"),
    "wide bytes": ({"bytes": _ends(97, 97), "ends": _ends(2)}, "no usable 'bytes' and 'ends'"),
    "square bytes": (
        {"bytes": _raw("tobe").reshape(2, 2), "ends": _ends(2)},
        "no usable 'bytes' and 'ends'",
    ),
    **{
        name: ({"bytes": _raw("tobe"), "ends": ends_W}, "no usable 'bytes' and 'ends'")
        for name, ends_W in {
            "signed ends": _ends(2, 4, kind=np.int64),
            "fractional ends": _ends(2, 4, kind=np.float64),
            "square ends": _ends(2, 4)[None],
        }.items()
    },
    **{
        name: ({"bytes": _raw("tobe"), "ends": ends_W}, "do not lie end to end")
        for name, ends_W in {
            "ends beyond the bytes": _ends(2, 5),
            "ends beyond any bytes": _ends(2**63 + 2, 4, kind=np.uint64),
            "bytes beyond the ends": _ends(1, 3),
            "bytes without ends": _ends(),
            "falling ends": _ends(3, 2, 4),
            "an end beyond the last": _ends(9, 4),
            "an empty word": _ends(2, 2, 4),
            "an empty word at first": _ends(0, 4),
        }.items()
    },
    "ends without bytes": ({"bytes": _raw(""), "ends": _ends(2, 4)}, "do not lie end to end"),
    "a space": ({"bytes": _raw("to b"), "ends": _ends(2, 4)}, "holds a space"),
    "not UTF-8": ({"bytes": _raw("tob\xff"), "ends": _ends(2, 4)}, "not UTF-8"),
    "a character cut": ({"bytes": _raw("t\xc3\xa4e"), "ends": _ends(2, 4)}, "ends within a character"),
}


@pytest.mark.parametrize("name", DAMAGED_WORDS)
def test_damaged_words_are_refused_in_one_line(name: str) -> None:
    tensors, reason = DAMAGED_WORDS[name]
    fields = words.WordsCodec(["to", "be"], "whitespace", lines=True).to_json()
    with pytest.raises(RunError, match=rf"^codec\.safetensors .*{reason}.*; restore it or train again$"):
        words.from_json(fields, tensors)
