"""Drops the backtests that the service was asked for."""

from __future__ import annotations

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop both tables."""
    op.drop_table("backtest_sums")
    op.drop_table("backtest_runs")
