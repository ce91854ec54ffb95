"""Adds the lenders' reports of loans."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and the index of decisions."""
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "loan_outcomes",
        sa.Column("caller", text, primary_key=True),
        sa.Column("loan_id", text, primary_key=True),
        sa.Column("as_of", text, primary_key=True),
        sa.Column("decision_id", text, nullable=False),
        sa.Column("status", text, nullable=False),
        sa.Column("currency", text),
        sa.Column("disbursed", sa.BigInteger),
        sa.Column("disbursed_on", text),
        sa.Column("instalment", sa.BigInteger),
        sa.Column("repaid", sa.BigInteger),
        sa.Column("overdue_days", sa.BigInteger, nullable=False),
        sa.Column("reported", sa.BigInteger, nullable=False),
    )
    op.create_index("loan_outcomes_decision_id", "loan_outcomes", ["decision_id"])
