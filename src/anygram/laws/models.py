"""The laws that every language model keeps: functions of a subject and a case that raise AssertionError.

A plug-in package tests its own model so:

    subject = Subject(model, anew=lambda: create(Config(), vocabulary_size=5, seed=1))

    @pytest.mark.parametrize("law", laws_of(model))
    @given(case=cases(vocabulary_size=5))
    def test_law(law, case):
        laws_of(model)[law](subject, case)

Axes: B rows, T positions, V vocabulary, X any selection of rows.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np

from anygram import states
from anygram.errors import UsageError
from anygram.information import NATS_PER_BIT
from anygram.laws.agreement import agree, alike, arrays, differ, hold
from anygram.laws.arithmetic import Decoder, Encoder, frequencies
from anygram.laws.cases import Case, Subject
from anygram.storage import read_tensors, write_tensors

Law = Callable[[Subject, Case], None]


def predictions_are_normalised(subject: Subject, case: Case) -> None:
    """Every id has a finite log-probability, and the probabilities of a row sum to one."""
    model, state = subject.model, case.start(subject.model)
    for read in (state, model.advance(state, case.ids_BT, case.lengths)):
        log_p_BV = model.predict(read)
        shape = (case.rows, model.vocabulary_size)
        hold(log_p_BV.shape == shape, f"predict returned {log_p_BV.shape}, not rows × vocabulary {shape}")
        hold(bool(np.isfinite(log_p_BV).all()), "predict returned a log-probability that is not finite")
        total_B = np.exp(log_p_BV.astype(np.float64)).sum(axis=1)
        agree(total_B, np.ones(case.rows), subject.tolerance, "a row of probabilities does not sum to one")


def score_is_the_chain_of_predict(subject: Subject, case: Case) -> None:
    """What `score` says of a symbol is what `predict` said before it was read."""
    model = subject.model
    start = state = case.start(model)
    chain_BT = np.zeros(case.ids_BT.shape)
    for t in range(case.ids_BT.shape[1]):
        chain_BT[:, t] = model.predict(state)[np.arange(case.rows), case.ids_BT[:, t]]
        state = model.advance(state, case.ids_BT[:, t : t + 1])
    log_p_BT, after = model.score(start, case.ids_BT)
    agree(log_p_BT, chain_BT, subject.tolerance, "score is not the chain of predict")
    alike(model, after, state, case.other_BT, subject.tolerance, "score and advance end in different states")


def cutting_changes_nothing(subject: Subject, case: Case) -> None:
    """Reading in two pieces, by `advance` or by `score`, is reading at once."""
    model, cut, start = subject.model, case.cut, case.start(subject.model)
    first_B, rest_B = np.minimum(case.lengths, cut), np.maximum(case.lengths - cut, 0)
    whole_BT, after = model.score(start, case.ids_BT, case.lengths)
    head_BT, scored = model.score(start, case.ids_BT[:, :cut], first_B)
    agree(head_BT, whole_BT[:, :cut], subject.regrouped, f"the text before a cut at {cut} scores differently")
    advanced = model.advance(start, case.ids_BT[:, :cut], first_B)
    for verb, middle in (("score", scored), ("advance", advanced)):
        tail_BT, end = model.score(middle, case.ids_BT[:, cut:], rest_B)
        what = f"{verb} up to a cut at {cut}"
        agree(tail_BT, whole_BT[:, cut:], subject.regrouped, f"{what}, then score, gives other numbers")
        alike(model, end, after, case.other_BT, subject.regrouped, f"{what}, then score, ends elsewhere")


def use_changes_nothing(subject: Subject, case: Case) -> None:
    """A state stays what it was, whatever is done from it and to what came out of it; so do the ids."""
    model = subject.model
    state = model.advance(case.start(model), case.ids_BT, case.lengths)
    log_p_BV, log_p_BT = model.predict(state).copy(), model.score(state, case.other_BT)[0].copy()
    held, other_BT = copy.deepcopy(arrays(state)), case.other_BT.copy()
    for answer in (model.predict(state), model.score(state, other_BT)[0]):
        if answer.flags.writeable:
            answer[...] = 0.0
    model.advance(model.advance(state, other_BT), case.ids_BT, case.lengths)
    model.score(states.select(state, case.order_B), case.ids_BT, case.lengths)
    hold(states.equal(held, arrays(state)), "a state was changed by use: an array of it was written to")
    hold(np.array_equal(other_BT, case.other_BT), "the ids were written to while they were read")
    agree(model.predict(state), log_p_BV, 0.0, "a state was changed by use: it predicts differently")
    agree(model.score(state, other_BT)[0], log_p_BT, 0.0, "a state was changed by use: it scores differently")


def forks_never_meet(subject: Subject, case: Case) -> None:
    """Two texts read in turns from one state, and older states read on from, are each as if alone."""
    model, cut = subject.model, case.cut
    texts = (case.ids_BT, np.concatenate([case.ids_BT[:, :cut], case.other_BT[:, cut:]], axis=1))
    alone = [model.score(case.start(model), text_BT)[0] for text_BT in texts]
    trunk = model.advance(case.start(model), case.ids_BT[:, :cut])
    kept = [[trunk], [trunk]]
    for t in range(cut, case.ids_BT.shape[1]):
        for branch, text_BT in zip(kept, texts, strict=True):
            branch.append(model.advance(branch[-1], text_BT[:, t : t + 1]))
    for branch, text_BT, log_p_BT in zip(kept, texts, alone, strict=True):
        for t in range(case.ids_BT.shape[1], cut - 1, -1):  # newest first: an older one would write it again
            state = branch[t - cut]
            found_BT = model.score(state, text_BT[:, t:])[0]
            agree(found_BT, log_p_BT[:, t:], subject.tolerance, f"forks at {cut} meet: read on from {t}")


def rows_are_independent(subject: Subject, case: Case) -> None:
    """A row is read alike alone, in company, and in any place."""
    model, order_B = subject.model, case.order_B
    log_p_BT, after = model.score(case.start(model), case.ids_BT, case.lengths)
    for row, length in enumerate(case.lengths):
        alone_1T, end = model.score(
            model.start(1, case.condition_of(np.array([row]))), case.ids_BT[row : row + 1, :length]
        )
        agree(alone_1T[0], log_p_BT[row, :length], subject.regrouped, f"row {row} scores differently alone")
        mine, probe_1T = states.select(after, [row]), case.other_BT[row : row + 1]
        alike(model, mine, end, probe_1T, subject.regrouped, f"row {row} ends elsewhere when alone")
    moved_BT, _ = model.score(
        model.start(case.rows, case.condition_of(order_B)), case.ids_BT[order_B], case.lengths[order_B]
    )
    agree(moved_BT, log_p_BT[order_B], subject.regrouped, "rows score differently in another order")


def padding_is_ignored(subject: Subject, case: Case) -> None:
    """What lies past a row's length, and how much of it, changes nothing; its log-probability is 0.0."""
    model, start = subject.model, case.start(subject.model)
    log_p_BT, after = model.score(start, case.ids_BT, case.lengths)
    agree(log_p_BT[~case.inside], np.zeros((~case.inside).sum()), 0.0, "padding has a log-probability")
    wider_BT = np.concatenate([np.where(case.inside, case.ids_BT, case.other_BT), case.other_BT], axis=1)
    padded_BT, end = model.score(start, wider_BT, case.lengths)
    agree(padded_BT[:, : log_p_BT.shape[1]], log_p_BT, subject.regrouped, "other padding, other scores")
    alike(model, end, after, case.other_BT, subject.regrouped, "other padding, another state after score")
    read = model.advance(start, wider_BT, case.lengths)
    alike(model, read, after, case.other_BT, subject.regrouped, "other padding, another state after advance")


