"""Whether bytes are text: UTF-8 as RFC 3629 defines it, looked at eight bytes at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.compiled import address, kernel, load_64
from anygram.protocols import Texts

NOWHERE = -1
_TOP_BITS = np.uint64(0x8080808080808080)


def fault(bytes_N: NDArray[np.uint8]) -> int:
    """Return where the first sequence begins that is not UTF-8, NOWHERE if all is.

    >>> fault(np.frombuffer(b"na\\xefve", dtype=np.uint8))
    2
    """
    return int(_fault(bytes_N))


def holds_text(texts: Texts) -> bool:
    """Return whether every one of the texts is UTF-8."""
    starts = texts.starts_D[texts.starts_D < len(texts.bytes_N)]
    cut = (texts.bytes_N[starts] & 0xC0) == 0x80  # a character that goes on from one text into the next
    return not cut.any() and fault(texts.bytes_N) == NOWHERE


@kernel
def _fault(bytes_N: Any) -> Any:
    start, size, place = address(bytes_N), len(bytes_N), 0
    while place < size:
        if place + 8 <= size and load_64(start + place) & _TOP_BITS == 0:
            place += 8
            continue
        first = bytes_N[place]
        if first < 0x80:
            place += 1
            continue
        length = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
        if first < 0xC2 or first > 0xF4 or place + length > size:
            return place
        # what is overlong, a surrogate or beyond U+10FFFF shows in the second byte
        lowest = 0xA0 if first == 0xE0 else 0x90 if first == 0xF0 else 0x80
        highest = 0x9F if first == 0xED else 0x8F if first == 0xF4 else 0xBF
        if bytes_N[place + 1] < lowest or bytes_N[place + 1] > highest:
            return place
        for byte in range(place + 2, place + length):
            if bytes_N[byte] & 0xC0 != 0x80:
                return place
        place += length
    return NOWHERE
