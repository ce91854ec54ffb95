"""The indexes of the store's tables, as the migrations make them.

Apart from the tables, since a running service never asks for one: to describe those that leave rows
out loads SQLAlchemy's part for either database, and a start needs one of them.
"""

from __future__ import annotations

from sqlalchemy import Index

from decision_service.storage.schema.tables import (
    LISTED_BY,
    OFTEN_EMPTY,
    applicants,
    arm_decisions,
    decisions,
    events,
    is_given,
    metadata,
    shadow_results,
)

indexed = metadata
"""The tables, with what this module describes."""

Index("decisions_created", decisions.c.created)
for _name in LISTED_BY:
    _listed = decisions.c[_name]
    _kept = is_given(_listed) if _name in OFTEN_EMPTY else None
    Index(
        f"decisions_{_name}",
        _listed,
        decisions.c.created,
        sqlite_where=_kept,
        postgresql_where=_kept,
    )

Index("events_pending", events.c.done, events.c.received)

Index(
    "arm_decisions_pin",
    arm_decisions.c.product,
    arm_decisions.c.unit,
    arm_decisions.c.created,
    sqlite_where=arm_decisions.c.pins,
    postgresql_where=arm_decisions.c.pins,
)

Index("applicants_user_id", applicants.c.user_id)

Index(
    "shadow_results_created",
    shadow_results.c.product,
    shadow_results.c.version,
    shadow_results.c.created,
)
