"""Tasks of the peers' side, run by the Python that has them, each in a process of its own: prints JSON.

python -m neural_peers.peer_tasks TASK '{"folder": ..., ...}'

Libraries are imported by the task that needs them, so that a process's time is what they cost.
Axes: B rows, T positions, N symbols of a text, V vocabulary.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

FIRST_STEPS = 5
"""Steps of nanoGPT and of the Trainer that are not timed."""


def main() -> None:
    """Run the task named first with the arguments in the JSON object named second."""
    task, given = sys.argv[1:]
    print(json.dumps(TASKS[task](**json.loads(given))))


def versions() -> dict[str, str]:
    """Return the versions of the packages that are compared with."""
    found = {}
    for package in ("torch", "keras", "tensorflow-cpu", "tensorflow", "transformers", "accelerate"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _nanogpt(folder: str) -> Any:
    sys.path.insert(0, folder)
    return importlib.import_module("model")


def nanogpt_blocks(folder: str, checkpoint: str, ids: str, block: int) -> dict[str, float]:
    """Score the ids that nanoGPT prepared, in blocks, by the model that it left."""
    import torch

    module = _nanogpt(folder)
    stored = torch.load(checkpoint, map_location="cpu", weights_only=False)
    model = module.GPT(module.GPTConfig(**stored["model_args"]))
    model.load_state_dict(stored["model"])
    ids_N = np.fromfile(ids, dtype=np.uint16).astype(np.int64)
    nats, symbols = _score(
        model, lambda ids_BT, targets_BT: model(ids_BT, targets_BT)[0], ids_N, block, block
    )
    return {"nats": nats, "symbols": symbols, "iteration": int(stored["iter_num"])}


def _score(
    module: Any, logits_of: Callable[[Any, Any], Any], ids_N: Any, block: int, stride: int
) -> tuple[float, int]:
    """Return the nats of all symbols but the first, and their number, by windows that begin every stride."""
    import torch

    from neural_peers.arithmetic import block_rows

    nats, symbols = 0.0, 0
    module.eval()
    with torch.no_grad():
        for rows_BT in block_rows(ids_N, block, stride):
            rows = torch.from_numpy(rows_BT)
            targets_BT = rows[:, 1:].contiguous()
            logits_BTV = logits_of(rows[:, :-1], targets_BT)
            nats_N = torch.nn.functional.cross_entropy(
                logits_BTV.flatten(0, 1), targets_BT.flatten(), reduction="none"
            )
            counted_BT = torch.ones_like(targets_BT, dtype=torch.bool)
            counted_BT[:, : block - stride] = False  # the window before has scored them
            if symbols == 0:
                counted_BT[0] = True
            nats += float(nats_N[counted_BT.flatten()].double().sum())
            symbols += int(counted_BT.sum())
    return nats, symbols


def nanogpt_step(
    folder: str, layers: int, width: int, heads: int, rows: int, block: int, steps: int
) -> dict[str, Any]:
    """Time training steps of nanoGPT as its train.py takes them on a CPU: AdamW, gradients clipped at 1."""
    import torch

    from neural_peers.arithmetic import matrix_weights

    module = _nanogpt(folder)
    vocabulary = 65
    sizes = {"n_layer": layers, "n_head": heads, "n_embd": width, "block_size": block}
    model = module.GPT(module.GPTConfig(**sizes, vocab_size=vocabulary, dropout=0.0, bias=False))
    optimiser = model.configure_optimizers(1e-1, 1e-3, (0.9, 0.99), "cpu")
    seconds = []
    for _ in range(FIRST_STEPS + steps):
        ids_BT = torch.randint(vocabulary, (rows, block + 1))
        begin = time.perf_counter()
        _, loss = model(ids_BT[:, :-1], ids_BT[:, 1:].contiguous())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        loss.item()
        seconds.append(time.perf_counter() - begin)
    return {
        "step_seconds": statistics.median(seconds[FIRST_STEPS:]),
        "tokens": rows * block,
        "matrix_weights": matrix_weights(model, vocabulary, width),
        "layers": layers,
        "context": block,
        "width": width,
    }


def torch_rate(
    vocabulary: int, embedding: int, units: int, rows: int, block: int, first_steps: int, steps: int
) -> dict[str, Any]:
    """Train torch's own modules eagerly on random ids; return tokens a second and parameters."""
    import torch
    from torch import nn

    table, recurrent = nn.Embedding(vocabulary, embedding), nn.LSTM(embedding, units, batch_first=True)
    head = nn.Linear(units, vocabulary)
    parameters = [one for module in (table, recurrent, head) for one in module.parameters()]
    optimiser = torch.optim.Adam(parameters)
    seconds = []
    for _ in range(first_steps + steps):
        ids_BT = torch.randint(vocabulary, (rows, block + 1))
        begin = time.perf_counter()
        logits_BTV = head(recurrent(table(ids_BT[:, :-1]))[0])
        loss = nn.functional.cross_entropy(logits_BTV.flatten(0, 1), ids_BT[:, 1:].flatten())
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        loss.item()
        seconds.append(time.perf_counter() - begin)
    count = sum(parameter.numel() for parameter in parameters)
    return _rates(seconds, first_steps, rows * block, count, "torch: Adam, eager")


