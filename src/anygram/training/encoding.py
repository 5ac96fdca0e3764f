"""The text that a model learns from, as symbols: made once, where several trainings have the same text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anygram import codecs, settings
from anygram.data.corpus import EncodedCorpus, encode_corpus
from anygram.data.documents import Documents
from anygram.data.splitting import Splits
from anygram.data.store import texts_of
from anygram.protocols import Codec
from anygram.reporting.progress import Progress
from anygram.training.plan import Plan, chosen_by


@dataclass(frozen=True)
class Encoded:
    """A codec that was fitted on a training part, and that part in its symbols."""

    codec: Codec
    corpus: EncodedCorpus


def encode(plan: Plan, splits: Splits, workspace: Path, progress: Progress) -> Encoded:
    """Return the training part as a plan that begins with no run learns from it, below `workspace`."""
    config = settings.build(codecs.REGISTRY.load(plan.codec).Config, chosen_by(plan)["codec"])
    codec = fitted(plan, config, splits, progress)
    return Encoded(codec, corpus_of(splits.train, codec, workspace / "train", progress))


def fitted(plan: Plan, config: Any, splits: Splits, progress: Progress) -> Codec:
    """Return the plan's codec with these settings, fitted on the training part."""
    progress.stage(f"fitting the codec {plan.codec}")
    codec: Codec = codecs.REGISTRY.load(plan.codec).fit(texts_of(splits.train), config)
    return codec


def corpus_of(documents: Documents, codec: Codec, folder: Path, progress: Progress) -> EncodedCorpus:
    """Return the documents in the codec's symbols, in files of the folder."""
    progress.stage("encoding", total=len(documents))
    return encode_corpus(documents, codec, folder, progress.update)
