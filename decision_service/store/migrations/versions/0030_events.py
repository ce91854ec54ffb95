"""Events for others, which of them are to be sent, and the store's own id."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
COUNTED = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "events_out",
        sa.Column("sequence", COUNTED, nullable=False),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("made", sa.BigInteger, nullable=False),
        sa.Column("caller", TEXT, nullable=False),
        sa.Column("decision_id", TEXT),
        sa.Column("body", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
        sa.UniqueConstraint("event_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("events_out_decision_id", "events_out", ["decision_id"])
    if op.get_bind().dialect.name == "postgresql":
        # A transaction has its own number before an event of it has one, as `Outbox.end` needs it.
        op.execute(
            "ALTER TABLE events_out ALTER sequence SET DEFAULT CASE WHEN pg_current_xact_id() "
            "IS NOT NULL THEN nextval('events_out_sequence_seq') END"
        )
    op.create_table(
        "event_deliveries",
        sa.Column("subscription", TEXT, nullable=False),
        sa.Column("sequence", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("decision_id", TEXT),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        sa.Column("due", sa.BigInteger, nullable=False),
        sa.Column("dead", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("subscription", "sequence"),
    )
    keyed = ["subscription", "key", "sequence"]
    op.create_index("event_deliveries_key", "event_deliveries", keyed)
    op.create_index("event_deliveries_decision_id", "event_deliveries", ["decision_id"])
    op.create_table(
        "event_places",
        sa.Column("subscription", TEXT, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("subscription"),
    )
    op.create_table(
        "event_stores",
        sa.Column("server", TEXT, nullable=False),
        sa.Column("store_id", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("server"),
    )
