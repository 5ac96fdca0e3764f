"""anygram models, codecs, inspect, doctor: what there is."""

from __future__ import annotations

import dataclasses
from typing import Any

from anygram.cli import options
from anygram.cli.options import AsJson, RunFolder
from anygram.registry import Registry


def models(as_json: AsJson = False) -> None:
    """List the models and their settings.

    \b
    anygram models
    """
    from anygram.models import REGISTRY

    _list(REGISTRY, as_json)
    if not as_json:
        from anygram.learning import counting, gradient

        print("\n--set takes the settings of learning too; what is not set suits the data and the budget")
        print(f"{'by gradient':13}{_pairs(_defaults(gradient.Config))}")
        print(f"{'by counting':13}{_pairs(_defaults(counting.Config))}")


def codecs(as_json: AsJson = False) -> None:
    """List the codecs and their settings.

    \b
    anygram codecs --json
    """
    from anygram.codecs import REGISTRY

    _list(REGISTRY, as_json)


def inspect(run: RunFolder, as_json: AsJson = False) -> None:
    """Show what a run folder holds.

    \b
    anygram inspect runs/book
    """
    from pathlib import Path

    from anygram import runs
    from anygram.reporting.tables import markdown

    record = runs.read_record(Path(run))
    columns = runs.describe_codec(Path(run), record)
    if as_json:
        options.print_json({**inspection(record), **({"columns": columns} if columns else {})})
        return
    print(runs.report(record))
    if columns:
        rows = [[_cell(value) for value in column.values()] for column in columns]
        print(options.printable(markdown(list(columns[0]), rows)))


def doctor(as_json: AsJson = False) -> None:
    """Say what is installed here, and how fast it is.

    \b
    anygram doctor
    """
    from anygram import diagnosis

    found = diagnosis.examine()
    if as_json:
        options.print_json(found)
        return
    for name, value in found.items():
        print(f"{name:34}{value:,.2f}" if isinstance(value, float) else f"{name:34}{value}")


def inspection(record: Any) -> dict[str, Any]:
    """Return the record with the final bits per byte, and which split it was measured on."""
    fields = dataclasses.asdict(record)
    split = next((part for part in ("test", "valid") if part in record.figures), None)
    fields["split"] = split
    fields["bits_per_byte"] = record.figures[split].get("bits_per_byte") if split else None
    return fields


def _cell(value: object) -> str:
    return f"{value:.1%}" if isinstance(value, float) else str(value)


def _list(registry: Registry, as_json: bool) -> None:
    entries = {name: _describe(registry, name) for name in registry.names()}
    if as_json:
        options.print_json(entries)
        return
    for name, entry in entries.items():
        print(f"{name:13}{entry['about']}")
        if entry["settings"]:
            print(f"{'':13}{_pairs(entry['settings'])}")


def _describe(registry: Registry, name: str) -> dict[str, Any]:
    module = registry.load(name)
    about = (module.__doc__ or "").strip().splitlines()
    return {"about": about[0] if about else "", "settings": _defaults(module.Config)}


def _defaults(config: type[Any]) -> dict[str, Any]:
    return {field.name: field.default for field in dataclasses.fields(config)}


def _pairs(values: dict[str, Any]) -> str:
    return "  ".join(f"{key}={value}" for key, value in values.items())
