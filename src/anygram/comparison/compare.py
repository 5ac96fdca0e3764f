"""The comparison: the same documents and the same budget for everyone, each in a process of its own.

OUT/contest.json         what is compared
OUT/WHO/                 the run of a contestant
OUT/found/WORK.json      what came of a piece of work, so that nothing is done twice
OUT/results.json, report.md, report.html
"""

from __future__ import annotations

import html
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from anygram import processes, storage
from anygram.comparison import contest as contests
from anygram.comparison import facts, metrics, redaction, results
from anygram.comparison.assembly import Assembled, assemble
from anygram.comparison.contest import Contest
from anygram.comparison.job import Job
from anygram.comparison.markdown import markdown
from anygram.comparison.page import page
from anygram.comparison.placing import OwnProcesses, Place
from anygram.comparison.results import Row
from anygram.comparison.work import TRIALS, Work, work_of
from anygram.data.preparation import FINGERPRINTS, Prepared, fingerprints, reopen, spool
from anygram.data.splitting import count_repeated_bytes
from anygram.errors import AnygramError, DataError, UsageError
from anygram.reporting.board import Board, SilentBoard
from anygram.reporting.progress import Progress, Silent

REPORTS = ("results.json", "report.md", "report.html")
_SECONDS_TO_WAIT = 30.0
"""For processes of a comparison that was killed, which tidy up after it."""


@dataclass(frozen=True)
class Comparison:
    """The rows of a comparison, best first, all that results.json holds, and the folder that has it."""

    path: Path
    rows: list[Row]
    fields: Mapping[str, Any]

    def __str__(self) -> str:
        return results.table(self.rows)

    def to_json(self) -> dict[str, Any]:
        """Return what results.json holds."""
        return dict(self.fields)

    def _repr_html_(self) -> str:
        """Return the table a notebook shows."""
        return f"<pre>{html.escape(str(self))}</pre>"


def compare(
    contest: Contest,
    out: Path,
    *,
    resume: bool = False,
    parallel: int = 1,
    progress: Progress | None = None,
    board: Board | None = None,
) -> Comparison:
    """Do what has not been done of the contest, and write the results into `out`.

    With `resume` the folder holds a comparison on the same data, whose findings are kept. UsageError where
    the folder is in the way, DataError where nothing is held out, AnygramError where every model failed.
    """
    progress, board = progress or Silent(), board or SilentBoard()
    processes.require_one("compare, which starts processes of its own,")
    contest.check()
    if not resume:
        check_out(out)
    with tempfile.TemporaryDirectory(prefix="anygram-compare-") as name:
        workspace = Path(name)
        prepared = _prepared(contest, workspace, progress)
        out.mkdir(parents=True, exist_ok=True)
        with _held(out) as lock:
            _write_down(contest, out, prepared, resume)
            place = OwnProcesses(workspace, parallel, lock)
            try:
                found = _done(work_of(contest, out, workspace), contest, out, place, board)
            except KeyboardInterrupt:
                raise KeyboardInterrupt(f"{out} keeps what is done; --resume goes on with it") from None
            finally:
                board.close()
            return _published(
                contest, out, assemble(contest, prepared, found, _command(contest, out), parallel)
            )


def check_out(out: Path) -> None:
    """Raise where the output folder is in the way."""
    if out.is_file():
        raise UsageError(f"--out {out} is a file; name a folder that does not exist yet")
    if (out / contests.FILE).is_file():
        raise UsageError(
            f"--out {out} holds a comparison; pass --resume to go on with it, or name another folder"
        )
    if out.is_dir() and any(out.iterdir()):
        raise UsageError(f"--out {out} is not empty; name another folder")
    storage.require_writable(out / "results.json")


def _prepared(contest: Contest, workspace: Path, progress: Progress) -> Prepared:
    """Read the sources once, for all processes; each takes the validation part that its learner needs."""
    spool(contest.options, workspace, progress)
    prepared = reopen(replace(contest.options, valid="none"), contest.seed, workspace)
    del prepared.description["valid_documents"]  # as many as each learner needs
    prepared.description["valid"] = contest.options.valid
    prepared.description.update(fingerprints(contest.options, workspace))
    parts = prepared.splits.train, prepared.splits.test
    prepared.description["repeated_bytes_in_test"] = count_repeated_bytes(*parts)
    if not len(prepared.splits.test):
        raise DataError("a comparison needs a test part; leave --test at its default or name a source")
    if contest.metric:
        metrics.of(contest.metric).plain(prepared.splits, contest.horizon)  # raises where nothing can be
    progress.close()
    return prepared


