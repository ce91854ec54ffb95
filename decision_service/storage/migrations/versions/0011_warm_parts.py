"""How old the oldest part of a warm reading is, and how many records an event says are new."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("warm", sa.Column("oldest", sa.BigInteger, nullable=False, server_default="-1"))
    op.execute("UPDATE warm SET oldest = fetched")
    op.add_column("events", sa.Column("added", sa.BigInteger, nullable=False, server_default="0"))
    op.execute("UPDATE events SET user_id = '', source = '', kinds = '' WHERE done")