def _rates(seconds: list[float], first: int, tokens: int, parameters: int, note: str) -> dict[str, Any]:
    """Return tokens a second by the median step after the first ones, and by all steps."""
    steady = tokens / statistics.median(seconds[first:])
    whole = tokens * len(seconds) / sum(seconds)
    return {"steady": steady, "whole": whole, "parameters": parameters, "note": note}


def keras_rate(
    vocabulary: int, embedding: int, units: int, rows: int, block: int, first_steps: int, steps: int
) -> dict[str, Any]:
    """Train the same model by Keras's `fit` on random ids; return tokens a second and parameters."""
    keras = importlib.import_module("keras")
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((block,), dtype="int32"),
            layers.Embedding(vocabulary, embedding),
            layers.LSTM(units, return_sequences=True),
            layers.Dense(vocabulary),
        ]
    )
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    times: list[float] = []

    class Clock(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
            times.append(time.perf_counter())

    total = first_steps + steps
    drawn = np.random.default_rng(0).integers(vocabulary, size=(total * rows, block + 1), dtype=np.int32)
    times.append(time.perf_counter())
    model.fit(drawn[:, :-1], drawn[:, 1:], batch_size=rows, epochs=1, verbose=0, callbacks=[Clock()])
    seconds = [after - before for before, after in pairwise(times)]
    note = f"Keras: Adam, fit, jit_compile={model.jit_compile}"
    return _rates(seconds, first_steps, rows * block, int(model.count_params()), note)


def huggingface(
    ids: str,
    out: str,
    rows: int,
    sizes: Mapping[str, int],
    seed: int,
    steps: int,
    rate: float | None = None,
    dropout: float | None = None,
) -> dict[str, Any]:
    """Train a GPT-2 by the Trainer, keep it in `out`, and return the nats of the validation ids in blocks.

    Rate and dropout are the library's own where none is given.
    """
    import torch

    transformers = importlib.import_module("transformers")
    transformers.set_seed(seed)
    model = transformers.GPT2LMHeadModel(_gpt2_config(transformers, sizes, dropout))
    block = sizes["positions"]
    train_N = torch.from_numpy(np.load(Path(ids) / "train.npy").astype(np.int64))
    blocks = train_N[: len(train_N) // block * block].view(-1, block)
    times: list[float] = []

    class Clock(transformers.TrainerCallback):  # type: ignore[misc, name-defined]
        def on_step_end(self, *about: Any, **more: Any) -> None:
            times.append(time.perf_counter())

    chosen = {} if rate is None else {"learning_rate": rate}
    arguments = transformers.TrainingArguments(
        output_dir=out,
        per_device_train_batch_size=rows,
        max_steps=steps,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=seed,
        **chosen,
    )
    data = [{"input_ids": row, "labels": row} for row in blocks]
    transformers.Trainer(model, arguments, train_dataset=data, callbacks=[Clock()]).train()
    nats, symbols = _score_gpt2(model, ids, block, block)
    model.save_pretrained(out)
    return {
        "nats": nats,
        "symbols": symbols,
        "parameters": model.num_parameters(),
        "step_seconds": _median_pause(times),
    }


def _median_pause(times: list[float]) -> float:
    pauses = [after - before for before, after in pairwise(times)]
    return statistics.median(pauses[FIRST_STEPS:] or pauses or [0.0])


def _gpt2_config(transformers: Any, sizes: Mapping[str, int], dropout: float | None) -> Any:
    words = {"resid_pdrop", "embd_pdrop", "attn_pdrop"} if dropout is not None else set()
    return transformers.GPT2Config(
        vocab_size=sizes["vocabulary"],
        n_positions=sizes["positions"],
        n_layer=sizes["layers"],
        n_embd=sizes["width"],
        n_head=sizes["heads"],
        bos_token_id=sizes["vocabulary"] - 1,
        eos_token_id=sizes["vocabulary"] - 1,
        **dict.fromkeys(words, dropout),
    )


def _score_gpt2(model: Any, ids: str, block: int, stride: int) -> tuple[float, int]:
    ids_N = np.load(Path(ids) / "valid.npy").astype(np.int64)
    return _score(model, lambda ids_BT, _: model(ids_BT).logits, ids_N, block, stride)


def huggingface_windows(ids: str, model: str, stride: int) -> dict[str, float]:
    """Return the nats of the validation ids by a stored GPT-2, in windows that begin every stride."""
    transformers = importlib.import_module("transformers")
    loaded = transformers.GPT2LMHeadModel.from_pretrained(model)
    nats, symbols = _score_gpt2(loaded, ids, loaded.config.n_positions, stride)
    return {"nats": nats, "symbols": symbols}


TASKS: dict[str, Callable[..., dict[str, Any]]] = {
    function.__name__: function
    for function in (
        versions,
        nanogpt_blocks,
        nanogpt_step,
        torch_rate,
        keras_rate,
        huggingface,
        huggingface_windows,
    )
}

if __name__ == "__main__":
    main()