def reading_nothing_changes_nothing(subject: Subject, case: Case) -> None:
    """Rows of length 0 and blocks of no position leave the state alone."""
    model = subject.model
    state = model.advance(case.start(model), case.ids_BT, case.lengths)
    none_B, empty_B0 = np.zeros(case.rows, dtype=np.int64), case.ids_BT[:, :0]
    log_p_BT, unread = model.score(state, case.ids_BT, none_B)
    agree(log_p_BT, np.zeros(case.ids_BT.shape), 0.0, "rows of length 0 have log-probabilities")
    log_p_B0, empty = model.score(state, empty_B0)
    hold(log_p_B0.shape == empty_B0.shape, f"score of no positions returned {log_p_B0.shape}")
    advanced = model.advance(state, case.ids_BT, none_B), model.advance(state, empty_B0)
    for end in (unread, empty, *advanced):
        alike(model, end, state, case.other_BT, subject.regrouped, "reading nothing changed the state")


def states_regroup(subject: Subject, case: Case) -> None:
    """Selecting and concatenating rows of states commutes with reading on, whatever each has read."""
    model, start = subject.model, case.start(subject.model)
    state = model.advance(start, case.ids_BT, case.lengths)
    log_p_BT, after = model.score(state, case.other_BT)
    rows_X = np.append(case.order_B, case.order_B[0])
    chosen = states.select(state, rows_X)
    found = states.count_rows(chosen)
    hold(found == len(rows_X), f"selected {len(rows_X)} rows, got a state of {found}")
    chosen_XT, end = model.score(chosen, case.other_BT[rows_X])
    agree(chosen_XT, log_p_BT[rows_X], subject.regrouped, "selected rows score differently")
    probe_XT = case.ids_BT[rows_X]
    alike(
        model, end, states.select(after, rows_X), probe_XT, subject.regrouped, "selected rows end elsewhere"
    )
    both = states.concatenate([start, state])
    both_XT = model.score(both, np.concatenate([case.other_BT, case.other_BT]))[0]
    apart_XT = np.concatenate([model.score(start, case.other_BT)[0], log_p_BT])
    agree(both_XT, apart_XT, subject.regrouped, "concatenated states score differently")


