"""Language models that say themselves which label a text has, by a head on what they make of it.

The network's own loss goes on beside the labels' (Dai & Le 2015, "Semi-supervised sequence learning", let it
come before).

Axes: B rows, T positions, D hidden width, C labels, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from anygram import settings
from anygram.conditioning import Given, PrefixedDifferentiable, behind, inner_vocabulary_size
from anygram.errors import RunError, UsageError
from anygram.neural.heads import Head
from anygram.neural.label_head import Config, LabelHead
from anygram.neural.language_model import Body, NeuralLanguageModel, NeuralState
from anygram.protocols import (
    Condition,
    Differentiable,
    FloatArray,
    Ids,
    LanguageModel,
    Lengths,
    Ranked,
    State,
    Tensors,
)

__all__ = ["Config", "Headed", "HeadedNetwork", "create"]

_PREFIX = "labels."
_SYMBOLS = 1 << 15
"""How many are classified at once: their hidden vectors are in memory together."""


class _Text(LanguageModel, Differentiable, Ranked, Protocol): ...


class Headed:
    """A head on a network, beside the model of texts behind their labels that is made of the same network.

    As a language model it is that model. Labels go to `loss` as the condition of each row, a document.
    """

    conditional = True

    def __init__(
        self, network: NeuralLanguageModel, text: _Text, config: Config, labels: int, multiple: bool = False
    ) -> None:
        """`labels` is how many there are; `multiple`: whether a document may have several, or none."""
        self._network, self._text, self._config = network, text, config
        self._multiple, self.labels = multiple, labels
        self._boundary = text.vocabulary_size - 1
        parts = dict(network.module().named_children())
        self._body, self._voice = cast(Body, parts["body"]), cast(Head, parts["head"])
        self._device = next(self._body.parameters()).device
        head = LabelHead(config, network.width, labels, multiple, self._boundary)
        self._head = head.to(self._device)
        # the network's parameters are called as they were
        self._module = nn.ModuleDict({**parts, "labels": self._head})

    @property
    def vocabulary_size(self) -> int:
        return self._text.vocabulary_size

    def module(self) -> nn.Module:
        """Return the module that holds the network's parameters and the head's."""
        return self._module

    def start(self, rows: int, condition: Condition | None = None) -> State:
        """Return the state after the boundary, of the model of texts."""
        return self._text.start(rows, condition)

    def predict(self, state: State) -> FloatArray:
        """Return log P(next | context) as log_p_BV in nats."""
        return self._text.predict(state)

    def advance(self, state: State, ids_BT: Ids, lengths: Lengths | None = None) -> State:
        """Return the state after reading these ids."""
        return self._text.advance(state, ids_BT, lengths)

    def score(self, state: State, ids_BT: Ids, lengths: Lengths | None = None) -> tuple[FloatArray, State]:
        """Return log P of each id given all before it as log_p_BT in nats, and the state after."""
        return self._text.score(state, ids_BT, lengths)

    def rank(
        self, state: State, ids_BT: Ids, lengths: Lengths | None = None
    ) -> tuple[FloatArray, NDArray[np.int64], State]:
        """Return log_p_BT, the number of symbols likelier than each id as rank_BT, and the state after."""
        return self._text.rank(state, ids_BT, lengths)

    def loss(
        self,
        ids_BT: Ids,
        weights_BT: FloatArray,
        state: State | None = None,
        condition: Condition | None = None,
    ) -> tuple[Tensor, State]:
        """Return nats to be made few, and the state after.

        They are −log P(labels | text), the labels of each row being the condition, and `language` times
        −log P(text), a symbol: so a document counts as much in any batch of as many symbols. A row is one
        document, which ends at its first boundary. Without a condition they are −log P(text) a symbol alone.
        UsageError for labels of a piece.
        """
        if condition is None:
            return self._text.loss(ids_BT, weights_BT, state)
        if state is not None:
            raise UsageError("labels are of whole documents, and a carried state came with them; pass one")
        self._module.train(self._network.dropout)
        lengths = self._lengths(ids_BT, (weights_BT != 0).sum(axis=1))
        text, heard_BTD, after = self._text_nats(ids_BT, weights_BT, condition)
        nats_B = self._head.nats(self._head(heard_BTD, ids_BT, lengths), self._targets(condition))
        return nats_B.sum() / float(weights_BT.sum()) + self._config.language * text, after

    def classify(self, ids_BT: Ids, lengths: Lengths) -> FloatArray:
        """Return log P(label | text) as log_p_BC in nats; of several labels that of each being there."""
        log_p_BC: FloatArray = self._head.log_p(self._logits(ids_BT, lengths).double()).cpu().numpy()
        return log_p_BC

    def validation_nats(self, texts: Sequence[Ids], condition: Condition) -> float:
        """Return the mean of −log P(labels | text) in nats."""
        lengths = np.array([len(text) for text in texts], dtype=np.int64)
        ids_BT = np.full((len(texts), lengths.max(initial=0)), self._boundary, dtype=np.int32)
        for row, text in zip(ids_BT, texts, strict=True):
            row[: len(text)] = text
        return float(self._head.nats(self._logits(ids_BT, lengths), self._targets(condition)).mean())

    def tensors(self) -> Tensors:
        """Return every parameter as float32: the network's by their own names, the head's after "labels."."""
        head = {_PREFIX + name: value.cpu().numpy() for name, value in self._head.state_dict().items()}
        return self._network.tensors() | head

    def restore(self, tensors: Tensors) -> None:
        """Take these parameters; raises RunError where one is missing, left over, or does not fit."""
        own = {_PREFIX + name: value for name, value in self._head.state_dict().items()}
        for name, value in own.items():
            got = tensors[name].shape if name in tensors else None
            if got != tuple(value.shape):
                raise RunError(
                    f"weights of another classifier: {name} has shape {got}, wanted {tuple(value.shape)}; "
                    "load them with the settings and the labels that they were trained with"
                )
            if not np.isfinite(tensors[name]).all():
                raise RunError(f"weights of a classifier: {name} is not finite; restore it or train again")
        self._network.restore({name: array for name, array in tensors.items() if name not in own})
        for name, value in own.items():
            value.copy_(torch.from_numpy(np.array(tensors[name], dtype=np.float32)))

    def _text_nats(
        self, ids_BT: Ids, weights_BT: FloatArray, condition: Condition
    ) -> tuple[Tensor, Tensor | None, State]:
        """Return the nats a symbol of texts behind their labels, what the head hears, and the state."""
        nats, after = self._text.loss(ids_BT, weights_BT, None, condition)
        return nats, self._heard(ids_BT), after

    def _heard(self, ids_BT: Ids) -> Tensor | None:
        """Return hidden_BTD, the vectors after a boundary and after each id, if the head hears them."""
        return self._read(ids_BT)[0] if self._config.pooled else None

    def _read(self, ids_BT: Ids) -> tuple[Tensor, State]:
        """Return hidden_BTD and the network's state after the ids."""
        boundary = self._network.vocabulary_size - 1
        read_BT = self._place(np.pad(ids_BT, ((0, 0), (1, 0)), constant_values=boundary))
        hidden_BTD, memory = self._body(read_BT, self._body.memory(len(ids_BT)), None)
        return hidden_BTD, NeuralState(memory, hidden_BTD[:, -1].detach().clone())

    def _logits(self, ids_BT: Ids, lengths: Lengths) -> Tensor:
        """Return logits_BC, without a gradient."""
        lengths = self._lengths(ids_BT, lengths)
        logits_BC = torch.empty(len(ids_BT), self.labels, device=self._device)
        self._module.eval()
        with torch.no_grad():
            for rows in _by_length(lengths):
                piece_BT = ids_BT[rows, : int(lengths[rows].max())]
                logits_BC[torch.from_numpy(rows).to(self._device)] = self._head(
                    self._heard(piece_BT), piece_BT, lengths[rows]
                )
        return logits_BC

    def _targets(self, condition: Condition) -> Tensor:
        """Return there_BC, 1 for each label that is there; UsageError where one must be and is not."""
        there_BC = torch.zeros(len(condition), self.labels, device=self._device)
        for there_C, given in zip(there_BC, condition, strict=True):
            if len(given) != 1 and not self._multiple:
                raise UsageError(f"every document needs one label, got {len(given)}; leave out what has none")
            there_C[torch.from_numpy(np.asarray(given, dtype=np.int64)).to(self._device)] = 1.0
        return there_BC

    def _lengths(self, ids_BT: Ids, lengths: Lengths) -> Lengths:
        """Return how many symbols stand before each row's boundary, or its end."""
        positions = ids_BT.shape[1]
        ended_BT = np.ones((len(ids_BT), positions + 1), dtype=bool)
        ended_BT[:, :-1] = ids_BT == self._boundary
        ended_BT[:, :-1] |= np.arange(positions) >= np.asarray(lengths)[:, None]
        first_B: Lengths = ended_BT.argmax(axis=1)
        return first_B

    def _place(self, ids_BT: Ids) -> Tensor:
        return torch.from_numpy(np.asarray(ids_BT, dtype=np.int64)).to(self._device)


