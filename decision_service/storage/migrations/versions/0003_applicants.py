"""Which of the vendor's users belongs to which applicant."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "applicants",
        sa.Column("caller", _text(), primary_key=True),
        sa.Column("reference", _text(), primary_key=True),
        sa.Column("user_id", _text()),
        sa.Column("begun", sa.BigInteger, nullable=False),
        sa.Column("claimed_until", sa.BigInteger, nullable=False),
    )
    op.create_index("applicants_user_id", "applicants", ["user_id"])


def _text() -> TypeEngine[str]:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
