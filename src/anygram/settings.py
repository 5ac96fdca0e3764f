"""Config dataclasses from words: `--set KEY=VALUE`, TOML and JSON, with the nearest key in errors."""

from __future__ import annotations

import dataclasses
import math
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from anygram.errors import UnknownName, UsageError

C = TypeVar("C")


def build(config: type[C], values: Mapping[str, Any], start: C | None = None) -> C:
    """Return a config with these values over `start` (or its defaults); text is read by field type.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Config:
    ...     order: int = 5
    >>> build(Config, {"order": "3"}).order
    3
    """
    fields = keys(config)
    kinds = typing.get_type_hints(config)
    for key in values:
        if key not in fields:
            raise UnknownName("setting", key, fields)
    read = {key: _read(key, value, kinds[key]) for key, value in values.items()}
    if start is not None:
        return dataclasses.replace(start, **read)  # type: ignore[type-var]
    return config(**read)


def keys(config: type[Any]) -> list[str]:
    """Return the names of a config's settings."""
    return [field.name for field in dataclasses.fields(config)]


def to_words(config: Any) -> dict[str, Any]:
    """Return a config's values as TOML can hold them: None, which TOML lacks, becomes "none".

    `build` reads them back.
    """
    values = dataclasses.asdict(config)
    return {key: "none" if value is None else value for key, value in values.items()}


def parse_pairs(pairs: list[str], option: str = "--set") -> dict[str, str]:
    """Return KEY=VALUE words as a dictionary; `option` is what gave them, for errors.

    >>> parse_pairs(["order=3"])
    {'order': '3'}
    """
    values: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not key:
            raise UsageError(f"{option} wants KEY=VALUE, got '{pair}'; for example {option} order=3")
        if key in values:
            raise UsageError(f"{option} gives '{key}' twice, {values[key]} and {value}; keep one of them")
        values[key] = value
    return values


def _read(key: str, value: Any, kind: Any) -> Any:
    """Return the value as the field's type; text is parsed, other types must already fit."""
    choices = _alternatives(kind)
    if value is None and type(None) in choices:
        return None
    if isinstance(value, str) and value.lower() == "none" and type(None) in choices:
        return None
    for choice in choices:
        try:
            return _as(value, choice)
        except (TypeError, ValueError, OverflowError):  # OverflowError: "inf" as a whole number
            continue
    raise UsageError(f"{key} must be {_describe(choices)}, got {value!r}")


def _alternatives(kind: Any) -> tuple[Any, ...]:
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return typing.get_args(kind)
    return (kind,)


def _as(value: Any, choice: Any) -> Any:
    if typing.get_origin(choice) is typing.Literal:
        allowed = {str(option): option for option in typing.get_args(choice)}
        if str(value) not in allowed:
            raise ValueError
        return allowed[str(value)]
    if choice is bool:
        return _as_bool(value)
    if choice is int and not isinstance(value, bool):
        return _as_int(value)
    if choice is float and not isinstance(value, bool) and not math.isnan(float(value)):
        return float(value)
    if choice is str and isinstance(value, str):
        return value
    raise TypeError


def _as_bool(value: Any) -> bool:
    for meaning, words in ((True, ("true", "yes", "on", "1")), (False, ("false", "no", "off", "0"))):
        if str(value).lower() in words:
            return meaning
    raise ValueError


def _as_int(value: Any) -> int:
    try:
        return int(str(value))  # through text: 2.5 as a number is refused as "2.5" is
    except ValueError:
        number = float(value)  # 1e6 and 3.0 are whole
        if number != int(number):
            raise
        return int(number)


def _describe(choices: tuple[Any, ...]) -> str:
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "text", type(None): "none"}
    words = []
    for choice in choices:
        if typing.get_origin(choice) is typing.Literal:
            words.append("one of " + ", ".join(map(str, typing.get_args(choice))))
        else:
            words.append(names.get(choice, str(choice)))
    return " or ".join(words)


def check_seed(seed: int) -> None:
    """Raise UsageError where a seed is none that every generator takes."""
    if not 0 <= seed < 2**63:
        raise UsageError(f"seed must be at least 0 and below 2^63, got {seed}; for example 0")


def read_file(name: str) -> dict[str, Any]:
    """Return the settings of a TOML file: KEY = VALUE, or tables whose keys read TABLE.KEY."""
    path = Path(name)
    try:
        stored = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"--config {name}: {error.strerror}; name a TOML file") from error
    except ValueError as error:
        raise UsageError(f"--config {name}: not TOML ({error}); write KEY = VALUE lines") from error
    values: dict[str, Any] = {}
    for key, value in stored.items():
        inner = value if isinstance(value, dict) else None
        values |= {key: value} if inner is None else {f"{key}.{name}": item for name, item in inner.items()}
    return values
