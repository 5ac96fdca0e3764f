"""A run folder, written and read back: everything needed to use, repeat or resume a training.

run.toml               what was trained on what and how, and its final figures
codec.json             the codec
codec.safetensors      what its description leaves out, if anything: the words of a codec of words
condition_codec.json   the codec of what is given of documents, their labels or sources, if anything is
condition_codec.safetensors
model.safetensors      the model
training.safetensors   the learner, for resuming
members/               the runs that a mixture combines, each a run folder of its own
metrics.jsonl          one line a measurement
tensorboard/           the same for TensorBoard, where it is asked for
report.md              the same for people
"""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, get_origin, get_type_hints

from anygram import bytewise, codecs, models, settings, storage
from anygram.codecs import _labels
from anygram.conditioning import Given
from anygram.errors import AnygramError, RunError, UsageError
from anygram.protocols import Codec, Described, LanguageModel, TensorCodec, Tensors
from anygram.reporting.tensorboard import write_events

FORMAT = 1
LABELS = "labels"
"""What the condition codec of a classifier is called in its record."""


@dataclass(frozen=True)
class Record:
    """What run.toml holds: enough to repeat the run, and what came of it."""

    codec: str
    codec_settings: dict[str, Any]
    model: str
    model_settings: dict[str, Any]
    vocabulary_size: int
    learner_settings: dict[str, Any]
    budget: dict[str, Any]
    seed: int
    data: dict[str, Any]
    status: str = "training"
    """"training" until the budget is spent ("unfinished" where the model cannot be asked before), then
    "finished"; "stopped" where training had to stop."""
    spent: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    condition: dict[str, Any] = field(default_factory=dict)
    """What is given of documents: `kind` "label" or "source", `codec`, its `settings`, its `vocabulary_size`,
    and of labels how they are told apart (`settings` of the classifier); empty where nothing is."""
    probe: dict[str, Any] = field(default_factory=dict)
    """How fast the machine trained in a short run before, by which sizes were chosen; empty without one."""
    versions: dict[str, str] = field(default_factory=lambda: versions())
    format: int = FORMAT


@dataclass(frozen=True)
class StoredRun:
    """A run folder's contents in memory."""

    record: Record
    codec: Codec
    model: LanguageModel
    members: Mapping[str, Path] = field(default_factory=dict)
    """Where the runs lie that the model combines, by their names as members."""
    condition_codec: Codec | None = None
    """What makes symbols of that which is given of documents."""


def write(
    path: Path,
    run: StoredRun,
    *,
    training: Tensors | None = None,
    metrics: Sequence[dict[str, Any]] = (),
) -> None:
    """Write a run folder in one step; an old one is replaced."""
    with storage.replacing_folder(path) as folder:
        storage.write_toml(folder / "run.toml", asdict(run.record))
        _write_codec(folder, "codec", run.codec)
        if run.condition_codec is not None:
            _write_codec(folder, "condition_codec", run.condition_codec)
        storage.write_tensors(folder / "model.safetensors", run.model.tensors())
        for name, member in run.members.items():
            _copy_member(member, folder / "members" / name)
        if training is not None:
            storage.write_tensors(folder / "training.safetensors", training)
        lines = "".join(storage.to_json(line) + "\n" for line in metrics)
        storage.write_text(folder / "metrics.jsonl", lines)
        if run.record.learner_settings.get("tensorboard"):
            write_events(folder / "tensorboard", metrics)
        storage.write_text(folder / "report.md", report(run.record))


def rewrite_record(path: Path, record: Record) -> None:
    """Replace what a run folder says of itself; the model stays as it is."""
    storage.write_toml(path / "run.toml", asdict(record))
    storage.write_text(path / "report.md", report(record))


def read(path: Path) -> StoredRun:
    """Return the run in a folder; RunError in one line where it is missing, damaged or too new."""
    record = read_record(path)
    with explaining_damage(path):
        codec = _read_codec(path, record.codec)
        condition_codec = _read_condition_codec(path, record)
        if codec.vocabulary_size != record.vocabulary_size:
            raise RunError(
                f"the codec has {codec.vocabulary_size} symbols, run.toml says {record.vocabulary_size}; "
                "restore them or train again"
            )
        members = {folder.name: folder for folder in sorted((path / "members").glob("*"))}
        asked = {name: bytewise.over(codec, one.codec, one.model) for name, one in _each(members)}
        model = create_model(record, asked)
        model.restore(storage.read_tensors(path / "model.safetensors"))
    return StoredRun(record, codec, model, members, condition_codec)


@contextmanager
def explaining_damage(path: Path) -> Iterator[None]:
    """Turn whatever comes of wrong contents of a run's file or folder into one line that names it."""
    try:
        yield
    except UsageError as error:
        remedy = "restore the folder, or install what it was trained with"
        raise RunError(f"{path}: {error}; {remedy}") from error
    except AnygramError as error:
        raise RunError(f"{path}: {error}") from error
    except MemoryError:
        raise
    except Exception as error:  # whatever a codec, a model or a learner makes of them
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise RunError(f"{path} is damaged ({reason}); restore it or train again") from error


def _write_codec(folder: Path, name: str, codec: Codec) -> None:
    storage.write_json(folder / f"{name}.json", codec.to_json())
    if isinstance(codec, TensorCodec):
        storage.write_tensors(folder / f"{name}.safetensors", codec.tensors())


