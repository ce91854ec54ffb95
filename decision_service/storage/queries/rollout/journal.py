"""The rollout journal as rows: one per step, never changed and never removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, func, select, tuple_

from decision_service.pipeline.rollout_ports import JournalAction, JournalEntry
from decision_service.rollout.state import RolloutState
from decision_service.storage.errors import unavailable
from decision_service.storage.queries.decisions import from_microseconds, microseconds
from decision_service.storage.queries.dialect import insert_new
from decision_service.storage.schema.tables import rollout_journal

_ROWS = rollout_journal.c
_ALL = select(*_ROWS)
_PLACE = (_ROWS.product == bindparam("product"), _ROWS.position == bindparam("position"))
_AT = _ALL.where(*_PLACE)
_LAST = select(_ROWS.product, func.max(_ROWS.position)).group_by(_ROWS.product)
_LATEST = _ALL.where(tuple_(_ROWS.product, _ROWS.position).in_(_LAST))
_STATE = msgspec.json.Decoder(RolloutState)
_FIGURES = msgspec.json.Decoder(dict[str, str])


def append(connection: Connection, entry: JournalEntry) -> bool:
    """Add an entry; False where another has its position. A repetition adds nothing."""
    row = _row(entry)
    if insert_new(connection, rollout_journal, [row]) == 1:
        return True
    found = connection.execute(_AT, {"product": entry.product, "position": entry.position})
    return dict(found.mappings().one()) == row


def latest(connection: Connection) -> Mapping[str, JournalEntry]:
    """The last entry of every product."""
    entries = (_entry(row) for row in connection.execute(_LATEST))
    return {entry.product: entry for entry in entries}


def history(
    connection: Connection, product: str, before: int | None, limit: int
) -> Sequence[JournalEntry]:
    """At most `limit` entries of a product, newest first, strictly before the position."""
    query = _ALL.where(_ROWS.product == product).order_by(_ROWS.position.desc()).limit(limit)
    if before is not None:
        query = query.where(_ROWS.position < before)
    return [_entry(row) for row in connection.execute(query)]


def _row(entry: JournalEntry) -> dict[str, object]:
    return {
        "product": entry.product,
        "position": entry.position,
        "at": microseconds(entry.at),
        "who": entry.who,
        "why": entry.why,
        "action": entry.action.value,
        "state_before": None if entry.before is None else _text(entry.before),
        "state_after": _text(entry.after),
        "plan_digest": entry.plan_digest,
        "figures": _text(dict(entry.figures)),
        "ticket": entry.ticket,
    }


def _text(value: object) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()


def _entry(row: Row[Any]) -> JournalEntry:
    columns: tuple[Any, ...] = tuple(row)
    product, position, at, who, why, action, before, after, plan_digest, figures, ticket = columns
    try:
        return JournalEntry(
            product=product,
            position=position,
            at=from_microseconds(at),
            who=who,
            why=why,
            action=JournalAction(action),
            before=None if before is None else _STATE.decode(before),
            after=_STATE.decode(after),
            plan_digest=plan_digest,
            figures=_FIGURES.decode(figures),
            ticket=ticket,
        )
    except ValueError:  # of msgspec, and of an action that is none here
        raise unavailable(
            f"entry {position} of the rollout journal of {product} cannot be read by this program: "
            "run the version that wrote it, or a newer one"
        ) from None
