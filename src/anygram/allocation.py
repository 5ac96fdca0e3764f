"""What becomes of freed memory: it can be kept for what comes next, where the C library is glibc.

By default glibc gives large blocks back, and asking for them anew costs more than what is done with them:
the system clears every page.
"""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def keep_freed(block: int, all_blocks: int) -> None:
    """Have freed blocks of up to `block` bytes used again, while these are at most `all_blocks` together.

    See mallopt(3). It holds for the whole process, and does nothing where the C library is another.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, block)
        mallopt(_M_TRIM_THRESHOLD, all_blocks)
