"""Where the history begins: new stores are made of `storage.schema.tables`; steps start here."""

from __future__ import annotations

revision = "0029"
down_revision = None
branch_labels = None
depends_on = None
