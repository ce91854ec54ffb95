"""PostgreSQL keeps a decision's row in one piece, up to four thousand bytes."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE decisions SET (toast_tuple_target = 4080)")
