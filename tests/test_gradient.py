"""Learning by gradient: steps in parts, schedules, averages, what is learnt, and what is seen of it.

Axes: B rows, T positions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from anygram.codecs.bytes import BytesCodec
from anygram.data.corpus import EncodedCorpus, encode_corpus
from anygram.data.documents import Document
from anygram.errors import RunError, TrainingStopped, UsageError
from anygram.learning.gradient import Config, GradientLearner, memory
from anygram.learning.gradient.schedules import factor_at
from anygram.learning.gradient.sweeping import FALLBACK, SHARE, Sweep
from anygram.models import REGISTRY
from anygram.neural.language_model import NeuralLanguageModel
from anygram.protocols import Tensors
from tests.asking import SENTENCES

SMALL: dict[str, dict[str, Any]] = {
    "rnn": {"units": 8, "embedding": 5},
    "lstm": {"units": 8, "embedding": 5},
    "nnlm": {"units": 8, "embedding": 5, "order": 3},
    "transformer": {"width": 16, "heads": 2, "layers": 2, "context": 6},
}
CONFIG = {"rows": 4, "block": 8, "rate": 0.01, "warmup": 0.0, "schedule": "constant"}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> EncodedCorpus:
    documents = [Document(sentence) for sentence in SENTENCES * 2]
    return encode_corpus(documents, BytesCodec(), tmp_path_factory.mktemp("corpus"))


def model_of(name: str, **words: Any) -> NeuralLanguageModel:
    module = REGISTRY.load(name)
    model: NeuralLanguageModel = module.create(module.Config(**{**SMALL[name], **words}), 257, 0)
    return model


def learner_of(model: NeuralLanguageModel, **words: Any) -> GradientLearner:
    return GradientLearner(model, Config(**{**CONFIG, **words}), seed=1)


def learn(learner: GradientLearner, corpus: EncodedCorpus, steps: int, of: int = 100) -> list[dict[str, Any]]:
    """Take some steps, from the learner's own place, of so many that the budget has."""
    blocks = learner.batches(corpus)
    begun = learner._steps
    return [dict(learner.update(next(blocks), (begun + step) / of)) for step in range(steps)]


def gradients(learner: GradientLearner) -> dict[str, torch.Tensor]:
    return {name: weight.grad.clone() for name, weight in learner._weights.items() if weight.grad is not None}


def same(one: Tensors, other: Tensors) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


# A step in parts


@pytest.mark.parametrize(
    ("name", "parts"), [("lstm", 2), ("nnlm", 3), ("rnn", 4), ("transformer", 2), ("transformer", 3)]
)
def test_parts_add_up_to_the_whole_step(corpus: EncodedCorpus, name: str, parts: int) -> None:
    """Of padded blocks and of carried states too: a step's loss, gradient and weights are the same."""
    whole, parted = (learner_of(model_of(name), accumulate=number, clip=1e9) for number in (1, parts))
    steps = 30  # more than an epoch: the last block of one has padding
    for one, other in zip(learn(whole, corpus, steps), learn(parted, corpus, steps), strict=True):
        assert other["nats_per_symbol"] == pytest.approx(one["nats_per_symbol"], abs=1e-4)
        assert other["gradient_norm"] == pytest.approx(one["gradient_norm"], rel=2e-3)
    for name_, gradient in gradients(whole).items():
        torch.testing.assert_close(gradients(parted)[name_], gradient, rtol=1e-3, atol=1e-4)


