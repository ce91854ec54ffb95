"""What a rollout counts, pins and limits of each decision."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "arm_decisions",
        sa.Column("decision_id", _text(), primary_key=True),
        sa.Column("product", _text(), nullable=False),
        sa.Column("unit", _text(), nullable=False),
        sa.Column("arm", _text(), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("hashed", sa.Boolean, nullable=False),
        sa.Column("pins", sa.Boolean, nullable=False),
        sa.Column("outcome", _text(), nullable=False),
        sa.Column("refer_kind", _text()),
        sa.Column("rule_error", sa.Boolean, nullable=False),
        sa.Column("approved", sa.BigInteger),
        sa.Column("created", sa.BigInteger, nullable=False),
    )
    op.create_index("arm_decisions_unit", "arm_decisions", ["product", "unit", "created"])
    op.create_index("arm_decisions_created", "arm_decisions", ["product", "created"])


def _text() -> TypeEngine[str]:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
