"""The table for a page, with the machine and the command that gave it."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sys
from pathlib import Path

from peers import rows
from peers.rows import Row


def machine() -> str:
    """Return the machine and the versions in one line."""
    info = Path("/proc/cpuinfo")
    models = (
        [line for line in info.read_text().splitlines() if line.startswith("model name")]
        if info.exists()
        else []
    )
    processor = models[0].split(":")[1].strip() if models else platform.processor()
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = [f"Python {platform.python_version()}"]
    for package in ("anygram", "numpy", "numba", "kenlm"):
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return f"{processor}, {os.cpu_count()} cores, {gib:.0f} GiB; {platform.system()}; {', '.join(versions)}"


def write(found: list[Row], out: Path | None) -> None:
    """Print the rows in Markdown, and store them where asked to."""
    from anygram.reporting.tables import markdown  # not before measuring: see peers.processes

    command = " ".join(["./dev bench ngram", *sys.argv[1:]])
    print(f"{machine()}\n\n    {command}\n")
    print(markdown(rows.HEADER, [row.cells() for row in found]))
    if out is not None:
        stored = {"machine": machine(), "command": command, "rows": [row.to_json() for row in found]}
        out.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
