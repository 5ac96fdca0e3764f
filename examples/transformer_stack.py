"""A stack of Transformer blocks (Vaswani et al. 2017) in plain torch, trained on real text.

    x ← E[symbol] √D + PE(position)
    x ← LayerNorm(x + Attention(x)),  x ← LayerNorm(x + W₂ ReLU(W₁ x + b₁) + b₂)      in every block
    P(next symbol | all so far) = softmax(W x + b)

    python examples/transformer_stack.py                      8 heads, width 512, 6 blocks: ten minutes
    python examples/transformer_stack.py --small book.txt     a narrow one of 2 blocks, on your own text

Errors that such programs often have, and what is done here instead:

- No causal mask. Here a position sees itself and what stands before it.
- Documents that were packed into one row see each other. Here the mask ends at the boundary.
- A mask hides a whole row, whose softmax is NaN. Here every position sees itself at least.
- Scores are not divided by √K, or by √D. Here by √K, the width of a head.
- Heads are cut out by view(B, H, T, K), which mixes positions. Here the width is split in place, and
  then the axes are exchanged.
- Positions are missing, or made and never added; without them a text is a bag. Here they are added, to
  embeddings scaled by √D, which they would drown otherwise.
- Dropout goes on while evaluating. Here eval() turns it off.
- A position is asked for the symbol it has just read. Here for the next one.
- No text is held out. Here a tenth of the documents is never trained on.

Two checks run before training: a block equals torch.nn.TransformerEncoderLayer with the same weights, and
later symbols change nothing earlier. Surprisal is shown per symbol, on blocks whose context is cut at the
block's edge; `anygram train --model transformer` carries it on and reports bits per byte.

Axes: B rows, T positions, S positions that are looked at (S = T), D width, H heads, K = D / H, V vocabulary.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor, nn

from anygram.codecs import chars
from anygram.data.corpus import Block as TextBlock
from anygram.data.corpus import Blocks, EncodedCorpus, encode_corpus
from anygram.data.preparation import DataOptions, prepare


@dataclass(frozen=True)
class Setting:
    """A network and its training; `expansion` is the feed-forward layer's width in D."""

    blocks: int = 6
    heads: int = 8
    width: int = 512
    expansion: int = 4
    dropout: float = 0.1
    rows: int = 16
    positions: int = 128
    steps: int = 200
    rate: float = 5e-4
    warmup: float = 0.1
    clip: float = 1.0


SMALL = Setting(blocks=2, width=64, rows=8, positions=64, steps=60, rate=5e-3)


def sinusoids(position_BT: Tensor, width: int) -> Tensor:
    """Return PE_BTD (section 3.5): PE(pos, 2i) = sin(pos / 10000^{2i/D}), PE(pos, 2i+1) = cos(same)."""
    frequency = 10_000.0 ** (-torch.arange(0, width, 2) / width)
    angle = position_BT[..., None] * frequency
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(-2)


def positions_in_document(ids_BT: Tensor, boundary: int) -> Tensor:
    """Return position_BT: how many symbols a position is past its boundary, or past the block's edge.

    >>> positions_in_document(torch.tensor([[5, 6, 9, 7, 8]]), boundary=9)
    tensor([[0, 1, 0, 1, 2]])
    """
    index_T = torch.arange(ids_BT.shape[1])
    return index_T - torch.where(ids_BT == boundary, index_T, 0).cummax(dim=1).values


def visibility(ids_BT: Tensor, boundary: int) -> Tensor:
    """Return sees_BTS: whether position t may look at s, which is not later and of the same document.

    The boundary between two documents begins the second one.
    """
    document_BT = (ids_BT == boundary).cumsum(dim=1)
    same_BTS = document_BT[:, :, None] == document_BT[:, None, :]
    return same_BTS.tril()


