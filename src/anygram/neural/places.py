"""At which place a symbol stands among all, likeliest first: counted in one pass over the logits.

Axes: n rows, V symbols.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from anygram.compiled import elementwise_kernel


@elementwise_kernel
def count_ahead(logits_nV: Any, target_n: Any, rank_n: Any) -> None:
    """Write how many symbols are likelier than each row's target; equal ones go by id."""
    for n in range(len(logits_nV)):
        target = target_n[n]
        row_V = logits_nV[n]
        own = row_V[target]
        before, behind = row_V[:target], row_V[target:]
        ahead = np.int32(0)  # as wide as a logit: so the loops become vector instructions
        for v in range(len(before)):
            ahead += np.int32(before[v] >= own)
        for v in range(len(behind)):
            ahead += np.int32(behind[v] > own)
        rank_n[n] = ahead
