"""The journal of releases as rows, and the content that it proposes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
import sqlalchemy as sa

from decision_service.domain.actors import Actor, TokenSubject
from decision_service.domain.ports import StoredText
from decision_service.rollout.ports import JournalEntry, JournalMovedOn
from decision_service.rulebook.releases import RELEASE, ReleaseAction, ReleaseEntry, release_text
from decision_service.runtime.failpoints import Point, reach
from decision_service.store import outbox, rollouts
from decision_service.store.columns import TEXT, as_row, from_microseconds, metadata
from decision_service.store.engine import Database, Subject
from decision_service.store.errors import unavailable
from decision_service.store.seals import Seals

releases = sa.Table(
    "releases",
    metadata,
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("action", TEXT, nullable=False),
    sa.Column("digest", TEXT, nullable=False),
    sa.Column("base", sa.BigInteger, nullable=False),
    sa.Column("about", sa.BigInteger, nullable=False),
    sa.Column("caller", TEXT, nullable=False),
    sa.Column("issuer", TEXT),
    sa.Column("subject", TEXT),
    sa.Column("signed_in", sa.BigInteger),
    sa.Column("why", TEXT, nullable=False),
    sa.Column("ticket", TEXT, nullable=False),
    sa.Column("accepted", TEXT, nullable=False),
    sa.Column("authors", TEXT, nullable=False),
    sa.Column("claims", TEXT, nullable=False),
    sa.Column("program", TEXT, nullable=False),
    sa.Column("seal", TEXT, nullable=False),
)
"""Which rules may decide, and who said so; numbered from 1. `accepted` and `authors` are JSON."""

_ROWS = releases.c
_AFTER = sa.select(*_ROWS).where(_ROWS.position > sa.bindparam("after")).order_by(_ROWS.position)
_END = sa.select(sa.func.max(_ROWS.position))
_NAMES = msgspec.json.Decoder(tuple[str, ...])

Entries = tuple[ReleaseEntry, ...]


def all_entries(connection: sa.Connection, held: Entries, seals: Seals) -> Entries:
    """All entries, of which those `held` are not read again."""
    if seals.keyed:
        last = seals.verified(connection, releases).last
    else:
        last = connection.execute(_END).scalar() or 0
    # Without a key whoever restores a backup is believed.
    if last < len(held):
        held = ()
    fresh: list[ReleaseEntry] = []
    for row in connection.execute(_AFTER, {"after": len(held)}).all():
        if row.position <= last:
            if seals.keyed:
                seals.check(releases, row._asdict())
            fresh.append(_entry(row))
    return (*held, *fresh)


def add(
    connection: sa.Connection,
    entry: ReleaseEntry,
    content: StoredText | None,
    steps: Sequence[JournalEntry],
    lists: Sequence[StoredText],
    *,
    seals: Seals,
) -> None:
    """Add all of it, or find all of it there; raises JournalMovedOn, which undoes what was done."""
    person = entry.by.person
    row = as_row(
        releases,
        entry,
        caller=entry.by.caller,
        issuer=person and person.issuer,
        subject=person and person.subject,
        accepted=msgspec.json.encode(entry.accepted).decode(),
        authors=msgspec.json.encode(entry.authors).decode(),
        seal="",
    )
    is_new = seals.add(connection, releases, row)
    if is_new:
        outbox.record(connection, [*outbox.of_release(entry)])
    # After a lost connection this runs again, and must find all of it or nothing.
    added = {is_new}
    for step in steps:
        added.add(rollouts.append(connection, step, seals))
    # An entry that is new with a step that is there, or the reverse, is not what was given before.
    if False in added or len(added) > 1:
        raise JournalMovedOn
    rollouts.record_texts(connection, lists)
    if content is not None:
        rollouts.record_texts(connection, [content])
        # Read again: a body of another content may be there under its digest.
        found = rollouts.by_digest(connection, content.digest)
        if found != content:
            raise rollouts.damaged(content.digest)
    reach(Point.IN_STEP)


def _entry(row: sa.Row[Any]) -> ReleaseEntry:
    try:
        person = None if row.subject is None else TokenSubject(row.issuer, row.subject)
        return ReleaseEntry(
            position=row.position,
            at=from_microseconds(row.at),
            action=ReleaseAction(row.action),
            digest=row.digest,
            base=row.base,
            about=row.about,
            by=Actor(row.caller, person),
            signed_in=None if row.signed_in is None else from_microseconds(row.signed_in),
            why=row.why,
            ticket=row.ticket,
            accepted=_NAMES.decode(row.accepted),
            authors=_NAMES.decode(row.authors),
            claims=row.claims,
            program=row.program,
        )
    except ValueError:  # of msgspec, and of an action that is none here
        raise unavailable(
            f"the entry {row.position} in the table releases cannot be read by this program: run "
            "the version that wrote it, or a newer one"
        ) from None


class ReleaseSteps(Subject):
    """The journal of releases; what was read of it is kept, since its rows never change."""

    def __init__(self, database: Database, seals: Seals) -> None:
        self._database = database
        self._seals = seals
        self._entries: Entries = ()

    async def releases(self) -> Sequence[ReleaseEntry]:
        work = partial(all_entries, held=self._entries, seals=self._seals)
        self._entries = await self._database.read(work)
        return self._entries

    async def add_release(
        self,
        entry: ReleaseEntry,
        content: StoredText | None = None,
        steps: Sequence[JournalEntry] = (),
        lists: Sequence[StoredText] = (),
    ) -> None:
        """Raises ValueError for content that is not that of the entry."""
        if content is not None and content != release_text(content.body):
            raise ValueError(f"{content.digest} is not the digest of the content of a release")
        if content is not None and content.digest != entry.digest:
            raise ValueError(f"the entry is about {entry.digest}, and not about {content.digest}")
        work = partial(
            add, entry=entry, content=content, steps=steps, lists=lists, seals=self._seals
        )
        await self._database.write(work, repeatable=True)
        reach(Point.AFTER_STEP)

    async def release_content(self, digest: str) -> bytes:
        found = await self._database.read(partial(rollouts.by_digest, digest=digest))
        if found is None or found.kind != RELEASE:
            raise rollouts.damaged(digest)
        return found.body
