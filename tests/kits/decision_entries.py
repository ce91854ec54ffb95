"""Decisions as the kits commit them."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import structs

from decision_service.domain.accounts import Kind
from decision_service.domain.decision import Outcome
from decision_service.domain.ports import DecisionEntry, SnapshotBody, StoredEntry
from decision_service.domain.snapshot import KnownCount

NOON = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)
ENTRY = DecisionEntry(
    decision_id="dec_01KAVQJ5000000000000000000",
    caller="los",
    request_id="11111111-1111-4111-8111-111111111111",
    content=b"\x01" * 32,
    user_id="user-1",
    product="personal-loan-ph",
    application_id="APP-1",
    customer_ref="ñandú ₱",
    outcome=Outcome.DECLINE,
    created=NOON,
    reply=b"\x00reply\xff",
    facts=b"facts",
    ruleset_digest="3f" * 32,
    plan_digest="9c" * 32,
)
SNAPSHOT = SnapshotBody(
    id="5a" * 32,
    user_id="user-1",
    body=b"the applicant's data" * 50,
    counts=(KnownCount("a-1", Kind.EINCOMES, 24), KnownCount("a-1", Kind.CONTRIBUTIONS, 7)),
)


def numbered(number: int, **changes: object) -> DecisionEntry:
    """An entry of its own id and request."""
    own = {"decision_id": f"dec_{number:026d}", "request_id": f"request-{number}"}
    return structs.replace(ENTRY, **(own | changes))


def as_stored(entry: DecisionEntry) -> StoredEntry:
    """What must come back for an entry, written out independently of any implementation."""
    names = [name for name in StoredEntry.__struct_fields__ if name != "snapshot_id"]
    return StoredEntry(
        **{name: getattr(entry, name) for name in names},
        snapshot_id=entry.snapshot.id if entry.snapshot else None,
    )
