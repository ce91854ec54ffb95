"""Adds the history of decisions by user, customer, account and person; it begins empty."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both tables."""
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "history",
        sa.Column("decision_id", text, primary_key=True),
        *(sa.Column(name, text, nullable=False) for name in ("user_id", "caller", "customer_ref")),
        *(sa.Column(name, text, nullable=False) for name in ("product", "outcome")),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("currency", text, nullable=False),
        *(sa.Column(name, sa.BigInteger) for name in ("approved", "instalment", "expires")),
        sa.Column("found_by", sa.LargeBinary, nullable=False),
        *(sa.Column(name, sa.BigInteger) for name in ("outstanding", "due")),
        *(sa.Column(f"{name}_loans", sa.BigInteger) for name in ("open", "overdue", "repaid")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "history_keys",
        sa.Column("key", sa.LargeBinary, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("decision_id", text, nullable=False),
        sqlite_with_rowid=False,
    )