class HeadedNetwork(Headed):
    """A head on a network that is the language model too, which knows no labels: it reads a text but once."""

    conditional = False

    def __init__(
        self, network: NeuralLanguageModel, config: Config, labels: int, multiple: bool = False
    ) -> None:
        super().__init__(network, network, config, labels, multiple)

    def distribute(self, state: NeuralState, ids_BT: Ids) -> tuple[FloatArray, NeuralState]:
        """Return log P(next | all before it) at each id's place as log_p_BTV in nats, and the state after."""
        return self._network.distribute(state, ids_BT)

    def features(self, state: NeuralState, ids_BT: Ids) -> FloatArray:
        """Return hidden_BTD, the vector after each id."""
        return self._network.features(state, ids_BT)

    def _text_nats(
        self, ids_BT: Ids, weights_BT: FloatArray, condition: Condition
    ) -> tuple[Tensor, Tensor | None, State]:
        if not (self._config.pooled or self._config.language):
            return torch.zeros((), device=self._device), None, self._network.start(len(ids_BT))
        hidden_BTD, after = self._read(ids_BT)
        nats = torch.zeros((), device=self._device)
        if self._config.language:
            weights_N = torch.as_tensor(weights_BT, dtype=torch.float32, device=self._device).flatten()
            before_ND = hidden_BTD[:, :-1].flatten(0, 1)
            nats = self._voice.loss(before_ND, self._place(ids_BT).flatten(), weights_N)
        return nats, hidden_BTD if self._config.pooled else None, after


