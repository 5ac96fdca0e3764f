"""The laws of what else a model claims to be: ranked, distributing, countable, on line, adaptive, …

Axes: B rows, T positions, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from anygram.laws.agreement import agree, alike, arrays, hold
from anygram.laws.cases import Case, Subject
from anygram.laws.models import MODEL_LAWS, Law
from anygram.laws.readers import READER_LAWS
from anygram.protocols import (
    Adaptive,
    Condition,
    Countable,
    Differentiable,
    Distributing,
    FloatArray,
    Ids,
    LanguageModel,
    Lengths,
    Online,
    Ranked,
)


def ranks_follow_predictions(subject: Subject, case: Case) -> None:
    """A symbol's rank is how many are likelier; equal ones go by id. Scores and state are `score`'s."""
    model, start = subject.model, case.start(subject.model)
    assert isinstance(model, Ranked)
    log_p_BT, rank_BT, after = model.rank(start, case.ids_BT, case.lengths)
    scored_BT, end = model.score(start, case.ids_BT, case.lengths)
    agree(log_p_BT, scored_BT, subject.tolerance, "rank and score differ")
    alike(model, after, end, case.other_BT, subject.tolerance, "rank and score end in different states")
    state = start
    for t in range(case.ids_BT.shape[1]):
        log_p_BV = model.predict(state)
        for row in np.flatnonzero(case.inside[:, t]):
            low, high = _rank_bounds(log_p_BV[row], int(case.ids_BT[row, t]), subject.tolerance)
            rank = int(rank_BT[row, t])
            hold(low <= rank <= high, f"symbol {case.ids_BT[row, t]} has rank {rank}, not {low} to {high}")
        state = model.advance(state, case.ids_BT[:, t : t + 1])


def distributions_are_predictions(subject: Subject, case: Case) -> None:
    """What is given along a text is what `predict` gives at each place; the state is `advance`'s."""
    model = subject.model
    start = state = case.start(model)
    assert isinstance(model, Distributing)
    log_p_BTV, after = model.distribute(start, case.ids_BT)
    shape = (*case.ids_BT.shape, model.vocabulary_size)
    hold(log_p_BTV.shape == shape, f"distribute returned {log_p_BTV.shape}, not rows × positions × V {shape}")
    for t in range(case.ids_BT.shape[1]):
        agree(log_p_BTV[:, t], model.predict(state), subject.tolerance, f"the distribution at {t} differs")
        state = model.advance(state, case.ids_BT[:, t : t + 1])
    alike(model, after, state, case.other_BT, subject.tolerance, "distribute and advance end elsewhere")


def counting_regroups(subject: Subject, case: Case) -> None:
    """Counting documents one by one, or in another order, is counting them at once."""
    documents = _documents(case.ids_BT, case.lengths, subject.model.vocabulary_size)
    at_once = _counted(subject, _Piece(documents, case.condition))
    rows = [(documents[row], case.condition_of(np.array([row]))) for row in case.order_B]
    one_by_one = _counted(subject, *(_Piece([document], condition) for document, condition in rows))
    reordered = [documents[row] for row in case.order_B]
    in_order = _counted(subject, _Piece(reordered, case.condition_of(case.order_B)))
    log_p_BT = at_once.score(case.start(at_once), case.ids_BT)[0]
    for how, model in (("one by one", one_by_one), ("in another order", in_order)):
        found_BT = model.score(case.start(model), case.ids_BT)[0]
        agree(found_BT, log_p_BT, subject.regrouped, f"documents counted {how} teach something else")


def a_prefix_teaches_nothing(subject: Subject, case: Case) -> None:
    """Documents that are prefix throughout change nothing that is learnt."""
    documents = _documents(case.ids_BT, case.lengths, subject.model.vocabulary_size)
    others = _documents(case.other_BT, case.lengths, subject.model.vocabulary_size)
    plain = _counted(subject, _Piece(documents, case.condition))
    prefix_lengths = np.array([0] * len(documents) + [len(document) for document in others], dtype=np.int64)
    twice = None if case.condition is None else [*case.condition, *case.condition]
    prefixed = _counted(subject, _Piece([*documents, *others], twice, prefix_lengths))
    log_p_BT = plain.score(case.start(plain), case.ids_BT)[0]
    found_BT = prefixed.score(case.start(prefixed), case.ids_BT)[0]
    agree(found_BT, log_p_BT, subject.regrouped, "a prefix was learnt from")


