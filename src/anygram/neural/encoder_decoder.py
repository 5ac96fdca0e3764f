"""Encoder-decoders as language models: a source is encoded once, and heard at every step of its target.

A document's source is its condition; each is closed by a symbol of its own, so that an empty one has
something to be heard too. Axes: B rows, T positions, S positions of a source, D width, A width of a question.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from anygram.errors import UsageError
from anygram.neural.copying import Copying, Pointer
from anygram.neural.heads import FullHead, HeadConfig, Voice
from anygram.neural.language_model import Body, Memory, NeuralLanguageModel, NeuralState
from anygram.neural.sources import Source, closed_rows
from anygram.protocols import Condition, FloatArray, Ids

BATCHES = {"rows": 64, "block": 32}
"""What is suggested that a step reads: pairs of 2,048 symbols on the longer side, padding among them."""
SYMBOLS_A_STEP = 3000
"""How many symbols of both sides that is: sides differ in length, and rows a little."""


@dataclass(frozen=True)
class Vocabularies:
    """How many symbols the target has, its boundary included, and the source, without its closing one."""

    target: int
    source: int

    def require_shared(self, *, shared: bool, copy: bool) -> None:
        """Raise UsageError where either is set and both sides have not the same symbols by the same ids."""
        setting = "shared" if shared else "copy"
        if (shared or copy) and self.source != self.target - 1:
            raise UsageError(
                f"{setting} needs one vocabulary for source and target, got {self.source} symbols of sources "
                f"and {self.target - 1} of targets; leave out {setting}, or learn one codec from both sides"
            )


class EncoderDecoderBody(Body):
    """A decoder's body, and the encoder whose vectors it hears."""

    pointer: Pointer | None
    """What copies symbols of the source; None where nothing does."""

    def __init__(self, vocabularies: Vocabularies, width: int, *, shared: bool) -> None:
        """Embed symbols by vectors of this `width`, those of both sides by the same ones where `shared`."""
        super().__init__()
        self._boundary = vocabularies.target - 1
        self.embedding = nn.Embedding(vocabularies.target, width)
        self.source_embedding = None if shared else nn.Embedding(vocabularies.source + 1, width)

    def memory(self, rows: int) -> Memory:
        ids_B1 = torch.full((rows, 1), self._boundary, device=self.embedding.weight.device)
        return self.read_source(ids_B1, torch.ones_like(ids_B1[:, 0]))

    def embedded_source(self, ids_BS: Tensor) -> Tensor:
        """Return the vectors of a source's symbols."""
        table = self.embedding if self.source_embedding is None else self.source_embedding
        embedded_BSD: Tensor = table(ids_BS)
        return embedded_BSD

    @abstractmethod
    def read_source(self, ids_BS: Tensor, lengths_B: Tensor) -> Memory:
        """Return the memory of having read these sources and no target; it may carry a gradient."""

    def source(self, memory: Memory) -> Source:
        """Return the sources of a memory."""
        source: Source = memory.source
        return source

    @abstractmethod
    def asked(self, ids_BT: Tensor, memory: Memory) -> Tensor:
        """Return asked_BTA, with what the decoder turned to the source before each id."""

    @abstractmethod
    def answer(self, asked_BTA: Tensor, memory: Memory) -> Tensor:
        """Return weight_BTS, where in the source each question is answered; 1 in sum over S."""


class EncoderDecoder(NeuralLanguageModel):
    """P(target | source), by an encoder, a decoder and a head; no condition is an empty source."""

    _body: EncoderDecoderBody

    def __init__(
        self,
        name: str,
        build: Callable[[], EncoderDecoderBody],
        vocabularies: Vocabularies,
        seed: int,
        head: HeadConfig,
    ) -> None:
        super().__init__(name, build, vocabularies.target, seed, head)
        self._source_symbols = vocabularies.source

    def alignment(self, state: NeuralState, ids_BT: Ids) -> FloatArray:
        """Return where in its source each id was looked for, as weight_BTS, 1 in sum over S.

        S is the longest source and its closing symbol; past a row's own there is 0.
        """
        with self._evaluating():
            asked_BTA = self._body.asked(self._place(ids_BT), state.memory)
            weight_BTS: FloatArray = self._body.answer(asked_BTA, state.memory).cpu().numpy()
        return weight_BTS

    def _empty_memory(self, rows: int, condition: Condition | None) -> Memory:
        ids_BS, lengths_B = closed_rows(condition, rows, self._source_symbols)
        return self._body.read_source(ids_BS.to(self._device), lengths_B.to(self._device))

    def _voice(self, memory: Memory, positions: int, chosen_N: Tensor | None = None) -> Voice:
        if self._body.pointer is None:
            return self._head
        source = self._body.source(memory)
        row_N = torch.arange(len(source.lengths_B), device=self._device).repeat_interleave(positions)
        assert isinstance(self._head, FullHead)
        if chosen_N is not None:
            return Copying(self._head, self._body.pointer, source, row_N[chosen_N])
        return Copying(self._head, self._body.pointer, source, row_N, whole=True)


def needs_a_source(name: str) -> UsageError:
    """Return what says that a model predicts targets of sources only."""
    return UsageError(
        f"the model '{name}' reads a source and writes its target; name their fields by --text-field and "
        "--target-field (or --label-field), or choose another model"
    )
