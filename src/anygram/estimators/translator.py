"""Translation: what follows from a text, learnt of pairs, the likeliest found by beam search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.utils.validation import check_consistent_length

from anygram.budgets import Budget
from anygram.data import kinds
from anygram.errors import UsageError
from anygram.estimators import inputs
from anygram.estimators.inputs import Samples
from anygram.estimators.learnt import Learnt


class Translator(Learnt):
    """A model of pairs of texts: `fit(X, y)` learns what X becomes, `predict(X)` says it.

    Texts of at most `max_symbols` are said, as long as nearly all of training where it is None.
    """

    def __init__(
        self,
        model: str = "seq2seq",
        codec: str = "bpe",
        settings: Mapping[str, Any] | None = None,
        budget: str | Budget = "1m",
        max_symbols: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(model, codec, settings, budget, seed)
        self.max_symbols = max_symbols

    def fit(self, X: Any, y: Any) -> Translator:
        """Learn pairs of texts; return self. ValueError where they are none, or not as many of both."""
        if inputs.kind_of(self.codec) != kinds.TEXT:
            raise UsageError(
                f"texts are translated, and the codec '{self.codec}' is of tables; choose another"
            )
        documents, targets = inputs.documents_of(self, X, reset=True), inputs.texts_of(y)
        check_consistent_length(documents, targets)
        for called, texts in (("X", [one.text for one in documents]), ("y", targets)):
            _require_filled(called, texts)
        self.run_ = self._learn(Samples(documents, targets, "target"))
        return self

    def predict(self, X: Any) -> list[str]:
        """Return what each text becomes; UsageError for an empty one."""
        _require_filled("X", inputs.texts_of(X))
        with self._asked(X) as (path, text_field):
            return [
                one.text
                for one in self.run_.translate(path, text_field=text_field, max_symbols=self.max_symbols)
            ]


def _require_filled(called: str, texts: Sequence[str]) -> None:
    place = next((place for place, text in enumerate(texts) if not text.strip()), None)
    if place is not None:
        raise UsageError(f"{called} holds an empty text at {place}, and nothing pairs with it; leave it out")
