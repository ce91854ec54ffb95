"""What the arms of a rollout are judged by: hourly counters, and results of silent versions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "arm_hours",
        sa.Column("product", _text(), primary_key=True),
        sa.Column("hour", sa.BigInteger, primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True),
        sa.Column("arm", _text(), primary_key=True),
        sa.Column("version", sa.BigInteger, primary_key=True),
        sa.Column("counted", _text(), primary_key=True),
        sa.Column("bucket", _text(), primary_key=True),
        sa.Column("process", _text(), primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "shadow_results",
        sa.Column("decision_id", _text(), primary_key=True),
        sa.Column("version", sa.BigInteger, primary_key=True),
        sa.Column("product", _text(), nullable=False),
        sa.Column("digest", _text(), nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("standing", _text(), nullable=False),
        sa.Column("live_outcome", _text(), nullable=False),
        sa.Column("live_kind", _text()),
        sa.Column("live_amount", sa.BigInteger),
        sa.Column("outcome", _text()),
        sa.Column("kind", _text()),
        sa.Column("amount", sa.BigInteger),
        sa.Column("moved", _text(), nullable=False),
    )
    op.create_index("shadow_results_created", "shadow_results", ["product", "version", "created"])


def _text() -> TypeEngine[str]:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
