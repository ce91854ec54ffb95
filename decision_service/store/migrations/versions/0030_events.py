"""Events for others, which of them are to be sent, and the store's own id."""

from __future__ import annotations

from alembic import op

from decision_service.store import outbox

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    tables = (outbox.events_out, outbox.event_deliveries, outbox.event_places, outbox.event_stores)
    for table in tables:
        table.create(op.get_bind())
