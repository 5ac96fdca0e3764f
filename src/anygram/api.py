"""The Python face: the words of the command line as functions.

import anygram as ag
run = ag.train("data/*.txt", model="lstm", budget="2m")
run.evaluate("held-out.txt").bits_per_byte
run.generate("Once upon")
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from anygram import codecs, exchange, processes, runs, storage, training
from anygram.budgets import Budget, parse_bytes
from anygram.data.preparation import DataOptions, prepare
from anygram.data.reading import DocumentsAre, ReadingOptions
from anygram.data.splitting import Splits
from anygram.errors import UsageError
from anygram.evaluation import DocumentScore, Evaluation
from anygram.reporting.progress import Progress, Silent
from anygram.run import Run as Run
from anygram.run import Sources, as_sources
from anygram.tasks import (
    classification,
    compression,
    forecast_metrics,
)
from anygram.tasks.anomalies import Anomalies
from anygram.tasks.anomalies.rule import By, Duplicates, Per, Ties
from anygram.tasks.classification import Classification
from anygram.tasks.compression import ends
from anygram.tasks.compression.figures import Compressed, Decompressed
from anygram.tasks.embedding import Embedded, Pooling
from anygram.tasks.forecast_results import Forecasts
from anygram.tasks.imputation import Imputed
from anygram.tasks.prediction import Prediction
from anygram.tasks.translation import Translations

if TYPE_CHECKING:
    from anygram.comparison.compare import Comparison
    from anygram.comparison.contest import Preference
    from anygram.reporting.board import Board


def train(
    sources: Sources,
    model: str | None = None,
    *,
    out: str | Path | None = None,
    codec: str | None = None,
    documents: DocumentsAre | None = None,
    text_field: str | None = None,
    valid: str | float | None = None,
    test: str | float | None = None,
    settings: Mapping[str, Any] | None = None,
    budget: str | Budget = "10m",
    memory: str | int | None = None,
    seed: int = 0,
    resume: bool = False,
    base: Run | str | Path | None = None,
    members: Sequence[Run | str | Path] | None = None,
    label_field: str | None = None,
    target_field: str | None = None,
    targets: str | Path | None = None,
    source_codec: str | None = None,
    on_bad_record: Literal["fail", "skip"] = "fail",
    progress: Progress | None = None,
) -> Run:
    """Train a model and return its run.

    The words are those of `anygram train`: `valid` and `test` are a fraction, a source or "none";
    `settings` holds what `--set` takes; `base` is the run of `--from`, whose model and codec need not be
    named again; `members` are the runs that a mixture combines. With a `label_field` it learns what
    documents of each label are like; with a `target_field`, or a file of `targets` whose lines go with the
    sources', what follows from a text, which `source_codec` makes symbols of ("shared": one codec for both).
    Without `out` the run lives as long as the returned object.
    """
    base_path = _path(base) if base else None
    member_paths = tuple(_path(member) for member in members or ())
    model, codec = _names(model, codec, base_path, member_paths)
    limit = parse_bytes(memory) if isinstance(memory, str) else memory
    pairs = ReadingOptions(label_field=label_field, target_field=target_field, targets=_word(targets))
    plan = training.Plan(
        model,
        codec,
        settings or {},
        _budget(budget),
        seed,
        limit,
        base_path,
        member_paths,
        given=pairs.given,
        source_codec=source_codec,
    )
    training.check(plan)
    if "-" in as_sources(sources):
        processes.require_one("standard input")
    if not processes.find_place().leads:
        progress = None
    options = DataOptions(
        sources=as_sources(sources),
        documents=documents,
        text_field=text_field,
        valid=None if valid is None else str(valid),
        test=_as_part(test, default="none"),
        on_bad_record=on_bad_record,
        binary=codec == "bytes",
        kind=codecs.kind_of(codec),
        beside=training.beside(plan),
        label_field=label_field,
        target_field=target_field,
        targets=_word(targets),
    )
    with tempfile.TemporaryDirectory(prefix="anygram-") as name:
        workspace = Path(name)
        folder = workspace / "run" if out is None else Path(out)
        training.check_out(folder, resume)
        default_valid = partial(training.default_valid, plan)
        if resume:  # whatever the budget is now, the split stays
            default_valid = partial(training.recorded_valid, folder)
        prepared = prepare(options, seed, workspace, progress, default_valid)
        training.train(
            plan,
            prepared.splits,
            prepared.description,
            out=folder,
            workspace=workspace,
            resume=resume,
            progress=progress,
        )
        if plan.given == "label":
            _judge_labels(folder, prepared.splits, progress or Silent())
        return Run(folder) if out is not None else _moved_out(folder)


def _judge_labels(folder: Path, splits: Splits, progress: Progress) -> None:
    """Fit how sure the run's labels may be to the validation part, and measure them on the test part."""
    run = Run(folder)
    known = training.of_known_labels(splits.valid, run.condition_codec)
    if len(known) >= classification.FEWEST:
        progress.stage("fitting probabilities of labels to the validation split")
        run.fit_labels(known)
    elif len(known):
        progress.say(f"{len(known)} documents are too few to fit probabilities of labels to")
    if len(splits.test) and not classification.can_measure():
        progress.say(classification.UNMEASURED)
    elif len(splits.test):
        progress.stage("classifying the test split")
        measured = run.labels_of(splits.test).to_json()
        kept = {name: value for name, value in measured.items() if isinstance(value, float | int)}
        runs.rewrite_record(folder, replace(run.record, figures={**run.record.figures, "labels": kept}))


