"""Erasures by id, which a restored backup lacks, and what each process of a store decides by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("erasure_id", _text(), primary_key=True),
        sa.Column("user_id", _text()),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.create_table(
            "processes",
            sa.Column("process", _text(), primary_key=True),
            sa.Column("rules", _text(), nullable=False),
            sa.Column("seen", sa.DateTime(timezone=True), nullable=False),
            prefixes=["UNLOGGED"],
        )


def _text() -> TypeEngine[str]:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
