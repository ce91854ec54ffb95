"""The reading of each user that may serve later decisions, and the events that the vendor sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "warm",
        sa.Column("user_id", _text(), primary_key=True),
        sa.Column("snapshot_id", _text()),
        sa.Column("fetched", sa.BigInteger, nullable=False),
        sa.Column("looked", sa.BigInteger, nullable=False),
        sa.Column("plan", sa.LargeBinary, nullable=False),
        sa.Column("quarantined", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "events",
        sa.Column("event_id", _text(), primary_key=True),
        sa.Column("digest", _text(), nullable=False),
        sa.Column("type", _text(), nullable=False),
        sa.Column("user_id", _text(), nullable=False),
        sa.Column("source", _text(), nullable=False),
        sa.Column("kinds", _text(), nullable=False),
        sa.Column("received", sa.BigInteger, nullable=False),
        sa.Column("done", sa.Boolean, nullable=False),
    )
    op.create_index("events_pending", "events", ["done", "received"])


def _text() -> TypeEngine[str]:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
