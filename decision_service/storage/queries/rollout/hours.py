"""Hourly counters of each arm: every process stores its own totals, and readers sum them.

A total only rises. Writing one twice therefore changes nothing, and a write whose end is unknown is
simply repeated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, func, select

from decision_service.domain.decision import Arm
from decision_service.pipeline.rollout.arm_figures import CounterKind, CounterTotal, FigureCell
from decision_service.storage.queries.decisions import microseconds
from decision_service.storage.queries.dialect import raise_each
from decision_service.storage.schema.tables import arm_hours

_HOUR = timedelta(hours=1)
_CELL = arm_hours.c
_GROUP = (_CELL.arm, _CELL.version, _CELL.counted, _CELL.bucket)
_TOTALS = (
    select(*_GROUP, func.sum(_CELL.count))
    .where(
        _CELL.product == bindparam("product"),
        _CELL.hour > bindparam("begun_after"),
        _CELL.position >= bindparam("position"),
        _CELL.counted.in_([*CounterKind]),  # another release may count what this one does not know
    )
    .group_by(*_GROUP)
    .order_by(*_GROUP)
)


def record(connection: Connection, process: str, cells: Mapping[FigureCell, int]) -> None:
    """Store the totals of one process; a higher stored total stays."""
    rows = [_row(process, cell, count) for cell, count in cells.items()]
    raise_each(connection, arm_hours, ("count",), rows)


def totals(
    connection: Connection, product: str, since: datetime, position: int
) -> Sequence[CounterTotal]:
    """The sums over processes, over hours that end after `since`, and from an entry on."""
    begun_after = microseconds(since - _HOUR)
    chosen = {"product": product, "begun_after": begun_after, "position": position}
    return [
        CounterTotal(Arm(arm) if arm else None, version, CounterKind(counted), bucket, int(count))
        for arm, version, counted, bucket, count in connection.execute(_TOTALS, chosen)
    ]


def _row(process: str, cell: FigureCell, count: int) -> dict[str, object]:
    return {
        "product": cell.product,
        "hour": microseconds(cell.hour),
        "position": cell.position,
        "arm": cell.arm.value if cell.arm else "",
        "version": cell.version,
        "counted": cell.counted.value,
        "bucket": cell.bucket,
        "process": process,
        "count": count,
    }
