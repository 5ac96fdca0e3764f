"""Models in the formats of other programs: a module or folder each. None is imported to list them."""

from anygram.registry import Registry

REGISTRY = Registry("format", __name__, __path__)
