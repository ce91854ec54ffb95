"""Adds the backtests that the service was asked for, and the sums of the one that runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create both tables."""
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "backtest_runs",
        sa.Column("run_id", text, primary_key=True),
        sa.Column("product", text, nullable=False),
        sa.Column("title", text, nullable=False),
        sa.Column("who", text, nullable=False),
        sa.Column("state", text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("ended", sa.BigInteger),
        sa.Column("ranges", sa.BigInteger, nullable=False),
        sa.Column("plan", sa.LargeBinary),
        sa.Column("report", sa.LargeBinary),
        sa.Column("problem", text, nullable=False),
        sa.Column("slot", sa.BigInteger),
        sa.Column("holder", text),
        sa.Column("held_until", sa.BigInteger),
        sa.UniqueConstraint("slot", name="backtest_runs_slot"),
    )
    op.create_table(
        "backtest_sums",
        sa.Column("run_id", text, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("sums", sa.LargeBinary, nullable=False),
    )
