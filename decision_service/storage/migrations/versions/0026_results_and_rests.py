"""Adds when a person decided, which decisions were made again, and what was paid out of offers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; results, repetitions and reports from before stay without them."""
    op.add_column("history", sa.Column("drawn", sa.BigInteger))
    op.add_column("history", sa.Column("reviewed", sa.BigInteger))
    op.add_column("history", sa.Column("replaced", sa.Boolean))
