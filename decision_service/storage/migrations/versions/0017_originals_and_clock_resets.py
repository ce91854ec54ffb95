"""Adds the original of each renewed link token, and the resets of the clock guard."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both; tokens that are there already are each an original with its own count."""
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.add_column("link_tokens", sa.Column("original", text))
    op.create_table(
        "clock_resets",
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("who", text, nullable=False),
        sa.Column("why", text, nullable=False),
        sa.Column("first", sa.BigInteger, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
    )
