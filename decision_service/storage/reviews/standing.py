"""What a completed review changes in the history: the outcome that stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from decision_service.domain.verdict import Outcome
from decision_service.pipeline.history.keys import PERSON
from decision_service.pipeline.history.ports import Past
from decision_service.storage.queries.decisions import microseconds
from decision_service.storage.queries.history import take_next, under, unpacked
from decision_service.storage.schema.tables import history

_FOUND_BY = select(history.c.found_by).where(history.c.decision_id == bindparam("decision_id"))


def stand(
    connection: Connection,
    decision_id: str,
    outcome: Outcome,
    at: datetime,
    *,
    approved: int | None,
    instalment: int | None,
    expires: datetime | None,
) -> None:
    """Set the outcome that stands of a decision from `at` on; its amounts in minor units.

    The decision takes a further place under each of its keys, so that whoever decides on the
    person at the same time reads again. One that was made again counts anew.
    """
    found_by = connection.execute(_FOUND_BY, {"decision_id": decision_id}).scalar()
    if found_by is None:
        return
    for key in sorted(unpacked(bytes(found_by))):
        take_next(connection, key, decision_id)
    chosen = update(history).where(history.c.decision_id == decision_id)
    connection.execute(
        chosen.values(
            outcome=outcome.value,
            approved=approved,
            instalment=instalment,
            expires=microseconds(expires or at),
            reviewed=microseconds(at),
            replaced=None,
        )
    )


def on_record(connection: Connection, decision_id: str) -> Sequence[Past]:
    """What is found under a decision's keys but by a name, which two people may share."""
    found_by = connection.execute(_FOUND_BY, {"decision_id": decision_id}).scalar()
    keys = () if found_by is None else unpacked(bytes(found_by))
    return [*under(connection, [key for key in keys if key[:1] != PERSON]).values()]
