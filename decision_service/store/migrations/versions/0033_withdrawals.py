"""When the result of a review may not be withdrawn any more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("reviews", sa.Column("release_at", sa.BigInteger))
    op.create_index(
        "reviews_release_at",
        "reviews",
        ["release_at"],
        sqlite_where=sa.text("release_at IS NOT NULL"),
        postgresql_where=sa.text("release_at IS NOT NULL"),
    )
