"""Files through general compressors and anygram: sizes, seconds, memory; random strings there and back.

    ANYGRAM_DATA=/path/to/data ./dev bench compression                      all files, without a run
    ... ./dev bench compression --files titanic --run runs/tables           by a run too
    ... ./dev bench compression --strings 1000                              and 1,000 random strings

Every program runs in a process of its own, one after the other, on one thread; each file is brought back and
compared. Ends with 1 where a file is not as small as wanted or does not come back. Programs that are not
installed are left out.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from peers import processes, report
from peers.options import TINYSHAKESPEARE, names_of, real_data
from peers.processes import MB, CommandFailed, Cost
from peers.report import Table

FILES = {
    "tinyshakespeare": TINYSHAKESPEARE,
    "hdfs": "loghub/HDFS_2k.log",
    "apache": "loghub/Apache_2k.log",
    "linux": "loghub/Linux_2k.log",
    "openssh": "loghub/OpenSSH_2k.log",
    "titanic": "seaborn/titanic.csv",
}
AT_MOST = {"tinyshakespeare": 268_000, "hdfs": 30_500, "titanic": 3_300}
"""Bytes wanted of the strong size without a run; of other files, fewer than zpaq's."""

STRONG = "anygram"
ANYGRAM = [sys.executable, "-m", "anygram"]
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
LONGEST = 200

Words = Sequence[str | Path]


@dataclass(frozen=True)
class Program:
    """How a program compresses `data` into `packed` and back into `back`, and the run both ends must have."""

    name: str
    compress: Words
    decompress: Words
    prints: bool = False
    run: Path | None = None


@dataclass(frozen=True)
class Result:
    """What a program made of a file."""

    file: str
    program: str
    run: Path | None
    bytes_in: int
    bytes_out: int
    there: Cost
    back: Cost


def programs(runs: Sequence[Path]) -> Iterator[Program]:
    """Yield the programs that are here: the general ones, then ours, without a run and with each."""
    for name, level in (
        ("gzip", ["-9"]),
        ("bzip2", ["-9"]),
        ("xz", ["-9e", "-T1"]),
        ("zstd", ["--ultra", "-22", "-q"]),
        ("brotli", ["-q", "11", "-w", "24"]),
    ):
        if shutil.which(name):
            words = [name, *level, "-c", "data"]
            yield Program(" ".join(words[:-2]), words, [name, "-d", "-c", "packed"], prints=True)
    if shutil.which("zpaq"):
        add = ["zpaq", "add", "packed.zpaq", "data", "-method", "5", "-threads", "1"]
        extract = ["zpaq", "extract", "packed.zpaq", "data", "-to", "back", "-threads", "1"]
        yield Program("zpaq -m5", add, extract)
    yield _ours("anygram", [], [])
    yield _ours("anygram, fast", ["--set", "size=fast"], [])
    for path in runs:
        by_run: Words = ["--run", path.resolve()]
        yield _ours(f"anygram, {path.name}", by_run, by_run, path)


def _ours(name: str, words: Words, back: Words, run: Path | None = None) -> Program:
    return Program(
        name,
        [*ANYGRAM, "compress", "data", "--out", "packed", *words],
        [*ANYGRAM, "decompress", "packed", "--out", "back", *back],
        run=run,
    )


