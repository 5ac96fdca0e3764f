"""The types that everything above speaks in: codec, language model, state, learner, budget.

One idea: P(next symbol | context) over a stream of symbols. A codec turns data into symbol ids and
back; a language model gives the distribution of the next id; a task is a way to ask a model. These
are protocols: no class here needs to be inherited, a plug-in only has to keep the laws of
`tests/test_model_laws.py` and `tests/test_codec_laws.py`.

Axes, here and everywhere: B rows, T positions, V vocabulary, D hidden width, N symbols of a stream.

Every document ends with the boundary symbol, id `vocabulary_size − 1`. Codecs never return it;
evaluation appends it and its nats count. Read as context it begins a document: `advance` past it
equals `start`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

Ids = NDArray[np.int32]
FloatArray = NDArray[np.floating[Any]]
Lengths = NDArray[np.int64]
Tensors = dict[str, NDArray[Any]]

State = Any
"""What a model remembers: a value, never changed by use; axis 0 of every leaf is the row (`states`)."""

Side = Mapping[str, Any]
"""What must be known beside a datum's symbols to have it back: a picture's size, a recording's rate. JSON."""

Condition = Sequence[Ids]
"""One id array a row (ragged), ids of the run's condition codec without its boundary."""


@dataclass(frozen=True)
class Texts:
    """Many texts end to end: bytes_N of them all, and ends_D, where each one ends; to be read only."""

    bytes_N: NDArray[np.uint8]
    ends_D: NDArray[np.int64]

    def __post_init__(self) -> None:
        for name in ("bytes_N", "ends_D"):
            view = getattr(self, name).view()
            view.flags.writeable = False  # so that kernels are compiled for one kind of array alone
            object.__setattr__(self, name, view)

    def __len__(self) -> int:
        return len(self.ends_D)

    @property
    def starts_D(self) -> NDArray[np.int64]:
        """Where each text begins."""
        starts_D: NDArray[np.int64] = np.roll(self.ends_D, 1)
        starts_D[:1] = 0
        return starts_D

    def raw(self, text: int) -> bytes:
        """Return the bytes of one text."""
        start = int(self.ends_D[text - 1]) if text else 0
        return self.bytes_N[start : self.ends_D[text]].tobytes()

    def followed_by(self, other: Texts) -> Texts:
        """Return these texts and then the other ones."""
        ends_D = np.concatenate([self.ends_D, other.ends_D])
        ends_D[len(self) :] += len(self.bytes_N)
        return Texts(np.concatenate([self.bytes_N, other.bytes_N]), ends_D)

    @classmethod
    def of(cls, texts: Sequence[bytes]) -> Texts:
        """Return these texts end to end.

        >>> Texts.of([b"to", b"be"]).ends_D
        array([2, 4])
        """
        lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
        return cls(np.frombuffer(b"".join(texts), dtype=np.uint8), lengths.cumsum())


@dataclass(frozen=True)
class Encoded:
    """A datum as symbols: `ids`, and the original bytes that each covers as `units`.

    `side` is what `decode` must be told besides; `count` says how many of the codec's `unit` the datum has,
    where that is not the byte. Of a codec whose symbols stand for stretches of numbers, `log_width_T` is the
    log of how long each one's is, in the data's own unit, and 0 for symbols that stand for no number: −log P
    plus that is −log of a density.
    """

    ids: Ids
    units: NDArray[np.int64]
    side: Side | None = None
    count: int | None = None
    log_width_T: FloatArray | None = None


class Decoder(Protocol):
    """Decodes as symbols arrive; holds back what is not yet a whole character."""

    def push(self, symbol: int) -> str:
        """Return the text that this symbol completes."""
        ...

    def finish(self) -> str:
        """Return what was held back."""
        ...


@runtime_checkable
class Codec(Protocol):
    """Data to symbol ids and back; fitted on the training split alone.

    A codec's module offers `Config` (a frozen dataclass), `fit(data, config) -> Codec` and
    `from_json(fields) -> Codec`; the file's name is the codec's name. A module whose data are not text
    says by `KIND` of what kind they are, which is the file in `data/` that reads them.

    A datum is `str`, of whatever kind: what is not text is the bytes of its values, read as text, and its
    `side`. Bytes that are not UTF-8 travel as surrogate escapes (PEP 383); a codec that cannot carry them
    refuses them with a DataError.
    """

    @property
    def vocabulary_size(self) -> int: ...

    @property
    def boundary(self) -> int:
        """Always `vocabulary_size − 1`."""
        ...

    @property
    def unknown(self) -> int | None:
        """The id that stands for what the codec cannot spell; None where there is none."""
        ...

    @property
    def unit(self) -> str:
        """What bits are told by: "byte" for text, "channel value" for pictures, "sample" for sounds."""
        ...

    @property
    def lossless(self) -> bool: ...

    def encode(self, datum: str, side: Side | None = None) -> Encoded:
        """Return the datum's symbols; their units add up to the datum's bytes."""
        ...

    def decode(self, ids: Ids, side: Side | None = None) -> str:
        """Return the datum; any sequence of ids below the boundary decodes to something."""
        ...

    def decoder(self, side: Side | None = None) -> Decoder: ...

    def symbol(self, identifier: int) -> str:
        """Return how a person reads this symbol."""
        ...

    def to_json(self) -> dict[str, Any]: ...


