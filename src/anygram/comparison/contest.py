"""Who competes on what, under which budget: asked once, written down, and the same when it is resumed."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from anygram import codecs, models, storage, training
from anygram.budgets import Budget
from anygram.comparison import metrics
from anygram.comparison.search import check as check_search
from anygram.data.preparation import FINGERPRINTS, DataOptions
from anygram.errors import RunError, UnknownName, UsageError
from anygram.settings import check_seed

Preference = Literal["quality", "speed", "memory", "latency"]
FILE = "contest.json"
FORMAT = 1
SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2)
"""Of the training part, for learning curves, whose last point is the whole."""


@dataclass(frozen=True)
class Contestant:
    """A model over a codec, with settings of its own by key; `who` names it, and its run folder."""

    model: str
    codec: str = training.DEFAULT_CODEC
    values: Mapping[str, Any] = field(default_factory=dict)
    swept: tuple[str, ...] = ()
    """Which of the values tell it from others of its model."""

    @property
    def who(self) -> str:
        """The name of its row and of its run folder."""
        return "-".join([self.model, self.codec, *(f"{key}={self.values[key]}" for key in self.swept)])


@dataclass(frozen=True)
class Contest:
    """What is compared and how; equal contests on equal data give equal tables."""

    contestants: tuple[Contestant, ...]
    options: DataOptions
    budget: Budget = field(default_factory=lambda: Budget(seconds=300))
    seed: int = 0
    adapt: bool = False
    """Whether each model is measured a second time, going on to learn while it reads."""
    prefer: Preference = "quality"
    third: bool = False
    """Whether everyone is trained with a third of the budget too."""
    again: bool = False
    """Whether everyone is trained once more, with another seed."""
    curves: bool = False
    """Whether everyone is trained on shares of the data too."""
    search: int = 0
    """How many trials within its budget each has to find its settings; 0: they are as suggested."""
    metric: str = ""
    """The figure of a task that is ranked by, of `metrics.METRICS`; bits per byte where none is named."""
    horizon: int | None = None
    """How many values ahead a metric of series looks; a season where it is left out."""
    texts: bool = True
    """Whether reports and findings may quote the data and name their sources."""

    def __post_init__(self) -> None:
        check_seed(self.seed)
        if self.prefer not in get_args(Preference):
            raise UsageError(
                f"--prefer must be one of {', '.join(get_args(Preference))}, got '{self.prefer}'"
            )

    def check(self) -> None:
        """Raise for an unknown name or a setting out of range, before any work is done."""
        metrics.check(self.metric, self.horizon, self.options)
        by_bits = [name for name in ("third", "again", "curves") if getattr(self, name)]
        if self.metric and by_bits:
            raise UsageError(
                f"--{by_bits[0]} goes by bits per byte and not by --metric {self.metric}; leave out one"
            )
        if self.adapt and self.options.reading().given:
            raise UsageError(
                "what learns while it reads is told of no labels and sources; leave out --adapt or the field"
            )
        for one in self.contestants:
            training.check(self.plan(one))
        if self.search:
            check_search(self.search, self.budget, self.options.valid)

    def searches(self, one: Contestant) -> bool:
        """Return whether settings are searched for this one: its model may have none to choose."""
        return self.search > 0 and bool(training.space_of(self.plan(one)))

    def plan(self, one: Contestant) -> training.Plan:
        """Return what to train for a contestant."""
        given = self.options.reading().given
        return training.Plan(one.model, one.codec, one.values, self.budget, self.seed, given=given)

    def write(self, folder: Path, fingerprints: Mapping[str, str]) -> None:
        """Write down what is compared, on data of these fingerprints, by their names."""
        storage.write_json(folder / FILE, {"format": FORMAT, **fingerprints, **asdict(self)})

    def command(self, out: Path) -> str:
        """Return the command line that does all this anew."""
        words = ["anygram", "compare", *self.options.sources]
        words += ["--models", ",".join(dict.fromkeys(f"{one.model}:{one.codec}" for one in self.contestants))]
        words += ["--budget", self.budget.to_words(), "--seed", str(self.seed), "--test", self.options.test]
        named = {
            "documents": self.options.documents,
            "text-field": self.options.text_field,
            "label-field": self.options.label_field,
            "target-field": self.options.target_field,
            "targets": self.options.targets,
            "valid": self.options.valid,
            "on-bad-record": None if self.options.on_bad_record == "fail" else self.options.on_bad_record,
            "search": str(self.search) if self.search else None,
            "metric": self.metric or None,
            "horizon": None if self.horizon is None else str(self.horizon),
            "prefer": None if self.prefer == "quality" else self.prefer,
        }
        for name, value in named.items():
            words += [] if value is None else [f"--{name}", value]
        for key, tried in self._values().items():
            words += ["--set" if len(tried) == 1 else "--sweep", f"{key}={','.join(tried)}"]
        words += [f"--{name}" for name in ("adapt", "third", "again", "curves") if getattr(self, name)]
        words += [] if self.texts else ["--no-texts"]
        return shlex.join([*words, "--out", str(out)])

    def _values(self) -> dict[str, list[str]]:
        """Return the settings by MODEL.KEY, each with the values it has."""
        values: dict[str, list[str]] = {}
        for one in self.contestants:
            for key, value in one.values.items():
                tried = values.setdefault(f"{one.model}.{key}", [])
                if str(value) not in tried:
                    tried.append(str(value))
        return values

    def joined_by(self, more: tuple[Contestant, ...]) -> Contest:
        """Return the contest with more contestants; UsageError for one that takes part already."""
        known = {one.who for one in self.contestants}
        for one in more:
            if one.who in known:
                raise UsageError(f"{one.who} takes part already; --resume goes on with it")
            kind, compared = codecs.kind_of(one.codec), self.options.kind
            if one.codec != "bytes" and kind != compared:
                raise UsageError(
                    f"{one.codec} is for {kind}, and this comparison is of {compared}; begin another"
                )
            if one.codec != "bytes" and training.beside(self.plan(one)) != self.options.beside:
                raise UsageError(f"{one.who} reads other covariates than this comparison does; begin another")
        return replace(self, contestants=(*self.contestants, *more))


def share_name(share: float, who: str) -> str:
    """Return what the work of training a contestant on a share of the data is called.

    >>> share_name(1 / 16, "lstm-bytes"), share_name(1.0, "lstm-bytes")
    ('share-16/lstm-bytes', 'lstm-bytes')
    """
    return who if share == 1 else f"share-{round(1 / share)}/{who}"


def read(folder: Path) -> tuple[Contest, dict[str, str]]:
    """Return the contest in a folder, and its data's fingerprints; RunError where there is none."""
    if not (folder / FILE).is_file():
        raise RunError(
            f"{folder} holds no comparison (it has no {FILE}); begin one without --resume or --add"
        )
    stored = storage.read_json(folder / FILE)
    if stored.pop("format", 0) > FORMAT:
        raise RunError(f"{folder} was written by a later anygram; upgrade anygram")
    try:
        own, *of_parts = FINGERPRINTS
        names = [own, *(name for name in of_parts if name in stored)]
        fingerprints = {name: str(stored.pop(name)) for name in names}
        options = stored.pop("options")
        known = [Contestant(**{**one, "swept": tuple(one["swept"])}) for one in stored.pop("contestants")]
        contest = Contest(
            contestants=tuple(known),
            options=DataOptions(
                **{**options, **{name: tuple(options.get(name, ())) for name in ("sources", "beside")}}
            ),
            budget=Budget(**stored.pop("budget")),
            **stored,
        )
    except (TypeError, KeyError) as error:
        raise RunError(f"{folder / FILE}: {error}; the file is damaged, compare anew") from error
    return contest, fingerprints