def test_more_parts_than_rows_are_as_many(corpus: EncodedCorpus) -> None:
    learner = learner_of(model_of("lstm"), accumulate=100)
    learn(learner, corpus, 2)
    assert len(learner._states) == 4


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:118] . DefaultCPUAllocator: can't allocate memory: you"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."),
        MemoryError(),
    ],
)
def test_what_does_not_fit_is_read_in_parts(
    corpus: EncodedCorpus, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Whatever the error: rows are halved until they fit, and the step is the one of all rows."""
    model, other = model_of("lstm"), learner_of(model_of("lstm"), accumulate=4)
    learner, loss, tried = learner_of(model), NeuralLanguageModel.loss, []

    def small(self: NeuralLanguageModel, ids_BT: Any, *words: Any) -> Any:
        tried.append(len(ids_BT))
        if self is model and len(ids_BT) > 1 and learner._steps > 2:
            raise error
        return loss(self, ids_BT, *words)

    monkeypatch.setattr(NeuralLanguageModel, "loss", small)
    lines = learn(learner, corpus, 6)
    assert tried == [4, 4, 4, 4, 2, *[1] * 12]
    told = [line.get("message") for line in lines]
    assert told[3] is not None and told[:3] + told[4:] == [None] * 5
    assert "4 rows did not fit into memory: they are read in 2 parts from now on" in told[3]
    for one, two in zip(lines, learn(other, corpus, 6), strict=True):
        assert one["nats_per_symbol"] == pytest.approx(two["nats_per_symbol"], abs=1e-5)


def test_a_row_that_does_not_fit_ends_training(
    corpus: EncodedCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner = learner_of(model_of("lstm"))
    learn(learner, corpus, 2)

    def never(*words: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(NeuralLanguageModel, "loss", never)
    with pytest.raises(
        TrainingStopped, match=r"one row of 8 symbols does not fit .* at step 3; .* shorten block"
    ):
        learn(learner, corpus, 1)


def test_another_error_is_none_of_memory(corpus: EncodedCorpus, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*words: Any) -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(NeuralLanguageModel, "loss", broken)
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        learn(learner_of(model_of("lstm")), corpus, 1)


@given(st.integers(1, 50), st.integers(1, 60))
def test_parts_cover_the_rows_evenly(rows: int, parts: int) -> None:
    slices = memory.parts_of(rows, parts)
    covered = [row for part in slices for row in range(rows)[part]]
    sizes = {part.stop - part.start for part in slices}
    assert covered == list(range(rows)) and max(sizes) - min(sizes) <= 1 and min(sizes) >= 1


@pytest.mark.parametrize("style", ["modern", "classic"])
def test_layers_computed_again_give_the_same_gradients(corpus: EncodedCorpus, style: str) -> None:
    """To the bit, dropout too: the second pass draws what the first one drew."""
    models = [model_of("transformer", style=style, dropout=0.3) for _ in range(2)]
    found = []
    for model, on in zip(models, (False, True), strict=True):
        learner = learner_of(model, checkpointing=on)
        lines = learn(learner, corpus, 3)
        found.append((lines, gradients(learner)))
    assert found[0][0] == found[1][0]
    assert all(torch.equal(found[0][1][name], gradient) for name, gradient in found[1][1].items())


def test_a_model_without_layers_to_compute_again_refuses() -> None:
    with pytest.raises(UsageError, match="cannot compute its layers a second time; leave out checkpointing"):
        learner_of(model_of("lstm"), checkpointing=True)


# Schedules


@given(
    st.sampled_from(["cosine", "linear", "wsd", "constant"]),
    st.floats(0, 0.5),
    st.floats(0, 0.9),
    st.floats(0.01, 0.5),
)
def test_every_schedule_rises_to_one_and_falls_to_its_end(
    schedule: Any, warmup: float, final: float, decay_share: float
) -> None:
    config = Config(schedule=schedule, warmup=warmup, final_rate=final, decay_share=decay_share)
    moments = np.linspace(0, 1, 201)
    factors = np.array([factor_at(moment, config) for moment in moments])
    assert factor_at(warmup, config) == pytest.approx(1)
    rising, falling = factors[moments < warmup], factors[moments >= warmup]
    assert (np.diff(rising) > 0).all() and (np.diff(falling) <= 1e-12).all()
    assert 0 < factors.max() <= 1 + 1e-12 and factors.min() >= 0
    assert factor_at(1.0, config) == pytest.approx(1.0 if schedule == "constant" else final)
    assert factor_at(7.5, config) == factor_at(1.0, config)


def test_schedules_in_closed_form() -> None:
    halfway = {"cosine": 0.5, "linear": 0.5, "wsd": 1.0, "constant": 1.0}
    for schedule, factor in halfway.items():
        config = Config(schedule=schedule, warmup=0.2, final_rate=0.0, decay_share=0.25)  # type: ignore[arg-type]
        assert factor_at(0.6, config) == pytest.approx(factor)
        assert factor_at(0.1, config) == pytest.approx((0.5 + 0.01) / 1.01)
    config = Config(schedule="wsd", warmup=0.0, final_rate=0.1, decay_share=0.5)
    assert [factor_at(spent, config) for spent in (0.0, 0.5, 0.75, 1.0)] == pytest.approx([1, 1, 0.55, 0.1])


# The average of weights


def test_the_average_is_the_exponential_mean_of_the_weights(corpus: EncodedCorpus) -> None:
    """By its closed form: Σ β^(t−s) θ_s over its weights' sum."""
    model = model_of("lstm")
    learner = learner_of(model, average=0.8)
    seen: list[Tensors] = []
    for _ in range(9):
        learn(learner, corpus, 1)
        seen.append({name: array.astype(np.float64) for name, array in model.tensors().items()})
    share_S = 0.8 ** np.arange(8, -1, -1.0)
    with learner.shown():
        shown = model.tensors()
    for name, array in shown.items():
        mean = sum(share * theta[name] for share, theta in zip(share_S, seen, strict=True)) / share_S.sum()
        np.testing.assert_allclose(array, mean, atol=1e-6)
    assert same(model.tensors(), {name: array.astype(np.float32) for name, array in seen[-1].items()})


def test_without_an_average_the_model_is_shown_as_it_is(corpus: EncodedCorpus) -> None:
    model = model_of("lstm")
    learner = learner_of(model)
    learn(learner, corpus, 2)
    before = {name: array.copy() for name, array in model.tensors().items()}
    with learner.shown():
        assert same(model.tensors(), before)


# Going on


ALL_THAT_LASTS: list[dict[str, Any]] = [
    {},
    {"average": 0.9, "accumulate": 2},
    {"lora": 2},
    {"rate": "find"},
    {"freeze": "head.*", "carry": False},
    {"optimiser": "muon"},
]


@pytest.mark.parametrize("words", ALL_THAT_LASTS, ids=str)
@pytest.mark.parametrize("name", ["lstm", "nnlm", "transformer"])
def test_going_on_is_the_same_to_the_bit(corpus: EncodedCorpus, name: str, words: Mapping[str, Any]) -> None:
    """With dropout, within an epoch and across, whatever else the learner remembers."""
    steps, of = 30, 300
    model = model_of(name, dropout=0.2)
    whole = learner_of(model, **words)
    lines = learn(whole, corpus, steps, of)
    first = model_of(name, dropout=0.2)
    begun = learner_of(first, **words)
    found = learn(begun, corpus, 7, of)
    resumable = {key: np.array(array) for key, array in begun.tensors().items()}
    weights = {key: array.copy() for key, array in first.tensors().items()}
    torch.manual_seed(99)
    second = model_of(name, dropout=0.2)
    second.restore(weights)
    resumed = learner_of(second, **words)
    resumed.restore(resumable)
    found += learn(resumed, corpus, steps - 7, of)
    assert found == lines
    assert same(second.tensors(), model.tensors())
    assert same(resumed.tensors(), whole.tensors())


def _damage(name: str) -> Any:
    def change(tensors: Tensors) -> None:
        found = next(key for key in tensors if key.startswith(name))
        array = np.array(tensors.pop(found))
        if name == "position":
            tensors[found] = array.astype(np.float32)
        elif name.startswith("optimiser"):
            tensors[found] = array[..., None]
        else:
            tensors[found] = np.full(array.shape, np.nan, dtype=array.dtype)

    return change


def _lose(name: str) -> Any:
    def change(tensors: Tensors) -> None:
        del tensors[next(key for key in tensors if key.startswith(name))]

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_lose("position"), "position is missing"),
        (_lose("generator"), "cpu is missing"),
        (_lose("optimiser0.2"), "moments of some parameters are missing"),
        (_lose("average.body"), "is missing"),
        (_damage("position"), r"position holds float32, wanted torch.int64"),
        (_damage("progress"), "progress is not finite"),
        (_damage("optimiser0.0.exp"), r"has shape .*, wanted"),
        (_damage("state.1"), "1 is not finite"),
        (
            lambda tensors: tensors.update({"optimiser0.99.exp_avg": np.zeros(1)}),
            "moments of parameter 99, of",
        ),
    ],
)
def test_a_damaged_checkpoint_is_refused(corpus: EncodedCorpus, change: Any, message: str) -> None:
    learner = learner_of(model_of("lstm"), average=0.9)
    learn(learner, corpus, 2)
    tensors = dict(learner.tensors())
    change(tensors)
    with pytest.raises(RunError, match=message):
        learner_of(model_of("lstm"), average=0.9).restore(tensors)


