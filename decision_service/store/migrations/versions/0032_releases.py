"""The journal of releases, and seals of journals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "releases",
        sa.Column("position", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("base", sa.BigInteger, nullable=False),
        sa.Column("about", sa.BigInteger, nullable=False),
        sa.Column("caller", TEXT, nullable=False),
        sa.Column("issuer", TEXT),
        sa.Column("subject", TEXT),
        sa.Column("signed_in", sa.BigInteger),
        sa.Column("why", TEXT, nullable=False),
        sa.Column("ticket", TEXT, nullable=False),
        sa.Column("accepted", TEXT, nullable=False),
        sa.Column("authors", TEXT, nullable=False),
        sa.Column("claims", TEXT, nullable=False),
        sa.Column("program", TEXT, nullable=False),
        sa.Column("seal", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("position"),
    )
    op.add_column("rollout_journal", sa.Column("seal", TEXT, nullable=False, server_default=""))
    if op.get_bind().dialect.name == "postgresql":
        op.add_column("processes", sa.Column("program", TEXT, nullable=False, server_default=""))
