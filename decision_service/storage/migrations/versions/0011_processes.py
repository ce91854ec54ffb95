"""What each process of a shared store decides by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.create_table(
        "processes",
        sa.Column("process", sa.Text(collation="C"), primary_key=True),
        sa.Column("rules", sa.Text(collation="C"), nullable=False),
        sa.Column("seen", sa.DateTime(timezone=True), nullable=False),
        prefixes=["UNLOGGED"],
    )
