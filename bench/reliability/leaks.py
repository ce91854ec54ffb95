"""What a server holds after many faults that it did not hold before, and what its log gave away."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from bench.reliability.score import Score
from bench.reliability.server import Server
from bench.reliability.vendor import KEY, SECRET, names

PART = "leaks"
FILES, TASKS, MEGABYTES = 12, 12, 64
"""How much more may be open, running and held: connections that wait for their next use."""

_USER = re.compile(rb"tenantId-[0-9a-f]{32}")


@dataclass(slots=True)
class Leaks:
    """A server before and after."""

    server: Server
    tasks_file: Path
    files: int = 0
    tasks: int = 0
    memory: int = 0

    def begin(self) -> None:
        """Remember how it is now."""
        self.files, self.tasks, self.memory = self._now()

    def report(self, score: Score) -> None:
        """Compare, and search the log."""
        files, tasks, memory = self._now()
        grown = (memory - self.memory) >> 20
        _grown(score, "open files", files - self.files, FILES)
        _grown(score, "tasks of the event loop", tasks - self.tasks, TASKS)
        _grown(score, "memory, MB", grown, MEGABYTES)
        log = self.server.log.read_bytes()
        score.none(PART, f"canaries in {len(log) >> 10} KB of logs", len(_given_away(log)))

    def _now(self) -> tuple[int, int, int]:
        process = self.server.process
        tasks = int(self.tasks_file.read_text() or 0)
        return process.num_fds(), tasks, process.memory_info().rss


def _grown(score: Score, what: str, found: int, most: int) -> None:
    score.judged(PART, f"more {what}", found, f"<= {most}", kept=found <= most)


def _given_away(log: bytes) -> list[bytes]:
    secrets = [KEY.encode(), SECRET.encode(), *(name.encode() for name in names())]
    return [one for one in secrets if one in log] + _USER.findall(log)
