"""Finds what is odd in a day of log lines, without a template for any of them.

A service logs requests; a model of n-grams over characters learns a week of them. A half of another normal
day sets the threshold, so that at most about one normal line in a hundred is called odd, and the other half
says how many were. In the day that is searched some lines have faults that nobody listed: a method that was
never seen, a path that leaves its folder, an answer that none had and takes very long, a line that is cut.

    python examples/find_anomalies.py            a few seconds
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anygram
from anygram.tasks.anomalies import Finding

PATHS = ("/", "/login", "/search", "/basket", "/images/logo.png")
FAULTS = (
    "10.0.0.7 TRACE /login 200 3 ms",
    "10.0.0.9 GET /images/../../etc/passwd 200 2 ms",
    "10.0.0.3 GET /search 500 9999 ms",
    "10.0.0.5 POST /bas",
)


@dataclass(frozen=True)
class Outcome:
    """What was found in the day that was searched, its lines, and the figures."""

    findings: list[Finding]
    lines: list[str]
    figures: dict[str, Any]

    @property
    def odd(self) -> dict[str, Finding]:
        """The lines that are anomalies, the most surprising first."""
        found = zip(self.lines, self.findings, strict=True)
        return dict(sorted((item for item in found if item[1].anomalous), key=lambda item: -item[1].score))


def day(generator: random.Random, requests: int) -> list[str]:
    """Return the lines of a normal day: who asked for what, the answer, and how long it took."""
    lines = []
    for _ in range(requests):
        path = generator.choice(PATHS)
        method = "POST" if path == "/login" or (path == "/basket" and generator.random() < 0.5) else "GET"
        answer = generator.choice(("200", "200", "304")) if method == "GET" else "302"
        lines.append(
            f"10.0.0.{generator.randint(1, 9)} {method} {path} {answer} {generator.randint(1, 40)} ms"
        )
    return lines


def search(week: Sequence[str], normal: Sequence[str], today: Sequence[str]) -> Outcome:
    """Learn a week, set the threshold by a normal day, and search another one."""
    with tempfile.TemporaryDirectory() as name:
        files = [Path(name) / file for file in ("week.log", "normal.log", "today.log")]
        for file, lines in zip(files, (week, normal, today), strict=True):
            file.write_text("".join(f"{line}\n" for line in lines))
        run = anygram.train(files[0], "ngram", codec="chars")
        found = run.anomalies(files[2], normal=files[1], false_alarms=0.01)
        return Outcome(list(found), list(today), found.figures())


def main() -> Outcome:
    """Search a day with faults in it, print what was found, and return it."""
    generator = random.Random(0)
    week, normal, today = (day(generator, requests) for requests in (3000, 1000, 500))
    for place, fault in zip((100, 200, 300, 400), FAULTS, strict=True):
        today.insert(place, fault)
    outcome = search(week, normal, today)
    for line, one in outcome.odd.items():
        print(line)
        print(f"    {one.score:.1f} bits: {one.where!r}; {one.came!r} came, expected {one.expected}")
    figures = outcome.figures
    low, high = figures["false_alarms_low"], figures["false_alarms_high"]
    print(f"{figures['anomalous']} of {figures['records']} lines are odd")
    print(f"normal lines that set no threshold: {figures['false_alarms_measured']:.1%} of them are called so")
    print(f"(95 %: {low:.1%} to {high:.1%}; asked: {figures['false_alarms_asked']:.1%})")
    return outcome


if __name__ == "__main__":
    main()
