"""Adds the original of each renewed link token, by which renewals are counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; tokens that are there already are each an original with its own count."""
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.add_column("link_tokens", sa.Column("original", text))
