"""Settings: words to typed configs, and one line for every word that does not fit."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram import settings
from anygram.errors import UnknownName, UsageError


@dataclasses.dataclass(frozen=True)
class Config:
    order: int = 5
    rate: float = 1e-3
    tied: bool = False
    style: Literal["modern", "classic"] = "modern"
    path: str = "x"
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.order < 1:
            raise UsageError(f"order must be at least 1, got {self.order}")


@pytest.mark.parametrize(
    ("key", "word", "value"),
    [
        ("order", "3", 3),
        ("order", "1e3", 1000),
        ("order", 7, 7),
        ("order", 7.0, 7),
        ("rate", "3e-4", 3e-4),
        ("rate", 1, 1.0),
        ("rate", "inf", float("inf")),
        ("tied", "yes", True),
        ("tied", "FALSE", False),
        ("tied", True, True),
        ("style", "classic", "classic"),
        ("path", "a=b", "a=b"),
        ("path", "none", "none"),
        ("limit", "none", None),
        ("limit", None, None),
        ("limit", "12", 12),
    ],
)
def test_a_word_is_read_by_the_type_of_its_field(key: str, word: Any, value: Any) -> None:
    found = getattr(settings.build(Config, {key: word}), key)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("key", "word", "message"),
    [
        ("order", "three", "order must be a whole number, got 'three'"),
        ("order", "2.5", "order must be a whole number, got '2.5'"),
        ("order", 2.5, "order must be a whole number, got 2.5"),
        ("order", "inf", "order must be a whole number, got 'inf'"),
        ("order", True, "order must be a whole number, got True"),
        ("order", "none", "order must be a whole number, got 'none'"),
        ("rate", "nan", "rate must be a number, got 'nan'"),
        ("rate", [1], r"rate must be a number, got \[1\]"),
        ("tied", "maybe", "tied must be true or false, got 'maybe'"),
        ("style", "baroque", "style must be one of modern, classic, got 'baroque'"),
        ("path", 3, "path must be text, got 3"),
        ("limit", "few", "limit must be a whole number or none, got 'few'"),
        ("order", "0", "order must be at least 1, got 0"),
    ],
)
def test_a_word_that_does_not_fit_is_refused(key: str, word: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        settings.build(Config, {key: word})


def test_an_unknown_key_carries_the_nearest() -> None:
    with pytest.raises(UnknownName, match="no setting named 'ordr'; did you mean 'order'"):
        settings.build(Config, {"ordr": "3"})


def test_values_lie_over_a_start_and_are_validated_with_it() -> None:
    start = Config(order=3, tied=True)
    assert settings.build(Config, {"rate": "2"}, start) == Config(order=3, rate=2.0, tied=True)
    with pytest.raises(UsageError, match="at least 1"):
        settings.build(Config, {"order": "0"}, start)


@given(
    order=st.integers(1), rate=st.floats(allow_nan=False), tied=st.booleans(), limit=st.none() | st.integers()
)
def test_words_of_a_config_build_it_again(order: int, rate: float, tied: bool, limit: int | None) -> None:
    config = Config(order=order, rate=rate, tied=tied, limit=limit)
    words = settings.to_words(config)
    assert None not in words.values()
    assert settings.build(Config, words) == config
    assert settings.build(Config, {key: str(word) for key, word in words.items()}) == config


def test_pairs_are_split_at_the_first_equals_sign() -> None:
    assert settings.parse_pairs(["order=3", " path = a=b "]) == {"order": "3", "path": "a=b"}


@pytest.mark.parametrize("pair", ["order", "=3", " =3", ""])
def test_what_is_no_pair_is_refused(pair: str) -> None:
    with pytest.raises(UsageError, match=f"--set wants KEY=VALUE, got '{pair}'"):
        settings.parse_pairs([pair])


def test_a_key_given_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="'order' twice, 3 and 4"):
        settings.parse_pairs(["order=3", "order=4"])