def measure(file: str, source: Path, program: Program) -> Result:
    """Return what a program makes of a file; CommandFailed where it does not come back."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copyfile(source, folder / "data")
        packed, back = folder / "packed", folder / "back"
        there = _run(program.compress, folder, packed if program.prints else None)
        if not packed.exists():
            packed = folder / "packed.zpaq"
        homeward = _run(program.decompress, folder, back if program.prints else None)
        if back.read_bytes() != source.read_bytes():
            raise CommandFailed(f"{program.name} did not bring {file} back")
        sizes = source.stat().st_size, packed.stat().st_size
        return Result(file, program.name, program.run, *sizes, there, homeward)


def _run(words: Words, folder: Path, stdout: Path | None) -> Cost:
    return processes.run(words, folder=folder, stdout=stdout, environment=ONE_THREAD)


def model_bytes(result: Result) -> int:
    """Return the bytes of the run that it takes to decompress."""
    from anygram import runs  # not before measuring: see peers.processes

    return 0 if result.run is None else runs.model_bytes(result.run)


def round_trips(count: int, runs: Sequence[Path]) -> dict[str, int]:
    """Return how many of so many random strings came back, without a run, by an n-gram and by each run."""
    import anygram

    generator = random.Random(0)
    strings = [generator.randbytes(generator.randrange(LONGEST)) for _ in range(count)]
    ngram = anygram.train("example:docstrings", "ngram", codec="bytes")
    known = {"without a run": None, "ngram": ngram, **{path.name: anygram.load(path) for path in runs}}
    came_back = dict.fromkeys(known, 0)
    with tempfile.TemporaryDirectory() as name:
        data, packed, back = (Path(name) / part for part in ("data", "packed", "back"))
        for who, loaded in known.items():
            for string in strings:
                data.write_bytes(string)
                anygram.compress(data, packed, run=loaded)
                anygram.decompress(packed, back, run=loaded)
                came_back[who] += back.read_bytes() == string
    return came_back


def shortcomings(results: Sequence[Result]) -> list[str]:
    """Return what is not as small as wanted, a line each."""
    found = []
    for result in results:
        zpaq = [r.bytes_out for r in results if r.file == result.file and r.program.startswith("zpaq")]
        most = AT_MOST.get(result.file, min(zpaq, default=result.bytes_in) - 1)
        if result.program == STRONG and result.bytes_out > most:
            found.append(f"{result.file}: {result.bytes_out:,} bytes, at most {most:,} wanted")
    return found


def table(results: Sequence[Result]) -> Table:
    """Return a row for each result."""
    header = [
        "file",
        "program",
        "bytes",
        "bits per byte",
        "with the model",
        "compress, s",
        "decompress, s",
        "most memory, MB",
    ]
    rows = [
        [
            result.file,
            result.program,
            f"{result.bytes_out:,}",
            f"{8 * result.bytes_out / result.bytes_in:.3f}",
            f"{result.bytes_out + model_bytes(result):,}",
            f"{result.there.seconds:.2f}",
            f"{result.back.seconds:.2f}",
            f"{max(result.there.peak_bytes, result.back.peak_bytes) / MB:,.0f}",
        ]
        for result in results
    ]
    return Table(header, rows)


def main() -> int:
    """Print the table and what is amiss, and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=names_of("file", FILES), default=list(FILES), help="default: all")
    parser.add_argument("--run", type=Path, action="append", default=[], help="a run to compress by as well")
    parser.add_argument("--strings", type=int, default=0, help="random strings to bring there and back")
    parser.add_argument("--json", type=Path, help="a file to keep the rows in")
    given = parser.parse_args()
    folder = real_data(*(FILES[name] for name in given.files))
    amiss, results = [], []
    for file in given.files:
        for program in programs(given.run):
            try:
                results.append(measure(file, folder / FILES[file], program))
            except CommandFailed as failed:
                amiss.append(f"{file}, {program.name}: {failed}")
    stored = [
        {
            "file": result.file,
            "program": result.program,
            "bytes": result.bytes_out,
            "model_bytes": model_bytes(result),
            "seconds": result.there.seconds,
            "seconds_back": result.back.seconds,
        }
        for result in results
    ]
    report.publish("compression", [table(results)], given.json, stored=stored, packages=("anygram", "numba"))
    amiss += shortcomings(results)
    if given.strings:
        for who, count in round_trips(given.strings, given.run).items():
            print(f"{count:,} of {given.strings:,} random strings came back: {who}")
            amiss += [] if count == given.strings else [f"random strings did not come back: {who}"]
    for line in amiss:
        print(line, file=sys.stderr)
    return 1 if amiss else 0


if __name__ == "__main__":
    sys.exit(main())
