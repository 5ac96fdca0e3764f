"""The one training loop: documents, a plan, a budget; out comes a run folder.

The loop asks the learner for batches and hands them back; whether that is counting or a gradient
step it never asks. The clock of the budget runs from the first batch to the last update, with
validation and checkpoints inside it; while a kernel is compiled, once on every machine, it stands still.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from anygram import bytewise, codecs, models, runs, settings, storage
from anygram.budgets import Budget
from anygram.codecs._labels import Labels
from anygram.conditioning import lengths
from anygram.data.corpus import EncodedCorpus
from anygram.data.documents import Documents
from anygram.data.preparation import FINGERPRINTS
from anygram.data.splitting import Splits
from anygram.errors import RunError, UsageError
from anygram.learning import counting, learner_for
from anygram.learning.group import Group, joined, require_alike
from anygram.protocols import Bounded, Codec, Differentiable, Extendable, LanguageModel, Tensors
from anygram.reporting.progress import Progress, Silent
from anygram.runs import Record, StoredRun
from anygram.training import members, probing, space, validation
from anygram.training.encoding import Encoded, corpus_of, encode, fitted, fitted_condition
from anygram.training.plan import (
    DEFAULT_CODEC,
    SHARED,
    Plan,
    beside,
    check,
    chosen_by,
    configs_of,
    default_codec,
    default_valid,
    learner_setting,
    reads_once,
    source_codec_of,
    source_settings_of,
)
from anygram.training.probing import Probe, Suggested
from anygram.training.session import Session, snapshot
from anygram.training.space import space_of
from anygram.training.validation import of_known_labels

__all__ = [
    "DEFAULT_CODEC",
    "Encoded",
    "Plan",
    "beside",
    "check",
    "check_out",
    "default_codec",
    "default_valid",
    "encode",
    "of_known_labels",
    "reads_once",
    "recorded_valid",
    "space_of",
    "train",
]

SUGGESTION_SYMBOLS = 1 << 18


def train(
    plan: Plan,
    splits: Splits,
    data: Mapping[str, Any],
    *,
    out: Path,
    workspace: Path,
    resume: bool = False,
    progress: Progress | None = None,
    encoded: Encoded | None = None,
) -> Record:
    """Train what the plan says on the splits and write the run folder `out`; return its record.

    `data` describes the source and goes into the record; `workspace` is a folder for temporary
    files. With `resume` the run in `out` goes on from its last checkpoint. `encoded` is what `encode`
    returned for the same splits and codec, where it is there already. Of several processes that
    torchrun started only the first returns; the others leave when it has all it needs.
    """
    progress = progress or Silent()
    check_out(out, resume)
    with joined() as group:
        begin = _resumed if resume else _fresh
        session = begin(plan, splits, data, out, workspace, progress, group, encoded)
        session.learn()
        return session.finish(splits)


def recorded_valid(out: Path, units: int) -> str:
    """Return the validation split that the run in `out` was begun with, whatever the data's units."""
    return str(runs.read_record(out).data["valid"])


def check_out(out: Path, resume: bool) -> None:
    """Raise where `out` is in the way, or, with `resume`, where there is nothing to resume."""
    if resume:
        if not (out / "run.toml").is_file():
            raise RunError(f"{out} holds no run to resume; leave --resume out to begin one")
    elif out.is_file():
        raise UsageError(f"--out {out} is a file; name a folder that does not exist yet")
    elif out.is_mount():
        raise UsageError(f"--out {out} is a mount point, which cannot be replaced; name a folder inside it")
    elif out.is_dir() and any(out.iterdir()):
        what = "a run" if (out / "run.toml").is_file() else "files that are no run"
        remedy = "pass --resume to go on with it, or " if what == "a run" else ""
        raise UsageError(f"--out {out} already holds {what}; {remedy}name another folder")
    storage.require_writable(out)