def the_future_never_leaks(subject: Subject, case: Case) -> None:
    """Other symbols later, or none, leave earlier log-probabilities alone."""
    model, cut, start = subject.model, case.cut, case.start(subject.model)
    before_BT = model.score(start, case.ids_BT[:, :cut])[0]
    changed_BT = (case.ids_BT[:, cut:] + 1) % model.vocabulary_size
    for later_BT in (case.ids_BT[:, cut:], case.other_BT[:, cut:], changed_BT):
        text_BT = np.concatenate([case.ids_BT[:, :cut], later_BT], axis=1).astype(np.int32)
        log_p_BT = model.score(start, text_BT)[0][:, :cut]
        agree(log_p_BT, before_BT, subject.tolerance, f"symbols from {cut} on changed earlier scores")


def the_boundary_begins_anew(subject: Subject, case: Case) -> None:
    """Past a boundary, anywhere in the text, the state equals `start`."""
    model, start = subject.model, case.start(subject.model)
    boundary_B1 = np.full((case.rows, 1), model.vocabulary_size - 1, dtype=np.int32)
    closed_BT = np.concatenate([case.ids_BT[:, : case.cut], boundary_B1], axis=1)
    state = model.advance(start, closed_BT)
    alike(model, state, start, case.other_BT, subject.regrouped, "past the boundary is not the start")
    text_BT = np.concatenate([closed_BT, case.other_BT], axis=1)
    log_p_BT = model.score(start, text_BT)[0][:, closed_BT.shape[1] :]
    fresh_BT = model.score(start, case.other_BT)[0]
    agree(log_p_BT, fresh_BT, subject.regrouped, "a document scores differently after another one")


def coding_round_trips(subject: Subject, case: Case) -> None:
    """Symbols coded with stepwise predictions are found again, in as many bits as their surprisal.

    The coder adds at most two bits, and its rounding less than one in a thousand.
    """
    model, row = subject.model, int(case.lengths.argmax())
    start = model.start(1, case.condition_of(np.array([row])))
    symbols = [*case.ids_BT[row, : case.lengths[row]].tolist(), model.vocabulary_size - 1]
    encoder, state = Encoder(), start
    for symbol in symbols:
        encoder.push(symbol, frequencies(model.predict(state)[0]))
        state = model.advance(state, np.array([[symbol]], dtype=np.int32))
    code, found, state = encoder.finish(), [], start
    decoder = Decoder(code)
    for _ in symbols:
        found.append(decoder.pull(frequencies(model.predict(state)[0])))
        state = model.advance(state, np.array([[found[-1]]], dtype=np.int32))
    hold(found == symbols, f"decoded {found}, coded {symbols}")
    nats = -float(model.score(start, np.array([symbols], dtype=np.int32))[0].sum())
    slack = 0.001 + len(symbols) * subject.tolerance / NATS_PER_BIT
    excess = code.length - nats / NATS_PER_BIT
    hold(
        -slack <= excess <= 2 + slack, f"{nats / NATS_PER_BIT:.3f} bits of surprisal, coded in {code.length}"
    )


def restored_means_equal(subject: Subject, case: Case) -> None:
    """A new model that takes the stored tensors predicts and scores to the bit as the old one."""
    restored = subject.anew()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        write_tensors(path, subject.model.tensors())
        restored.restore(read_tensors(path))
    log_p_BT, state = subject.model.score(case.start(subject.model), case.ids_BT, case.lengths)
    again_BT, other = restored.score(case.start(restored), case.ids_BT, case.lengths)
    agree(again_BT, log_p_BT, 0.0, "the restored model scores differently")
    agree(
        restored.predict(other), subject.model.predict(state), 0.0, "the restored model predicts differently"
    )


def a_condition_is_never_ignored(subject: Subject, case: Case) -> None:
    """A condition is refused (UsageError), or its last symbol, and having none, change the state.

    A model's memory may be short, so only the last symbol must show. Tries symbols 0 and 1.
    """
    model = subject.model
    sources = case.condition or [np.empty(0, dtype=np.int32)] * case.rows
    try:
        started = [
            model.start(case.rows, [np.append(source, last).astype(np.int32) for source in sources])
            for last in (0, 1)
        ]
    except UsageError:
        return
    for one, other in combinations([*started, model.start(case.rows)], 2):
        for row in range(case.rows):
            pair = states.select(one, [row]), states.select(other, [row])
            hold(differ(model, *pair, case.ids_BT[row : row + 1]), "a condition was ignored")


MODEL_LAWS: dict[str, Law] = {
    law.__name__: law
    for law in (
        predictions_are_normalised,
        score_is_the_chain_of_predict,
        cutting_changes_nothing,
        use_changes_nothing,
        forks_never_meet,
        rows_are_independent,
        padding_is_ignored,
        reading_nothing_changes_nothing,
        states_regroup,
        the_future_never_leaks,
        the_boundary_begins_anew,
        coding_round_trips,
        restored_means_equal,
        a_condition_is_never_ignored,
    )
}
