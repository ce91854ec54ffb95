"""Each enrolled decision's arm, hourly counters, and how the arms of a rollout decided."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec.structs import replace

from decision_service.domain.decision import Arm, Outcome, ReferKind
from decision_service.domain.ports import DayTotals, Grant
from decision_service.rollout.assign import Pin
from decision_service.rollout_running.counters import (
    ArmTally,
    CounterKind,
    CounterTotal,
    FigureCell,
)
from decision_service.store import columns
from decision_service.store.decisions import decisions
from decision_service.store.engine import Subject, reads, writes
from decision_service.store.review_rows import IS_CHARGED, reviews

arm_decisions = sa.Table(
    "arm_decisions",
    columns.metadata,
    sa.Column("decision_id", columns.TEXT, nullable=False),
    sa.Column("product", columns.TEXT, nullable=False),
    sa.Column("unit", columns.TEXT, nullable=False),
    sa.Column("arm", columns.TEXT, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("hashed", sa.Boolean, nullable=False),
    sa.Column("pins", sa.Boolean, nullable=False),
    sa.Column("outcome", columns.TEXT, nullable=False),
    sa.Column("refer_kind", columns.TEXT),
    sa.Column("rule_error", sa.Boolean, nullable=False),
    sa.Column("approved", sa.BigInteger),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("tier", columns.TEXT),
    sa.Column("granted", sa.BigInteger),
    # In the order in which rollouts read it, so that it needs no second index for that.
    sa.PrimaryKeyConstraint("product", "created", "decision_id"),
    sqlite_with_rowid=False,
    info=columns.of_person("decision_id", columns.ErasedBy.DECISIONS),
)
"""One row per decision of an enrolled applicant: what its rollout counts, pins and limits.

`outcome`, `refer_kind` and `approved` are the rules' own. `granted` is what was approved, null
where nothing was.
"""
# All that a pin is: SQLite would read a time's rows sooner than look each of an index up.
_OF_PIN = ("product", "unit", "created", "decision_id", "arm", "version")
sa.Index(
    "arm_decisions_pin",
    *(arm_decisions.c[name] for name in _OF_PIN),
    # In the words in which SQLite is asked for them: by other words it finds no index.
    sqlite_where=sa.literal_column("pins = 1"),
    postgresql_where=arm_decisions.c.pins,
)
_IS_GRANTED: sa.ColumnElement[bool] = sa.literal_column("granted IS NOT NULL")
sa.Index(
    "arm_decisions_granted",
    *(arm_decisions.c[name] for name in ("product", "created", "tier", "granted")),
    sqlite_where=_IS_GRANTED,
    postgresql_where=_IS_GRANTED,
)

arm_hours = sa.Table(
    "arm_hours",
    columns.metadata,
    sa.Column("product", columns.TEXT, primary_key=True),
    sa.Column("hour", sa.BigInteger, primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True),
    sa.Column("arm", columns.TEXT, primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True),
    sa.Column("counted", columns.TEXT, primary_key=True),
    sa.Column("bucket", columns.TEXT, primary_key=True),
    sa.Column("process", columns.TEXT, primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
)
"""What each process counted of each arm in an hour; `arm` is empty where none was chosen."""


_ROWS = arm_decisions.c
_SINCE = (_ROWS.product == sa.bindparam("product"), _ROWS.created >= sa.bindparam("since"))
_PIN = (
    sa.select(_ROWS.arm, _ROWS.version, _ROWS.created)
    .where(*_SINCE, _ROWS.unit == sa.bindparam("unit"), _ROWS.pins)
    .order_by(_ROWS.created.desc(), _ROWS.decision_id.desc())
    .limit(1)
)
_APPROVED = sa.select(sa.func.coalesce(sa.func.sum(_ROWS.approved), 0)).where(
    *_SINCE, _ROWS.arm == sa.bindparam("arm")
)

_GRANTED = (
    sa.select(_ROWS.tier, sa.func.count(), sa.func.sum(_ROWS.granted))
    .where(*_SINCE, _IS_GRANTED)
    .group_by(_ROWS.tier)
)
_CHARGED = reviews.c
_BY_PERSONS = (
    sa.select(_CHARGED.tier, sa.func.sum(_CHARGED.approvals), sa.func.sum(_CHARGED.granted))
    .where(
        _CHARGED.product == sa.bindparam("product"),
        _CHARGED.charged_at >= sa.bindparam("since"),
        IS_CHARGED,
    )
    .group_by(_CHARGED.tier)
)

_LOCK = sa.select(sa.func.pg_advisory_xact_lock(sa.bindparam("lock")))
_HOUR = timedelta(hours=1)
_CELL = arm_hours.c
_GROUP = (_CELL.arm, _CELL.version, _CELL.counted, _CELL.bucket)
# Another release may count what this one does not know.
_KNOWN = _CELL.counted.in_([*CounterKind])
_TOTALS = (
    sa.select(*_GROUP, sa.func.sum(_CELL.count))
    .where(
        _CELL.product == sa.bindparam("product"),
        _CELL.hour > sa.bindparam("begun_after"),
        _CELL.position >= sa.bindparam("position"),
        _KNOWN,
    )
    .group_by(*_GROUP)
    .order_by(*_GROUP)
)
_OUTCOMES = (Outcome.APPROVE, Outcome.REFER, Outcome.DECLINE)


def pin(connection: sa.Connection, product: str, unit: str, since: datetime) -> Pin | None:
    chosen = {"product": product, "unit": unit, "since": columns.microseconds(since)}
    row = connection.execute(_PIN, chosen).first()
    return None if row is None else Pin(Arm(row[0]), row[1], columns.from_microseconds(row[2]))


def approved(connection: sa.Connection, product: str, arm: Arm, since: datetime) -> int:
    chosen = {"product": product, "arm": arm.value, "since": columns.microseconds(since)}
    return int(connection.execute(_APPROVED, chosen).scalar_one())


def day_totals(connection: sa.Connection, product: str, since: datetime) -> DayTotals:
    """What a product and its reviewers have approved at or after `since`, by tier."""
    chosen = {"product": product, "since": columns.microseconds(since)}
    totals = DayTotals()
    # One budget of a day binds both, so that what persons approve counts as well.
    for asked in (_GRANTED, _BY_PERSONS):
        for tier, count, total in connection.execute(asked, chosen):
            totals = totals.plus(Grant(int(total), tier or "", int(count)))
    return totals


def hold_days(connection: sa.Connection, products: Iterable[str]) -> None:
    """Hold the products' days until the transaction ends; of a SQLite file there is one writer."""
    if connection.dialect.name == "postgresql":
        digests = [hashlib.sha256(f"day of {product}".encode()).digest() for product in products]
        # In order, so that two groups with several products never wait for each other.
        for lock in sorted(int.from_bytes(digest[:8], signed=True) for digest in digests):
            connection.execute(_LOCK, {"lock": lock})