class Guide(Protocol):
    """Follows one sequence and knows which symbols may come next, so that it ends as something valid."""

    @property
    def side(self) -> Side | None:
        """What goes beside the datum that the symbols so far are."""
        ...

    def allowed(self) -> NDArray[np.bool_]:
        """Return allowed_V: which symbols may come next, the boundary included; at least one may."""
        ...

    def push(self, symbol: int) -> None:
        """Go on by a symbol; any symbol is taken, allowed or not."""
        ...


@runtime_checkable
class Guided(Protocol):
    """A codec not all of whose sequences are valid data."""

    def guide(self, side: Side | None = None) -> Guide:
        """Return a guide for a new sequence; without a side, of what is usual in the training part."""
        ...

    def beginning(self, text: str, side: Side | None = None) -> Ids:
        """Return the symbols of a datum's beginning; DataError where none begins so."""
        ...


@runtime_checkable
class Scattered(Protocol):
    """A codec whose symbols are not in the order of the bytes that they tell of."""

    def spans(self, text: str, side: Side | None = None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the first byte that each symbol of a datum tells of, and the one after the last."""
        ...


@runtime_checkable
class Described(Protocol):
    """A codec that found out something about data of several columns."""

    def describe(self) -> list[dict[str, Any]]:
        """Return a row for each column: its name, its type, …"""
        ...


@runtime_checkable
class WithSides(Protocol):
    """Data that come with side information."""

    def sides(self) -> Iterator[Side | None]:
        """Yield the side of each datum, in their order."""
        ...


@runtime_checkable
class InBlocks(Protocol):
    """Documents that can be had many at a time, without a Python object for each."""

    def blocks(self) -> Iterator[Texts]:
        """Yield all texts in order, some megabytes of them at a time."""
        ...


@runtime_checkable
class BatchCodec(Codec, Protocol):
    """A codec that encodes many texts at once, to the same ids as one by one, beside other threads."""

    def encode_documents(self, texts: Texts) -> tuple[Ids, Lengths]:
        """Return ids_N, each text's closed by the boundary, and how many ids each has, that included.

        DataError where `encode` would refuse one of the texts.
        """
        ...


@runtime_checkable
class TensorCodec(Codec, Protocol):
    """A codec that is stored as a description and tensors, as one that knows many symbols is.

    Its module's `from_json(fields, tensors)` takes both.
    """

    def tensors(self) -> Tensors:
        """Return what `to_json` leaves out."""
        ...


@runtime_checkable
class LanguageModel(Protocol):
    """The distribution of the next symbol given a context.

    A model's module offers `Config` (a frozen dataclass) and
    `create(config, vocabulary_size, seed) -> LanguageModel`; the file's name is the model's name.
    It may offer `suggest(sample_ids, symbols, vocabulary_size, budget) -> (Config, settings)`, and
    `CODEC`, the name of the codec that suits it where the user names none. Where a network's `suggest`
    reckons with other than `neural.sizing.OPERATIONS_A_SECOND`, its module says so by the same name.

    Ragged rows are right-padded: `lengths` says how much of each row counts (all of it where None);
    padding holds any id. `score` returns 0.0 past a row's length.
    """

    @property
    def vocabulary_size(self) -> int: ...

    def start(self, rows: int, condition: Condition | None = None) -> State:
        """Return the state after the boundary; refuses a condition it would not use (UsageError)."""
        ...

    def predict(self, state: State) -> FloatArray:
        """Return log P(next | context) as log_p_BV: nats, normalised, finite."""
        ...

    def advance(self, state: State, ids_BT: Ids, lengths: Lengths | None = None) -> State:
        """Return the state after reading these ids."""
        ...

    def score(self, state: State, ids_BT: Ids, lengths: Lengths | None = None) -> tuple[FloatArray, State]:
        """Return log P of each id given all before it as log_p_BT, and the state after them."""
        ...

    def tensors(self) -> Tensors:
        """Return all that must be stored."""
        ...

    def restore(self, tensors: Tensors) -> None:
        """Become the model whose `tensors` these are."""
        ...


@runtime_checkable
class Ranked(Protocol):
    """A model that can say cheaply how far down its list each symbol stood."""

    def rank(
        self, state: State, ids_BT: Ids, lengths: Lengths | None = None
    ) -> tuple[FloatArray, NDArray[np.int64], State]:
        """Return `score`'s log_p_BT and state, and between them rank_BT.

        A symbol's rank is the number of symbols likelier than it; equal ones go by id.
        """
        ...


@runtime_checkable
class Combined(Protocol):
    """A model made of others or of contexts, that says how much each has to do with a symbol."""

    @property
    def names(self) -> list[str]:
        """What its parts are called."""
        ...

    def shares(self, state: State, ids_BT: Ids) -> FloatArray:
        """Return each part's share of each symbol as share_BTM, at least 0 and in sum 1."""
        ...


@runtime_checkable
class Distributing(Protocol):
    """A model that gives whole distributions at many positions at once, cheaper than one `predict` each."""

    def distribute(self, state: State, ids_BT: Ids) -> tuple[FloatArray, State]:
        """Return log P(next | all before it) at each id's place as log_p_BTV, and the state after them."""
        ...


@dataclass(frozen=True)
class TextScorer:
    """Gives log P in nats of one text and its boundary, or as log_p_D of many, from their UTF-8 bytes."""

    one: Callable[[bytes], float]
    many: Callable[[Texts], FloatArray]


@runtime_checkable
class Streaming(Protocol):
    """A model that scores documents that lie end to end at once, from any number of threads."""

    def score_stream(self, ids_N: Ids) -> FloatArray:
        """Return log P of each symbol as log_p_N; every document is closed by its boundary."""
        ...

    def text_scorer(self, codec: Codec) -> TextScorer | None:
        """Return what scores texts from their bytes in the least time; None where there is no such way."""
        ...


@runtime_checkable
class Matching(Protocol):
    """A model that says how long an n-gram each probability comes from; 1 is the symbol alone."""

    def match_stream(self, ids_N: Ids) -> tuple[FloatArray, NDArray[np.uint8]]:
        """Return `Streaming.score_stream`'s log_p_N, and matched_N."""
        ...

    def match_next(self, state: State) -> tuple[FloatArray, NDArray[np.uint8]]:
        """Return `LanguageModel.predict`'s log_p_BV, and matched_BV."""
        ...


@runtime_checkable
class Extendable(Protocol):
    """A countable model whose counts can be kept, to add those of more text later."""

    def extend(self, tensors: Tensors) -> None:
        """Go on counting where the model of these tensors stopped; UsageError where it kept no counts."""
        ...


@runtime_checkable
class Bounded(Protocol):
    """A model that can learn within a given amount of memory."""

    def limit_memory(self, limit: int, folder: Path) -> None:
        """Use about that many bytes, and files below `folder`; UsageError where they are too few."""
        ...


@runtime_checkable
class Countable(Protocol):
    """Learnt by counting whole documents."""

    def count(
        self,
        ids_N: Ids,
        document_lengths: Lengths,
        condition: Condition | None = None,
        prefix_lengths: Lengths | None = None,
    ) -> None:
        """Count documents that lie end to end, each closed by its boundary.

        `document_lengths` include the boundaries and add up to N. The first `prefix_lengths` ids of
        each document are read as context and not learnt. A condition is refused by a model that
        would not use it (UsageError).
        """
        ...

    def finish(self) -> Mapping[str, Any]:
        """Turn counts into probabilities; return figures worth recording."""
        ...


@runtime_checkable
class Online(Protocol):
    """Learnt on line: a stream of documents is read once, in order, each symbol learnt once it was read."""

    def learn(self, ids_N: Ids) -> FloatArray:
        """Go on reading documents, each closed by its boundary; return log P of each id before it was learnt.

        A document may be given in pieces: cutting the stream changes nothing.
        """
        ...

    def finish(self) -> Mapping[str, Any]:
        """Return figures worth recording."""
        ...


@runtime_checkable
class OnlineGiven(Online, Protocol):
    """Learnt on line from whole documents of which something is given."""

    def learn_given(self, ids_N: Ids, document_lengths: Lengths, condition: Condition) -> FloatArray:
        """Go on reading documents, as `Online.learn` does, with a condition of each."""
        ...


class Reader(Protocol):
    """A session that learns while it reads: one row, begun after the boundary.

    Each symbol is predicted before it is learnt. The boundary may be read like any symbol: what was
    learnt stays, the context begins anew. Cutting the ids into several reads changes nothing.
    """

    def log_p(self) -> FloatArray:
        """Return log P(next | all read so far) as log_p_V: nats, normalised, finite."""
        ...

    def read(self, ids_T: Ids) -> FloatArray:
        """Return log P of each id, given all before it and what they taught, as log_p_T."""
        ...

    def copy(self) -> Self:
        """Return a reader that goes on from here on its own; neither changes the other."""
        ...


@runtime_checkable
class DistributingReader(Reader, Protocol):
    """A reader that gives the whole distributions along its way, cheaper than by `log_p` and `read`."""

    def distribute(self, ids_T: Ids) -> FloatArray:
        """Return `log_p` as it was before each id as log_p_TV, and read them."""
        ...


@runtime_checkable
class Adaptive(Protocol):
    """A model with a way of its own of going on learning while it reads; the model itself stays as it is."""

    def reader(self) -> Reader:
        """Return a new session; equal sessions give equal numbers."""
        ...


@runtime_checkable
class Coding(Reader, Protocol):
    """A reader that turns symbols into bytes and back itself, quicker than by its `log_p`.

    Both ways it learns as `read` does, and the code is at most a few bytes longer than the surprisal.
    """

    def encode(self, ids_N: Ids) -> bytes:
        """Return a code of these ids, and read them."""
        ...

    def decode(self, code: bytes, symbols: int) -> Ids:
        """Return the `symbols` ids that `encode` was given, and read them; a wrong code gives wrong ids."""
        ...


@runtime_checkable
class Reproducible(Protocol):
    """A model, or a reader, that can say whether its numbers are the same to the last bit everywhere.

    That is: on every machine, with any number of threads, however rows are grouped. One that says nothing
    is taken not to be.
    """

    @property
    def reproducible(self) -> bool: ...


@runtime_checkable
class Differentiable(Protocol):
    """Learnt from blocks by gradient; the state is carried from block to block."""

    def loss(
        self,
        ids_BT: Ids,
        weights_BT: FloatArray,
        state: State | None = None,
        condition: Condition | None = None,
    ) -> tuple[torch.Tensor, State]:
        """Return the weighted mean of −log P(id | all before it) in nats, and the state after.

        No state means `start`. The returned state carries no gradient.
        """
        ...

    def module(self) -> torch.nn.Module:
        """Return the module that holds the parameters."""
        ...


@runtime_checkable
class Validated(Protocol):
    """A model that is to be chosen by something else than what its texts cost, such as its labels' nats."""

    def validation_nats(self, texts: Sequence[Ids], condition: Condition) -> float:
        """Return what is to be as small as can be, of texts that end with their boundaries."""
        ...


@runtime_checkable
class Classifying(Protocol):
    """A model that says itself which label a document has."""

    @property
    def conditional(self) -> bool:
        """Whether `start` takes labels too; one that does not predicts texts without them."""
        ...

    def classify(self, ids_BT: Ids, lengths: Lengths) -> FloatArray:
        """Return log P(label | document) as log_p_BC in nats, of documents that end with their boundaries.

        A row sums to one, but where documents have several labels: then each is there or is not.
        """
        ...


@runtime_checkable
class Aligned(Protocol):
    """A model that says where in the source it looked for each symbol."""

    def alignment(self, state: State, ids_BT: Ids) -> FloatArray:
        """Return weight_BTS, at least 0 and in sum 1 over the source's S symbols, of each id.

        S is the longest source, and perhaps one more for its end; past a row's own there is 0.
        """
        ...


@runtime_checkable
class Featured(Protocol):
    """A model whose inner representation can be read off."""

    def features(self, state: State, ids_BT: Ids) -> FloatArray:
        """Return hidden_BTD, the representation after each id."""
        ...


class Learner(Protocol):
    """How a model learns; handed to the training loop, which never asks which kind it is."""

    @property
    def config(self) -> Any:
        """The frozen dataclass of its settings."""
        ...

    def batches(self, corpus: Any) -> Iterator[Any]:
        """Yield what `update` takes, from where this learner last stopped; ends only if learning does."""
        ...

    def watch(self) -> None:
        """Measure the next update closely: what was measured is about to be written down."""
        ...

    def update(self, batch: Any, spent: float) -> Mapping[str, Any]:
        """Learn from one batch and return what was measured.

        `spent` is the fraction of the budget used so far. The mapping holds at least `symbols`, and where
        there is something to tell a person, a `message`.
        """
        ...

    def shown(self) -> AbstractContextManager[None]:
        """Let the model be, meanwhile, what is to be asked and stored (an average of its weights, say)."""
        ...

    def finish(self) -> Mapping[str, Any]:
        """Complete the model after the last update; return figures worth recording."""
        ...

    @property
    def usable(self) -> bool:
        """Whether the model can be asked before `finish`."""
        ...

    @property
    def validates(self) -> bool:
        """Whether validation during training can improve the result."""
        ...

    @property
    def patience(self) -> int:
        """After how many validations without improvement learning stops; 0 is never."""
        ...

    @property
    def epochs(self) -> float:
        """Passes over the corpus so far."""
        ...

    def tensors(self) -> Tensors:
        """Return what resuming needs beside the model: optimiser and position."""
        ...

    def restore(self, tensors: Tensors) -> None: ...