def _by_length(lengths: Lengths) -> Iterator[NDArray[np.int64]]:
    """Yield rows of about one length, as many as are classified at once."""
    order_B = np.argsort(-lengths, kind="stable")
    first = 0
    while first < len(order_B):
        rows = max(1, _SYMBOLS // (int(lengths[order_B[first]]) + 1))
        yield order_B[first : first + rows]
        first += rows


def create(make: Callable[[int], LanguageModel], vocabulary_size: int, given: Given) -> LanguageModel:
    """Return a model that tells labels apart as `given.classifier` says; `make` makes one of so many symbols.

    UsageError where a head is asked for and the model is not a network of this package's kind.
    """
    values = {key: value for key, value in given.classifier.items() if key != "multiple"}
    config, multiple = settings.build(Config, values), bool(given.classifier.get("multiple", False))
    if config.by == "likelihood":
        return behind(make, vocabulary_size, given)
    if config.by == "head":
        return HeadedNetwork(_network(make(vocabulary_size)), config, given.symbols, multiple)
    network = _network(make(inner_vocabulary_size(vocabulary_size, given.symbols)))
    text = PrefixedDifferentiable(network, vocabulary_size, given.symbols)
    return Headed(network, text, config, given.symbols, multiple)


def _network(model: LanguageModel) -> NeuralLanguageModel:
    if isinstance(model, NeuralLanguageModel):
        return model
    raise UsageError(
        f"{type(model).__name__} shows no hidden vectors to a head; set classifier.by=likelihood"
    )
