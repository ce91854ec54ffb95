"""Adds the lender's reference of a change to each step of a rollout."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; earlier steps have no reference."""
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.add_column("rollout_journal", sa.Column("ticket", text, nullable=False, server_default=""))
