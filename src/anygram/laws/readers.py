"""The laws of readers: sessions that learn while they read predict first, and are reproducible values.

A subject's reader is its model's own (`Adaptive`) or the one it names (`Subject.reader`). The rows of a
case are read one after the other as one text, boundaries wherever they stand.
Axes: T positions, V vocabulary.
"""

from __future__ import annotations

import numpy as np

from anygram.laws.agreement import agree, hold
from anygram.laws.cases import Case, Subject
from anygram.protocols import FloatArray, Ids, Reader


def predicted_before_learnt(subject: Subject, case: Case) -> None:
    """What reading says of a symbol is what was predicted before it; predictions are distributions."""
    reader, vocabulary_size = subject.read_anew(), subject.model.vocabulary_size
    for symbol in _text(case):
        log_p_V = reader.log_p()
        hold(log_p_V.shape == (vocabulary_size,), f"log_p returned {log_p_V.shape}, not ({vocabulary_size},)")
        hold(bool(np.isfinite(log_p_V).all()), "log_p returned a log-probability that is not finite")
        total = np.exp(log_p_V.astype(np.float64)).sum(keepdims=True)
        agree(total, np.ones(1), subject.tolerance, "a reader's probabilities do not sum to one")
        found_T = reader.read(np.array([symbol], dtype=np.int32))
        agree(found_T, log_p_V[[symbol]], subject.tolerance, "read is not what log_p said before")


def asking_teaches_nothing(subject: Subject, case: Case) -> None:
    """Asking, reading nothing, and writing to answers or to ids that were read change nothing."""
    asked, plain = subject.read_anew(), subject.read_anew()
    for symbol in _text(case):
        for _ in range(2):
            answer_V = asked.log_p()
            if answer_V.flags.writeable:
                answer_V[...] = 0.0
        hold(len(asked.read(np.empty(0, dtype=np.int32))) == 0, "reading nothing returned something")
        ids_T = np.array([symbol], dtype=np.int32)
        found_T, wanted_T = asked.read(ids_T), plain.read(ids_T.copy())
        hold(int(ids_T[0]) == symbol, "the ids were written to while they were read")
        agree(found_T, wanted_T, 0.0, "a reader was changed by being asked")
        ids_T[...] = 0
        if found_T.flags.writeable:
            found_T[...] = 0.0
    agree(asked.log_p(), plain.log_p(), 0.0, "a reader was changed by being asked: it predicts differently")


def equal_sessions_agree(subject: Subject, case: Case) -> None:
    """Two sessions that are read the same, by turns, say the same to the bit; each row is one read."""
    one, other = subject.read_anew(), subject.read_anew()
    for ids_T in case.ids_BT:
        agree(other.read(ids_T), one.read(ids_T), 0.0, "equal sessions read differently")
        agree(other.log_p(), one.log_p(), 0.0, "equal sessions predict differently")


def cutting_reads_changes_nothing(subject: Subject, case: Case) -> None:
    """A text read at once, in two pieces, or symbol by symbol costs the same and teaches the same."""
    text_T = _text(case)
    cut = min(case.cut * case.rows, len(text_T))
    whole = subject.read_anew()
    wanted_T, after_V = whole.read(text_T), whole.log_p()
    for how, pieces in (
        (f"cut at {cut}", [text_T[:cut], text_T[cut:]]),
        ("symbol by symbol", list(text_T[:, None])),
    ):
        reader = subject.read_anew()
        found_T = _read_all(reader, pieces)
        agree(found_T, wanted_T, subject.tolerance, f"a text read {how} costs something else")
        agree(reader.log_p(), after_V, subject.tolerance, f"a text read {how} teaches something else")


def a_copy_is_independent(subject: Subject, case: Case) -> None:
    """A copy and what it was made of go on by turns as two sessions that never met, to the bit."""
    trunk_T, branches = _text(case), (case.other_BT, case.ids_BT[::-1])
    reader = subject.read_anew()
    reader.read(trunk_T)
    pair = (reader.copy(), reader)
    found: tuple[list[FloatArray], list[FloatArray]] = ([], [])
    for row in range(case.rows):
        for one, branch_BT, said in zip(pair, branches, found, strict=True):
            said += [one.read(branch_BT[row]), one.log_p()]
    for branch_BT, said in zip(branches, found, strict=True):
        alone = subject.read_anew()
        alone.read(trunk_T)
        wanted = [answer for ids_T in branch_BT for answer in (alone.read(ids_T), alone.log_p())]
        agree(np.concatenate(said), np.concatenate(wanted), 0.0, "a copy and its original meet")


def the_model_stays_as_it_is(subject: Subject, case: Case) -> None:
    """A model scores and is stored to the bit as before its readers were."""
    model = subject.model
    before_BT = model.score(case.start(model), case.ids_BT)[0].copy()
    stored = {name: array.copy() for name, array in model.tensors().items()}
    reader = subject.read_anew()
    for text_T in (_text(case), case.other_BT.ravel()):
        reader.read(text_T)
        agree(
            model.score(case.start(model), case.ids_BT)[0], before_BT, 0.0, "the model was changed by reading"
        )
    for name, array in model.tensors().items():
        hold(np.array_equal(array, stored[name]), f"the model was changed by reading: '{name}' differs")


def _text(case: Case) -> Ids:
    return case.ids_BT.ravel()


def _read_all(reader: Reader, pieces: list[Ids]) -> FloatArray:
    return np.concatenate([np.empty(0), *map(reader.read, pieces)])


READER_LAWS = {
    law.__name__: law
    for law in (
        predicted_before_learnt,
        asking_teaches_nothing,
        equal_sessions_agree,
        cutting_reads_changes_nothing,
        a_copy_is_independent,
        the_model_stays_as_it_is,
    )
}
