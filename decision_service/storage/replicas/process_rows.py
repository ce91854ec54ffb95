"""Processes as rows: each reports its digest, and its row goes when the reports stop.

PostgreSQL only. All instants are the server's, so that the processes' clocks do not matter.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from decision_service.pipeline.operations.replica_check import ProcessRules

SILENT_SECONDS = 20
"""Seconds without a report after which a process is gone: four intervals of the check."""

_SAY = text("""
    INSERT INTO processes (process, rules, seen) VALUES (:process, :rules, clock_timestamp())
    ON CONFLICT (process) DO UPDATE SET rules = excluded.rules, seen = excluded.seen
""")
_FORGET = text("""
    DELETE FROM processes WHERE process IN (
        SELECT process FROM processes
        WHERE seen < clock_timestamp() - CAST(:silent AS integer) * interval '1 second'
        FOR UPDATE SKIP LOCKED
    )
""")
_ALIVE = text("""
    SELECT process, rules FROM processes
    WHERE seen >= clock_timestamp() - CAST(:silent AS integer) * interval '1 second'
    ORDER BY process
""")


def report(connection: Connection, mine: ProcessRules) -> Sequence[ProcessRules]:
    """Store this process's digest; the last digests of all living processes."""
    connection.execute(_SAY, {"process": mine.process, "rules": mine.digest})
    silent = {"silent": SILENT_SECONDS}
    connection.execute(_FORGET, silent)
    return [ProcessRules(row.process, row.rules) for row in connection.execute(_ALIVE, silent)]
