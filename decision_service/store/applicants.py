"""The vendor's user of each applicant, and the issued link tokens."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from decision_service.casework.onboarding import Applicant, ApplicantRecord, IssuedToken
from decision_service.store import columns
from decision_service.store.engine import Subject, reads, writes

applicants = sa.Table(
    "applicants",
    columns.metadata,
    sa.Column("caller", columns.TEXT, primary_key=True),
    sa.Column("reference", columns.TEXT, primary_key=True),
    sa.Column("user_id", columns.TEXT),
    sa.Column("begun", sa.BigInteger, nullable=False),
    sa.Column("claimed_until", sa.BigInteger, nullable=False, info=columns.INNER),
    sa.Index("applicants_user_id", "user_id"),
    info=columns.of_person(
        "user_id",
        columns.ErasedBy.NOTHING,
        "the lender's reference leads to the same user, and makes no second one",
    ),
)
"""Which of the vendor's users an applicant is; `claimed_until` guards its creation."""

link_tokens = sa.Table(
    "link_tokens",
    columns.metadata,
    sa.Column("digest", columns.TEXT, primary_key=True, info=columns.INNER),
    sa.Column("user_id", columns.TEXT, nullable=False),
    sa.Column("expires", sa.BigInteger, nullable=False),
    sa.Column("renewals", sa.BigInteger, nullable=False),
    sa.Column("original", columns.TEXT, info=columns.INNER),
    info=columns.of_person("user_id", columns.ErasedBy.ERASURE),
)
"""Link tokens that were handed out, by digest: whoever holds one may have another.

`original` is the digest of the token that a page was opened with first, null for that one itself.
`renewals` counts on the original alone.
"""


_ROWS = applicants.c
_WHOSE = sa.and_(
    _ROWS.caller == sa.bindparam("whose_caller"), _ROWS.reference == sa.bindparam("whose_reference")
)
_ONE = sa.select(_ROWS.user_id, _ROWS.begun).where(_WHOSE)
_TOKENS = link_tokens.c
_PRESENTED = link_tokens.alias()
_ORIGINAL = (
    sa.select(_TOKENS.digest, _TOKENS.user_id, _TOKENS.expires, _TOKENS.renewals)
    .join(
        # A renewed token leads to its original, so that renewing a renewal begins no new count.
        _PRESENTED,
        sa.func.coalesce(_PRESENTED.c.original, _PRESENTED.c.digest) == _TOKENS.digest,
    )
    .where(_PRESENTED.c.digest == sa.bindparam("presented"))
)
_COUNT = (
    sa.update(link_tokens)
    # In one statement: two pages that renew at once must not both take the last one.
    .where(_TOKENS.digest == sa.bindparam("counted"), _TOKENS.renewals < sa.bindparam("most"))
    .values(renewals=_TOKENS.renewals + 1)
)
_UNCOUNT = (
    sa.update(link_tokens)
    .where(_TOKENS.digest == sa.bindparam("counted"), _TOKENS.renewals > 0)
    .values(renewals=_TOKENS.renewals - 1)
)
_OWNED = sa.select(_ROWS.user_id).where(
    _ROWS.user_id == sa.bindparam("user_id"), _ROWS.caller == sa.bindparam("caller")
)
_WITHOUT_USER = sa.and_(_WHOSE, _ROWS.user_id.is_(None))


def claim(
    connection: sa.Connection, applicant: Applicant, now: datetime, until: datetime
) -> ApplicantRecord:
    begun = {"begun": columns.microseconds(now), "claimed_until": columns.microseconds(until)}
    key = {"caller": applicant.caller, "reference": applicant.reference}
    # Of two calls for one applicant only the one that makes the row asks the vendor.
    fresh = columns.insert_new(connection, applicants, [{**key, **begun, "user_id": None}]) == 1
    row = connection.execute(_ONE, _whose(applicant)).one()
    user_id = row[0]
    first = columns.from_microseconds(row[1])
    if fresh or user_id is not None:
        return ApplicantRecord(user_id, first, claimed=fresh)
    taken = connection.execute(
        sa.update(applicants)
        # A claim ends by itself, since the process that made it may be gone.
        .where(_WITHOUT_USER, _ROWS.claimed_until <= columns.microseconds(now))
        .values(claimed_until=columns.microseconds(until)),
        _whose(applicant),
    )
    return ApplicantRecord(None, first, claimed=taken.rowcount == 1)


def created_by(connection: sa.Connection, caller: str, user_id: str) -> bool:
    found = connection.execute(_OWNED, {"caller": caller, "user_id": user_id})
    return found.first() is not None


def settle(connection: sa.Connection, applicant: Applicant, user_id: str) -> None:
    statement = sa.update(applicants).where(_WITHOUT_USER).values(user_id=user_id, claimed_until=0)
    connection.execute(statement, _whose(applicant))


def release(connection: sa.Connection, applicant: Applicant) -> None:
    statement = sa.update(applicants).where(_WITHOUT_USER).values(claimed_until=0)
    connection.execute(statement, _whose(applicant))


def issued(connection: sa.Connection, token: IssuedToken) -> None:
    columns.insert_new(connection, link_tokens, [columns.as_row(link_tokens, token)])


def original_token(connection: sa.Connection, digest: str) -> IssuedToken | None:
    row = connection.execute(_ORIGINAL, {"presented": digest}).first()
    if row is None:
        return None
    return IssuedToken(row[0], row[1], columns.from_microseconds(row[2]), renewals=row[3])


def count_renewal(connection: sa.Connection, original: str, most: int) -> bool:
    """Count a renewal of an original; False where `most` are counted already."""
    return connection.execute(_COUNT, {"counted": original, "most": most}).rowcount == 1


def uncount_renewal(connection: sa.Connection, original: str) -> None:
    connection.execute(_UNCOUNT, {"counted": original})


def _whose(applicant: Applicant) -> dict[str, str]:
    return {"whose_caller": applicant.caller, "whose_reference": applicant.reference}


class Applicants(Subject):
    claim = writes(claim)
    created_by = reads(created_by)
    settle = writes(settle)
    release = writes(release)
    issued = writes(issued)
    original_token = reads(original_token)
    count_renewal = writes(count_renewal)
    uncount_renewal = writes(uncount_renewal)
