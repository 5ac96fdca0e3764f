"""Sources to translations or summaries, by any model that takes a condition.

Axes: T symbols of a target, S of a source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import tee

from anygram.conditioning import LengthLimit
from anygram.data.documents import Document
from anygram.errors import DataError, UsageError
from anygram.protocols import Codec, FloatArray, Guided, Ids, LanguageModel
from anygram.tasks import decoding
from anygram.tasks.decoding import Draws, Hypothesis, Search
from anygram.tasks.prediction import END


@dataclass(frozen=True)
class Request:
    """How targets are found, of at most `limit` symbols, and whether where the model looked is told.

    `sight` is how many symbols of source and target together the model has before it at once; a source of
    as many or more is refused. None where it reads whole sources, or has no such number.
    """

    how: Search | Draws = field(default_factory=Search)
    limit: LengthLimit = field(default_factory=LengthLimit)
    align: bool = False
    sight: int | None = None


@dataclass(frozen=True)
class Alternative:
    """A target, log P of it given its source in nats, and the score that it is ranked by."""

    text: str
    log_p: float
    score: float


@dataclass(frozen=True)
class Link:
    """A symbol of a target, and the one of the source where it was looked for most: place and weight."""

    target: str
    source: str
    place: int
    weight: float


@dataclass(frozen=True)
class Alignment:
    """The symbols of a target and of its source, and how much each of the first was looked for at these.

    The source has one symbol more, its end, where the model looks there.
    """

    target: tuple[str, ...]
    source: tuple[str, ...]
    weights_TS: FloatArray

    def links(self) -> list[Link]:
        """Return where each target symbol was looked for most."""
        places = self.weights_TS.argmax(axis=1).tolist()
        return [
            Link(symbol, self.source[place], place, float(weights_S[place]))
            for symbol, place, weights_S in zip(self.target, places, self.weights_TS, strict=True)
        ]


@dataclass(frozen=True)
class Translation:
    """What became of a source: the best target first among `alternatives`, its log P in nats and score.

    `limited`: it is as long as it may be, and the model would rather have gone on. `references` are what
    would be right, the truth first, where that is known.
    """

    name: str
    source: str
    text: str
    log_p: float
    score: float
    limited: bool
    alternatives: tuple[Alternative, ...]
    alignment: Alignment | None = None
    references: tuple[str, ...] = ()


def translate(
    model: LanguageModel,
    codec: Codec,
    condition_codec: Codec,
    documents: Iterable[Document],
    request: Request,
) -> Iterator[Translation]:
    """Yield what becomes of each source, in order.

    A document that is given its source is the truth beside it; one that is given nothing is itself the
    source. DataError for an empty source or one that the codec refuses, UsageError for a model that takes
    none, or whose data are no text.
    """
    if isinstance(codec, Guided):
        raise UsageError("the run writes data that are no text, and translations are; choose another run")
    shown, read = tee(documents)
    sources = (_encoded(condition_codec, document, request.sight) for document in read)
    found = decoding.decode(model, sources, request.how, request.limit, align=request.align)
    for document, hypotheses in zip(shown, found, strict=True):
        yield _told(codec, condition_codec, document, hypotheses)


def source_of(document: Document) -> str:
    """Return what is to be translated."""
    return document.text if document.given is None else document.given


def references_of(document: Document) -> tuple[str, ...]:
    """Return what would be right: a document that is given its source, and what else its record says."""
    if document.given is None:
        return ()
    return (document.text, *(document.side or {}).get("references", ()))


def _encoded(codec: Codec, document: Document, sight: int | None) -> Ids:
    source, name = source_of(document), document.name or "document"
    if not source.strip():
        raise DataError(f"{name}: the source is empty; remove it")
    if document.given is not None and not document.text.strip():
        raise DataError(f"{name}: the target is empty; remove the record, or leave out --target-field")
    try:
        ids_S = codec.encode(source).ids
    except DataError as error:
        raise DataError(f"{name}: {error}") from error
    if sight is not None and len(ids_S) >= sight:
        raise DataError(
            f"{name}: the source has {len(ids_S)} symbols, and the model has {sight} before it at once, "
            "what it writes among them; shorten the source, or train with a larger --set context"
        )
    return ids_S


def _told(codec: Codec, condition_codec: Codec, document: Document, found: list[Hypothesis]) -> Translation:
    best, source = found[0], source_of(document)
    alternatives = [Alternative(codec.decode(one.ids_T), one.log_p, one.score) for one in found]
    alignment = None
    if best.weights_TS is not None:
        read = [condition_codec.symbol(int(symbol)) for symbol in condition_codec.encode(source).ids]
        read += [END] * (best.weights_TS.shape[1] - len(read))
        written = [codec.symbol(int(symbol)) for symbol in best.ids_T]
        alignment = Alignment(tuple(written), tuple(read), best.weights_TS)
    return Translation(
        name=document.name,
        source=source,
        text=alternatives[0].text,
        log_p=best.log_p,
        score=best.score,
        limited=best.limited,
        alternatives=tuple(alternatives),
        alignment=alignment,
        references=references_of(document),
    )
