"""The rules of the yardstick, checked of one trained run on the test part itself.

What is compared is what the figure was made of: the nats of the one evaluation, and its way of scoring.

Axes: T symbols of a document, V vocabulary, P places.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from anygram import bytewise, codecs, information, lanes, settings
from anygram.comparison import beginnings, stretches
from anygram.comparison.notes import Notes, Tally
from anygram.data.documents import Documents
from anygram.data.store import texts_of, units_of
from anygram.evaluation import Surprisal
from anygram.protocols import Codec, FloatArray, Ids, LanguageModel, State
from anygram.runs import Record, StoredRun

NORMALISED = "predictions sum to one"
CARRIED = "the state is carried"
STEPWISE = "scores are predictions"
CAUSAL = "causality"
ENDED = "boundaries are counted"
COUNTED = "every byte is counted once"
FITTED = "the codec knows the training part alone"
LOSSLESS = "lossless"

UNCHECKED = "could not be checked: "
"""What stands before an error that came instead of a check."""

TOLERANCE = 1e-3
"""In nats a symbol, or of probability: less moves no figure shown, and single precision stays below."""

WALKED_FAR, WALKED, WALKED_IN_ALL = 2048, 512, 2048
"""Symbols read again piece by piece: of the longest document, of each of some others, of those in all."""
FEWEST_OTHERS, MOST_OTHERS = 3, 64
_LONGEST_PIECE = 64

PROBED = stretches.Extent(bytes=1 << 12, size=256, before=0)
_SHARES_KEPT = (0.25, 0.5, 0.75)

_DECODED_SYMBOLS = 1 << 20
_REFITTED_BYTES = 1 << 24


@dataclass(frozen=True)
class Check:
    """A rule, whether it held (None where it was not checked), and what was measured."""

    rule: str
    held: bool | None
    said: str

    def to_json(self) -> dict[str, Any]:
        """Return the check as results.json holds it."""
        return asdict(self)


def check(run: StoredRun, notes: Notes, train: Documents) -> list[Check]:
    """Return every check of a run, by the notes of its evaluation; `train` is what the codec was fitted on.

    One that fails by an error is a check that did not hold.
    """
    model, codec, given, scored = run.model, run.codec, run.condition_codec, notes.scored
    each: list[tuple[tuple[str, ...], Callable[[], list[Check]]]] = [
        ((CAUSAL,), lambda: [check_causality(model, codec, scored, given)]),
        ((NORMALISED, STEPWISE, CARRIED), lambda: check_steps(model, scored, notes.cut, given)),
        ((ENDED,), lambda: [check_boundaries(notes.tally)]),
        ((COUNTED,), lambda: [check_bytes(codec, notes.tally)]),
        ((FITTED,), lambda: [check_fit(run.record, codec, train)]),
        ((LOSSLESS,), lambda: [check_lossless(codec, scored, notes.cut)]),
    ]
    found: list[Check] = []
    for rules, make in each:
        try:
            found += make()
        except Exception as error:  # a model's or a codec's own
            said = UNCHECKED + " ".join(f"{type(error).__name__}: {error}".split())
            found += [Check(rule, False, said) for rule in rules]
    return found


def check_causality(
    model: LanguageModel, codec: Codec, scored: Sequence[Surprisal], condition_codec: Codec | None = None
) -> Check:
    """Check that changing all later symbols of stretches of the test part leaves earlier nats alone."""
    boundary = np.array([codec.boundary], dtype=np.int32)
    probed = stretches.sample(scored, PROBED)
    texts = [np.concatenate([each.ids_T, boundary]) for each in probed]
    given = beginnings.conditions(model, condition_codec, [each.scored.document for each in probed])
    before = lanes.score_together(model, texts, conditions=given)
    generator = np.random.default_rng(0)
    gap, places = 0.0, 0
    for share in _SHARES_KEPT:
        changed = [_changed(ids_T, int(share * len(ids_T)), codec.boundary, generator) for ids_T in texts]
        after = lanes.score_together(model, changed, conditions=given)
        for ids_T, (old_T, _), (new_T, _) in zip(texts, before, after, strict=True):
            kept = int(share * len(ids_T))
            gap = max(gap, _gap(old_T[:kept], new_T[:kept]))
            places += 0 < kept < len(ids_T) - 1
    if not places:
        return Check(CAUSAL, None, "no document has symbols enough to change some of them")
    said = (
        f"changing all later symbols at {places} places changed earlier surprisals by at most {gap:.2g} nats"
    )
    return Check(CAUSAL, gap <= TOLERANCE, said)


def check_steps(
    model: LanguageModel,
    scored: Sequence[Surprisal],
    cut: Container[int] = (),
    condition_codec: Codec | None = None,
) -> list[Check]:
    """Check documents read again in uneven pieces, asked for a prediction between any two of them.

    Of those in `cut` there is the beginning, whose last symbol and boundary did not cost what stands there.
    """
    generator = np.random.default_rng(0)
    longest = max(scored, key=lambda one: len(one.ids_T))
    walked = [(longest, WALKED_FAR), *((one, WALKED) for one in _some(scored) if one is not longest)]
    ends = [min(most, len(one.ids_T) - 2 * (one.index in cut)) for one, most in walked]
    steps = [
        step
        for (one, _), end in zip(walked, ends, strict=True)
        for step in _walk(
            model, beginnings.start(model, condition_codec, [one.document]), one, end, generator
        )
    ]
    total_P = np.array([abs(step.total - 1) for step in steps])
    finite = all(step.finite for step in steps)
    worst, chain = _largest(total_P), _largest(np.array([step.chain_gap for step in steps]))
    carried = _largest(np.array([step.carried_gap for step in steps]))
    summed = f"at {len(steps)} places sums lie within {worst:.2g} of 1"
    return [
        Check(NORMALISED, finite and worst <= TOLERANCE, summed + ("" if finite else ", but not all finite")),
        Check(
            STEPWISE,
            chain <= TOLERANCE,
            f"at {len(steps)} places the figure's surprisal is the prediction's within {chain:.2g} nats",
        ),
        Check(
            CARRIED,
            carried <= TOLERANCE,
            f"{sum(ends):,} symbols read again in {len(steps)} uneven pieces cost the same within "
            f"{carried:.2g} nats each; the longest looked at has {len(longest.ids_T):,} symbols",
        ),
    ]


def check_boundaries(tally: Tally) -> Check:
    """Check that each document was scored with one boundary, at its end, and that it costs something."""
    nats_D = np.array(tally.boundary_nats)
    if not (tally.ended and ((nats_D >= -TOLERANCE) & (nats_D < np.inf)).all()):
        return Check(ENDED, False, "not every document was scored with one boundary, at its end")
    bits = information.bits(float(nats_D.mean()))
    return Check(
        ENDED, True, f"{len(nats_D):,} documents ended with a boundary, of {bits:.3g} bits on average"
    )


def check_bytes(codec: Codec, tally: Tally) -> Check:
    """Check that every document was scored once and that symbols share out all its bytes."""
    wanted = int(tally.wanted_D.sum())
    once = bool((tally.times_D == 1).all())
    said = (
        f"{tally.documents:,} of {len(tally.wanted_D):,} documents were scored, "
        f"{tally.units:,} of {wanted:,} bytes"
    )
    all_bytes = tally.units == wanted or not codec.lossless
    return Check(COUNTED, once and tally.shared_out and all_bytes, said)


def check_fit(record: Record, codec: Codec, train: Documents) -> Check:
    """Check that fitting the codec on the training part alone gives the same one again."""
    size = units_of(train)
    if size > _REFITTED_BYTES:
        return Check(FITTED, None, f"not fitted again: the training part has {size:,} bytes")
    module = codecs.REGISTRY.load(record.codec)
    config = settings.build(module.Config, record.codec_settings)
    again = module.fit(texts_of(train), config)
    held = bytewise.alike(codec, again)
    what = "the same" if held else "another"
    return Check(FITTED, held, f"fitted again on the {size:,} bytes of the training part, it came out {what}")


def check_lossless(codec: Codec, scored: Sequence[Surprisal], cut: Container[int] = ()) -> Check:
    """Check that documents come back from their symbols; a codec that says it is lossy need not.

    Of those in `cut` there is the beginning, and the symbol at its end may go on.
    """
    if not codec.lossless:
        return Check(LOSSLESS, True, "the codec loses something and says so: it has no bits per byte")
    stride = max(1, sum(len(one.ids_T) for one in scored) // _DECODED_SYMBOLS)
    sampled = scored[::stride]
    texts = [codec.decode(one.ids_T[:-1], one.document.side) for one in sampled]
    back = sum(
        text.startswith(one.document.text) if one.index in cut else text == one.document.text
        for text, one in zip(texts, sampled, strict=True)
    )
    return Check(LOSSLESS, back == len(sampled), f"{back:,} of {len(sampled):,} documents came back whole")


def _some(scored: Sequence[Surprisal]) -> list[Surprisal]:
    """Return documents spread evenly over all: the more, the shorter they are."""
    symbols = sum(min(WALKED, len(one.ids_T)) for one in scored)
    count = int(np.clip(WALKED_IN_ALL * len(scored) // symbols, FEWEST_OTHERS, MOST_OTHERS))
    return list(scored[:: -(-len(scored) // count)])


@dataclass(frozen=True)
class _Step:
    """What a prediction sums to, and how far it and the piece read after it are from the figure's nats."""

    total: float
    finite: bool
    chain_gap: float
    carried_gap: float


