"""Adds the letters to applicants."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "notices",
        sa.Column("notice_id", text, primary_key=True),
        sa.Column("decision_id", text, nullable=False),
        sa.Column("caller", text, nullable=False),
        sa.Column("kind", text, nullable=False),
        sa.Column("language", text, nullable=False),
        sa.Column("template_digest", text, nullable=False),
        sa.Column("letter", sa.LargeBinary, nullable=False),
        sa.Column("made", sa.BigInteger, nullable=False),
        sa.Column("made_by", text, nullable=False),
        sa.Column("sent", sa.BigInteger),
        sa.Column("channel", text),
        sa.Column("sent_by", text),
    )
    op.create_index("notices_decision_id", "notices", ["decision_id"])
    op.create_index("notices_made", "notices", ["made", "notice_id"])