class Attention(nn.Module):
    """softmax(Q Kᵀ / √K) V in every head, the heads joined and projected by W^O (section 3.2)."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width must be a multiple of heads, got {width} and {heads}")
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.output = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_BTD: Tensor, sees_BTS: Tensor) -> Tensor:
        query_BHTK = self.split(self.query(x_BTD))
        key_BHSK = self.split(self.key(x_BTD))
        value_BHSK = self.split(self.value(x_BTD))
        # a sum of K products of unit variance has variance K; divided by √K the softmax stays soft
        score_BHTS = query_BHTK @ key_BHSK.transpose(-1, -2) / math.sqrt(query_BHTK.shape[-1])
        score_BHTS = score_BHTS.masked_fill(~sees_BTS[:, None], -torch.inf)
        share_BHTS = self.dropout(score_BHTS.softmax(dim=-1))
        mixed_BHTK = share_BHTS @ value_BHSK
        joined_BTD: Tensor = self.output(mixed_BHTK.transpose(1, 2).flatten(2))
        return joined_BTD

    def split(self, x_BTD: Tensor) -> Tensor:
        """Return x_BHTK: head h has the numbers h · K to (h + 1) · K of every position."""
        rows, positions, width = x_BTD.shape
        return x_BTD.view(rows, positions, self.heads, width // self.heads).transpose(1, 2)


class Block(nn.Module):
    """Attention and a feed-forward network, each added to what it read and normalised (section 3.1)."""

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        width, inner = setting.width, setting.expansion * setting.width
        self.attention = Attention(width, setting.heads, setting.dropout)
        self.expand = nn.Linear(width, inner)
        self.contract = nn.Linear(inner, width)
        self.after_attention = nn.LayerNorm(width)
        self.after_feedforward = nn.LayerNorm(width)
        self.dropout = nn.Dropout(setting.dropout)

    def forward(self, x_BTD: Tensor, sees_BTS: Tensor) -> Tensor:
        x_BTD = self.after_attention(x_BTD + self.dropout(self.attention(x_BTD, sees_BTS)))
        inner = self.dropout(self.expand(x_BTD).relu())
        normalised_BTD: Tensor = self.after_feedforward(x_BTD + self.dropout(self.contract(inner)))
        return normalised_BTD


class Stack(nn.Module):
    """From ids to logits_BTV of the symbol after each."""

    def __init__(self, setting: Setting, vocabulary_size: int) -> None:
        super().__init__()
        self.width, self.boundary = setting.width, vocabulary_size - 1
        self.embedding = nn.Embedding(vocabulary_size, setting.width)
        nn.init.normal_(self.embedding.weight, std=setting.width**-0.5)  # times √D: as large as a sinusoid
        self.blocks = nn.ModuleList(Block(setting) for _ in range(setting.blocks))
        self.head = nn.Linear(setting.width, vocabulary_size)
        self.dropout = nn.Dropout(setting.dropout)

    def forward(self, ids_BT: Tensor) -> Tensor:
        position_BT = positions_in_document(ids_BT, self.boundary)
        sees_BTS = visibility(ids_BT, self.boundary)
        x_BTD = self.embedding(ids_BT) * math.sqrt(self.width) + sinusoids(position_BT, self.width)
        x_BTD = self.dropout(x_BTD)
        for block in self.blocks:
            x_BTD = block(x_BTD, sees_BTS)
        logits_BTV: Tensor = self.head(x_BTD)
        return logits_BTV


def as_torch_layer(block: Block, setting: Setting) -> nn.TransformerEncoderLayer:
    """Return torch's own layer with the weights of this block."""
    layer = nn.TransformerEncoderLayer(
        setting.width, setting.heads, setting.expansion * setting.width, setting.dropout, batch_first=True
    )
    attention = block.attention
    parts = (attention.query, attention.key, attention.value)
    own = {
        "self_attn.in_proj_weight": torch.cat([part.weight for part in parts]),
        "self_attn.in_proj_bias": torch.cat([part.bias for part in parts]),
    }
    pairs = (
        ("self_attn.out_proj", attention.output),
        ("linear1", block.expand),
        ("linear2", block.contract),
        ("norm1", block.after_attention),
        ("norm2", block.after_feedforward),
    )
    for name, module in pairs:
        own |= {f"{name}.weight": module.weight, f"{name}.bias": module.bias}
    layer.load_state_dict(own)
    return layer


def difference_from_torch(setting: Setting, ids_BT: Tensor, boundary: int) -> float:
    """Return the largest difference between a new block and torch's layer with the same weights."""
    block = Block(setting)
    layer = as_torch_layer(block, setting)
    block.eval()
    layer.eval()
    x_BTD = torch.randn(*ids_BT.shape, setting.width)
    sees_BTS = visibility(ids_BT, boundary)
    hidden = ~sees_BTS.repeat_interleave(setting.heads, dim=0)  # torch marks what is not seen, head by head
    difference = block(x_BTD, sees_BTS) - layer(x_BTD, src_mask=hidden)
    return float(difference.abs().max().item())


def leak(stack: Stack, ids_BT: Tensor, cut: int) -> float:
    """Return how much other symbols from `cut` on change what is predicted before it."""
    other_BT = ids_BT.clone()
    other_BT[:, cut:] = (other_BT[:, cut:] + 1) % stack.head.out_features
    stack.eval()
    with torch.no_grad():
        return float((stack(ids_BT) - stack(other_BT))[:, :cut].abs().max().item())


