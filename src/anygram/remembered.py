"""What was found out about this machine, kept in the user's cache folder for the next time.

Nothing depends on it being there: what cannot be read is found out again, what cannot be written is not kept.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from anygram import storage
from anygram.errors import AnygramError, RunError


def cache_folder() -> Path:
    """Return the folder for what may be deleted at any time; it need not exist.

    XDG_CACHE_HOME decides where it is set, else the custom of the system.
    """
    if named := os.environ.get("XDG_CACHE_HOME"):
        return Path(named) / "anygram"
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local) / "anygram" / "cache"
    custom = "Library/Caches" if sys.platform == "darwin" else ".cache"
    return Path.home() / custom / "anygram"


def machine() -> str:
    """Return a word that changes with the machine's name, its processor and what that can do."""
    return _word([platform.node(), *_processor()])


def processor() -> str:
    """Return a word that changes with the processor and what that can do, whatever the machine's name."""
    return _word(_processor())


def _processor() -> list[str]:
    parts = [platform.machine(), str(os.cpu_count())]
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not on Linux
        return [*parts, platform.processor()]
    return parts + sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))})


def _word(parts: list[str]) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()[:16]


def remembered(name: str, circumstances: list[str], find_out: Callable[[], float]) -> float:
    """Return a number about this machine: the one found under the same circumstances, else a new one."""
    key = " ".join([machine(), *circumstances])
    path = cache_folder() / f"{name}.json"
    known = _known(path)
    if key not in known:
        known[key] = find_out()
        with suppress(AnygramError, OSError):
            storage.write_text(path, json.dumps(known))
    return known[key]


def _known(path: Path) -> dict[str, float]:
    try:
        fields = storage.read_json(path) if path.is_file() else {}
    except (RunError, OSError):
        return {}
    return {key: float(value) for key, value in fields.items() if isinstance(value, int | float)}
