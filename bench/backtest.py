"""A report over a million recorded decisions, by one process and by two, beside the bare evaluator."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

import msgspec
import psutil

from bench.bare import bare
from bench.figures import versions_of
from bench.people.population import PROFILE_CYCLE
from bench.service import (
    decided_once,
    serve_command,
    service,
    settings,
    vendor,
)
from bench.shipped import RULES
from bench.tables import Cell, show
from tests.e2e.process import command

USERS = 400
DAY = 86_400_000_000
PRODUCT = "personal-loan-ph"
CHANGE = ("--set", "params.min_monthly_income=9000", "--by", "amount,provider,band")
MEGABYTE = 1 << 20
PATIENCE = 3_600.0
SECONDS = 5.0
"""How long the bare evaluator is timed."""

_COPY = """
INSERT INTO decisions (decision_id, caller, request_id, content, user_id, product, application_id,
    customer_ref, outcome, created, reply, facts, ruleset_digest, plan_digest, snapshot_id)
SELECT decision_id || '-' || :copy, caller, request_id || '-' || :copy, content,
    user_id || '-' || :copy, product, application_id, customer_ref, outcome,
    created - :copy * :step, reply, facts, ruleset_digest, plan_digest, snapshot_id
FROM originals
"""


def filled(folder: Path, decisions: int) -> Path:
    """A store with so many decisions: those of a real population, copied to other users and days."""
    file = folder / "decisions.db"
    with vendor(folder, USERS, PROFILE_CYCLE) as at:
        own = settings(at.base_url, store_url=f"sqlite:///{file}", rules_dir=str(RULES))
        with service(serve_command(unlimited=True), folder, **own) as process:
            decided_once(process.printed("gRPC")[1], at.users)
    copies = max(decisions // USERS, 1)
    with closing(sqlite3.connect(file)) as store:
        store.execute("CREATE TEMP TABLE originals AS SELECT * FROM decisions")
        for copy in range(1, copies):
            store.execute(_COPY, {"copy": copy, "step": 90 * DAY // copies})
        store.commit()
    return file


def timed(file: Path, folder: Path, jobs: int) -> tuple[float, int, float]:
    """Seconds of a run, the applicants it compared, and the most memory of one process in MB."""
    watch = Watch()
    words = ("--store", f"sqlite:///{file}", "--rules", str(RULES), "--format", "json")
    begun = time.perf_counter()
    with watch:
        done = command(
            "backtest",
            PRODUCT,
            *CHANGE,
            *words,
            "--jobs",
            str(jobs),
            folder=folder,
            timeout=PATIENCE,
        )
    seconds = time.perf_counter() - begun
    if done.returncode:
        raise SystemExit(done.stderr)
    compared = msgspec.json.decode(done.stdout)["coverage"]["compared"]
    return seconds, compared, watch.most / MEGABYTE


class Watch:
    """The most resident memory of one process below this one, looked at every quarter second."""

    def __init__(self) -> None:
        self.most = 0
        self._over = Event()
        self._thread = Thread(target=self._watch)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.25):
            for child in psutil.Process().children(recursive=True):
                try:
                    self.most = max(self.most, child.memory_info().rss)
                except psutil.NoSuchProcess:
                    continue


def run(decisions: int = 1_000_000) -> None:
    """Print seconds, rates and memory; two versions are evaluated for each applicant."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = filled(folder, decisions)
        rows: list[dict[str, Cell]] = []
        for jobs in (1, 2):
            evaluator = bare(f"sqlite:///{file}", PRODUCT, SECONDS, jobs)
            seconds, compared, most = timed(file, folder, jobs)
            rate = 2 * compared / seconds
            rows.append(
                {
                    "processes": jobs,
                    "applicants": compared,
                    "seconds": seconds,
                    "evaluations/s": rate,
                    "bare evaluator/s": evaluator,
                    "ratio": rate / evaluator / jobs,
                    "times one": speed_up(rows, seconds),
                    "MB a process": most,
                }
            )
    notes = (
        "SQLite; decisions of a population with all kinds of lives, copied to other users and days",
        "bare evaluator: the same rules on the same applicants, read before, in as many processes",
        "ratio: evaluations a second and process beside it",
    )
    show("backtest", f"{decisions:,} decisions × 2 versions", rows, versions_of("msgspec"), notes)


def speed_up(rows: Sequence[dict[str, Cell]], seconds: float) -> float:
    """How many times as fast as one process."""
    first = rows[0]["seconds"] if rows else seconds
    assert isinstance(first, float)
    return first / seconds
