"""Tests that were skipped, counted by reason at the end of a run; in CI an unknown reason fails.

`.ci/skips.toml` lists the known ones. A check of `.ci/checks.toml` passes SKIPS_FILE, where a line
of JSON for each reason goes.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

KNOWN = Path(__file__).resolve().parents[2] / ".ci" / "skips.toml"
NAME = "skips"


@dataclass(frozen=True)
class Known:
    """A reason by its first words, how many tests may have it, and why that is no fault.

    `lacking`: another machine would run them, so that a run without them is no record.
    """

    begins: str
    most: int
    why: str
    lacking: bool = False


def read_known(path: Path = KNOWN) -> list[Known]:
    """The reasons of a file."""
    return [Known(**one) for one in tomllib.loads(path.read_text(encoding="utf-8"))["known"]]


def write_skip(file: Path, reason: str, count: int, *, lacking: bool) -> None:
    """Add a line to the file of a check's skips, which lint/checks.py reads."""
    with file.open("a", encoding="utf-8") as out:
        line = {"reason": reason, "count": count, "lacking": lacking}
        out.write(f"{json.dumps(line)}\n")


def of_reason(reason: str, known: Iterable[Known]) -> Known | None:
    """The entry of a reason, or None."""
    return next((one for one in known if reason.startswith(one.begins)), None)


def refused(skips: Mapping[str, int], known: Iterable[Known]) -> Iterator[str]:
    """One sentence for each reason that CI does not know, or that more tests have than it knows."""
    for reason, count in skips.items():
        found = of_reason(reason, known)
        if found is None:
            yield f"{count} skipped, and .ci/skips.toml does not know why: {reason}"
        elif count > found.most:
            yield f"{count} skipped, and .ci/skips.toml knows {found.most}: {reason}"


class Skips:
    """Counts what is skipped in a run."""

    def __init__(self) -> None:
        self.found: Counter[str] = Counter()

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the reason of a skip; a test that is expected to fail is none."""
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
            self.found[str(reason).removeprefix("Skipped: ")] += 1

    @pytest.hookimpl
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the reasons where they are asked for; the run fails in CI where one is refused."""
        known = read_known()
        if file := os.environ.get("SKIPS_FILE"):
            for reason, count in self.found.items():
                entry = of_reason(reason, known)
                write_skip(Path(file), reason, count, lacking=entry is None or entry.lacking)
        if _in_ci() and session.exitstatus == 0 and [*refused(self.found, known)]:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """A line for each reason, the most frequent first, and what CI refuses."""
        for reason, count in self.found.most_common():
            terminalreporter.write_line(f"{count} skipped: {reason}")
        for sentence in refused(self.found, read_known()) if _in_ci() else ():
            terminalreporter.write_line(f"FAILED {sentence}")


def count_skips(config: pytest.Config) -> None:
    """Count the skips of this run once, in the process that hears of all its tests."""
    if not hasattr(config, "workerinput") and not config.pluginmanager.has_plugin(NAME):
        config.pluginmanager.register(Skips(), NAME)


def _in_ci() -> bool:
    return bool(os.environ.get("CI"))