@contextmanager
def _held(out: Path) -> Iterator[tuple[int, ...]]:
    """Keep the folder for this comparison and its processes, as long as one of them lives."""
    try:
        import fcntl
    except ImportError:  # not on Windows
        yield ()
        return
    handle, began = os.open(out, os.O_RDONLY), time.monotonic()
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() - began > _SECONDS_TO_WAIT:
                    raise UsageError(f"another comparison is at work in {out}; wait, or stop it") from None
                time.sleep(0.2)
        yield (handle,)
    finally:
        os.close(handle)


def _write_down(contest: Contest, out: Path, prepared: Prepared, resume: bool) -> None:
    """Write what is compared; UsageError where the folder holds a comparison of other data."""
    now = {name: prepared.description[name] for name in FINGERPRINTS if name in prepared.description}
    if resume:
        begun, before = contests.read(out)
        pairs = ((name, old, now.get(name)) for name, old in before.items())
        if changed := ", ".join(f"{name} was {old}, now {new}" for name, old, new in pairs if old != new):
            raise UsageError(f"{out} was begun on other data ({changed}); name the same sources")
        if begun.texts and not contest.texts:
            _clear_reports(out)
    contest.write(out, now)


def _clear_reports(out: Path) -> None:
    """Delete the reports and what a killed process left half written; findings are cleared one by one."""
    for name in REPORTS:
        for path in (out / name, *out.glob(f".{name}.*")):
            path.unlink(missing_ok=True)
    for path in (out / "found").rglob(".*.json.*"):
        path.unlink(missing_ok=True)
    for path in (out / "found" / TRIALS).glob("*.json"):
        storage.write_json(path, redaction.of_found(storage.read_json(path)))


def _done(
    work: Sequence[Work], contest: Contest, out: Path, place: Place, board: Board
) -> dict[str, dict[str, Any]]:
    """Return what was found by name, now or before."""
    found = {piece.name: before for piece in work if (before := _found_before(piece.job))}
    for name in found:  # whoever found it may not have lived to clear up
        _clear(out, name)
    done = found.keys() | {f"search/{name}" for name in found}  # for who is trained nothing is searched
    waiting = [piece for piece in work if piece.name not in done]
    board.show([piece.name for piece in waiting], contest.budget.seconds)
    for turn in sorted({piece.turn for piece in waiting}):
        for name, result in place([(one.name, one.job) for one in waiting if one.turn == turn], board):
            found[name] = result
            _clear(out, name)
    for piece in work:
        if "facts" in found.get(piece.name, {}):
            found[piece.name]["facts"]["trainings"] = facts.count_trainings(Path(piece.job.found))
    return found


def _clear(out: Path, name: str) -> None:
    """Delete a run of which only the figure matters; a contestant's own lies elsewhere."""
    shutil.rmtree(out / "found" / name, ignore_errors=True)


def _found_before(job: Job) -> dict[str, Any]:
    """Return what an earlier process found; nothing where it failed, or was not asked all of it."""
    file = Path(job.found)
    if not file.is_file():
        return {}
    before = storage.read_json(file)
    if before.get("error") or (job.adapt and "adapted" not in before) or _asks_more(job, before):
        file.unlink()
        return {}
    if not job.texts and (cleared := redaction.of_found(before)) != before:
        storage.write_text(file, json.dumps(cleared))
        return cleared
    return before


def _asks_more(job: Job, before: Mapping[str, Any]) -> bool:
    """Return whether a metric is asked for that was not measured then."""
    measured = before.get("measured", {})
    asked = job.metric, job.horizon
    return bool(job.whole and job.metric) and (measured.get("metric"), measured.get("horizon")) != asked


def _command(contest: Contest, out: Path) -> str:
    return contest.command(out) if contest.texts else redaction.of_contest(contest).command(redaction.FOLDER)


def _published(contest: Contest, out: Path, assembled: Assembled) -> Comparison:
    """Write results.json and the reports, and return them; AnygramError where every model failed."""
    text = storage.to_json(assembled.fields, indent=1)
    fields: dict[str, Any] = json.loads(text)  # as everyone else reads it
    storage.write_text(out / "results.json", text + "\n")
    storage.write_text(out / "report.md", markdown(fields))
    storage.write_text(out / "report.html", page(fields))
    failed = [row for row in assembled.rows if row.error and not row.floor]
    if len(failed) == len(contest.contestants):
        raise AnygramError(f"every model failed; {failed[0].model}: {failed[0].error}")
    return Comparison(out, list(assembled.rows), fields)
