"""The rollout journal and shadow results as rows, and the texts of rulesets and plans."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
import sqlalchemy as sa

from decision_service.domain.decision import Outcome
from decision_service.domain.errors import StoreUnavailable
from decision_service.domain.ports import StoredText
from decision_service.rollout.impact import ImpactSums, JudgedApplicant, LeftOut, NotCompared, Side
from decision_service.rollout.ports import JournalAction, JournalEntry, JournalMovedOn
from decision_service.rollout.state import RolloutState
from decision_service.rollout_running.pairs import DecisionPair
from decision_service.rulebook.releases import RELEASE, release_text
from decision_service.store import outbox
from decision_service.store.columns import (
    BODY,
    TEXT,
    ErasedBy,
    as_row,
    from_microseconds,
    insert_new,
    metadata,
    microseconds,
    of_person,
    withheld,
)
from decision_service.store.decisions import kept
from decision_service.store.engine import Database, Subject, reads, writes
from decision_service.store.errors import unavailable
from decision_service.store.seals import REMEDY, UNSEALED, Seals, gone

texts = sa.Table(
    "texts",
    metadata,
    sa.Column("digest", TEXT, primary_key=True),
    sa.Column("kind", TEXT, nullable=False),
    sa.Column("body", BODY, nullable=False),
)
"""Rulesets and plans by digest, as they were when they decided."""

rollout_journal = sa.Table(
    "rollout_journal",
    metadata,
    sa.Column("product", TEXT, primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("who", TEXT, nullable=False),
    sa.Column("why", TEXT, nullable=False),
    sa.Column("action", TEXT, nullable=False),
    sa.Column("state_before", TEXT),
    sa.Column("state_after", TEXT, nullable=False),
    sa.Column("plan_digest", TEXT, nullable=False),
    sa.Column("figures", TEXT, nullable=False),
    sa.Column("ticket", TEXT, nullable=False, server_default=""),
    sa.Column("seal", TEXT, nullable=False, server_default=""),
)
"""Every step of every rollout, numbered from 1 in each product; states and figures are JSON."""

shadow_results = sa.Table(
    "shadow_results",
    metadata,
    sa.Column("decision_id", TEXT, primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True),
    sa.Column("product", TEXT, nullable=False),
    sa.Column("digest", TEXT, nullable=False, info=withheld("which rules were tried")),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("standing", TEXT, nullable=False),
    sa.Column("live_outcome", TEXT, nullable=False),
    sa.Column("live_kind", TEXT),
    sa.Column("live_amount", sa.BigInteger),
    sa.Column("outcome", TEXT),
    sa.Column("kind", TEXT),
    sa.Column("amount", sa.BigInteger),
    sa.Column("moved", TEXT, nullable=False, info=withheld("rules under trial")),
    sa.Index("shadow_results_created", "product", "version", "created"),
    info=of_person("decision_id", ErasedBy.DECISIONS),
)
"""What a silent version would have decided, and what was decided; nothing of a person.

