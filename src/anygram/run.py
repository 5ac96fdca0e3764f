"""A run as an object: a trained model with its codec, ready to be asked from Python."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anygram import adapting, evaluation, exchange, runs, storage
from anygram.data import futures, kinds, labels
from anygram.data.documents import Document
from anygram.data.mixtures import Segment
from anygram.data.reading import DocumentsAre, Pairing, ReadingOptions, Report, has_fields, read
from anygram.errors import RunError, UsageError
from anygram.evaluation import DocumentScore, Evaluation
from anygram.protocols import Codec, FloatArray, LanguageModel, Reader
from anygram.reporting.progress import Progress, Silent
from anygram.runs import Record
from anygram.tasks import (
    classification,
    crossing,
    embedding,
    forecast_metrics,
    forecast_request,
    forecasting,
    generation,
    imputation,
    prediction,
    sharing,
)
from anygram.tasks.anomalies import Anomalies, Asked, Labelled, Rule
from anygram.tasks.anomalies.rule import By, Duplicates, Per, Ties
from anygram.tasks.classification import Classification, Fit, Measures
from anygram.tasks.crossing import Candidate
from anygram.tasks.embedding import Embedded, Pooling
from anygram.tasks.forecast_request import Request
from anygram.tasks.forecast_results import Forecasts
from anygram.tasks.generation import Sampling
from anygram.tasks.imputation import Imputed, noise
from anygram.tasks.imputation.grid import Grid
from anygram.tasks.imputation.noise import Suspect
from anygram.tasks.imputation.rows import rows_given
from anygram.tasks.prediction import Prediction
from anygram.tasks.scoring import Scorer
from anygram.tasks.sharing import SymbolShares
from anygram.tasks.translation import Translations
from anygram.tasks.translation.asking import Wanted, rewrite

if TYPE_CHECKING:
    pass

Sources = str | Path | Sequence[str | Path]


class Run:
    """A trained model with its codec, ready to be asked."""

    def __init__(self, path: Path) -> None:
        """Read the run folder; RunError in one line where there is none or it is damaged."""
        stored = runs.read(path)
        if stored.record.status == "unfinished":
            raise RunError(
                f"{path} was stopped before its counts became a model; "
                "finish it: the same anygram train with --resume"
            )
        self.path = path
        self.record: Record = stored.record
        self.codec: Codec = stored.codec
        self.model: LanguageModel = stored.model
        self.condition_codec: Codec | None = stored.condition_codec
        self._stored = stored

    def evaluate(
        self,
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
        """Return what the documents cost this model: bits per byte, perplexity, accuracy, seconds.

        Of a run that was trained with labels or sources they cost what they do behind these, which are read
        from the fields that training read, where none is named.
        `adapt` lets it go on learning while it reads, in the way that suits it best or the one named, with
        these settings; the run stays as it is.
        """
        reader = self._adapted(adapt, adapt_settings)
        pairing = _pairing(label_field, target_field, targets)
        held_out = self.documents(*sources, documents=documents, text_field=text_field, pairing=pairing)
        if progress is not None:
            progress.stage("evaluating")
        update = None if progress is None else lambda units: progress.update(units, f"{units / 1e6:.2f} MB")
        return evaluation.evaluate(
            self.model,
            self.codec,
            held_out,
            reader=reader,
            condition_codec=self.condition_codec,
            progress=update,
        )

    def reader(self, way: str | None = None, settings: Mapping[str, Any] | None = None) -> Reader:
        """Return a new session that goes on learning while it reads, in this way or what suits the model.

        UsageError where the way is unknown, does not suit the model, or has no such setting.
        """
        return adapting.reader_of(self.model, way, settings)

    def _adapted(self, adapt: bool | str, settings: Mapping[str, Any] | None) -> Reader | None:
        if adapt is False:
            if settings:
                raise UsageError("adapt_settings without adapt would do nothing; give adapt=True too")
            return None
        if self.condition_codec is not None:
            raise UsageError(
                f"{self.path} was trained with labels or sources, and what learns while it reads is told of "
                "neither; leave out --adapt"
            )
        return self.reader(None if adapt is True else adapt, settings)

    def score(
        self,
        *sources: str | Path,
        documents: DocumentsAre | None = None,
        text_field: str | None = None,
        adapt: bool | str = False,
        adapt_settings: Mapping[str, Any] | None = None,
        label_field: str | None = None,
        target_field: str | None = None,
        targets: str | Path | None = None,
    ) -> Iterator[DocumentScore]:
        """Yield what each document costs this model, in the order of the source; words as in `evaluate`."""
        reader = self._adapted(adapt, adapt_settings)
        pairing = _pairing(label_field, target_field, targets)
        held_out = self.documents(*sources, documents=documents, text_field=text_field, pairing=pairing)
        return evaluation.scores(
            self.model, self.codec, held_out, reader=reader, condition_codec=self.condition_codec
        )

    def documents(
        self,
        *sources: str | Path,
        documents: DocumentsAre | None = None,
        text_field: str | None = None,
        pairing: Pairing | None = None,
    ) -> Iterator[Document]:
        """Return the documents of sources, and what is given of each, read as training read its own.

        Other fields are read where they are named, and texts have none; a `Pairing()` of nothing reads
        documents alone.
        """
        data = self.record.data
        if pairing is None:
            pairing = Pairing(**{name: data.get(name) for name in ("label_field", "target_field", "targets")})
            if pairing.targets:
                raise UsageError(
                    "the run was trained on parallel files; name those of the targets with --targets"
                )
        told = self.condition_codec is not None and data["text_field"] != "default"
        if text_field is None and told and any(map(has_fields, map(str, sources))):
            text_field = data["text_field"]
        return _documents(sources, self.record, documents, text_field, pairing=pairing)

    def anomalies(
        self,
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
        """Return what in the sources surprises this model more than normal data do, as it is iterated over.

        A half of the `normal` sources sets the threshold, the other one measures what it keeps; without them
        a half of the sources does, of those that no label calls anomalous, and they are read twice. Records
        labelled with `normal_label` are normal; if it is left out, with 0, false, no, normal or -.
        `adapt` as in `evaluate`: one session reads the normal ones first. The other words are those of
        `tasks.anomalies.Rule`.
        """
        if normal is None and "-" in map(str, sources):
            raise UsageError("standard input can be read only once; name normal records with --normal SOURCE")
        if label_field is None and normal_label is not None:
            raise UsageError("--normal-label is a value of --label-field; name that too, or leave it out")
        rule = Rule(per, window, by, top_symbols, false_alarms, duplicates, ties, expected, seed)
        if label_field is not None and rule.per != "record":
            raise UsageError(f"labels are of records; leave out --label-field with --per {rule.per}")

        def searched() -> Iterator[Labelled]:
            found = _documents(sources, self.record, documents, text_field)
            if label_field is None:
                return map(Labelled, found)
            pairs = labels.labelled(found, list(map(str, sources)), label_field)
            return (Labelled(one, not labels.is_normal(word, normal_label)) for one, word in pairs)

        def known() -> Iterator[Labelled]:
            named = as_sources(() if normal is None else normal)
            return map(Labelled, _documents(named, self.record, documents, text_field))

        session = partial(self._adapted, adapt, adapt_settings)
        asked = Asked(self.model, self.codec, session, self.kind)
        return Anomalies(asked, searched, None if normal is None else known, rule)

    def classify(
        self,
        *sources: str | Path,
        beside: Sequence[Run] = (),
        priors: str | Mapping[str, float] = "training",
        confidence: float = 0.0,
        top: int = 1,
        documents: DocumentsAre | None = None,
        text_field: str | None = None,
        label_field: str | None = None,
        seed: int = 0,
    ) -> Classification:
        """Return the label of each document, as it is iterated over; with a `label_field` how many are right.

        The runs `beside` this one are asked too. All count as `fit_classifier` found, else equally. The
        other words are those of `tasks.classification.Rule`.
        """
        rule = classification.Rule(priors, confidence, top)
        classifier = classification.classifier_of(self._asked(beside), rule)

        def searched() -> Iterator[Document]:
            pairing = Pairing(label_field=label_field)
            return self.documents(*sources, documents=documents, text_field=text_field, pairing=pairing)

        readable = kinds.is_readable(self.kind)
        return Classification(classifier, searched, label_field is not None, seed, readable)

    def fit_classifier(
        self,
        *sources: str | Path,
        beside: Sequence[Run] = (),
        documents: DocumentsAre | None = None,
        text_field: str | None = None,
        label_field: str | None = None,
    ) -> Fit:
        """Fit how sure this run is, and how much each of those `beside` it counts, to labelled documents.

        They must be ones that no run has learnt. What was fitted is kept in this run's folder and returned.
        The field of the labels is that of training where none is named.
        """
        asked = self._asked(beside)
        pairing = None if label_field is None else Pairing(label_field=label_field)
        found = self.documents(*sources, documents=documents, text_field=text_field, pairing=pairing)
        return classification.fit(asked, found)

    def fit_labels(self, documents: Iterable[Document]) -> Fit:
        """Fit how sure this run is of its labels to documents that it has not learnt, and keep that."""
        return classification.fit(self._asked(()), documents)

    def labels_of(self, documents: Iterable[Document]) -> Measures:
        """Return how well the labels that this run gives documents agree with their own."""
        judged = Classification(
            classification.classifier_of(self._asked(()), classification.Rule()), lambda: documents, True
        )
        for _ in judged:
            pass
        measures = judged.measures()
        assert measures is not None, "the truth is known"
        return measures

    def _asked(self, beside: Sequence[Run]) -> list[classification.Asked]:
        return [classification.Asked(run.path, run._stored) for run in (self, *beside)]

    def scorer(self) -> Scorer:
        """Return what scores texts from Python: many at once on all cores, one at a time, or candidates."""
        return Scorer(self.model, self.codec)

    def predict(self, prompt: str = "", top: int = 10) -> list[Prediction]:
        """Return the likeliest next symbols after the prompt."""
        return prediction.predict(self.model, self.codec, prompt, top)

    def shares(self, text: str) -> list[SymbolShares]:
        """Return how much each member of a mixture has to do with each symbol; UsageError for others."""
        return sharing.shares(self.model, self.codec, text)

    def generate(
        self,
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
        """Return `n` continuations of the prompt, without it; each stops at the boundary.

        With `out` whole samples, as `sample` returns them, are written to files named so, too. Of a run of
        tables whole rows are returned that hold the values `given` by column, the others drawn to suit.
        """
        sampling = Sampling(max_symbols, temperature, top_k, top_p, seed)
        if given is not None:
            if prompt or side or sampling != Sampling(max_symbols, seed=seed):
                raise UsageError(
                    "rows with --given cells are drawn as they are likely; leave out --prompt, --side, "
                    "--temperature, --top-k and --top-p"
                )
            rows = rows_given(self.model, self.codec, given, n, seed)
            if out is not None:
                self.write(out, rows)
            return [row.text for row in rows]
        if out is None:
            return generation.generate(
                self.model, self.codec, prompt, samples=n, sampling=sampling, side=side
            )
        made = generation.make(self.model, self.codec, prompt, samples=n, sampling=sampling, side=side)
        self.write(out, made)
        return [generation.beyond(self.codec, document.text, prompt, side) for document in made]

    def sample(
        self,
        prompt: str = "",
        *,
        n: int = 1,
        side: Mapping[str, Any] | None = None,
        max_symbols: int = 500,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int = 0,
    ) -> list[Document]:
        """Return `n` documents that begin with the prompt: of data that are not text, whole and valid ones.

        `side` is what goes beside each, such as a picture's width, height and channels; what is usual in the
        training part if it is left out. `max_symbols` bounds texts alone.
        """
        sampling = Sampling(max_symbols, temperature, top_k, top_p, seed)
        return generation.make(self.model, self.codec, prompt, samples=n, sampling=sampling, side=side)

    def cross(
        self,
        known: Sequence[Segment],
        wanted: str,
        *,
        n: int = 1,
        side: Mapping[str, Any] | None = None,
        sampling: Sampling | None = None,
    ) -> list[Document]:
        """Return `n` segments of the `wanted` kind that follow the known ones: a run of mixtures.

        `side` is what goes beside each, as in `sample`.
        """
        sampling = sampling or crossing.SAMPLING
        return crossing.cross(self.model, self.codec, known, wanted, samples=n, side=side, sampling=sampling)

    def rank(
        self, known: Sequence[Segment], candidates: Sequence[Segment], *, first: bool = False
    ) -> list[Candidate]:
        """Return what may go with the known segments, likeliest first: after them, or before with `first`."""
        return crossing.rank(self.model, self.codec, known, candidates, first=first)

    def impute(
        self,
        *sources: str | Path,
        columns: Sequence[str] | None = None,
        samples: int | None = None,
        hide: float | None = None,
        hide_length: int | None = None,
        seed: int = 0,
    ) -> Imputed:
        """Return the rows of a table with the missing cells of these columns filled, and each such cell.

        By default all columns. A category or text becomes the likeliest given all other cells of its row, a
        number the posterior's mean, a date its median; or `samples` tables are drawn. `hide` makes that
        share of the known cells empty first and measures how well they are filled. A run of series fills
        the missing values of series alike, by those before and after; `hide_length` is for these.
        """
        asked = imputation.Asked(columns, samples, hide, hide_length, seed)
        rows = list(_documents(sources, self.record, None, None))
        return imputation.impute(self.model, self.codec, rows, asked)

    def suspects(
        self, *sources: str | Path, columns: Sequence[str] | None = None, top: int = 20
    ) -> list[Suspect]:
        """Return the known cells of a table that surprise the most given the rest of their rows."""
        rows = list(_documents(sources, self.record, None, None))
        return noise.suspects(self.model, Grid(self.codec, rows, columns), top)

    def forecast(
        self,
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
        beside: Sequence[Run] = (),
    ) -> Forecasts:
        """Return what may follow each series: samples of the next `horizon` values, from the last `context`.

        With `backtest` the last so many windows of known values are forecast, `stride` apart (the horizon if
        left out), each from all values before it, and measured beside seasonal naive forecasts of `season`
        values (what is usual for the step). `calibrate` windows of known values before these, or at the end,
        teach how wide intervals must be: they must not be among what the run was trained on. The runs
        `beside` this one draw equal shares of the samples. Runs that read covariates are told those of the
        values to come by `future`, a frame. UsageError for a run of other data, DataError for short series.
        """
        setting = forecasting.Setting(horizon, samples, seed, context)
        request = Request(setting, quantiles, backtest, calibrate, stride, season)
        runs = (self, *beside)
        known = tuple(dict.fromkeys(name for run in runs for name in run.record.data.get("beside", ())))
        futures.check(known, given=future is not None, ahead=backtest is None)
        documents = _documents(sources, self.record, None, text_field, known)
        if future is not None:
            documents = futures.followed(documents, futures.read(str(future)), known, horizon)
        return forecast_request.answer([(run.model, run.codec) for run in runs], documents, request)

    def embed(
        self,
        *sources: str | Path,
        pooling: Pooling = "mean",
        normalise: bool = True,
        documents: DocumentsAre | None = None,
        text_field: str | None = None,
        label_field: str | None = None,
    ) -> Embedded:
        """Return a vector of each document, to be searched or written: what the network holds of it, pooled.

        UsageError for a model without features. The other words are those of `tasks.embedding.embed`.
        """
        embedding.require_features(self.model)
        pairing = Pairing(label_field=label_field)
        found = self.documents(*sources, documents=documents, text_field=text_field, pairing=pairing)
        return embedding.collect(self.model, self.codec, found, pooling, normalise=normalise)

    def embed_texts(
        self, texts: Sequence[str], pooling: Pooling = "mean", *, normalise: bool = True
    ) -> FloatArray:
        """Return the vectors of texts as vectors_ND, as `embed` makes those of documents."""
        if isinstance(texts, str):
            raise UsageError("embed_texts takes a list of texts; put one into a list")
        return embedding.embed(self.model, self.codec, map(Document, texts), pooling, normalise=normalise)

    def translate(
        self,
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
        """Return what the sources become, as it is iterated over: by a run that was trained on pairs.

        By beam search, or drawn with `sample`; of at most `max_symbols`, else of as many as nearly all pairs
        of the training part had. Texts are read by lines unless `documents` says otherwise. Where the truth
        is named, by a `target_field` or a file of lines, BLEU (its words cut as `tokenize` says) and chrF are
        measured, beside copied sources and, with `lookup`, phrases looked up in these pairs. With
        `alignment` each target symbol is told where in the source it was looked for.
        """
        wanted = Wanted(
            "translation",
            documents=documents,
            text_field=text_field,
            target_field=target_field,
            targets=None if targets is None else str(targets),
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
            lookup=() if lookup is None else as_sources(lookup),
        )
        return rewrite(self._stored, as_sources(sources), wanted)

    def summarise(
        self,
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
        """Return the sources summed up, as `translate` does; ROUGE is measured, beside first sentences too.

        Texts are read as everywhere: by default a file is a document.
        """
        wanted = Wanted(
            "summary",
            documents=documents,
            text_field=text_field,
            target_field=target_field,
            targets=None if targets is None else str(targets),
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
            lookup=() if lookup is None else as_sources(lookup),
        )
        return rewrite(self._stored, as_sources(sources), wanted)

    @property
    def kind(self) -> str:
        """Of what kind the run's data are: text, pictures, …"""
        return str(self.record.data.get("kind", kinds.TEXT))

    def write(self, out: str | Path, documents: Sequence[Document], *, kind: str | None = None) -> list[Path]:
        """Write documents, as `sample` returns them, as files named like `out`, of its ending's format.

        Return the files. `kind` is theirs where it is not the run's, as of what `cross` returns. UsageError
        for text, and for an ending that names no format of the kind.
        """
        kind = kind or self.kind
        if kind == kinds.TEXT:
            raise UsageError("text needs no file of its own kind; leave out --out")
        storage.require_writable(Path(out))
        return kinds.load(kind).write(Path(out), documents)

    def write_tables(self, out: str | Path, imputed: Imputed) -> list[Path]:
        """Write each table of what `impute` returned as a file; of several the first is called NAME-1."""
        paths = storage.numbered(Path(out), len(imputed.tables))
        return [
            file for path, rows in zip(paths, imputed.tables, strict=True) for file in self.write(path, rows)
        ]

    def export(self, out: str | Path, *, format: str = "arpa", progress: Progress | None = None) -> list[int]:
        """Write the model for other programs and return how many n-grams of each length were written.

        UsageError for an unknown format, and for a model that has none.
        """
        exporter = exchange.REGISTRY.load(format)
        path = Path(out)
        if path.is_dir():
            raise UsageError(f"--out {path} is a folder; name a file")
        storage.require_writable(path)
        counts: list[int] = exporter.export(self._stored, path, progress or Silent())
        return counts

    def __reduce__(self) -> tuple[type[Run], tuple[Path]]:
        """Let a run be sent to another process by its folder."""
        return Run, (self.path,)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, model={self.record.model!r}, codec={self.record.codec!r})"

    def _repr_html_(self) -> str:
        """Return the table a notebook shows."""
        rows = [("run", str(self.path)), ("model", self.record.model), ("codec", self.record.codec)]
        rows += [(key, str(value)) for key, value in self.record.model_settings.items()]
        for part, figures in self.record.figures.items():
            if isinstance(figures, dict) and "bits_per_byte" in figures:
                rows.append((f"{part} bits per byte", f"{figures['bits_per_byte']:.4f}"))
        cells = (f"<tr><th>{html.escape(a)}</th><td>{html.escape(b)}</td></tr>" for a, b in rows)
        return f"<table>{''.join(cells)}</table>"


def as_sources(sources: Sources) -> tuple[str, ...]:
    """Return one source or several as their names."""
    if isinstance(sources, str | Path):
        return (str(sources),)
    return tuple(str(source) for source in sources)


def _pairing(label_field: str | None, target_field: str | None, targets: str | Path | None) -> Pairing | None:
    """Return where that which is given of documents stands; None where nothing says so."""
    named = Pairing(label_field, target_field, None if targets is None else str(targets))
    return None if named == Pairing() else named


def _documents(
    sources: Sequence[str | Path],
    record: Record,
    documents: DocumentsAre | None,
    text_field: str | None,
    beside: Sequence[str] | None = None,
    pairing: Pairing | None = None,
) -> Iterator[Any]:
    """Yield the documents of sources, read as the run's own were, or with other columns `beside` them."""
    binary, kind = record.codec == "bytes", record.data.get("kind", kinds.TEXT)
    beside = tuple(record.data.get("beside", ()) if beside is None else beside)
    options = ReadingOptions(
        documents, text_field, binary=binary, kind=kind, beside=beside, **asdict(pairing or Pairing())
    )
    return read([str(source) for source in sources], options, Report())