def begun(who: tuple[Contestant, ...], named: Mapping[str, Any]) -> Contest:
    """Return a new contest, with the options that are named; those that are not are None."""
    given = {name: value for name, value in named.items() if value is not None}
    if "sources" not in given:
        raise UsageError("on which data? name a source; only --resume and --add know it")
    data = {field.name: given.pop(field.name) for field in fields(DataOptions) if field.name in given}
    options = DataOptions(
        **{"valid": None, "test": "0.1", **data},
        binary=all(o.codec == "bytes" for o in who),
        kind=kind_of(who),
    )
    contest = Contest(contestants=who, options=options, **given)
    return replace(contest, options=replace(options, beside=_beside([contest.plan(one) for one in who])))


def _beside(plans: Sequence[training.Plan]) -> tuple[str, ...]:
    """Return the fields that go into the sides; UsageError where the plans' codecs want different ones."""
    wanted = {training.beside(plan) for plan in plans if plan.codec != "bytes"}
    if len(wanted) > 1:
        raise UsageError(
            "a comparison is on the same data, and codecs that read other columns beside the values have "
            "others; give each the same covariates"
        )
    return wanted.pop() if wanted else ()


def kind_of(who: Sequence[Contestant]) -> str:
    """Return the kind of data that they are compared on: what their codecs are for.

    Bytes go with any kind, for every datum is bytes. UsageError where the codecs have no kind in common.
    """
    codec_of_kind = {codecs.kind_of(one.codec): one.codec for one in who if one.codec != "bytes"}
    if len(codec_of_kind) > 1:
        told = " and ".join(f"{codec} is for {kind}" for kind, codec in sorted(codec_of_kind.items()))
        raise UsageError(f"{told}; compare codecs for one kind of data, beside them bytes alone")
    return next(iter(codec_of_kind), codecs.TEXT)