def the_loss_is_the_surprisal(subject: Subject, case: Case) -> None:
    """The training loss is the weighted mean surprisal, in one block or two, where there is no dropout."""
    model = subject.model
    assert isinstance(model, Differentiable)
    log_p_BT = model.score(case.start(model), case.ids_BT)[0]
    weights_BT = np.where(case.inside, 1.0 + np.arange(case.ids_BT.shape[1]) % 2, 0.0).astype(np.float32)
    state, condition = None, case.condition
    for block in (slice(None, case.cut), slice(case.cut, None)):
        ids_BT, weight_BT = case.ids_BT[:, block], weights_BT[:, block]
        if not ids_BT.size:
            continue
        nats, state = model.loss(ids_BT, weight_BT, state, condition)
        condition = None
        if weight_BT.any():
            wanted = np.asarray(-(weight_BT * log_p_BT[:, block]).sum() / weight_BT.sum())
            agree(np.asarray(nats.item()), wanted, subject.tolerance, "the loss is not the mean surprisal")
        carries = any(getattr(array, "requires_grad", False) for array in arrays(state))
        hold(not carries, "the state after a block carries a gradient")


def learning_on_line_can_be_cut(subject: Subject, case: Case) -> None:
    """A stream learnt in pieces teaches what it does at once, each symbol predicted before it is learnt."""
    documents = _documents(case.ids_BT, case.lengths, subject.model.vocabulary_size)
    ids_N = np.concatenate(documents)
    at_once, in_pieces = subject.anew(), subject.anew()
    assert isinstance(at_once, Online) and isinstance(in_pieces, Online)
    whole_N = at_once.learn(ids_N)
    cut_N = np.concatenate([in_pieces.learn(ids_N[: case.cut]), in_pieces.learn(ids_N[case.cut :])])
    agree(cut_N, whole_N, subject.regrouped, "learning in pieces is not learning at once")
    log_p_BT = at_once.score(case.start(at_once), case.ids_BT)[0]
    found_BT = in_pieces.score(case.start(in_pieces), case.ids_BT)[0]
    agree(found_BT, log_p_BT, subject.regrouped, "what was learnt in pieces is something else")


class _Piece(NamedTuple):
    """Documents that are counted together."""

    documents: Sequence[Ids]
    condition: Condition | None
    prefix_lengths: Lengths | None = None


def _counted(subject: Subject, *pieces: _Piece) -> LanguageModel:
    """Return a new model that has counted these."""
    model = subject.anew()
    assert isinstance(model, Countable)
    for documents, condition, prefix_lengths in pieces:
        lengths = np.array([len(document) for document in documents], dtype=np.int64)
        model.count(np.concatenate(documents), lengths, condition, prefix_lengths)
    model.finish()
    return model


def _rank_bounds(log_p_V: FloatArray, symbol: int, tolerance: float) -> tuple[int, int]:
    """Return the least and the greatest rank that rounding allows; exact ties are settled by id."""
    surely = int((log_p_V > log_p_V[symbol] + tolerance).sum())
    perhaps = int((log_p_V >= log_p_V[symbol] - tolerance).sum()) - 1
    tied = log_p_V == log_p_V[symbol]
    if int(tied.sum()) == perhaps - surely + 1:
        surely = perhaps = surely + int(tied[:symbol].sum())
    return surely, perhaps


def _documents(ids_BT: Ids, lengths: Lengths, vocabulary_size: int) -> list[Ids]:
    """Return each row's text without boundaries, closed by one."""
    boundary = vocabulary_size - 1
    texts = [row[:length] for row, length in zip(ids_BT, lengths, strict=True)]
    return [np.append(text[text != boundary], boundary).astype(np.int32) for text in texts]


CLAIMS: dict[type, tuple[Law, ...]] = {
    Ranked: (ranks_follow_predictions,),
    Distributing: (distributions_are_predictions,),
    Countable: (counting_regroups, a_prefix_teaches_nothing),
    Differentiable: (the_loss_is_the_surprisal,),
    Online: (learning_on_line_can_be_cut,),
    Adaptive: tuple(READER_LAWS.values()),
}


def laws_of(model: LanguageModel) -> dict[str, Law]:
    """Return every law that concerns this model, by name."""
    claimed = [law for claim, laws in CLAIMS.items() if isinstance(model, claim) for law in laws]
    return MODEL_LAWS | {law.__name__: law for law in claimed}
