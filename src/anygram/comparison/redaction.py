"""What a comparison leaves out that was asked for without texts: all that quotes the data, and their names.

Figures stay. An error's message may quote what it failed at, so its type alone is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from anygram.comparison.checks import UNCHECKED
from anygram.comparison.contest import Contest
from anygram.data.preparation import DataOptions, is_source
from anygram.data.sources import COMPRESSIONS, ENDINGS, STDIN

FIELD = "FIELD"
FOLDER = Path("DIR")
"""What stands in a command for the name of a field, and for the folder that was written."""

_FIELDS = ("text_field", "label_field", "target_field")
_PUBLIC = "example:"
_LEFT_OUT = "its message is left out, for it may quote the data"


def of_found(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a piece of work found, as job.py gives it, without passage, samples and messages of errors.

    What has been through this already comes back equal.
    """
    cleared = dict(found)
    if "trials" in found:  # a search
        cleared["trials"] = [{**trial, "error": _left_out(trial["error"])} for trial in found["trials"]]
    if found.get("search"):
        cleared["search"] = of_found(found["search"])
    if found.get("measured", {}).get("error"):
        cleared["measured"] = {**found["measured"], "error": _left_out(found["measured"]["error"])}
    if found.get("detail"):
        cleared["detail"] = _of_detail(found["detail"])
    return cleared


def _of_detail(detail: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **detail,
        "passage": [],
        "samples": [],
        "drawings": [],
        "failed": {part: _without_message(said) for part, said in detail.get("failed", {}).items()},
        "checks": [_of_check(one) for one in detail.get("checks", [])],
    }


def of_error(error: BaseException) -> str:
    """Return what is said of an error instead of its message."""
    return f"{type(error).__name__}; {_LEFT_OUT}"


def of_contest(contest: Contest) -> Contest:
    """Return the contest as it is told of: with other names for its sources and its field.

    Built-in examples, which everybody has, and standard input, which has no name, keep theirs.
    """
    return replace(contest, options=_of_options(contest.options))


def of_description(description: Mapping[str, Any], contest: Contest) -> dict[str, Any]:
    """Return the description of prepared data with the names that `of_contest` gives."""
    told = _of_options(contest.options)
    named: dict[str, Any] = {"sources": list(told.sources), "valid": told.valid, "test": told.test}
    named |= {name: FIELD for name in _FIELDS if getattr(contest.options, name)}
    if told.targets:
        named["targets"] = told.targets
    return {**description, **named}


def _of_options(options: DataOptions) -> DataOptions:
    return replace(
        options,
        sources=tuple(_alias(source, f"source-{n}") for n, source in enumerate(options.sources, 1)),
        targets=None if options.targets is None else _alias(options.targets, "source-targets"),
        text_field=FIELD if options.text_field else None,
        label_field=FIELD if options.label_field else None,
        target_field=FIELD if options.target_field else None,
        valid=_alias(options.valid, "source-valid") if is_source(options.valid) else options.valid,
        test=_alias(options.test, "source-test") if is_source(options.test) else options.test,
    )


def _alias(source: str, name: str) -> str:
    """Return a name for the source with its endings, which say what documents it holds.

    >>> _alias("/home/who/layoffs.2024.csv.gz", "source-1"), _alias("-", "source-2")
    ('source-1.csv.gz', '-')
    """
    if source == STDIN or source.startswith(_PUBLIC):
        return source
    endings = PurePosixPath(source.lower()).suffixes[-2:]
    return name + "".join(ending for ending in endings if ending in (*ENDINGS, *COMPRESSIONS))


def _of_check(check: Mapping[str, Any]) -> dict[str, Any]:
    said = check["said"]
    if said.startswith(UNCHECKED):
        said = UNCHECKED + _without_message(said.removeprefix(UNCHECKED))
    return {**check, "said": said}


def _left_out(said: str) -> str:
    """Return what stands for an error whose type nobody knows any more; nothing where there was none."""
    return said if not said or said.endswith(_LEFT_OUT) else f"an error; {_LEFT_OUT}"


def _without_message(said: str) -> str:
    """Return the type of an error without its message.

    >>> _without_message("KeyError: 'a name'")
    'KeyError'
    """
    return said.partition(":")[0]