def _walk(
    model: LanguageModel, state: State, one: Surprisal, end: int, generator: np.random.Generator
) -> Iterator[_Step]:
    """Yield a step for each piece of the document's first symbols, read with the state carried on."""
    place = 0
    while place < end:
        piece = slice(place, min(end, place + int(generator.integers(1, _LONGEST_PIECE))))
        log_p_V = model.predict(state)[0].astype(np.float64)
        log_p_1T, state = model.score(state, one.ids_T[None, piece])
        with np.errstate(over="ignore"):
            total = float(np.exp(log_p_V).sum())
        yield _Step(
            total,
            bool(np.isfinite(log_p_V).all()),
            _gap(-log_p_V[one.ids_T[place]], one.nats_T[place]),
            _gap(-log_p_1T[0], one.nats_T[piece]),
        )
        place = piece.stop


def _changed(ids_T: Ids, kept: int, boundary: int, generator: np.random.Generator) -> Ids:
    """Return the text with every symbol from `kept` on, but for the boundary, replaced by another one."""
    changed_T = ids_T.copy()
    shift_T = generator.integers(1, max(2, boundary), len(ids_T) - 1 - kept)
    changed_T[kept:-1] = (ids_T[kept:-1] + shift_T) % boundary
    return changed_T


def _gap(one_T: FloatArray, other_T: FloatArray) -> float:
    """Return the largest difference; infinity where only one is infinite, or a number is none."""
    with np.errstate(invalid="ignore"):
        apart_T = np.abs(np.asarray(one_T, dtype=np.float64) - other_T)
    return _largest(np.where(one_T == other_T, 0.0, apart_T))


def _largest(gap_P: FloatArray) -> float:
    return float(np.nan_to_num(gap_P, nan=np.inf, posinf=np.inf).max(initial=0.0))