def _word(path: str | Path | None) -> str | None:
    return None if path is None else str(path)


def _path(run: Run | str | Path) -> Path:
    return run.path if isinstance(run, Run) else Path(run)


def _names(
    model: str | None, codec: str | None, base: Path | None, members: Sequence[Path]
) -> tuple[str, str]:
    """Return the names of model and codec, those of the runs to begin with if there are any."""
    if base is not None and members:
        raise UsageError("--from goes on with one run, --member combines several; keep one of the two")
    if base is None:
        if model is None:
            raise UsageError("which model? name one with --model; anygram models lists them")
        if members and codec is None:
            codec = training.members.codec_of(members)
        return model, codec or training.default_codec(model)
    record = runs.read_record(base)
    for what, wanted, found in (("model", model, record.model), ("codec", codec, record.codec)):
        if wanted is not None and wanted != found:
            raise UsageError(f"the {what} of {base} is {found}, got {wanted}; leave out --{what} with --from")
    return record.model, record.codec


def _moved_out(folder: Path) -> Run:
    """Return the run, moved to a folder of its own that is deleted with the returned object."""
    home = Path(tempfile.mkdtemp(prefix="anygram-run-"))
    run = Run(folder.rename(home / "run"))
    weakref.finalize(run, shutil.rmtree, home, ignore_errors=True)
    return run


def load(path: str | Path) -> Run:
    """Return the run in a folder; RunError in one line where there is none or it is damaged."""
    return Run(Path(path))


def export(
    run: Run | str | Path, out: str | Path, *, format: str = "arpa", progress: Progress | None = None
) -> list[int]:
    """Write the run's model for other programs; return how many n-grams of each length were written."""
    return _run(run).export(out, format=format, progress=progress)


def import_(file: str | Path, out: str | Path | None = None, *, progress: Progress | None = None) -> Run:
    """Return the run of another program's model: an ARPA file, plain or compressed.

    Without `out` the run lives as long as the returned object. DataError in one line where the file is
    malformed; then nothing is written.
    """
    with tempfile.TemporaryDirectory(prefix="anygram-") as name:
        folder = Path(name) / "run" if out is None else Path(out)
        training.check_out(folder, resume=False)
        stored = exchange.REGISTRY.load("arpa").import_(Path(file), progress or Silent())
        runs.write(folder, stored)
        return Run(folder) if out is not None else _moved_out(folder)


