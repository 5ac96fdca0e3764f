"""Forward and backward of an output layer: time and peak extra memory, beside Linear and cross_entropy.

    ./dev bench softmax                     about three minutes

Each side runs in a process of its own, in turn; figures are medians. Extra memory is the most that was
resident in the first step above what was before it: logits, their gradients, those of weights and vectors.
Targets are drawn by Zipf's law, most frequent first. Ends with 1 where the full softmax over 50,000 symbols
takes more than a sixth of the memory, or where one of any size takes longer than Linear and cross_entropy.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

SIZES = ((50_000, 256), (33_000, 256), (10_000, 256), (1024, 256), (65, 128))
TOKENS = 2048
LESS_MEMORY = 6.0
SLOWER = 1.05
"""What is still as fast: medians of equal programs differ by this much."""
SIDES = ("full", "adaptive", "torch")


def main() -> int:
    """Print a table, and return 1 where a bound is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3, help="processes a figure (default: 3)")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        side, symbols, width = options.child
        print(json.dumps(measure(side, int(symbols), int(width))))
        return 0
    from peers import report

    print(f"{report.machine(('anygram', 'torch'))}\n\n    ./dev bench softmax\n")
    print("| symbols | width | side | ms | times faster | extra MB | times less |")
    print("|---|---|---|---|---|---|---|")
    missed = []
    for symbols, width in SIZES:
        found = medians(symbols, width, options.repeats)
        torch_ms, torch_mb = found["torch"]
        for side, (ms, mb) in found.items():
            faster, less = torch_ms / ms, torch_mb / max(mb, 0.1)
            print(f"| {symbols:,} | {width} | {side} | {ms:.1f} | {faster:.2f} | {mb:.0f} | {less:.1f} |")
            if side == "full" and (faster < 1 / SLOWER or (symbols == 50_000 and less < LESS_MEMORY)):
                missed.append(f"{symbols:,} symbols: {faster:.2f} times faster, {less:.1f} times less memory")
    print("\n".join(["", *missed]))
    return 1 if missed else 0


def medians(symbols: int, width: int, repeats: int) -> dict[str, tuple[float, float]]:
    """Return milliseconds and megabytes of each side."""
    runs: dict[str, list[tuple[float, float]]] = {side: [] for side in SIDES}
    for _ in range(repeats):
        for side, found in runs.items():
            words = [sys.executable, __file__, "--child", side, str(symbols), str(width)]
            done = subprocess.run(words, capture_output=True, text=True, check=True)
            found.append(tuple(json.loads(done.stdout)))
    return {
        side: (statistics.median(ms for ms, _ in found), statistics.median(mb for _, mb in found))
        for side, found in runs.items()
    }


def measure(side: str, symbols: int, width: int) -> tuple[float, float]:
    """Return the milliseconds of a step, and the megabytes that the first one took beside what there was."""
    import torch
    from torch.nn.functional import cross_entropy

    from anygram.neural.adaptive import head_of
    from anygram.neural.heads import HeadConfig

    torch.manual_seed(0)
    embedding = torch.nn.Embedding(symbols, 1)
    head = head_of(HeadConfig(softmax="adaptive" if side == "adaptive" else "full"), width, embedding)
    linear = torch.nn.Linear(width, symbols)
    hidden_ND = torch.randn(TOKENS, width, requires_grad=True)
    target_N = torch.multinomial(1 / torch.arange(1.0, symbols + 1), TOKENS, replacement=True)
    ones_N = torch.ones(TOKENS)
    (torch.randn(64, 64, requires_grad=True) @ torch.randn(64, 64)).exp().sum().backward()  # type: ignore[no-untyped-call]

    def step() -> None:
        for module in (head, linear):
            module.zero_grad(set_to_none=True)
        hidden_ND.grad = None
        if side == "torch":
            nats = cross_entropy(linear(hidden_ND), target_N)
        else:
            nats = head.loss(hidden_ND, target_N, ones_N)
        nats.backward()  # type: ignore[no-untyped-call]

    before = _resident("VmRSS")
    step()
    megabytes = (_resident("VmHWM") - before) / 1e3
    seconds: list[float] = []
    while len(seconds) < 5 or (sum(seconds) < 1.0 and len(seconds) < 300):
        began = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds) * 1e3, megabytes


def _resident(field: str) -> float:
    """Return kilobytes of memory, now (VmRSS) or at most so far (VmHWM), as Linux counts them."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) * 1.024 for line in lines if line.startswith(field))


if __name__ == "__main__":
    sys.exit(main())