def record_hours(connection: sa.Connection, process: str, cells: Mapping[FigureCell, int]) -> None:
    """Store the totals of one process; a higher stored total stays."""
    rows = [
        columns.as_row(
            arm_hours, cell, arm=cell.arm.value if cell.arm else "", process=process, count=count
        )
        for cell, count in cells.items()
    ]
    columns.raise_each(connection, arm_hours, ("count",), rows=rows)


def totals(
    connection: sa.Connection, product: str, since: datetime, position: int
) -> Sequence[CounterTotal]:
    """The sums over processes, over hours that end after `since`, and from an entry on."""
    # The hour in which `since` lies began before it, and counts.
    begun_after = columns.microseconds(since - _HOUR)
    chosen = {"product": product, "begun_after": begun_after, "position": position}
    return [_total(*row) for row in connection.execute(_TOTALS, chosen)]


def span_totals(
    connection: sa.Connection, product: str, since: datetime, length: timedelta
) -> Mapping[int, Sequence[CounterTotal]]:
    span = _span(_CELL.hour, since, length)
    found = (
        sa.select(span, *_GROUP, sa.func.sum(_CELL.count))
        .where(_CELL.product == product, _CELL.hour >= columns.microseconds(since), _KNOWN)
        .group_by(span, *_GROUP)
    )
    made: dict[int, list[CounterTotal]] = {}
    for number, *row in connection.execute(found):
        made.setdefault(number, []).append(_total(*row))
    return made


def _total(arm: str, version: int, counted: str, bucket: str, count: int) -> CounterTotal:
    return CounterTotal(
        Arm(arm) if arm else None, version, CounterKind(counted), bucket=bucket, count=int(count)
    )


