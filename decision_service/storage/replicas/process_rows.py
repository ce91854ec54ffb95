"""Processes as rows: each says what it decides by, and is forgotten when it falls silent.

PostgreSQL only. All instants are the server's, so that the processes' clocks do not matter.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from decision_service.pipeline.operations.replica_check import ProcessRules

SILENT_SECONDS = 20
"""After so long without a word a process is gone: four times what lies between two words."""

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
    """Say what this process decides by, and hear what the living ones said last."""
    connection.execute(_SAY, {"process": mine.process, "rules": mine.digest})
    silent = {"silent": SILENT_SECONDS}
    connection.execute(_FORGET, silent)
    return [ProcessRules(row.process, row.rules) for row in connection.execute(_ALIVE, silent)]
