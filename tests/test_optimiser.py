"""Our AdamW against torch's own, and that learning loads no compiler."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from anygram.learning.optimiser import AdamW
from tests.asking import write_corpus

RATES = [1e-2, 3e-3, 1e-2]


def _groups(parameters: list[torch.nn.Parameter]) -> list[dict[str, Any]]:
    return [{"params": parameters[:1], "weight_decay": 0.1}, {"params": parameters[1:], "weight_decay": 0.0}]


def test_adamw_is_that_of_torch() -> None:
    generator = torch.Generator().manual_seed(0)
    ours = [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in ((5, 3), (3,), (2, 2))]
    theirs = [torch.nn.Parameter(parameter.detach().clone()) for parameter in ours]
    mine = AdamW(_groups(ours), (0.9, 0.99))
    peer = torch.optim.AdamW(_groups(theirs), betas=(0.9, 0.99))
    for rate in RATES:
        for own, other in zip(ours[:2], theirs[:2], strict=True):  # the third never has a gradient
            own.grad = torch.randn(own.shape, generator=generator)
            other.grad = own.grad.clone()
        for group in (*mine.param_groups, *peer.param_groups):
            group["lr"] = rate
        mine.step()
        peer.step()
        for own, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(own, other)
    assert ours[2] not in mine.state


def test_learning_loads_no_compiler(tmp_path: Path) -> None:
    """It would cost most of a second before the first step."""
    program = (
        "import sys, anygram\n"
        "small = {'width': 16, 'heads': 2, 'layers': 1}\n"
        "anygram.train(sys.argv[1], 'transformer', codec='bytes', budget='1steps', settings=small)\n"
        "compilers = {'torch._dynamo', 'torch._inductor', 'torch.distributed.fsdp', 'sympy'}\n"
        "print(sorted(compilers & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(write_corpus(tmp_path, 40))],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