def _fresh(
    plan: Plan,
    splits: Splits,
    data: Mapping[str, Any],
    out: Path,
    workspace: Path,
    progress: Progress,
    group: Group,
    encoded: Encoded | None,
) -> Session:
    module = models.REGISTRY.load(plan.model)
    codec_module = codecs.REGISTRY.load(plan.codec)
    chosen = chosen_by(plan)
    folder = workspace / "train"
    _check_learner(plan, splits)
    base = runs.read(plan.base) if plan.base else None
    members.check_unread(plan.members, data, plan.seed)
    combined = members.read(plan.members)
    codec_values = base.record.codec_settings if base else chosen["codec"]
    codec_config = settings.build(codec_module.Config, codec_values)
    codec = base.codec if base else members.codec_for(combined.values())
    codec = codec or (encoded.codec if encoded else fitted(plan, codec_config, splits, progress))
    require_alike(group, "the codec", codec.to_json())
    condition_codec = encoded.condition_codec if encoded else _condition_codec(plan, base, codec, splits)
    learnt = _learnt_from(plan, splits)
    corpus = encoded.corpus if encoded else corpus_of(learnt, codec, folder, progress, condition_codec)
    require_alike(group, "the text", {"symbols": corpus.symbols})
    (config, learner_values), probe = _suggested(plan, corpus, codec.vocabulary_size, group, progress)
    config, learner_values = space.moved(plan, config, learner_values)
    config = settings.build(module.Config, group.follow(settings.to_words(config)))
    learner_values = group.follow(learner_values)
    if base:
        config = settings.build(module.Config, base.record.model_settings)
    config = settings.build(module.Config, chosen["model"], config)
    inner = {name: bytewise.over(codec, run.codec, run.model) for name, run in combined.items()}
    condition = _condition(plan, condition_codec, corpus)
    given = runs.given_by(condition)
    model = models.create(plan.model, config, codec.vocabulary_size, plan.seed, inner, given)
    _limit_memory(model, plan, workspace)
    if base:
        _go_on_from(base, model, config, plan)
    learner = learner_for(model, chosen["learner"], plan.seed, learner_values, group, plan.budget.seconds)
    record = Record(
        codec=plan.codec,
        codec_settings=settings.to_words(codec_config),
        model=plan.model,
        model_settings=settings.to_words(config),
        vocabulary_size=codec.vocabulary_size,
        learner_settings=settings.to_words(learner.config),
        budget=_limits(plan.budget),
        seed=plan.seed,
        data={**data, "symbols": corpus.symbols, **_origins(plan)},
        condition=condition,
        probe=probe.to_json() if probe else {},
    )
    valid = validation.sample(splits.valid, codec, condition_codec) if learner.validates else None
    run = StoredRun(record, codec, model, dict(zip(combined, plan.members, strict=True)), condition_codec)
    return Session(run, learner, corpus, valid, plan.budget, out, progress, group)


def _resumed(
    plan: Plan,
    splits: Splits,
    data: Mapping[str, Any],
    out: Path,
    workspace: Path,
    progress: Progress,
    group: Group,
    encoded: Encoded | None,
) -> Session:
    stored = runs.read(out)
    record = stored.record
    _check_resumable(plan, record, data, out)
    tensors = runs.read_training(out)
    documents, folder = _learnt_from(plan, splits), workspace / "train"
    corpus = (
        encoded.corpus
        if encoded
        else corpus_of(documents, stored.codec, folder, progress, stored.condition_codec)
    )
    best = snapshot(stored.model)
    _limit_memory(stored.model, plan, workspace)
    with runs.explaining_damage(out / "training.safetensors"):
        stored.model.restore(_under("model.", tensors))
        learner = learner_for(
            stored.model, record.learner_settings, record.seed, group=group, budget=plan.budget.seconds
        )
        learner.restore(_under("learner.", tensors))
        next_validation = tuple(tensors["session.next_validation"].tolist())
    valid = None
    if learner.validates:
        valid = validation.sample(splits.valid, stored.codec, stored.condition_codec)
    same_budget = record.budget == _limits(plan.budget)
    record = replace(record, budget=_limits(plan.budget), status="training", figures={})
    run = replace(stored, record=record)
    session = Session(run, learner, corpus, valid, plan.budget, out, progress, group)
    session.go_on(runs.read_metrics(out), best, next_validation if same_budget else None)
    return session


