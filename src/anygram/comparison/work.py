"""All the work of a comparison, piece by piece, and what each waits for.

search/WHO               a search for settings, trial by trial
WHO                      a whole run
floor/NAME               a compressor
third/WHO, again/WHO     less time, another seed
share-16/WHO             less data
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from anygram.comparison import floors
from anygram.comparison.contest import SHARES, Contest, Contestant, share_name
from anygram.comparison.job import Job

TRIALS = "trials"
"""The folder of findings that holds those of searches, trial by trial."""


@dataclass(frozen=True)
class Work:
    """A piece of work: a search, a whole run, or a figure for less time, another seed or less data."""

    name: str
    job: Job
    turn: int = 1
    """Work waits for that of the turns before it."""


def work_of(contest: Contest, out: Path, workspace: Path) -> list[Work]:
    """Return all there is to do, in the order in which it is done."""
    work = [_search(contest, one, out, workspace) for one in contest.contestants if contest.searches(one)]
    work += [_whole(contest, one, out, workspace) for one in contest.contestants]
    work += [_floor(contest, name, out, workspace) for name in floors.available()]
    if contest.third:
        work += [
            _part(contest, one, out, workspace, f"third/{one.who}", portion=1 / 3)
            for one in contest.contestants
        ]
    if contest.again:
        work += [
            _part(contest, one, out, workspace, f"again/{one.who}", another_seed=1)
            for one in contest.contestants
        ]
    if contest.curves:
        work += [
            _part(contest, one, out, workspace, share_name(share, one.who), share=share)
            for share in SHARES
            for one in contest.contestants
        ]
    return work


def _search(contest: Contest, one: Contestant, out: Path, workspace: Path) -> Work:
    """Return the search for a contestant's settings, which comes before all that is trained with them."""
    name = f"search/{one.who}"
    job = _job(contest, one, out, workspace, name)
    run = str((out / "found" / name).absolute())
    return Work(name, replace(job, run=run, trials=contest.search, whole=False), turn=0)


def _whole(contest: Contest, one: Contestant, out: Path, workspace: Path) -> Work:
    job = _job(contest, one, out, workspace, one.who)
    return Work(one.who, replace(job, adapt=contest.adapt))


def _part(
    contest: Contest,
    one: Contestant,
    out: Path,
    workspace: Path,
    name: str,
    *,
    portion: float = 1.0,
    share: float = 1.0,
    another_seed: int = 0,
) -> Work:
    """Return a run of which only the figure matters; it is cleared away once that is known."""
    job = _job(contest, one, out, workspace, name)
    run = str(out / "found" / name)
    part = replace(job, run=run, portion=portion, share=share, another_seed=another_seed, whole=False)
    return Work(name, part, turn=2 if contest.search else 1)


def _floor(contest: Contest, name: str, out: Path, workspace: Path) -> Work:
    who = Contestant(name, "")
    job = _job(contest, who, out, workspace, f"floor/{name}")
    return Work(f"floor/{name}", replace(job, floor=True, whole=False))


def _job(contest: Contest, one: Contestant, out: Path, workspace: Path, name: str) -> Job:
    trials = (out / "found" / TRIALS / f"{one.who}.json").absolute()
    return Job(
        model=one.model,
        codec=one.codec,
        values=dict(one.values),
        budget=asdict(contest.budget),
        seed=contest.seed,
        options=asdict(contest.options),
        workspace=str(workspace),
        run=str((out / one.who).absolute()),
        found=str((out / "found" / f"{name}.json").absolute()),
        tried=bool(one.swept),
        texts=contest.texts,
        metric=contest.metric,
        horizon=contest.horizon,
        searched=str(trials) if contest.search else "",
    )
