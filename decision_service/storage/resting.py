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

CONSENTED = """
coalesce((SELECT epoch FROM consents WHERE consents.user_id = given.user_id), 0) = given.consent
"""

_POSTGRES = f"""
SELECT given.place - 1
FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[])
WITH ORDINALITY AS given (user_id, consent, mark, fetched, place)
WHERE NOT ({CONSENTED} AND (given.mark IS NULL OR {SERVES}))
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