def _condition_codec(plan: Plan, base: StoredRun | None, codec: Codec, splits: Splits) -> Codec | None:
    """Return the codec of what is given of documents: that of a run to go on from, or one fitted now."""
    return base.condition_codec if base else fitted_condition(plan, codec, splits)


def _condition(plan: Plan, codec: Codec | None, corpus: EncodedCorpus) -> dict[str, Any]:
    """Return what the record says of that which is given of documents."""
    if codec is None:
        return {}
    described = {"kind": plan.given, "vocabulary_size": codec.vocabulary_size}
    if plan.given == "label":
        assert isinstance(codec, Labels)
        return {**described, "codec": runs.LABELS, "classifier": _classifier(plan, codec)}
    shared = {"shared": True} if plan.source_codec == SHARED else {}
    assert corpus.conditions is not None
    limit = lengths.learn(corpus.conditions.lengths_D, np.diff(corpus.offsets_D1) - 1)
    return {
        **described,
        "codec": source_codec_of(plan),
        "settings": source_settings_of(plan),
        **shared,
        "longest_target": asdict(limit),
    }


def _classifier(plan: Plan, labels: Labels) -> dict[str, Any]:
    """Return what the record says of how labels are told apart: whether several at once, by what."""
    if "classifier" not in configs_of(plan):
        return {"multiple": labels.multiple}
    head = settings.build(configs_of(plan)["classifier"], chosen_by(plan)["classifier"])
    return {"multiple": labels.multiple, **settings.to_words(head)}


def _learnt_from(plan: Plan, splits: Splits) -> Documents:
    """Return the training part; runs are combined by the part that none of them has read."""
    return splits.valid if plan.members else splits.train


def _origins(plan: Plan) -> dict[str, Any]:
    """Return what the record says of the runs that the plan begins with."""
    base = {"from": str(plan.base)} if plan.base else {}
    return base | ({"members": [str(path) for path in plan.members]} if plan.members else {})


def _limit_memory(model: LanguageModel, plan: Plan, workspace: Path) -> None:
    if plan.memory is not None:
        assert isinstance(model, Bounded), "plan.check refuses others"
        model.limit_memory(plan.memory, workspace / "arrays")


def _go_on_from(base: StoredRun, model: LanguageModel, config: Any, plan: Plan) -> None:
    """Let the model begin with what a run has learnt; UsageError where it cannot."""
    if isinstance(model, Extendable):
        model.extend(base.model.tensors())
    elif not isinstance(model, Differentiable):
        raise UsageError(f"{plan.model} cannot go on from a run; leave out --from")
    elif config != settings.build(type(config), base.record.model_settings):
        raise UsageError(f"--from keeps the settings of {plan.base}; leave out --set for its model")
    else:
        model.restore(base.model.tensors())


def _check_learner(plan: Plan, splits: Splits) -> None:
    """Raise UsageError where the learner is told to do what these data, or an untrained model, rule out."""
    if not plan.base and learner_setting(plan, "lora", 0):
        raise UsageError("lora learns beside what a run has learnt; name that run with --from")
    if learner_setting(plan, "patience", 0) and not len(splits.valid):
        raise UsageError("patience needs a validation split; leave out --valid none")


