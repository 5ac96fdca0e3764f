"""What to train: names, settings and budget, read and checked before any work is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from anygram import codecs, models, processes, runs, settings
from anygram.budgets import Budget
from anygram.errors import UnknownName, UsageError
from anygram.learning import config_of
from anygram.protocols import Bounded, Differentiable, LanguageModel
from anygram.spaces import Drawn
from anygram.training import members

DEFAULT_CODEC = "bpe"
"""Byte pairs: lossless for any text, and shorter than characters, so that a budget reads more. n-grams are
about as good over either; networks are better over byte pairs in equal time (an LSTM, 20 s, the last ninth
of the first nine tenths of tinyshakespeare: 2.11 bits per byte, over characters 2.20)."""


SHARED = "shared"
"""The codec of sources that is the documents' own, fitted on both."""
_PASSES_THAT_OVERFIT = 10
# what networks of the suggested sizes read on two cores, over byte pairs
_BYTES_A_SECOND, _BYTES_A_SYMBOL, _SYMBOLS_A_STEP = 50e3, 2.5, 1024


@dataclass(frozen=True)
class Plan:
    """What to train: names, settings by key (`--set`), budget, seed; how many bytes of memory to use.

    `base` is a run to go on from: its codec and its model as they are. `members` are runs to combine. `drawn`
    says how far from what is suggested it shall be (`training.space`).

    `given` is what is given of documents, "label", "source" or nothing. Sources are written by
    `source_codec`, by default one like that of the documents; "shared" is one and the same.
    """

    model: str
    codec: str = DEFAULT_CODEC
    values: Mapping[str, Any] = field(default_factory=dict)
    budget: Budget = field(default_factory=lambda: Budget(seconds=600))
    seed: int = 0
    memory: int | None = None
    base: Path | None = None
    members: tuple[Path, ...] = ()
    drawn: Drawn = field(default_factory=dict)
    given: str = ""
    source_codec: str | None = None

    def __post_init__(self) -> None:
        settings.check_seed(self.seed)
        if self.source_codec and self.given != "source":
            raise UsageError("--source-codec is for --target-field or --targets; name one, or leave it out")


def default_codec(model: str) -> str:
    """Return the codec where none is named: the model's own choice, its module's `CODEC`, else byte pairs."""
    return getattr(models.REGISTRY.load(model), "CODEC", DEFAULT_CODEC)


def default_valid(plan: Plan, units: int) -> str:
    """Return the validation split to use where none is asked for: a twentieth, if learning needs one.

    Counting needs none. A gradient needs one to stop by where the budget may read the data so often
    that it learns them by heart; else the annealed end of training is the best, and a split by position
    would withhold what stands nearest to the test part. `units` are the data's bytes. Runs are combined
    by what they held back. Labels need one to fit how sure a classifier may be.
    """
    if plan.members:
        return members.valid_of(plan.members)
    if plan.given == "label":
        return "0.1"
    if reads_once(plan):
        return "none"
    if learner_setting(plan, "patience", 0):
        return "0.05"
    bytes_of = {
        "seconds": _BYTES_A_SECOND,
        "symbols": _BYTES_A_SYMBOL,
        "steps": _SYMBOLS_A_STEP * _BYTES_A_SYMBOL,
        "epochs": float(units),
    }
    limits = {name: limit for name, limit in asdict(plan.budget).items() if limit is not None}
    passes = min(limit * bytes_of[name] for name, limit in limits.items()) / max(1, units)
    return "0.05" if passes > _PASSES_THAT_OVERFIT else "none"


def reads_once(plan: Plan) -> bool:
    """Return whether the plan's model reads its text once, however large the budget is."""
    return not isinstance(_untrained(plan), Differentiable)


def _untrained(plan: Plan) -> LanguageModel:
    """Return a model of the plan's kind: any will do to learn which kind of learner it has."""
    module = models.REGISTRY.load(plan.model)
    if models.needs_condition(plan.model):
        encoder: LanguageModel = module.create_conditional(module.Config(), 4, 4, plan.seed)
        return encoder
    model: LanguageModel = module.create(module.Config(), 4, plan.seed)
    return model


