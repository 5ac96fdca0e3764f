"""The codecs: one file each. The files here are the registry; none is imported to list it."""

from anygram.registry import Registry

REGISTRY = Registry("codec", __name__, __path__)
TEXT = "text"


def kind_of(name: str) -> str:
    """Return the kind of data that a codec is for, by its name."""
    kind: str = getattr(REGISTRY.load(name), "KIND", TEXT)
    return kind
