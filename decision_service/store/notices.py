"""Letters to applicants: made once, found again, read with their decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from decision_service.casework.compose import Letter
from decision_service.casework.letters import Sending, StoredNotice
from decision_service.store import columns, outbox
from decision_service.store.decisions import kept
from decision_service.store.engine import Subject, reads, writes

notices = sa.Table(
    "notices",
    columns.metadata,
    sa.Column("notice_id", columns.TEXT, primary_key=True),
    sa.Column("decision_id", columns.TEXT, nullable=False),
    sa.Column("caller", columns.TEXT, nullable=False),
    sa.Column("kind", columns.TEXT, nullable=False),
    sa.Column("language", columns.TEXT, nullable=False),
    sa.Column("template_digest", columns.TEXT, nullable=False),
    sa.Column("letter", sa.LargeBinary, nullable=False),
    sa.Column("made", sa.BigInteger, nullable=False),
    sa.Column("made_by", columns.TEXT, nullable=False, info=columns.STAFF),
    sa.Column("sent", sa.BigInteger),
    sa.Column("channel", columns.TEXT),
    sa.Column("sent_by", columns.TEXT, info=columns.STAFF),
    sa.Column("review_id", columns.TEXT),
    sa.Index("notices_decision_id", "decision_id"),
    sa.Index("notices_made", "made", "notice_id"),
    info=columns.of_person("decision_id", columns.ErasedBy.DECISIONS),
)
"""Letters to applicants as they were made, deleted with their decisions; `letter` is JSON.

`review_id` is the review whose result a letter has, null for the result of the decision itself.
"""


_ROWS = notices.c
_ALL = sa.select(notices)
_ONE = _ALL.where(_ROWS.notice_id == sa.bindparam("notice"))
_OF_DECISION = _ALL.where(_ROWS.decision_id == sa.bindparam("decision")).order_by(
    _ROWS.made, _ROWS.notice_id
)
# What was reported first stays: a second report must not move the day.
_SENT = sa.update(notices).where(_ROWS.notice_id == sa.bindparam("notice"), _ROWS.sent.is_(None))
_LETTER = msgspec.json.Decoder(Letter)


def record(connection: sa.Connection, notice: StoredNotice) -> StoredNotice | None:
    if not kept(connection, [notice.decision_id]):
        return None
    # One that is there stays as it was made, since it may have been sent.
    columns.insert_new(connection, notices, [_row(notice)])
    outbox.record(connection, [outbox.of_letter(notice)])
    return find(connection, notice.notice_id)


def find(connection: sa.Connection, notice_id: str) -> StoredNotice | None:
    found = connection.execute(_ONE, {"notice": notice_id}).first()
    return None if found is None else _notice(found)


def sent(connection: sa.Connection, notice_id: str, sending: Sending) -> StoredNotice | None:
    changed = _SENT.values(
        sent=columns.microseconds(sending.at), channel=sending.channel, sent_by=sending.by
    )
    connection.execute(changed, {"notice": notice_id})
    return find(connection, notice_id)


def of_decision(connection: sa.Connection, decision_id: str) -> Sequence[StoredNotice]:
    """The letters of a decision and of its reviews, oldest first."""
    # Kinds, languages and reviews are few, so that no page of them is needed.
    found = connection.execute(_OF_DECISION, {"decision": decision_id})
    return [*map(_notice, found)]


def _row(notice: StoredNotice) -> dict[str, object]:
    return columns.as_row(
        notices,
        notice,
        kind=notice.letter.kind.value,
        language=notice.letter.language,
        letter=msgspec.json.encode(notice.letter),
        review_id=notice.review_id or None,
        **dict.fromkeys(("sent", "channel", "sent_by")),
    )


def _notice(row: sa.Row[Any]) -> StoredNotice:
    sending = None
    if row.sent is not None:
        sending = Sending(columns.from_microseconds(row.sent), row.channel, row.sent_by)
    return StoredNotice(
        row.decision_id,
        row.caller,
        _LETTER.decode(bytes(row.letter)),
        template_digest=row.template_digest,
        made=columns.from_microseconds(row.made),
        made_by=row.made_by,
        sent=sending,
        review_id=row.review_id or "",
    )


class Notices(Subject):
    record = writes(record)
    find = reads(find)
    sent = writes(sent)
    of_decision = reads(of_decision)