def _read_codec(path: Path, name: str, file: str = "codec") -> Codec:
    fields = storage.read_json(path / f"{file}.json")
    if name == LABELS:
        return _labels.from_json(fields)
    rest = path / f"{file}.safetensors"
    tensors = [storage.read_tensors(rest)] if rest.exists() else []
    codec: Codec = codecs.REGISTRY.load(name).from_json(fields, *tensors)
    return codec


def _read_condition_codec(path: Path, record: Record) -> Codec | None:
    if not record.condition:
        return None
    return _read_codec(path, str(record.condition["codec"]), "condition_codec")


def describe_codec(path: Path, record: Record) -> list[dict[str, Any]]:
    """Return what the codec found out about each column of a table; nothing for other data."""
    with explaining_damage(path):
        codec = _read_codec(path, record.codec)
    return codec.describe() if isinstance(codec, Described) else []


def _each(members: Mapping[str, Path]) -> Iterator[tuple[str, StoredRun]]:
    for name, folder in members.items():
        yield name, read(folder)


_NEEDED = (
    "run.toml",
    "codec.json",
    "codec.safetensors",
    "condition_codec.json",
    "condition_codec.safetensors",
    "model.safetensors",
    "metrics.jsonl",
    "report.md",
)


def _copy_member(run: Path, folder: Path) -> None:
    """Copy a run without what only resuming it would need."""
    for name in _NEEDED:
        if (run / name).is_file():
            with storage.replacing(folder / name) as temporary:
                shutil.copyfile(run / name, temporary)


def create_model(record: Record, members: Mapping[str, LanguageModel]) -> LanguageModel:
    """Return the record's model, of these members if it has any, before any learning."""
    config = settings.build(models.REGISTRY.load(record.model).Config, record.model_settings)
    given = given_by(record.condition)
    return models.create(record.model, config, record.vocabulary_size, record.seed, members, given)


def given_by(condition: Mapping[str, Any]) -> Given | None:
    """Return what a record's condition says of what is given of documents."""
    if not condition:
        return None
    kind, size = condition["kind"], int(condition["vocabulary_size"])
    return Given(kind, size - 1, condition.get("classifier", {}))


def read_record(path: Path) -> Record:
    """Return what run.toml says; RunError where the folder is no run this program can read."""
    if not (path / "run.toml").is_file():
        raise RunError(f"{path} is not a run folder (it has no run.toml); train one with: anygram train")
    stored = storage.read_toml(path / "run.toml")
    form = stored.get("format", 0)
    if isinstance(form, int) and form > FORMAT:
        raise RunError(f"{path} has run format {form}, this anygram reads up to {FORMAT}; upgrade anygram")
    kinds = {name: get_origin(kind) or kind for name, kind in get_type_hints(Record).items()}
    known = {name: value for name, value in stored.items() if name in kinds}
    try:
        for name, value in known.items():
            if not isinstance(value, kinds[name]):
                raise TypeError(f"{name} must be {kinds[name].__name__}, got {value!r}")
        return Record(**known)
    except TypeError as error:
        raise RunError(f"{path / 'run.toml'}: {error}; the folder is damaged, train again") from error


def read_training(path: Path) -> Tensors:
    """Return what resuming needs; RunError where the run was stored without it."""
    return storage.read_tensors(path / "training.safetensors")


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Return the measurements of a run; a torn last line, left by a crash, is dropped."""
    lines = []
    file = path / "metrics.jsonl"
    for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else []:
        try:
            lines.append(json.loads(line))
        except ValueError:
            break
    return lines


def model_bytes(path: Path) -> int:
    """Return the size of what the model needs to be used: its tensors and its codec."""
    codecs_of = [
        f"{name}.{kind}" for name in ("codec", "condition_codec") for kind in ("json", "safetensors")
    ]
    names = ("model.safetensors", *codecs_of)
    needed = [file for name in names for file in (*path.glob(name), *path.glob(f"members/*/{name}"))]
    return sum(file.stat().st_size for file in needed)


def versions() -> dict[str, str]:
    """Return the versions that could change a figure."""
    found = {"python": platform.python_version()}
    for package in ("anygram", "numpy", "torch", "tokenizers"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def report(record: Record) -> str:
    """Return a short page in Markdown: what was trained, on what, with what result."""
    rows = [("model", record.model), ("codec", record.codec), ("status", record.status)]
    rows += [(f"model.{key}", value) for key, value in record.model_settings.items()]
    rows += [(f"learner.{key}", value) for key, value in record.learner_settings.items()]
    rows += [(f"given.{key}", value) for key, value in _flat(record.condition)]
    rows += [(f"data.{key}", value) for key, value in record.data.items()]
    rows += [(f"spent.{key}", value) for key, value in record.spent.items()]
    for part, figures in record.figures.items():
        if isinstance(figures, dict):
            rows += [(f"{part}.{key}", value) for key, value in _flat(figures)]
        else:
            rows.append((part, figures))
    lines = [f"| {name} | {_cell(value)} |" for name, value in rows]
    return "\n".join(["# Run", "", "| what | value |", "|---|---|", *lines, ""])


def _flat(figures: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield figures by key; of those that members have, each member's."""
    for key, value in figures.items():
        if isinstance(value, dict):
            yield from ((f"{key}.{inner}", one) for inner, one in value.items())
        else:
            yield key, value


def _cell(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