def _check_resumable(plan: Plan, record: Record, data: Mapping[str, Any], out: Path) -> None:
    """Raise RunError where the run in `out` is another than the plan's, or has nothing left to do."""
    recorded_prints = [name for name in FINGERPRINTS if name in record.data]
    pairs = ("label_field", "target_field", "targets")
    keys = (*recorded_prints, "bytes", "documents", "valid", "test", "members", *pairs)
    if differing := _differences(record.data, {**data, **_origins(plan)}, keys):
        raise RunError(
            f"{out} was trained on other data ({differing}); resume with the same sources and options"
        )
    names = ("model", "codec", "seed")
    if differing := _differences(asdict(record), asdict(plan), names):
        raise RunError(
            f"{out} is a {record.model} over {record.codec} with seed {record.seed}; resume with the same "
            f"({differing})"
        )
    classifier = record.condition.get("classifier", {})
    _check_sources_resumable(plan, record, out)
    recorded = {
        "model": record.model_settings,
        "learner": record.learner_settings,
        "codec": record.codec_settings,
        "source": record.condition.get("settings", {}),
        "classifier": {key: value for key, value in classifier.items() if key != "multiple"},
    }
    chosen = chosen_by(plan)
    for place, config in configs_of(plan).items():
        begun = settings.build(config, recorded[place])
        wanted = settings.to_words(settings.build(config, chosen[place], begun))
        if differing := _differences(settings.to_words(begun), wanted, tuple(wanted)):
            raise RunError(
                f"{out} was begun with other settings of its {place} ({differing}); resume without --set"
            )
    if record.status == "finished":
        if configs_of(plan)["learner"] is counting.Config:
            raise RunError(f"{out} has read all its data, once is all it takes; train a new run on more")
        spent = {name: record.spent[name] for name in ("seconds", "symbols", "epochs", "steps")}
        if plan.budget.spent(**spent) >= 1:
            raise RunError(f"{out} has spent its budget; give a larger --budget to go on")
        patience = record.learner_settings.get("patience", 0)
        if 0 < patience <= record.spent.get("validations_since_best", 0):
            raise RunError(
                f"{out} stopped early, with its patience={patience} spent; train a new run on more"
            )


def _check_sources_resumable(plan: Plan, record: Record, out: Path) -> None:
    """Raise RunError where sources are to be in another codec than the run was begun with."""
    if plan.source_codec is None:
        return
    begun = SHARED if record.condition.get("shared") else record.condition["codec"]
    if begun != plan.source_codec:
        raise RunError(
            f"{out} was begun with sources over {begun}; resume with the same, or leave out --source-codec"
        )


def _differences(begun: Mapping[str, Any], wanted: Mapping[str, Any], keys: Iterable[str]) -> str:
    """Return which of these keys differ, each as "key was OLD, now NEW"; nothing where none does."""
    pairs = ((key, begun.get(key), wanted.get(key)) for key in keys)
    return ", ".join(f"{key} was {old}, now {new}" for key, old, new in pairs if old != new)


def _limits(budget: Budget) -> dict[str, Any]:
    return {name: limit for name, limit in asdict(budget).items() if limit is not None}


def _under(prefix: str, tensors: Tensors) -> Tensors:
    return {name.removeprefix(prefix): array for name, array in tensors.items() if name.startswith(prefix)}


def _suggested(
    plan: Plan, corpus: EncodedCorpus, vocabulary_size: int, group: Group, progress: Progress
) -> tuple[Suggested, Probe | None]:
    """Return the defaults for this much data and time on this machine; a mixture's are for its members."""
    module = models.REGISTRY.load(plan.model)
    if not hasattr(module, "suggest"):
        return (module.Config(), {}), None
    sample_ids = np.asarray(corpus.ids[:SUGGESTION_SYMBOLS])
    given = 0 if corpus.conditions is None else len(corpus.conditions.ids_N)

    def suggest(budget: Budget) -> Suggested:
        suggested: Suggested = module.suggest(sample_ids, corpus.symbols + given, vocabulary_size, budget)
        return suggested

    if group.size > 1 or plan.members or given:
        return suggest(plan.budget), None
    return probing.suited(plan.model, suggest, corpus, vocabulary_size, plan.budget, progress)
