"""Whether what decisions rest on still holds, looked at in the transaction that records them."""
# ruff: noqa: S608 - every statement is made of constants of this file

from __future__ import annotations

import json
from collections.abc import Iterable

from sqlalchemy import Connection

from decision_service.storage.commits import Rest

SQLITE = """
SELECT given.key FROM json_each(?) AS given
LEFT JOIN consents ON consents.user_id = given.value ->> 0
LEFT JOIN warm ON warm.user_id = given.value ->> 0
WHERE coalesce(consents.epoch, 0) <> given.value ->> 1 OR (
    given.value ->> 2 IS NOT NULL AND NOT (
        warm.snapshot_id IS given.value ->> 2
        AND warm.fetched IS given.value ->> 3
        AND warm.quarantined < warm.fetched
    )
) OR (
    given.value ->> 4 IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM snapshots
        WHERE snapshots.user_id = given.value ->> 0 AND snapshots.snapshot_id = given.value ->> 4
    )
)
"""
"""The places of what holds no more; the given are one JSON array of arrays."""

SERVES = """
EXISTS (
    SELECT FROM warm
    WHERE warm.user_id = given.user_id AND warm.snapshot_id = given.mark
    AND warm.fetched = given.fetched AND warm.quarantined < warm.fetched
    FOR SHARE
)
"""
"""PostgreSQL: whether a reading may serve. The lock keeps it so until the transaction ends, and
with it the snapshot that it says is stored."""

STORED = """
EXISTS (
    SELECT FROM snapshots
    WHERE snapshots.user_id = given.user_id AND snapshots.snapshot_id = given.asked
    FOR KEY SHARE
)
"""
"""PostgreSQL: whether a snapshot is there, and stays until the transaction ends."""

CONSENTED = """
coalesce((SELECT epoch FROM consents WHERE consents.user_id = given.user_id), 0) = given.consent
"""

HOLDS = f"""
{CONSENTED} AND (given.mark IS NULL OR {SERVES}) AND (given.asked IS NULL OR {STORED})
"""
"""PostgreSQL: whether everything that was given of one decision is so."""

_POSTGRES = f"""
SELECT given.place - 1
FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::text[])
WITH ORDINALITY AS given (user_id, consent, mark, fetched, asked, place)
WHERE NOT ({HOLDS})
"""


def moved(connection: Connection, given: Iterable[Rest]) -> set[Rest]:
    """Those of the given that do not hold any more."""
    rests = sorted(set(given), key=str)
    if not rests:
        return set()
    if connection.dialect.name == "postgresql":
        found = connection.exec_driver_sql(_POSTGRES, tuple(map(list, zip(*rests, strict=True))))
    else:
        found = connection.exec_driver_sql(SQLITE, (json.dumps(rests),))
    return {rests[row[0]] for row in found}