def resumed(folder: Path, named: Mapping[str, Any]) -> Contest:
    """Return the contest in `folder`, with what may change about it changed to what is named.

    What decides the figures there already must be as it was: UsageError says what is not. Options that
    were not named are None.
    """
    contest, _ = read(folder)
    given = {name: value for name, value in named.items() if value is not None}
    for name in _DECIDING & given.keys():
        owner = contest if hasattr(contest, name) else contest.options
        if (begun := getattr(owner, name)) != given[name]:
            raise UsageError(
                f"{folder} was begun with other {name} ({begun}, now {given[name]}); resume with the same, "
                "or leave it out"
            )
    if given.get("texts") and not contest.texts:
        raise UsageError(f"{folder} was begun without texts, and none were kept; compare anew to see some")
    changed = {name: value for name, value in given.items() if name not in _DECIDING}
    return replace(contest, **changed)


_DECIDING = {
    "sources",
    "documents",
    "text_field",
    "label_field",
    "target_field",
    "targets",
    "valid",
    "test",
    "on_bad_record",
    "budget",
    "seed",
    "search",
}
"""Options that decide every figure of a comparison."""


def contestants(
    names: Sequence[str] | None,
    codec: str | None,
    values: Mapping[str, Any] | None = None,
    sweep: Mapping[str, Sequence[Any]] | None = None,
) -> tuple[Contestant, ...]:
    """Return who competes, by default all models that need no other runs; `name:codec` fixes a codec.

    Keys of `values` and `sweep` read MODEL.KEY; one contestant stands for each swept value.
    """
    chosen: list[Contestant] = []
    for name in names or models.alone():
        model, _, own = name.strip().partition(":")
        if model not in models.REGISTRY.names():
            raise UnknownName("model", model, models.REGISTRY.names())
        one = Contestant(model, own or codec or training.default_codec(model))
        if one.codec not in codecs.REGISTRY.names():
            raise UnknownName("codec", one.codec, codecs.REGISTRY.names())
        if one in chosen:
            raise UsageError(f"{one.who} is named twice; name each model once")
        chosen.append(one)
    _check_keys("--set", values or {}, chosen)
    _check_keys("--sweep", sweep or {}, chosen)
    settled = [replace(one, values=values_of(one.model, values or {})) for one in chosen]
    return tuple(swept for one in settled for swept in _swept(one, values_of(one.model, sweep or {})))


def values_of(model: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of one model: those whose key begins with its name.

    >>> values_of("lstm", {"lstm.units": "512", "ngram.order": "5"})
    {'units': '512'}
    """
    prefix = f"{model}."
    return {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)}


def _swept(one: Contestant, sweep: Mapping[str, Sequence[Any]]) -> list[Contestant]:
    """Return a contestant for every combination of the values to try."""
    found = [one]
    for key, tried in sweep.items():
        if key in one.values:
            raise UsageError(f"{one.model}.{key} is both set and swept; keep one of the two")
        found = [
            replace(each, values={**each.values, key: value}, swept=(*each.swept, key))
            for each in found
            for value in dict.fromkeys(tried)
        ]
    return found


def _check_keys(option: str, values: Mapping[str, Any], chosen: Sequence[Contestant]) -> None:
    names = sorted({one.model for one in chosen})
    for key in values:
        if key.partition(".")[0] not in names:
            raise UsageError(
                f"{option} wants MODEL.KEY=VALUE with a model of the comparison, got '{key}'; "
                f"models: {', '.join(names)}"
            )
