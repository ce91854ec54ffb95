"""Adds the data key that wraps each user's key; keys that are there are plain until one does."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and its index to both tables."""
    has_key = sa.text("key IS NOT NULL")
    for table in ("consents", "ended_incomes"):
        op.add_column(table, sa.Column("wrapped_by", sa.LargeBinary))
        op.create_index(
            f"{table}_wrapped_by",
            table,
            ["wrapped_by"],
            sqlite_where=has_key,
            postgresql_where=has_key,
        )