def _span(
    column: sa.ColumnElement[int], since: datetime, length: timedelta
) -> sa.ColumnElement[int]:
    """The number of the span that an instant is in."""
    begin = _written(columns.microseconds(since))
    width = _written(length // timedelta(microseconds=1))
    return (column - begin) // width


def _written(number: int) -> sa.BindParameter[int]:
    # Written out, as it is grouped by: the same value given twice is not the same to PostgreSQL.
    return sa.literal(number, sa.BigInteger, literal_execute=True)


# Its words are the same at every call, so that a server plans the statement once.
_ALWAYS = _span(_ROWS.created, columns.from_microseconds(0), timedelta(days=1_000_000))
"""The one span that every decision is in."""


def tallies(
    connection: sa.Connection,
    product: str,
    since: datetime,
    before: datetime | None = None,
    *,
    hashed: bool,
) -> Sequence[ArmTally]:
    """One tally for each arm and version that decided in the window, in order."""
    window = [_ROWS.product == product, _ROWS.created >= columns.microseconds(since)]
    if before is not None:
        window.append(_ROWS.created < columns.microseconds(before))
    return _tallied(connection, product, window, span=_ALWAYS, hashed=hashed).get(0, [])


def span_tallies(
    connection: sa.Connection, product: str, since: datetime, length: timedelta, *, hashed: bool
) -> Mapping[int, Sequence[ArmTally]]:
    window = [_ROWS.product == product, _ROWS.created >= columns.microseconds(since)]
    span = _span(_ROWS.created, since, length)
    return _tallied(connection, product, window, span=span, hashed=hashed)


def _tallied(
    connection: sa.Connection,
    product: str,
    window: list[sa.ColumnElement[bool]],
    span: sa.ColumnElement[int],
    *,
    hashed: bool,
) -> Mapping[int, Sequence[ArmTally]]:
    if hashed:
        window.append(_ROWS.hashed)
    # A person who applied several times counts once, with the first decision of the span.
    turn = sa.func.row_number().over(
        partition_by=(_ROWS.unit, span), order_by=(_ROWS.created, _ROWS.decision_id)
    )
    columns = (_ROWS.arm, _ROWS.version, _ROWS.outcome, _ROWS.refer_kind, _ROWS.approved)
    row = sa.select(span.label("span"), *columns, turn.label("turn")).where(*window).subquery().c
    first = row.turn == 1
    found = (
        sa.select(
            row.span,
            row.arm,
            row.version,
            sa.func.count(),
            _count(first),
            *(_count(first, row.outcome == outcome.value) for outcome in _OUTCOMES),
            _count(first, row.refer_kind == ReferKind.DATA.value),
            sa.func.coalesce(sa.func.sum(row.approved), 0),
        )
        .group_by(row.span, row.arm, row.version)
        .order_by(row.span, row.arm, row.version)
    )
    rows = connection.execute(found).all()
    overridden = _overridden(connection, product, window, span=span)
    made: dict[int, list[ArmTally]] = {}
    for number, arm, version, *counts in rows:
        tally = ArmTally(Arm(arm), version, *map(int, counts))
        seen = overridden.get((number, arm, version), 0)
        made.setdefault(number, []).append(replace(tally, overridden=seen))
    return made


def _overridden(
    connection: sa.Connection,
    product: str,
    window: Sequence[sa.ColumnElement[bool]],
    span: sa.ColumnElement[int],
) -> Mapping[tuple[int, str, int], int]:
    """Applicants that a person decided otherwise than a decision in the window, by span."""
    same = (
        _ROWS.product == decisions.c.product,
        _ROWS.created == decisions.c.created,
        _ROWS.decision_id == decisions.c.decision_id,
    )
    found = (
        sa.select(span, _ROWS.arm, _ROWS.version, sa.func.count(_ROWS.unit.distinct()))
        .select_from(reviews)
        .join(decisions, decisions.c.decision_id == reviews.c.decision_id)
        .join(arm_decisions, sa.and_(*same))
        .where(reviews.c.product == product, reviews.c.overridden, *window)
        .group_by(span, _ROWS.arm, _ROWS.version)
    )
    return {
        (number, arm, version): count for number, arm, version, count in connection.execute(found)
    }


def _count(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    counting: sa.Function[int] = sa.func.count()
    return counting.filter(sa.and_(*conditions))


class Arms(Subject):
    """What rollouts count, pin and limit."""

    pin = reads(pin)
    approved = reads(approved)
    day_totals = reads(day_totals)
    put_cells = writes(record_hours)
    totals = reads(totals)
    tallies = reads(tallies)
    span_totals = reads(span_totals)
    span_tallies = reads(span_tallies)
