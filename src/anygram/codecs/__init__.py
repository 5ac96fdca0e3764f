"""The codecs: one file each. The files here are the registry; none is imported to list it."""

from anygram.registry import Registry

REGISTRY = Registry("codec", __name__, __path__)
