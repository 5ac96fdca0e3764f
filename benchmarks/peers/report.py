"""The table for a page, with the machine and the command that gave it."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peers import rows
from peers.rows import Row


def machine(packages: Sequence[str]) -> str:
    """Return the machine and the versions of Python and the packages in one line."""
    info = Path("/proc/cpuinfo")
    models = (
        [line for line in info.read_text().splitlines() if line.startswith("model name")]
        if info.exists()
        else []
    )
    processor = models[0].split(":")[1].strip() if models else platform.processor()
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = [f"Python {platform.python_version()}"]
    for package in packages:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return f"{processor}, {os.cpu_count()} cores, {gib:.0f} GiB; {platform.system()}; {', '.join(versions)}"


@dataclass(frozen=True)
class Table:
    """A table as it is shown, under a title that may be empty."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""


def write(
    benchmark: str,
    tables: Mapping[str, Sequence[Row]],
    out: Path | None,
    *,
    packages: Sequence[str],
    remark: str = "",
) -> None:
    """Print the rows in Markdown, a table for each peer, and store them where asked to."""
    shown = [Table(rows.header(peer), [row.cells() for row in found]) for peer, found in tables.items()]
    every = [{"beside": peer, **row.to_json()} for peer, found in tables.items() for row in found]
    publish(benchmark, shown, out, stored=every, packages=packages, remark=remark)


def publish(
    benchmark: str,
    tables: Sequence[Table],
    out: Path | None,
    *,
    stored: Sequence[Mapping[str, Any]],
    packages: Sequence[str],
    remark: str = "",
) -> None:
    """Print tables in Markdown, and store what they are made of where asked to."""
    from anygram.reporting.tables import markdown  # not before measuring: see peers.processes

    command = " ".join([f"./dev bench {benchmark}", *sys.argv[1:]])
    described = machine(packages) + (f"; {remark}" if remark else "")
    print(f"{described}\n\n    {command}")
    for table in tables:
        title = f"{table.title}\n\n" if table.title else ""
        print(f"\n{title}{markdown(table.header, table.rows)}")
    if out is not None:
        kept = {"machine": described, "command": command, "rows": list(stored)}
        out.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
