"""Errors: one line that carries the nearest name, and survives the way between processes."""

from __future__ import annotations

import pickle

import pytest

from anygram import errors


def test_an_unknown_name_carries_the_nearest() -> None:
    error = errors.UnknownName("model", "lsmt", ["lstm", "gru"])
    assert str(error) == "no model named 'lsmt'; did you mean 'lstm'? known: gru, lstm"


def test_nothing_is_suggested_where_nothing_is_near() -> None:
    assert str(errors.UnknownName("codec", "q", ["bytes"])) == "no codec named 'q'; known: bytes"
    assert str(errors.UnknownName("codec", "q", [])) == "no codec named 'q'; known: none"


@pytest.mark.parametrize(
    "error",
    [
        errors.UnknownName("model", "lsmt", ["lstm"]),
        errors.DataError("a.txt: empty"),
        errors.UsageError("no"),
    ],
)
def test_an_error_comes_home_from_another_process(error: errors.AnygramError) -> None:
    home = pickle.loads(pickle.dumps(error))
    assert type(home) is type(error) and str(home) == str(error)


def test_the_tree_is_as_drawn() -> None:
    assert issubclass(errors.UsageError, ValueError) and issubclass(errors.UnknownName, errors.UsageError)
    assert issubclass(errors.BadRecord, errors.DataError)
    for name in ("UsageError", "UnknownName", "DataError", "BadRecord", "RunError", "TrainingStopped"):
        assert issubclass(getattr(errors, name), errors.AnygramError) and name in (errors.__doc__ or "")
