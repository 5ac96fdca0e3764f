"""What there is to choose from: a folder's files are its choices, listed without importing any.

Other packages add choices through entry points (`anygram.models`, `anygram.codecs`) that name a
module of the same shape.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

from anygram.errors import UnknownName


class Registry:
    """The modules of one package, by name, and those that plug-ins bring."""

    def __init__(self, kind: str, package: str, folder: Sequence[str]) -> None:
        """`kind` is the word for errors; `package` and `folder` its `__name__` and `__path__`."""
        self._kind = kind
        self._package = package
        self._folder = folder

    def names(self) -> list[str]:
        """Return every choice, this project's own first, without importing any."""
        own = self._own()
        return own + sorted(set(self._plugins()) - set(own))

    def load(self, name: str) -> ModuleType:
        """Return the module of that name; UnknownName carries the nearest one."""
        if name in self._own():
            return importlib.import_module(f"{self._package}.{name}")
        plugins = self._plugins()
        if name not in plugins:
            raise UnknownName(self._kind, name, self.names())
        plugin: ModuleType = plugins[name].load()
        return plugin

    def _own(self) -> list[str]:
        names = [module.name for module in pkgutil.iter_modules(self._folder)]
        return sorted(name for name in names if not name.startswith("_"))

    def _plugins(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=self._package)}