def sort_settings(values: Mapping[str, Any], places: Mapping[str, list[str]]) -> dict[str, dict[str, Any]]:
    """Return settings by place: `rate=…` goes where that key is, `codec.size=…` where it says.

    UnknownName for a key that no place has; UsageError for one that several have.
    """
    sorted_: dict[str, dict[str, Any]] = {place: {} for place in places}
    for key, value in values.items():
        place, dot, rest = key.partition(".")
        if dot and place in places:
            if rest not in places[place]:
                raise UnknownName(f"{place} setting", rest, places[place])
            sorted_[place][rest] = value
            continue
        found = [place for place, keys in places.items() if key in keys and place != "source"]
        if not found and key in places.get("source", []):
            found = ["source"]
        if not found:
            raise UnknownName("setting", key, {key for keys in places.values() for key in keys})
        if len(found) > 1:
            ways = " or ".join(f"{group}.{key}" for group in found)
            raise UsageError(f"'{key}' is a setting of {' and '.join(found)}; write {ways}")
        sorted_[found[0]][key] = value
    return sorted_


def check(plan: Plan) -> None:
    """Raise for an unknown name or a setting out of range before any work is done."""
    chosen = chosen_by(plan)
    for place, config in configs_of(plan).items():
        settings.build(config, chosen[place])
    members.check(plan.model, plan.members, plan.codec)
    if models.needs_condition(plan.model) and not plan.given:
        raise UsageError(
            f"{plan.model} predicts a text from another one; name its field with --target-field, or --targets"
        )
    if reads_once(plan):
        processes.require_one(f"{plan.model} learns by counting, which")
    if plan.memory is not None and not isinstance(_untrained(plan), Bounded):
        raise UsageError(f"{plan.model} cannot keep to an amount of memory; leave out --memory")
    if plan.base is not None and chosen["codec"]:
        raise UsageError(
            f"--from keeps the codec of {plan.base}; leave out --set {next(iter(chosen['codec']))}"
        )


def beside(plan: Plan) -> tuple[str, ...]:
    """Return the fields of the data that the plan's codec reads into the sides: most read none.

    A run to go on from, or one to combine over the same codec, has read them already.
    """
    known = (plan.base,) if plan.base else plan.members
    for record in map(runs.read_record, known):
        if record.codec == plan.codec:
            return tuple(record.data.get("beside", ()))
    config = settings.build(configs_of(plan)["codec"], chosen_by(plan)["codec"])
    return getattr(config, "beside", ())


def configs_of(plan: Plan) -> dict[str, type[Any]]:
    """Return what holds the settings of the plan's model, learner and codec."""
    configs = {
        "model": models.REGISTRY.load(plan.model).Config,
        "learner": config_of(_untrained(plan)),
        "codec": codecs.REGISTRY.load(plan.codec).Config,
    }
    if plan.given == "source" and plan.source_codec != SHARED:
        configs["source"] = codecs.REGISTRY.load(source_codec_of(plan)).Config
    if plan.given == "label" and not (reads_once(plan) or models.needs_condition(plan.model)):
        from anygram.neural import classifying  # imports torch

        configs["classifier"] = classifying.Config
    return configs


def source_codec_of(plan: Plan) -> str:
    """Return the name of the codec that writes sources."""
    return plan.codec if plan.source_codec in (None, SHARED) else str(plan.source_codec)


def source_settings_of(plan: Plan) -> dict[str, Any]:
    """Return the settings of the sources' codec: those of the documents' own where it is one like it."""
    chosen = chosen_by(plan)
    alike = source_codec_of(plan) == plan.codec
    return {**(chosen["codec"] if alike else {}), **chosen.get("source", {})}


def learner_setting(plan: Plan, key: str, default: Any) -> Any:
    """Return a setting of the plan's learner, by its type; the default where that learner has none."""
    return getattr(settings.build(configs_of(plan)["learner"], chosen_by(plan)["learner"]), key, default)


def chosen_by(plan: Plan) -> dict[str, dict[str, Any]]:
    """Return the plan's settings by place: model, learner, codec, and source or classifier where it has."""
    return sort_settings(plan.values, {place: settings.keys(c) for place, c in configs_of(plan).items()})
