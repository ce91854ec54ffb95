"""Where each rollout stands, step by step."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rollout_journal",
        sa.Column("product", _text(), primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("who", _text(), nullable=False),
        sa.Column("why", _text(), nullable=False),
        sa.Column("action", _text(), nullable=False),
        sa.Column("state_before", _text()),
        sa.Column("state_after", _text(), nullable=False),
        sa.Column("plan_digest", _text(), nullable=False),
        sa.Column("figures", _text(), nullable=False),
    )


def _text() -> TypeEngine[str]:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
