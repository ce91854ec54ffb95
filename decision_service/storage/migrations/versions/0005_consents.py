"""A key for each user's snapshots, and how often each user withdrew consent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "consents",
        sa.Column("user_id", _text(), primary_key=True),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("key", sa.LargeBinary),
    )


def _text() -> TypeEngine[str]:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
