"""Adds what caps of a day and exploring count: tier and amount of each approval."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; the approvals of the last two days count with their amounts."""
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.add_column("arm_decisions", sa.Column("tier", text))
    op.add_column("arm_decisions", sa.Column("granted", sa.BigInteger))
    op.add_column("arm_decisions", sa.Column("explored", sa.BigInteger))
    op.execute(
        "UPDATE arm_decisions SET granted = coalesce(approved, 0), tier = '' "
        "WHERE outcome = 'APPROVE' AND created > "
        "(SELECT coalesce(max(created), 0) - 172800000000 FROM arm_decisions)"
    )
    op.drop_index("arm_decisions_pin", "arm_decisions")
    op.create_index(
        "arm_decisions_pin",
        "arm_decisions",
        ["product", "unit", "created", "decision_id", "arm", "version"],
        sqlite_where=sa.text("pins = 1"),
        postgresql_where=sa.text("pins"),
    )
    op.create_index(
        "arm_decisions_granted",
        "arm_decisions",
        ["product", "created", "tier", "granted", "explored"],
        sqlite_where=sa.text("granted IS NOT NULL"),
        postgresql_where=sa.text("granted IS NOT NULL"),
    )
    op.create_index(
        "arm_decisions_explored",
        "arm_decisions",
        ["product", "unit", "created", "explored", "granted"],
        sqlite_where=sa.text("explored IS NOT NULL"),
        postgresql_where=sa.text("explored IS NOT NULL"),
    )
