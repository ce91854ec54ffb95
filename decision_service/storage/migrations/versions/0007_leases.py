"""Leases of decisions in progress, for stores of several processes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.create_table(
        "leases",
        sa.Column("caller", sa.Text(collation="C"), primary_key=True),
        sa.Column("request_id", sa.Text(collation="C"), primary_key=True),
        sa.Column("fence", sa.Text(collation="C"), nullable=False),
        sa.Column("backend", sa.Integer, nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        prefixes=["UNLOGGED"],
    )
