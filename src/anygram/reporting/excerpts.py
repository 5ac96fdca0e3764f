"""Long texts made short, saying how much is missing."""

from __future__ import annotations


def clipped(text: str, most: int) -> str:
    """Return the first `most` characters, and how many more there are.

    >>> clipped("abcdef", 4), clipped("abcd", 4)
    ('abcd… (2 more characters)', 'abcd')
    """
    left_out = len(text) - most
    return text if left_out <= 0 else f"{text[:most]}… ({left_out:,} more characters)"
