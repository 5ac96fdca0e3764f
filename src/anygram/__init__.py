"""anygram: every language model from n-gram to Transformer, on your own data, by one yardstick.

    import anygram as ag
    run = ag.train("data/*.txt", model="lstm", budget="2m")
    run.evaluate("held-out.txt").bits_per_byte
    run.generate("Once upon")

Names are imported when they are first used, so that `import anygram` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anygram.api import (
        anomalies,
        classify,
        compare,
        compress,
        decompress,
        embed,
        evaluate,
        export,
        forecast,
        generate,
        import_,
        impute,
        load,
        predict,
        score,
        summarise,
        train,
        translate,
    )
    from anygram.budgets import Budget
    from anygram.errors import AnygramError
    from anygram.evaluation import Evaluation
    from anygram.forecaster import Forecaster
    from anygram.run import Run

__all__ = [
    "AnygramError",
    "Budget",
    "Evaluation",
    "Forecaster",
    "Run",
    "anomalies",
    "classify",
    "codecs",
    "compare",
    "compress",
    "decompress",
    "embed",
    "evaluate",
    "export",
    "forecast",
    "generate",
    "import_",
    "impute",
    "load",
    "models",
    "predict",
    "score",
    "summarise",
    "train",
    "translate",
]

_HOMES = {
    "AnygramError": "errors",
    "Budget": "budgets",
    "Evaluation": "evaluation",
    "Forecaster": "forecaster",
    "Run": "run",
    "anomalies": "api",
    "classify": "api",
    "compare": "api",
    "compress": "api",
    "decompress": "api",
    "embed": "api",
    "evaluate": "api",
    "export": "api",
    "forecast": "api",
    "generate": "api",
    "import_": "api",
    "impute": "api",
    "load": "api",
    "predict": "api",
    "score": "api",
    "summarise": "api",
    "train": "api",
    "translate": "api",
}


def __getattr__(name: str) -> Any:
    if name in ("models", "codecs"):
        return import_module(f"anygram.{name}")
    if name in _HOMES:
        return getattr(import_module(f"anygram.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'anygram' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
