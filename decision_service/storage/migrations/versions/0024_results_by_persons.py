"""Adds what a person's approval takes from its day, and the review whose result a letter tells."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; approvals from before count in no day."""
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.add_column("reviews", sa.Column("charged_at", sa.BigInteger))
    op.add_column("reviews", sa.Column("tier", text))
    op.add_column("reviews", sa.Column("approvals", sa.BigInteger))
    op.add_column("reviews", sa.Column("granted", sa.BigInteger))
    op.create_index(
        "reviews_charged",
        "reviews",
        ["product", "charged_at", "tier", "approvals", "granted"],
        sqlite_where=sa.text("charged_at IS NOT NULL"),
        postgresql_where=sa.text("charged_at IS NOT NULL"),
    )
    op.add_column("notices", sa.Column("review_id", text))