def compare(
    sources: Sources | None = None,
    out: str | Path = "",
    *,
    models: str | Sequence[str] | None = None,
    codec: str | None = None,
    documents: DocumentsAre | None = None,
    text_field: str | None = None,
    valid: str | float | None = None,
    test: str | float | None = None,
    settings: Mapping[str, Any] | None = None,
    sweep: Mapping[str, Sequence[Any]] | None = None,
    search: int | None = None,
    budget: str | Budget | None = None,
    adapt: bool | None = None,
    third: bool | None = None,
    again: bool | None = None,
    curves: bool | None = None,
    metric: str | None = None,
    horizon: int | None = None,
    prefer: Preference | None = None,
    texts: bool | None = None,
    seed: int | None = None,
    resume: bool = False,
    add: str | Sequence[str] | None = None,
    parallel: int = 1,
    label_field: str | None = None,
    target_field: str | None = None,
    targets: str | Path | None = None,
    on_bad_record: Literal["fail", "skip"] | None = None,
    progress: Progress | None = None,
    board: Board | None = None,
) -> Comparison:
    """Train several models on one corpus under one budget and return them by bits per byte.

    `models` are names, or `name:codec`, as a list or with commas; all there are by default. `settings` and
    `sweep` keys read MODEL.KEY. With `search` each finds its settings by so many short trainings, inside its
    budget. With `adapt` each has a second row, of going on to learn while it reads;
    with `third` each is trained with a third of the budget too, with `again` once more with another seed,
    with `curves` on shares of the data. With a `metric` they are ranked by what they do at a task, with a
    `label_field` or a `target_field` they are told what is given of documents, as in `train`; series are
    forecast `horizon` values ahead, by default a season.
    `resume` goes on with the comparison in `out`, whose sources and options need not be named again; `add`
    brings more models into it. With `texts=False` reports and findings quote nothing of the data and name
    no source; what was written with texts before is cleared of them.
    """
    from anygram.comparison import compare as comparing
    from anygram.comparison import contest as contests

    folder = Path(out)
    named = {
        "sources": None if sources is None else as_sources(sources),
        "documents": documents,
        "text_field": text_field,
        "valid": None if valid is None else str(valid),
        "test": None if test is None else _as_part(test, default="0.1"),
        "on_bad_record": on_bad_record,
        "budget": None if budget is None else _budget(budget),
        "seed": seed,
        "adapt": adapt,
        "third": third,
        "again": again,
        "curves": curves,
        "search": search,
        "metric": metric,
        "horizon": horizon,
        "prefer": prefer,
        "texts": texts,
        "label_field": label_field,
        "target_field": target_field,
        "targets": _word(targets),
    }
    if not resume and not add:
        contest = contests.begun(contests.contestants(_as_names(models), codec, settings, sweep), named)
    else:
        contest = contests.resumed(folder, named)
        if add:
            contest = contest.joined_by(contests.contestants(_as_names(add), codec, settings, sweep))
        elif models or codec or settings or sweep:
            raise UsageError("--resume goes on with the models as they were; bring others in with --add")
    return comparing.compare(
        contest,
        folder,
        resume=resume or bool(add),
        parallel=parallel,
        progress=progress,
        board=board,
    )