`standing` says why there is no other side. `moved` holds the causes and the principal reasons of
what differs, one a line.
"""


_ROWS = rollout_journal.c
_ALL = sa.select(*_ROWS)
_LAST = sa.select(_ROWS.product, sa.func.max(_ROWS.position)).group_by(_ROWS.product)
_LATEST = _ALL.where(sa.tuple_(_ROWS.product, _ROWS.position).in_(_LAST))
_STATE = msgspec.json.Decoder(RolloutState)
_FIGURES = msgspec.json.Decoder(dict[str, str])

_ROW = shadow_results.c
_ALIKE = (
    _ROW.standing, _ROW.live_outcome, _ROW.live_amount, _ROW.outcome, _ROW.amount, _ROW.moved
)  # fmt: skip
_SUMS = (
    sa.select(
        *_ALIKE, sa.func.count().label("many"), sa.func.max(_ROW.decision_id).label("example")
    )
    .where(
        _ROW.product == sa.bindparam("product"),
        _ROW.version == sa.bindparam("version"),
        _ROW.created >= sa.bindparam("since"),
    )
    .group_by(*_ALIKE)
)
_COMPARED = "compared"
_CAUSE = "rule "
_OLD = "-reason "
_NEW = "+reason "
_NO_SIDES: dict[str, Any] = dict.fromkeys(("live_kind", "live_amount", "outcome", "kind", "amount"))


def append(connection: sa.Connection, entry: JournalEntry, seals: Seals) -> bool | None:
    """Add an entry; None where it is there already, False where another has its position."""
    row = as_row(
        rollout_journal,
        entry,
        state_before=None if entry.before is None else _text(entry.before),
        state_after=_text(entry.after),
        figures=_text(dict(entry.figures)),
        seal="",
    )
    added = seals.add(connection, rollout_journal, row)
    if added:
        outbox.record(connection, [outbox.of_step(entry)])
    return added


def latest(connection: sa.Connection, seals: Seals) -> Mapping[str, JournalEntry]:
    rows = connection.execute(_LATEST).all()
    if seals.keyed:
        products = {row.product for row in rows}
        # A journal that is gone whole shows here alone: no row of it is left to verify.
        for product in sorted(seals.known(rollout_journal) - products):
            seals.verified(connection, rollout_journal, product)  # raises: it is gone
        for row in rows:
            seals.require(connection, rollout_journal, row._asdict())
    entries = map(_entry, rows)
    return {entry.product: entry for entry in entries}


def history(
    connection: sa.Connection,
    product: str,
    before: int | None,
    limit: int,
    seals: Seals = UNSEALED,
) -> Sequence[JournalEntry]:
    query = _ALL.where(_ROWS.product == product).order_by(_ROWS.position.desc()).limit(limit)
    if before is not None:
        query = query.where(_ROWS.position < before)
    if not seals.keyed:
        return [_entry(row) for row in connection.execute(query)]
    last = seals.verified(connection, rollout_journal, product).last
    first = last if before is None else min(last, before - 1)
    rows = connection.execute(query.where(_ROWS.position <= last)).all()
    wanted = range(first, max(first - limit, 0), -1)
    found = {row.position: row for row in rows}
    for position in wanted:
        if position not in found:
            gone(rollout_journal, product, position)
        seals.check(rollout_journal, found[position]._asdict())
    return [_entry(found[position]) for position in wanted]


def _text(value: object) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()


def _entry(row: sa.Row[Any]) -> JournalEntry:
    try:
        return JournalEntry(
            product=row.product,
            position=row.position,
            at=from_microseconds(row.at),
            who=row.who,
            why=row.why,
            action=JournalAction(row.action),
            before=None if row.state_before is None else _STATE.decode(row.state_before),
            after=_STATE.decode(row.state_after),
            plan_digest=row.plan_digest,
            figures=_FIGURES.decode(row.figures),
            ticket=row.ticket,
        )
    except ValueError:  # of msgspec, and of an action that is none here
        raise unavailable(
            f"entry {row.position} of the rollout journal of {row.product} cannot be read by this "
            "program: run the version that wrote it, or a newer one"
        ) from None


def record_pairs(connection: sa.Connection, pairs: Sequence[DecisionPair]) -> None:
    # The decision may have been deleted meanwhile, and nothing would delete the row.
    stored = kept(connection, (pair.decision_id for pair in pairs))
    rows = [_pair_row(pair) for pair in pairs if pair.decision_id in stored]
    insert_new(connection, shadow_results, rows)


def sums(connection: sa.Connection, product: str, version: int, since: datetime) -> ImpactSums:
    chosen = {"product": product, "version": version, "since": microseconds(since)}
    found = ImpactSums()
    for row in connection.execute(_SUMS, chosen):
        if row.standing == _COMPARED:
            found.add(_judged(row), row.many)
        else:
            found.leave_out(LeftOut(row.standing), Outcome(row.live_outcome), many=row.many)
    return found


def _judged(row: sa.Row[Any]) -> JudgedApplicant:
    moved = row.moved.splitlines()
    return JudgedApplicant(
        row.example,
        Side(Outcome(row.live_outcome), amount=row.live_amount, codes=_marked(moved, _OLD)),
        Side(Outcome(row.outcome), amount=row.amount, codes=_marked(moved, _NEW)),
        causes=_marked(moved, _CAUSE),
    )


def _marked(lines: Sequence[str], sign: str) -> tuple[str, ...]:
    return tuple(line.removeprefix(sign) for line in lines if line.startswith(sign))


def _pair_row(pair: DecisionPair) -> dict[str, object]:
    found = pair.told
    sides: dict[str, object]
    if isinstance(found, NotCompared):
        sides = {"standing": found.why.value, "live_outcome": pair.live.value, "moved": ""}
    else:
        sides = {
            "standing": _COMPARED,
            **_side("live_", found.before),
            **_side("", found.after),
            "moved": "\n".join(_moved(found)),
        }
    return as_row(shadow_results, pair, **_NO_SIDES | sides)


def _side(whose: str, side: Side) -> dict[str, object]:
    return {
        f"{whose}outcome": side.outcome.value,
        f"{whose}kind": side.kind and side.kind.value,
        f"{whose}amount": side.amount,
    }


def _moved(found: JudgedApplicant) -> Iterator[str]:
    for cause in found.causes:
        yield f"{_CAUSE}{cause}"
    if found.before.outcome is not found.after.outcome:
        for sign, side in ((_OLD, found.before), (_NEW, found.after)):
            for code in side.codes[:1]:
                yield f"{sign}{code}"


def record_texts(connection: sa.Connection, given: Iterable[StoredText]) -> None:
    by_digest = {text.digest: text for text in given}
    # In order of digests, so that two processes that store the same never wait for each other.
    rows = [as_row(texts, by_digest[digest]) for digest in sorted(by_digest)]
    insert_new(connection, texts, rows)


def by_digest(connection: sa.Connection, digest: str) -> StoredText | None:
    found = sa.select(texts.c.digest, texts.c.kind, texts.c.body).where(texts.c.digest == digest)
    row = connection.execute(found).first()
    return None if row is None else _whole(StoredText(row[0], row[1], row[2]))


def last(connection: sa.Connection, kind: str, most: int) -> Sequence[StoredText]:
    """At most so many texts of a kind, those whose digests sort last, the last one first."""
    found = sa.select(texts.c.digest, texts.c.kind, texts.c.body).where(texts.c.kind == kind)
    rows = connection.execute(found.order_by(texts.c.digest.desc()).limit(most))
    return [_whole(StoredText(row[0], row[1], row[2])) for row in rows]


def _whole(text: StoredText) -> StoredText:
    """Raises StoreUnavailable for a release that is not what its digest says."""
    if text.kind == RELEASE and text != release_text(text.body):
        raise damaged(text.digest)
    return text


def damaged(digest: str) -> StoreUnavailable:
    return unavailable(
        f"the release {digest} in the table texts is missing or is not what was released: {REMEDY}"
    )


class Texts(Subject):
    put_texts = writes(record_texts)
    text = reads(by_digest)
    last_texts = reads(last)

    async def last_text(self, kind: str) -> StoredText | None:
        found = await self.last_texts(kind, 1)
        return found[0] if found else None


class RolloutSteps(Subject):
    """The journal of rollouts, and what silent versions would have decided."""

    put_pairs = writes(record_pairs)
    pair_sums = reads(sums)

    def __init__(self, database: Database, seals: Seals) -> None:
        self._database = database
        self._seals = seals

    async def append(self, entry: JournalEntry) -> None:
        work = partial(append, entry=entry, seals=self._seals)
        if await self._database.write(work, repeatable=True) is False:
            raise JournalMovedOn

    async def latest(self) -> Mapping[str, JournalEntry]:
        return await self._database.read(partial(latest, seals=self._seals))

    async def history(self, product: str, before: int | None, limit: int) -> Sequence[JournalEntry]:
        work = partial(history, product=product, before=before, limit=limit, seals=self._seals)
        return await self._database.read(work)
