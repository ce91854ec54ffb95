"""Adds reviews and their events; referrals from before have none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_NAMES = ("decision_id", "user_id", "product", "queue")


def upgrade() -> None:
    """Create both tables."""
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "reviews",
        sa.Column("review_id", text, primary_key=True),
        *(sa.Column(name, text, nullable=False) for name in _NAMES),
        sa.Column("kind", text),
        *(sa.Column(name, text, nullable=False) for name in ("tags", "state")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("opened", "due")),
        sa.Column("claimed_until", sa.BigInteger),
        sa.Column("overridden", sa.Boolean, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    for name in ("decision_id", "user_id"):
        op.create_index(f"reviews_{name}", "reviews", [name])
    op.create_index("reviews_due", "reviews", ["due", "review_id"])
    op.create_index("reviews_state", "reviews", ["state", "due", "review_id"])
    op.create_index(
        "reviews_overridden",
        "reviews",
        ["product", "decision_id"],
        sqlite_where=sa.text("overridden = 1"),
        postgresql_where=sa.text("overridden"),
    )
    op.create_table(
        "review_events",
        sa.Column("review_id", text, primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("decision_id", text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("review_events_decision_id", "review_events", ["decision_id"])
