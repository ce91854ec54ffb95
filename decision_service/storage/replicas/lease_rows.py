"""Leases as rows: claim, renew, spend, remove. PostgreSQL only."""
# ruff: noqa: S608 - every statement is made of constants of this file

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from sqlalchemy import Connection, text

from decision_service.pipeline.ports import Lease, StoredEntry
from decision_service.storage.queries import decisions
from decision_service.storage.queries.decisions import CallerRequest

_GIVEN = """
    unnest(CAST(:callers AS text[]), CAST(:request_ids AS text[]), CAST(:fences AS text[]))
    AS given (caller, request_id, fence)
"""
_SPAN = "CAST(:span AS interval)"
_ALIVE = """
    leases.expires >= clock_timestamp()
    AND EXISTS (SELECT FROM pg_stat_get_activity(leases.backend))
"""
_CLAIM = text(f"""
    INSERT INTO leases (caller, request_id, fence, backend, expires)
    SELECT caller, request_id, fence, pg_backend_pid(), clock_timestamp() + {_SPAN}
    FROM {_GIVEN} ORDER BY caller, request_id
    ON CONFLICT (caller, request_id) DO UPDATE
    SET fence = excluded.fence, backend = excluded.backend, expires = excluded.expires
    WHERE NOT ({_ALIVE})
    RETURNING fence
""")
_HELD = text(f"""
    SELECT leases.caller, leases.request_id
    FROM {_GIVEN} JOIN leases USING (caller, request_id) WHERE {_ALIVE}
""")
_MATCHING = """
    leases.caller = given.caller AND leases.request_id = given.request_id
    AND leases.fence = given.fence
"""
_SPEND = text(f"DELETE FROM leases USING {_GIVEN} WHERE {_MATCHING} RETURNING leases.fence")
_RENEW = text(f"""
    UPDATE leases SET expires = clock_timestamp() + {_SPAN} FROM {_GIVEN} WHERE {_MATCHING}
""")
_CLEAR = text(f"""
    DELETE FROM leases WHERE (caller, request_id) IN (
        SELECT caller, request_id FROM leases WHERE expires < clock_timestamp() - {_SPAN}
        FOR UPDATE SKIP LOCKED
    )
""")


def claim(
    connection: Connection, wanted: Sequence[Lease], span: timedelta
) -> Sequence[StoredEntry | bool]:
    """For each lease: whether it is had from now on, or the decision that is stored by now.

    A decision and its lease go in one commit, so whoever gets a lease after another's commit finds
    the decision; it must look after claiming, since a statement does not see what is committed
    while it waits. Of several with one key the first may get it.
    """
    first = {_key(lease): lease for lease in reversed(wanted)}
    given = _given(first.values())
    had = {row.fence for row in connection.execute(_CLAIM, given | {"span": span})}
    mine = {key: lease for key, lease in first.items() if lease.fence in had}
    stored = decisions.by_keys(connection, mine)
    spend(connection, [mine[key] for key in stored])
    return [stored.get(_key(lease)) or lease.fence in had for lease in wanted]


def held_leases(connection: Connection, keys: Sequence[CallerRequest]) -> set[CallerRequest]:
    """The keys whose leases' holders are alive and whose time is not over."""
    given = _given([Lease(*key, fence="") for key in keys])
    return {(row.caller, row.request_id) for row in connection.execute(_HELD, given)}


def spend(connection: Connection, leases: Iterable[Lease]) -> set[str]:
    """End these leases; the fences of those that were still held."""
    given = _given(leases)
    if not given["fences"]:
        return set()
    return {row.fence for row in connection.execute(_SPEND, given)}


def renew(connection: Connection, leases: Iterable[Lease], span: timedelta) -> None:
    """Extend these leases, where still held, to so many seconds from now."""
    connection.execute(_RENEW, _given(leases) | {"span": span})


def clear(connection: Connection, span: timedelta) -> None:
    """Remove leases that expired longer ago than this."""
    connection.execute(_CLEAR, {"span": span})


def _given(leases: Iterable[Lease]) -> dict[str, object]:
    ordered = [*leases]
    return {
        "callers": [lease.caller for lease in ordered],
        "request_ids": [lease.request_id for lease in ordered],
        "fences": [lease.fence for lease in ordered],
    }


def _key(lease: Lease) -> CallerRequest:
    return lease.caller, lease.request_id
