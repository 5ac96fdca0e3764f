"""The text that a model learns from, as symbols: made once, where several trainings have the same text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anygram import codecs, settings
from anygram.codecs import _labels
from anygram.data.corpus import EncodedCorpus, encode_corpus
from anygram.data.documents import Documents
from anygram.data.splitting import Splits
from anygram.data.store import givens_of, texts_of
from anygram.protocols import Codec
from anygram.reporting.progress import Progress
from anygram.training.plan import SHARED, Plan, chosen_by, source_codec_of, source_settings_of


@dataclass(frozen=True)
class Encoded:
    """A codec that was fitted on a training part, and that part in its symbols."""

    codec: Codec
    corpus: EncodedCorpus
    condition_codec: Codec | None = None


def encode(plan: Plan, splits: Splits, workspace: Path, progress: Progress) -> Encoded:
    """Return the training part as a plan that begins with no run learns from it, below `workspace`."""
    config = settings.build(codecs.REGISTRY.load(plan.codec).Config, chosen_by(plan)["codec"])
    codec = fitted(plan, config, splits, progress)
    condition_codec = fitted_condition(plan, codec, splits)
    corpus = corpus_of(splits.train, codec, workspace / "train", progress, condition_codec)
    return Encoded(codec, corpus, condition_codec)


def fitted(plan: Plan, config: Any, splits: Splits, progress: Progress) -> Codec:
    """Return the plan's codec with these settings, fitted on the training part."""
    progress.stage(f"fitting the codec {plan.codec}")
    texts = texts_of(splits.train)
    if plan.source_codec == SHARED:
        texts = _Both(texts, givens_of(splits.train))
    return _fit(plan, plan.codec, texts, config)


def _fit(plan: Plan, name: str, texts: Iterable[str], config: Any) -> Codec:
    """Return a codec fitted to texts, or, where its module knows better, to what is predicted from texts."""
    module = codecs.REGISTRY.load(name)
    fit = getattr(module, "fit_to_pairs", module.fit) if plan.given == "source" else module.fit
    codec: Codec = fit(texts, config)
    return codec


def fitted_condition(plan: Plan, codec: Codec, splits: Splits) -> Codec | None:
    """Return the codec of what is given of documents, fitted on the training part; `codec` is the texts'."""
    if not plan.given:
        return None
    if plan.given == "label":
        return _labels.fit(givens_of(splits.train))
    if plan.source_codec == SHARED:
        return codec
    name = source_codec_of(plan)
    config = settings.build(codecs.REGISTRY.load(name).Config, source_settings_of(plan))
    return _fit(plan, name, givens_of(splits.train), config)


@dataclass(frozen=True)
class _Both(Iterable[str]):
    """Texts, and then those that go with them."""

    texts: Iterable[str]
    others: Iterable[str]

    def __iter__(self) -> Iterator[str]:
        yield from self.texts
        yield from self.others


def corpus_of(
    documents: Documents,
    codec: Codec,
    folder: Path,
    progress: Progress,
    condition_codec: Codec | None = None,
) -> EncodedCorpus:
    """Return the documents in the codec's symbols, and what is given of them in its codec's, in a folder."""
    progress.stage("encoding", total=len(documents))
    return encode_corpus(documents, codec, folder, progress.update, condition_codec)
