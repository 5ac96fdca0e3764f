"""The models: one file (or folder) each. The files here are the registry; none is imported to list it."""

from anygram.registry import Registry

REGISTRY = Registry("model", __name__, __path__)
