"""Indexes that hold less, so that a decision writes fewer pages; what rollouts read, in order."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_LISTED_BY = ("user_id", "product", "outcome")
_OFTEN_EMPTY = ("application_id", "customer_ref")


def upgrade() -> None:
    _decision_indexes()
    op.drop_index("arm_decisions_unit", "arm_decisions")
    op.drop_index("arm_decisions_created", "arm_decisions")
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("arm_decisions_pkey", "arm_decisions")
        op.create_primary_key(
            "arm_decisions_pkey", "arm_decisions", ["product", "created", "decision_id"]
        )
    else:
        _arms_in_order()
    op.create_index(
        "arm_decisions_pin",
        "arm_decisions",
        ["product", "unit", "created"],
        sqlite_where=sa.text("pins = 1"),
        postgresql_where=sa.text("pins"),
    )


def _decision_indexes() -> None:
    for name in ("created", *_LISTED_BY, *_OFTEN_EMPTY):
        op.drop_index(f"decisions_{name}", "decisions")
    op.create_index("decisions_created", "decisions", ["created"])
    for name in (*_LISTED_BY, "caller"):
        op.create_index(f"decisions_{name}", "decisions", [name, "created"])
    for name in _OFTEN_EMPTY:
        given = sa.text(f"{name} <> ''")
        op.create_index(
            f"decisions_{name}",
            "decisions",
            [name, "created"],
            sqlite_where=given,
            postgresql_where=given,
        )


def _arms_in_order() -> None:
    """SQLite changes no table's key: the rows move into a new table."""
    op.rename_table("arm_decisions", "arm_decisions_before")
    op.create_table(
        "arm_decisions",
        sa.Column("decision_id", _text(), nullable=False),
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
        sa.PrimaryKeyConstraint("product", "created", "decision_id"),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO arm_decisions SELECT decision_id, product, unit, arm, version, hashed, pins, "
        "outcome, refer_kind, rule_error, approved, created FROM arm_decisions_before "
        "ORDER BY product, created, decision_id"
    )
    op.drop_table("arm_decisions_before")


def _text() -> TypeEngine[str]:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