def evaluate(
    run: Run | str | Path,
    *sources: str | Path,
    documents: DocumentsAre | None = None,
    text_field: str | None = None,
    adapt: bool | str = False,
    adapt_settings: Mapping[str, Any] | None = None,
    label_field: str | None = None,
    target_field: str | None = None,
    targets: str | Path | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Return what the documents cost the run's model, one that goes on learning with `adapt`."""
    return _run(run).evaluate(
        *sources,
        documents=documents,
        text_field=text_field,
        adapt=adapt,
        adapt_settings=adapt_settings,
        label_field=label_field,
        target_field=target_field,
        targets=targets,
        progress=progress,
    )


def score(
    run: Run | str | Path,
    *sources: str | Path,
    documents: DocumentsAre | None = None,
    text_field: str | None = None,
    adapt: bool | str = False,
    adapt_settings: Mapping[str, Any] | None = None,
    label_field: str | None = None,
    target_field: str | None = None,
    targets: str | Path | None = None,
) -> Iterator[DocumentScore]:
    """Yield what each document costs the run's model, one that goes on learning with `adapt`."""
    return _run(run).score(
        *sources,
        documents=documents,
        text_field=text_field,
        adapt=adapt,
        adapt_settings=adapt_settings,
        label_field=label_field,
        target_field=target_field,
        targets=targets,
    )


def anomalies(
    run: Run | str | Path,
    *sources: str | Path,
    normal: Sources | None = None,
    documents: DocumentsAre | None = None,
    text_field: str | None = None,
    label_field: str | None = None,
    normal_label: str | None = None,
    adapt: bool | str = False,
    adapt_settings: Mapping[str, Any] | None = None,
    false_alarms: float = 0.01,
    per: Per = "record",
    window: int | None = None,
    by: By | None = None,
    top_symbols: int = 5,
    duplicates: Duplicates = "keep",
    ties: Ties = "spare",
    expected: int = 3,
    seed: int = 0,
) -> Anomalies:
    """Return what in the sources surprises the run more than normal data do; see `Run.anomalies`."""
    return _run(run).anomalies(
        *sources,
        normal=normal,
        documents=documents,
        text_field=text_field,
        label_field=label_field,
        normal_label=normal_label,
        adapt=adapt,
        adapt_settings=adapt_settings,
        false_alarms=false_alarms,
        per=per,
        window=window,
        by=by,
        top_symbols=top_symbols,
        duplicates=duplicates,
        ties=ties,
        expected=expected,
        seed=seed,
    )


def classify(
    run: Run | str | Path,
    *sources: str | Path,
    beside: Sequence[Run | str | Path] = (),
    priors: str | Mapping[str, float] = "training",
    confidence: float = 0.0,
    top: int = 1,
    documents: DocumentsAre | None = None,
    text_field: str | None = None,
    label_field: str | None = None,
    seed: int = 0,
) -> Classification:
    """Return the label of each document; see `Run.classify`."""
    return _run(run).classify(
        *sources,
        beside=[_run(one) for one in beside],
        priors=priors,
        confidence=confidence,
        top=top,
        documents=documents,
        text_field=text_field,
        label_field=label_field,
        seed=seed,
    )


def predict(run: Run | str | Path, prompt: str = "", top: int = 10) -> list[Prediction]:
    """Return the likeliest next symbols after the prompt."""
    return _run(run).predict(prompt, top)


def generate(
    run: Run | str | Path,
    prompt: str = "",
    *,
    n: int = 1,
    max_symbols: int = 500,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int = 0,
    side: Mapping[str, Any] | None = None,
    given: Mapping[str, str] | None = None,
    out: str | Path | None = None,
) -> list[str]:
    """Return `n` continuations of the prompt by the run's model, without it; written to files with `out`."""
    return _run(run).generate(
        prompt,
        n=n,
        max_symbols=max_symbols,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        seed=seed,
        side=side,
        given=given,
        out=out,
    )


def impute(
    run: Run | str | Path,
    *sources: str | Path,
    out: str | Path | None = None,
    columns: Sequence[str] | None = None,
    samples: int | None = None,
    hide: float | None = None,
    hide_length: int | None = None,
    seed: int = 0,
) -> Imputed:
    """Return tables or series with what is missing filled, as `Run.impute` does, and write them to `out`."""
    loaded = _run(run)
    if out is not None:
        storage.require_writable(Path(out))
    imputed = loaded.impute(
        *sources, columns=columns, samples=samples, hide=hide, hide_length=hide_length, seed=seed
    )
    if out is not None:
        loaded.write_tables(out, imputed)
    return imputed


def forecast(
    run: Run | str | Path | Sequence[Run | str | Path],
    *sources: str | Path,
    horizon: int,
    samples: int = 100,
    quantiles: Sequence[float] = forecast_metrics.QUANTILES,
    seed: int = 0,
    context: int | None = None,
    backtest: int | None = None,
    calibrate: int | None = None,
    stride: int | None = None,
    season: int | None = None,
    text_field: str | None = None,
    future: str | Path | None = None,
) -> Forecasts:
    """Return what may follow each series; with `backtest`, how good that would have been.

    Of several runs the samples are put together. The other words are those of `Run.forecast`.
    """
    runs = [run] if isinstance(run, Run | str | Path) else list(run)
    if not runs:
        raise UsageError("forecasts are drawn by at least one run, and none was given; name a run folder")
    first, *beside = map(_run, runs)
    return first.forecast(
        *sources,
        horizon=horizon,
        samples=samples,
        quantiles=quantiles,
        seed=seed,
        context=context,
        backtest=backtest,
        calibrate=calibrate,
        stride=stride,
        season=season,
        text_field=text_field,
        future=future,
        beside=beside,
    )


def embed(
    run: Run | str | Path,
    *sources: str | Path,
    pooling: Pooling = "mean",
    normalise: bool = True,
    documents: DocumentsAre | None = None,
    text_field: str | None = None,
    label_field: str | None = None,
) -> Embedded:
    """Return a vector of each document by what the run's network holds of it; see `Run.embed`."""
    return _run(run).embed(
        *sources,
        pooling=pooling,
        normalise=normalise,
        documents=documents,
        text_field=text_field,
        label_field=label_field,
    )


def translate(
    run: Run | str | Path,
    *sources: str | Path,
    documents: DocumentsAre | None = None,
    text_field: str | None = None,
    target_field: str | None = None,
    targets: str | Path | None = None,
    beam: int | None = None,
    length_penalty: float | None = None,
    coverage: float | None = None,
    n_best: int = 1,
    max_symbols: int | None = None,
    sample: bool = False,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    alignment: bool = False,
    tokenize: str | None = None,
    lookup: Sources | None = None,
) -> Translations:
    """Return what the sources become by a run that was trained on pairs of texts; see `Run.translate`."""
    return _run(run).translate(
        *sources,
        documents=documents,
        text_field=text_field,
        target_field=target_field,
        targets=targets,
        beam=beam,
        length_penalty=length_penalty,
        coverage=coverage,
        n_best=n_best,
        max_symbols=max_symbols,
        sample=sample,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        seed=seed,
        alignment=alignment,
        tokenize=tokenize,
        lookup=lookup,
    )


def summarise(
    run: Run | str | Path,
    *sources: str | Path,
    documents: DocumentsAre | None = None,
    text_field: str | None = None,
    target_field: str | None = None,
    targets: str | Path | None = None,
    beam: int | None = None,
    length_penalty: float | None = None,
    coverage: float | None = None,
    n_best: int = 1,
    max_symbols: int | None = None,
    sample: bool = False,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    alignment: bool = False,
    lookup: Sources | None = None,
) -> Translations:
    """Return the sources summed up by a run that was trained on pairs of texts; see `Run.summarise`."""
    return _run(run).summarise(
        *sources,
        documents=documents,
        text_field=text_field,
        target_field=target_field,
        targets=targets,
        beam=beam,
        length_penalty=length_penalty,
        coverage=coverage,
        n_best=n_best,
        max_symbols=max_symbols,
        sample=sample,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        seed=seed,
        alignment=alignment,
        lookup=lookup,
    )


def compress(
    file: str | Path,
    out: str | Path,
    *,
    run: Run | str | Path | None = None,
    adapt: bool | str = False,
    adapt_settings: Mapping[str, Any] | None = None,
    rows: int | None = None,
    settings: Mapping[str, Any] | None = None,
    memory: str | int | None = None,
    progress: Progress | None = None,
) -> Compressed:
    """Write a file's bytes as codes by a model's predictions; return what became of how many bytes.

    Without a run a strong contextmix is learnt from the file at both ends, of the contexts that suit how it
    begins, or with these `settings` and within this `memory`. With one, `adapt` lets it go on learning, as
    in `evaluate`, and `rows` are read side by side.
    UsageError where the run cannot bring every file back.
    """
    compression.check_out(Path(out))
    if run is not None:
        if settings or memory:
            raise UsageError("a run has its settings; leave out --set and --memory, or --run")
        loaded = _run(run)
        name, stored = str(loaded.path), loaded._stored
        end = ends.with_run(stored, name, adapt=adapt, adapt_settings=adapt_settings, rows=rows)
        model_bytes = runs.model_bytes(loaded.path)
    else:
        if adapt or rows is not None:
            option = "--adapt" if adapt else "--rows"
            raise UsageError(f"without a run the file is learnt in one row as it is read; leave out {option}")
        limit = parse_bytes(memory) if isinstance(memory, str) else memory
        given = {**(settings or {}), **({} if limit is None else {"memory": limit})}
        end = ends.alone(ends.suited(given, compression.sample(str(file))))
        model_bytes = 0
    made = compression.compress(str(file), Path(out), end, progress or Silent())
    return replace(made, model_bytes=model_bytes)


def decompress(
    file: str | Path,
    out: str | Path,
    *,
    run: Run | str | Path | None = None,
    progress: Progress | None = None,
) -> Decompressed:
    """Write the bytes that `compress` was given, by the same run if it was given one.

    UsageError where the run is missing or not wanted, RunError where it is another, DataError where the
    file is none of `compress`, is cut or damaged; then nothing is written.
    """
    compression.check_out(Path(out))
    loaded = None if run is None else _run(run)
    stored = None if loaded is None else loaded._stored
    name = "" if loaded is None else str(loaded.path)
    return compression.decompress(str(file), Path(out), stored, name, progress or Silent())


def _run(run: Run | str | Path) -> Run:
    return run if isinstance(run, Run) else load(run)


def _budget(budget: str | Budget) -> Budget:
    return budget if isinstance(budget, Budget) else Budget.parse(budget)


def _as_names(names: str | Sequence[str] | None) -> Sequence[str] | None:
    return names.split(",") if isinstance(names, str) else names


def _as_part(part: str | float | None, default: str) -> str:
    return default if part is None else str(part)
