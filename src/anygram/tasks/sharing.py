"""How much each member of a mixture, or each context of context mixing, has to do with each symbol."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anygram.errors import UsageError
from anygram.protocols import Codec, Combined, LanguageModel
from anygram.tasks.prediction import END


@dataclass(frozen=True)
class SymbolShares:
    """A symbol as a person reads it, and each member's share of it, by name; in sum 1."""

    symbol: str
    shares: dict[str, float]


def shares(model: LanguageModel, codec: Codec, text: str) -> list[SymbolShares]:
    """Return the shares of each symbol of a text and of the boundary that ends it.

    UsageError for a model that is made of no others.
    """
    if not isinstance(model, Combined):
        raise UsageError(
            "only a mixture has members, and only contextmix contexts, to share a symbol; train one of them"
        )
    ids_T = np.append(codec.encode(text).ids, np.int32(codec.boundary)).astype(np.int32)
    share_TM = model.shares(model.start(1), ids_T[None])[0]
    return [
        SymbolShares(
            END if symbol == codec.boundary else codec.symbol(int(symbol)),
            dict(zip(model.names, share_M.tolist(), strict=True)),
        )
        for symbol, share_M in zip(ids_T, share_TM, strict=True)
    ]
