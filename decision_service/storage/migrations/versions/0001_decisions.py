"""Decisions, snapshots, known counts and texts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_BYTES = (
    ("decisions", "reply"),
    ("decisions", "facts"),
    ("snapshots", "body"),
    ("texts", "body"),
)
_LISTED_BY = ("user_id", "application_id", "customer_ref", "product", "outcome")


def upgrade() -> None:
    _decisions()
    _decision_indexes()
    _snapshots()
    _known_counts()
    _texts()
    if op.get_bind().dialect.name == "postgresql":
        for table, column in _BYTES:
            op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL")


def _text() -> TypeEngine[str]:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("decision_id", _text(), primary_key=True),
        sa.Column("caller", _text(), nullable=False),
        sa.Column("request_id", _text(), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("user_id", _text(), nullable=False),
        sa.Column("product", _text(), nullable=False),
        sa.Column("application_id", _text(), nullable=False),
        sa.Column("customer_ref", _text(), nullable=False),
        sa.Column("outcome", _text(), nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("reply", sa.LargeBinary, nullable=False),
        sa.Column("facts", sa.LargeBinary, nullable=False),
        sa.Column("ruleset_digest", _text()),
        sa.Column("plan_digest", _text()),
        sa.Column("snapshot_id", _text()),
        sa.UniqueConstraint("caller", "request_id", name="decisions_request"),
    )


def _decision_indexes() -> None:
    op.create_index("decisions_created", "decisions", ["created", "decision_id"])
    for column in _LISTED_BY:
        op.create_index(f"decisions_{column}", "decisions", [column, "created", "decision_id"])


def _snapshots() -> None:
    op.create_table(
        "snapshots",
        sa.Column("user_id", _text(), primary_key=True),
        sa.Column("snapshot_id", _text(), primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("stored", sa.BigInteger, nullable=False),
    )


def _known_counts() -> None:
    op.create_table(
        "known_counts",
        sa.Column("user_id", _text(), primary_key=True),
        sa.Column("source", _text(), primary_key=True),
        sa.Column("kind", _text(), primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
    )


def _texts() -> None:
    op.create_table(
        "texts",
        sa.Column("digest", _text(), primary_key=True),
        sa.Column("kind", _text(), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
