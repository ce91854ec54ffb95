"""Adds since when data that arrived is not whole, and when it is read again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; events that are there are due at once."""
    op.add_column("events", sa.Column("since", sa.BigInteger))
    op.add_column("events", sa.Column("due", sa.BigInteger))
