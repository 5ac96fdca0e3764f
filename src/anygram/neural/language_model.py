"""Any network body as a language model: a hidden vector after each id, and a head that predicts from it.

A body turns ids into hidden vectors and carries a memory; which network it is, nobody above asks.
Axes: B rows, T positions, D hidden width, V vocabulary, N positions picked out of B × T.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from anygram.conditioning import refuse
from anygram.errors import RunError, UsageError
from anygram.neural.adaptive import head_of, head_weights
from anygram.neural.compiling import compile_parts
from anygram.neural.heads import HeadConfig, Voice
from anygram.neural.sharding import shard_parts, whole, write_whole
from anygram.protocols import Condition, FloatArray, Ids, Lengths, Tensors

Memory = Any
"""What a body remembers: a tree of tensors (or `OwnState`s) whose axis 0 is the row."""

# How many symbols a body reads at once when scoring: more fall out of the cache. In a single row they
# stand far apart, and attention between all of them would cost more than it saves
_SYMBOLS = 2048
_MOST_POSITIONS = 512


class Body(nn.Module, ABC):
    """A network from ids to hidden vectors; the boundary is the last id of its vocabulary.

    Before it reads a boundary a body forgets all it remembers, inside a block too: so a document
    starts alike wherever it stands in a stream.
    """

    width: int
    """D, the size of a hidden vector."""
    autocasts = True
    """Whether its products may be computed in bfloat16 while it learns (`torch.autocast`)."""
    embedding: nn.Embedding
    """What ids are looked up in, whose weights a tied head shares."""

    @abstractmethod
    def memory(self, rows: int) -> Memory:
        """Return the memory of having read nothing."""

    def repeated(self) -> Iterable[nn.Module]:
        """Return the modules that are called one after another, pure functions of what they are given.

        They are worth compiling, and may hold their weights in parts on several processes.
        """
        return ()

    @abstractmethod
    def forward(self, ids_BT: Tensor, memory: Memory, lengths_B: Tensor | None) -> tuple[Tensor, Memory]:
        """Return hidden_BTD, the vector after each id, and the memory after each row's length.

        The returned memory carries no gradient. What stands in hidden_BTD past a row's length is
        finite and means nothing. T is at least 1.
        """


@dataclass(frozen=True)
class NeuralState:
    """What a network remembers, and the hidden vector after the last id, from which it predicts."""

    memory: Memory
    hidden_BD: Tensor


def find_device() -> torch.device:
    """Return the accelerator that torch finds, else the CPU."""
    found = torch.accelerator.current_accelerator(check_available=True)
    return found if found is not None else torch.device("cpu")


class NeuralLanguageModel:
    """A body and a head: log P(next | context) from the hidden vector after the context."""

    dropout = True
    """Whether the loss leaves out what the settings say; without, it is the surprisal."""

    def __init__(
        self,
        name: str,
        build: Callable[[], Body],
        vocabulary_size: int,
        seed: int,
        head: HeadConfig = HeadConfig(),  # noqa: B008 (frozen)
    ) -> None:
        """`name` is the word for errors; `build` makes the body, its weights drawn from `seed`."""
        self._name = name
        self._vocabulary_size = vocabulary_size
        self._device = find_device()
        self._compiled = False
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            self._body = build()
            self._head = head_of(head, self._body.width, self._body.embedding)
        self._head_weights = head_weights(head.softmax, self._body.width, vocabulary_size)
        self._network = nn.ModuleDict({"body": self._body, "head": self._head}).to(self._device)

    @property
    def vocabulary_size(self) -> int:
        return self._vocabulary_size

    @property
    def width(self) -> int:
        """D, the size of a hidden vector."""
        return self._body.width

    def module(self) -> nn.Module:
        """Return the module that holds the parameters."""
        return self._network

    @property
    def weights_a_symbol(self) -> int:
        """Return how many weights a symbol meets in products; a row looked up costs nothing."""
        tables = {id(part.weight) for part in self._body.modules() if isinstance(part, nn.Embedding)}
        matrices = (one for one in self._body.parameters() if one.dim() > 1 and id(one) not in tables)
        return sum(one.numel() for one in matrices) + self._head_weights

    @property
    def fused(self) -> bool:
        """Whether the loss computes the head's gradients in its forward pass, which saves time and memory.

        Per-sample gradients need it off: then autograd sees every step of the same loss.
        """
        return self._head.fused

    @fused.setter
    def fused(self, fused: bool) -> None:
        self._head.fused = fused

    def compile_body(self) -> bool:
        """Let what is worth it be compiled, for learning only; return whether there is any such part."""
        parts = list(self._body.repeated())
        compile_parts(parts)
        self._compiled = bool(parts)
        return self._compiled

    def shard_body(self) -> bool:
        """Let all processes hold parts of the weights; return whether there is what can be divided.

        From then on every process calls the same methods in the same order.
        """
        parts = list(self._body.repeated())
        shard_parts(parts, self._device)
        return bool(parts)

    def start(self, rows: int, condition: Condition | None = None) -> NeuralState:
        """Return the state after the boundary, read from an empty memory."""
        boundary_B1 = np.full((rows, 1), self._vocabulary_size - 1, dtype=np.int32)
        with self._evaluating():
            hidden_BD = torch.zeros(rows, self._body.width, device=self._device)
            empty = NeuralState(self._empty_memory(rows, condition), hidden_BD)
            return self._read(empty, self._place(boundary_B1), None)[1]

    def predict(self, state: NeuralState) -> FloatArray:
        """Return log P(next | context) as log_p_BV in nats."""
        with self._evaluating():
            log_p_BV: FloatArray = self._voice(state.memory, 1).log_p(state.hidden_BD).cpu().numpy()
        return log_p_BV

    def advance(self, state: NeuralState, ids_BT: Ids, lengths: Lengths | None = None) -> NeuralState:
        """Return the state after reading these ids."""
        with self._evaluating():
            for piece_BT, _, left_B in self._pieces(ids_BT, lengths):
                state = self._read(state, piece_BT, left_B)[1]
        return state

    def score(
        self, state: NeuralState, ids_BT: Ids, lengths: Lengths | None = None
    ) -> tuple[FloatArray, NeuralState]:
        """Return log P of each id given all before it as log_p_BT in nats, and the state after."""
        log_p_BT, _, state = self._judge(state, ids_BT, lengths, ranked=False)
        return log_p_BT, state

    def rank(
        self, state: NeuralState, ids_BT: Ids, lengths: Lengths | None = None
    ) -> tuple[FloatArray, NDArray[np.int64], NeuralState]:
        """Return log_p_BT, the number of symbols likelier than each id as rank_BT, and the state after."""
        return self._judge(state, ids_BT, lengths, ranked=True)

    def features(self, state: NeuralState, ids_BT: Ids) -> FloatArray:
        """Return hidden_BTD, the vector after each id."""
        rows, positions = ids_BT.shape
        features_BTD = np.zeros((rows, positions, self._body.width), dtype=np.float32)
        with self._evaluating():
            for piece_BT, first, _ in self._pieces(ids_BT, None):
                hidden_BTD, state = self._read(state, piece_BT, None)
                features_BTD[:, first : first + piece_BT.shape[1]] = hidden_BTD.cpu().numpy()
        return features_BTD

    def distribute(self, state: NeuralState, ids_BT: Ids) -> tuple[FloatArray, NeuralState]:
        """Return log P(next | all before it) at each id's place as log_p_BTV in nats, and the state after."""
        log_p_BTV = np.empty((*ids_BT.shape, self._vocabulary_size), dtype=np.float32)
        with self._evaluating():
            for piece_BT, first, _ in self._pieces(ids_BT, None):
                hidden_BTD, after = self._read(state, piece_BT, None)
                before_BTD = torch.cat([state.hidden_BD[:, None], hidden_BTD[:, :-1]], dim=1)
                voice = self._voice(state.memory, piece_BT.shape[1])
                log_p_NV = voice.log_p(before_BTD.flatten(0, 1))
                place = slice(first, first + piece_BT.shape[1])
                log_p_BTV[:, place] = log_p_NV.view(*piece_BT.shape, -1).cpu().numpy()
                state = after
        return log_p_BTV, state

    def loss(
        self,
        ids_BT: Ids,
        weights_BT: FloatArray,
        state: NeuralState | None = None,
        condition: Condition | None = None,
    ) -> tuple[Tensor, NeuralState]:
        """Return the weighted mean of −log P(id | all before it) in nats, and the state after.

        No state means that the boundary is read first, within the gradient.
        """
        self._network.train(self.dropout)
        target_BT = self._place(ids_BT)
        with self._casting():
            if state is None:
                memory = self._empty_memory(len(ids_BT), condition)
                boundary_B1 = torch.full_like(target_BT[:, :1], self._vocabulary_size - 1)
                hidden_BTD, after = self._body(torch.cat([boundary_B1, target_BT], dim=1), memory, None)
                before_BTD = hidden_BTD[:, :-1]
            elif condition is None:
                memory = state.memory
                hidden_BTD, after = self._body(target_BT, memory, None)
                before_BTD = torch.cat([state.hidden_BD[:, None], hidden_BTD[:, :-1]], dim=1)
            else:
                raise UsageError("a carried state has read its condition already; pass one of the two")
        weights_N = torch.as_tensor(weights_BT, dtype=torch.float32, device=self._device).flatten()
        voice = self._voice(memory, target_BT.shape[1])
        mean = voice.loss(before_BTD.flatten(0, 1), target_BT.flatten(), weights_N)
        return mean, NeuralState(after, hidden_BTD[:, -1].detach().clone())

    def _casting(self) -> AbstractContextManager[object]:
        """Return a context in which, under autocast, only what can bear it is cast."""
        return nullcontext() if self._body.autocasts else torch.autocast(self._device.type, enabled=False)

    def _empty_memory(self, rows: int, condition: Condition | None) -> Memory:
        """Return the body's memory of having read no text; UsageError for a condition it would not use."""
        refuse(condition, self._name)
        return self._body.memory(rows)

    def _voice(self, memory: Memory, positions: int, chosen_N: Tensor | None = None) -> Voice:
        """Return what speaks from hidden vectors: so many positions of each row, or those chosen of them."""
        return self._head

    def tensors(self) -> Tensors:
        """Return every parameter as float32, by its name in the module."""
        stored = self._network.state_dict()
        return {name: whole(value).to("cpu", copy=True).numpy() for name, value in stored.items()}

    def restore(self, tensors: Tensors) -> None:
        """Take these parameters; raises RunError where one is missing, left over, of another shape, or not
        finite."""
        own = self._network.state_dict()
        for name in sorted(own.keys() | tensors.keys()):
            got = tensors[name].shape if name in tensors else None
            wanted = tuple(own[name].shape) if name in own else None
            if got != wanted:
                raise RunError(
                    f"weights of another '{self._name}': {name} has shape {got}, wanted {wanted}; "
                    "load them with the config and vocabulary they were trained with"
                )
            if not np.issubdtype(tensors[name].dtype, np.floating):
                raise RunError(f"weights of '{self._name}': {name} holds {tensors[name].dtype}; train again")
            if not np.isfinite(tensors[name]).all():
                raise RunError(f"weights of '{self._name}': {name} is not finite; restore it or train again")
        for name, array in tensors.items():
            write_whole(torch.from_numpy(np.array(array, dtype=np.float32)), own[name])

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        """Dropout off and no gradient; not inference mode, whose tensors `loss` could not carry on from."""
        if self._network.training:  # walking through the modules costs as much as a small step
            self._network.eval()
        # texts have all lengths, and each would be compiled for
        stance = torch.compiler.set_stance("force_eager") if self._compiled else nullcontext()
        with torch.no_grad(), stance:
            yield

    def _place(self, ids_BT: Ids) -> Tensor:
        return torch.from_numpy(np.asarray(ids_BT, dtype=np.int64)).to(self._device)

    def _pieces(self, ids_BT: Ids, lengths: Lengths | None) -> Iterator[tuple[Tensor, int, Tensor | None]]:
        """Yield pieces of positions on the device, where each begins, and what is left of the lengths.

        Left is None where no row ends inside the piece.
        """
        ids = self._place(ids_BT)
        step = min(_MOST_POSITIONS, max(1, _SYMBOLS // max(1, len(ids))))
        for first in range(0, ids.shape[1], step):
            piece_BT = ids[:, first : first + step]
            width = piece_BT.shape[1]
            if lengths is None or bool((lengths >= first + width).all()):
                yield piece_BT, first, None
            else:
                left_B = np.clip(np.asarray(lengths, dtype=np.int64) - first, 0, width)
                yield piece_BT, first, torch.from_numpy(left_B).to(self._device)

    def _read(
        self, state: NeuralState, ids_BT: Tensor, lengths_B: Tensor | None
    ) -> tuple[Tensor, NeuralState]:
        """Return hidden_BTD after each id, and the state after each row's length."""
        hidden_BTD, memory = self._body(ids_BT, state.memory, lengths_B)
        if lengths_B is None:
            return hidden_BTD, NeuralState(memory, hidden_BTD[:, -1].clone())
        every_BTD = torch.cat([state.hidden_BD[:, None], hidden_BTD], dim=1)
        rows_B = torch.arange(len(lengths_B), device=self._device)
        return hidden_BTD, NeuralState(memory, every_BTD[rows_B, lengths_B])

    def _judge(
        self, state: NeuralState, ids_BT: Ids, lengths: Lengths | None, ranked: bool
    ) -> tuple[FloatArray, NDArray[np.int64], NeuralState]:
        """Return log_p_BT, rank_BT (zeros where not asked for) and the state after."""
        log_p_BT = np.zeros(ids_BT.shape, dtype=np.float32)
        rank_BT = np.zeros(ids_BT.shape, dtype=np.int64)
        with self._evaluating():
            for piece_BT, first, left_B in self._pieces(ids_BT, lengths):
                rows, width = piece_BT.shape
                hidden_BTD, after = self._read(state, piece_BT, left_B)
                before_BTD = torch.cat([state.hidden_BD[:, None], hidden_BTD[:, :-1]], dim=1)
                before_ND, target_N = before_BTD.flatten(0, 1), piece_BT.flatten()
                counted_BT, counted_N = np.ones((rows, width), dtype=bool), None
                if left_B is not None:
                    counted_BT = np.arange(width) < left_B.cpu().numpy()[:, None]
                    counted_N = torch.from_numpy(counted_BT.ravel().nonzero()[0]).to(self._device)
                    before_ND, target_N = before_ND[counted_N], target_N[counted_N]
                voice = self._voice(state.memory, width, counted_N)
                log_p_N, rank_N = voice.judge(before_ND, target_N, ranked)
                log_p_BT[:, first : first + width][counted_BT] = log_p_N.cpu().numpy()
                rank_BT[:, first : first + width][counted_BT] = rank_N.cpu().numpy()
                state = after
        return log_p_BT, rank_BT, state