# What is learnt


def test_frozen_weights_stay(corpus: EncodedCorpus) -> None:
    model = model_of("lstm")
    before = {name: array.copy() for name, array in model.tensors().items()}
    learner = learner_of(model, freeze="body.embedding.*, *.bias")
    learn(learner, corpus, 3)
    changed = {name for name, array in model.tensors().items() if not np.array_equal(array, before[name])}
    kept = {name for name in before if name.startswith("body.embedding.") or name.endswith(".bias")}
    assert changed == before.keys() - kept and len(kept) == 3
    figures = learner.finish()
    assert figures["learnt_parameters"] == sum(before[name].size for name in changed)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            {"freeze": "body.embeding.*"},
            r"no weights are named 'body.embeding.\*'; there are: body.embedding",
        ),
        ({"freeze": "*"}, "leaves nothing to learn"),
        ({"freeze": "*.weight,*.recurrent", "lora": 2}, "lora adapts matrices, and none is left"),
        ({"average": 1.0}, "average must be from 0 to below 1"),
        ({"patience": -1}, "patience must be at least 0"),
        ({"accumulate": 0}, "accumulate must be more than 0"),
        ({"schedule": "wsd", "warmup": 0.9}, "warmup and decay_share must add up to 1 at most"),
    ],
)
def test_wrong_settings_are_refused(words: Mapping[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        learner_of(model_of("lstm"), **words)


@pytest.mark.parametrize("name", sorted(SMALL))
def test_adapters_learn_what_autograd_would(corpus: EncodedCorpus, name: str) -> None:
    """A twin whose matrices are W⁰ + up down, by autograd: the factors' gradients are the same."""
    model = model_of(name)
    learner = learner_of(model, lora=3, clip=1e9)
    learn(learner, corpus, 3)
    adapters = learner._adapters
    assert adapters is not None
    batch = next(learner.batches(corpus))
    factors = {key: factor.detach().clone().requires_grad_() for key, factor in adapters.factors.items()}
    twin = {
        key: given + factors[f"{key}.up"] @ factors[f"{key}.down"] for key, given in adapters._given.items()
    }
    for key, weight in twin.items():
        torch.testing.assert_close(weight, adapters.adapted[key], rtol=1e-4, atol=1e-6)
    learner._states = []
    learner._differentiate(batch)
    for key, weight in twin.items():
        weight.backward(adapters.adapted[key].grad)  # type: ignore[no-untyped-call]
    for key, factor in factors.items():
        torch.testing.assert_close(adapters.factors[key].grad, factor.grad, rtol=1e-4, atol=1e-6)


def test_adapting_changes_matrices_alone_and_by_few_directions(corpus: EncodedCorpus) -> None:
    model = model_of("transformer")
    before = {name: array.copy() for name, array in model.tensors().items()}
    learn(learner_of(model, lora=2), corpus, 5)
    for name, array in model.tensors().items():
        if name.endswith("bias") or "embedding" in name:
            assert np.array_equal(array, before[name])
        else:
            singular = np.linalg.svd(array.astype(np.float64) - before[name], compute_uv=False)
            assert singular[1] > 1e-4 and singular[2] < 1e-6


# The rate


@pytest.mark.parametrize("lost", [6.0, float("nan")])
def test_a_found_rate_is_half_the_middle_of_the_plateau(lost: float) -> None:
    """Of losses that fall at step 20 and are lost at step 41: each shows what the step before it did."""
    weight = torch.zeros(3)
    sweep = Sweep({"w": weight})
    moments = np.linspace(0, SHARE, 50)
    for step, spent in enumerate(moments):
        sweep.note(sweep.rate_at(spent), 4.0 if step < 20 else 2.0 if step < 41 else lost)
        weight += 1
        if sweep.is_over(spent):
            break
    assert sweep.rates[0] == pytest.approx(1e-5) and len(sweep.rates) == 42
    middle = (sweep.rates[19] * sweep.rates[39]) ** 0.5
    step_up = sweep.rates[1] / sweep.rates[0]
    assert sweep.choose() == pytest.approx(middle / 2, rel=step_up**2 - 1)
    sweep.undo()
    assert torch.equal(weight, torch.zeros(3))


def test_too_few_steps_find_no_rate() -> None:
    sweep = Sweep({"w": torch.zeros(3)})
    for _ in range(5):
        sweep.note(1e-3, 1.0)
    assert sweep.choose() == FALLBACK


def test_looking_for_a_rate_leaves_nothing_behind(corpus: EncodedCorpus) -> None:
    """After it learning begins from the first weights, at the beginning of the schedule."""
    model = model_of("lstm")
    before = {name: array.copy() for name, array in model.tensors().items()}
    learner = learner_of(model, rate="find", warmup=0.1, schedule="linear")
    found, steps = "", 0
    while not found:
        steps += 1
        found = learn(learner, corpus, 1, of=1000)[0].get("message", "")
    assert steps <= 1000 * SHARE + 1 and found == f"rate={learner._rate:.2g}, found in {steps} steps"
    assert same(model.tensors(), before)
    rates = [line["rate"] for line in learn(learner, corpus, 300, of=1000)]
    assert max(rates) == pytest.approx(learner._rate, rel=0.02) and rates[0] < 0.1 * max(rates)
    assert learner.finish()["rate"] == learner._rate
    again = learner_of(model_of("lstm"), rate="find", warmup=0.1, schedule="linear")
    learn(again, corpus, steps, of=1000)
    assert again._rate == learner._rate


# What is seen


def test_a_watched_step_says_how_each_layer_fares(corpus: EncodedCorpus) -> None:
    model = model_of("transformer")
    learner = learner_of(model, clip=1e9)
    learn(learner, corpus, 2)
    before = {name: weight.detach().clone() for name, weight in learner._weights.items()}
    learner.watch()
    (line,) = learn(learner, corpus, 1)
    norms = line["gradient_norms"]
    assert np.sqrt(sum(norm**2 for norm in norms.values())) == pytest.approx(line["gradient_norm"], rel=1e-3)
    for name, weight in learner._weights.items():
        layer = name.removesuffix(".weight")
        if name.endswith("weight") and f"{layer}.bias" not in before:
            assert norms[layer] == pytest.approx(float(weight.grad.norm()), rel=1e-3)  # type: ignore[union-attr]
            ratio = float((weight.detach() - before[name]).norm() / before[name].norm())
            assert line["update_ratios"][layer] == pytest.approx(ratio, rel=1e-3)
    assert max(line["dead_units"].values(), default=0.0) < 0.1
    assert "gradient_norms" not in learn(learner, corpus, 1)[0]


def test_watching_changes_nothing(corpus: EncodedCorpus) -> None:
    one, other = model_of("lstm"), model_of("lstm")
    learn(learner_of(one), corpus, 4)
    watching = learner_of(other)
    for _ in range(4):
        watching.watch()
        learn(watching, corpus, 1)
    assert same(one.tensors(), other.tensors())


def _say(learner: GradientLearner, corpus: EncodedCorpus, steps: int) -> str:
    """Return all that a learner says in so many watched steps."""
    said = []
    for _ in range(steps):
        learner.watch()
        said += [line.get("message", "") for line in learn(learner, corpus, 1, of=1000)]
    return "".join(said)


def test_dead_units_are_counted_and_told(corpus: EncodedCorpus) -> None:
    model = model_of("transformer", style="classic")
    for name, parameter in model.module().named_parameters():
        if name == "body.layers.1.expand.bias":
            parameter.data[:48] = -1e4  # rectified away, whatever is read
    learner = learner_of(model)
    learner.watch()
    (line,) = learn(learner, corpus, 1)
    assert line["dead_units"]["body.layers.1.expand"] == pytest.approx(0.75, abs=0.1)
    assert _say(learner, corpus, 5).count("% of the units of body.layers.1.expand pass no gradient on") == 1


def test_vanishing_gradients_are_told(corpus: EncodedCorpus) -> None:
    model = model_of("rnn", layers=4)
    for name, parameter in model.module().named_parameters():
        if name.endswith("input.bias"):
            parameter.data += 5  # tanh' is 2e-4 there
    said = _say(learner_of(model, rate=1e-9), corpus, 5)
    assert said.count("the gradients vanish: at body.layers.0") == 1 and "use fewer layers" in said


def test_exploding_gradients_are_told(corpus: EncodedCorpus) -> None:
    said = _say(learner_of(model_of("rnn"), clip=1e-3, rate=1e-9), corpus, 120)
    assert said.count("the gradients explode: their norm is about") == 1 and "lower rate, or shorten" in said


def test_a_jump_of_the_norm_is_told(corpus: EncodedCorpus) -> None:
    watch = learner_of(model_of("rnn"))._watch
    for norm in [0.5] * 60 + [2.0] * 20:
        watch.note(norm)
    assert watch.warnings() == []
    watch.note(400.0)
    (warning,) = watch.warnings()
    assert "the norm of the gradient jumped from about 1 to 4e+02" in warning and "lower rate" in warning
    watch.note(1e9)
    assert watch.warnings() == []  # once is enough


def test_ordinary_learning_is_not_warned_of(corpus: EncodedCorpus) -> None:
    for name in SMALL:
        assert _say(learner_of(model_of(name), clip=1.0), corpus, 60) == ""


def test_a_text_shorter_than_a_step_is_told(corpus: EncodedCorpus) -> None:
    learner = learner_of(model_of("lstm"), block=4096)
    (line,) = learn(learner, corpus, 1)
    block = corpus.symbols // 4
    told = f"the text has {corpus.symbols} symbols: a step reads 4 rows of {block}, not 4 of 4096"
    assert line["message"] == told
