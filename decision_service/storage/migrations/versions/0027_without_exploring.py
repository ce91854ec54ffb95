"""Drops what exploring past the score counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop the column with its index; the index of the day's approvals is made without it."""
    op.drop_index("arm_decisions_explored", "arm_decisions")
    op.drop_index("arm_decisions_granted", "arm_decisions")
    op.drop_column("arm_decisions", "explored")
    op.create_index(
        "arm_decisions_granted",
        "arm_decisions",
        ["product", "created", "tier", "granted"],
        sqlite_where=sa.text("granted IS NOT NULL"),
        postgresql_where=sa.text("granted IS NOT NULL"),
    )
