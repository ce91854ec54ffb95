"""Where the history begins: a new store is made of `storage.tables`; later steps start here."""

from __future__ import annotations

revision = "0014"
down_revision = None
branch_labels = None
depends_on = None
