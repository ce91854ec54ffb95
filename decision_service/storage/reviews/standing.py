"""What a completed review changes in the history: the outcome that stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from decision_service.domain.verdict import Outcome
from decision_service.pipeline.history.keys import (
    ACCOUNT,
    PERSON,
    IdentityKey,
    owed_customer,
    owed_key,
)
from decision_service.pipeline.history.ports import Past
from decision_service.storage.queries.decisions import microseconds
from decision_service.storage.queries.history import take_next, under, unpacked
from decision_service.storage.schema.tables import history

_WHOSE = select(history.c.found_by, history.c.caller, history.c.customer_ref).where(
    history.c.decision_id == bindparam("decision_id")
)


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
    found = connection.execute(_WHOSE, {"decision_id": decision_id}).one_or_none()
    if found is None:
        return
    for key in sorted(unpacked(bytes(found.found_by))):
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


def on_record(
    connection: Connection, decision_id: str, secrets: Sequence[IdentityKey]
) -> Sequence[Past]:
    """What is found under a decision's keys but by a name, which two people may share.

    Also what an erasure has left of a loan on one of the accounts, or of the customer.
    """
    found = connection.execute(_WHOSE, {"decision_id": decision_id}).one_or_none()
    if found is None:
        return []
    keys = unpacked(bytes(found.found_by))
    wanted = [key for key in keys if key[:1] != PERSON]
    wanted += [owed_key(key) for key in keys if key[:1] == ACCOUNT]
    wanted += owed_customer(found.caller, found.customer_ref, secrets)
    return [*under(connection, wanted).values()]