def nats_of(stack: Stack, text: TextBlock) -> tuple[Tensor, float]:
    """Return the summed −log P of every symbol but the first of each row, and how many they are."""
    ids_BT, weights_BT = torch.from_numpy(text.ids_BT).long(), torch.as_tensor(text.weights_BT)
    logits_BTV = stack(ids_BT[:, :-1])
    nats_BT = nn.functional.cross_entropy(logits_BTV.mT, ids_BT[:, 1:], reduction="none")
    counted_BT = weights_BT[:, 1:]  # 0 on padding, which the last block of an epoch may hold
    return (nats_BT * counted_BT).sum(), float(counted_BT.sum())


def train(stack: Stack, texts: Iterator[TextBlock], setting: Setting) -> list[float]:
    """Take the steps; return the mean nats a symbol of each, measured before it."""
    optimizer = torch.optim.AdamW(stack.parameters(), betas=(0.9, 0.98))
    history: list[float] = []
    stack.train()
    for step, text in enumerate(islice(texts, setting.steps)):
        up = (step + 1) / (setting.warmup * setting.steps)
        down = (1 - step / setting.steps) / (1 - setting.warmup)
        # normalised after each sum, a stack needs a slow start (Xiong et al. 2020)
        optimizer.param_groups[0]["lr"] = setting.rate * min(up, down)
        nats, symbols = nats_of(stack, text)
        optimizer.zero_grad()
        (nats / symbols).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(stack.parameters(), setting.clip)
        optimizer.step()
        history.append(nats.item() / symbols)
        if step % max(1, setting.steps // 10) == 0:
            print(f"step {step:4}  {history[-1]:.3f} nats a symbol")
    return history


def evaluate(stack: Stack, corpus: EncodedCorpus, setting: Setting, most: int = 20) -> float:
    """Return the mean nats a symbol over (at most 20 of) the corpus's blocks."""
    blocks = Blocks(corpus, setting.rows, setting.positions, seed=0)
    stack.eval()
    with torch.no_grad():
        measured = [
            nats_of(stack, text) for text in islice(blocks.blocks(), min(most, blocks.blocks_per_epoch))
        ]
    return float(sum(nats.item() for nats, _ in measured) / sum(symbols for _, symbols in measured))


@dataclass(frozen=True)
class Outcome:
    """What both checks found (near 0 is right), and the mean nats a symbol: of each step, and held out."""

    difference_from_torch: float
    leak: float
    history: list[float]
    held_out_nats: float


def run(source: str, setting: Setting, workspace: Path, seed: int = 0) -> Outcome:
    """Prepare the text, check, train and evaluate."""
    torch.manual_seed(seed)
    prepared = prepare(DataOptions((source,), test="0.1"), seed, workspace)
    codec = chars.fit((document.text for document in prepared.splits.train), chars.Config())
    corpus = encode_corpus(prepared.splits.train, codec, workspace / "train")
    held_out = encode_corpus(prepared.splits.test, codec, workspace / "test")
    texts = Blocks(corpus, setting.rows, setting.positions, seed)
    stack = Stack(setting, codec.vocabulary_size)
    weights = sum(parameter.numel() for parameter in stack.parameters())
    print(f"{corpus.symbols:,} symbols of text, {codec.vocabulary_size} different; {weights:,} weights")

    first_BT = torch.from_numpy(next(texts.blocks()).ids_BT).long()
    difference = difference_from_torch(setting, first_BT, codec.boundary)
    leaked = leak(stack, first_BT, cut=first_BT.shape[1] // 2)
    print(f"largest difference from torch's layer {difference:.1e}; leaked from the future {leaked:.1e}")

    history = train(stack, texts.blocks(), setting)
    nats = evaluate(stack, held_out, setting)
    print(f"held out: {nats:.3f} nats a symbol, perplexity {math.exp(nats):.2f}")
    return Outcome(difference, leaked, history, nats)


def main(arguments: Sequence[str] | None = None) -> Outcome:
    """Read the words of the command line and run."""
    parser = argparse.ArgumentParser(description="A Transformer block stack in plain torch.")
    parser.add_argument("source", nargs="?", default="example:docstrings", help="text to learn from")
    parser.add_argument("--small", action="store_true", help="2 blocks of width 64")
    parser.add_argument("--steps", type=int, help="training steps")
    chosen = parser.parse_args(arguments)
    setting = SMALL if chosen.small else Setting()
    if chosen.steps:
        setting = replace(setting, steps=chosen.steps)
    with tempfile.TemporaryDirectory() as workspace:
        return run(chosen.source, setting, Path(workspace))


if __name__ == "__main__":
    main()
