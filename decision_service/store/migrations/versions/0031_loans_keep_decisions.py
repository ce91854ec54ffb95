"""Until when each decision counts, and which loan a report replaces.

No decision is deleted while a loan of it is open.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
OPEN = 2**62

FROM_REVIEW = """
UPDATE decisions SET counts_until = (
    SELECT history.reviewed FROM history WHERE history.decision_id = decisions.decision_id
) WHERE EXISTS (
    SELECT 1 FROM history
    WHERE history.decision_id = decisions.decision_id AND history.reviewed > decisions.created
)
"""

# The newest report of each loan says what became of it.
NEWEST = """
SELECT 1 FROM loan_outcomes AS newest
WHERE newest.decision_id = decisions.decision_id AND newest.status {status}
AND NOT EXISTS (
    SELECT 1 FROM loan_outcomes AS later
    WHERE later.caller = newest.caller AND later.loan_id = newest.loan_id
    AND later.as_of > newest.as_of
)
"""

CLOSED = """
UPDATE decisions SET lent = true, counts_until = (
    SELECT max(reported) FROM loan_outcomes WHERE loan_outcomes.decision_id = decisions.decision_id
) WHERE EXISTS ({newest})
"""


BOOKED = """
UPDATE decisions SET lent = true, counts_until = {open} WHERE EXISTS ({newest})
"""


def upgrade() -> None:
    op.add_column(
        "decisions", sa.Column("counts_until", sa.BigInteger, nullable=False, server_default="0")
    )
    op.add_column(
        "decisions", sa.Column("lent", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.add_column("loan_outcomes", sa.Column("replaces", TEXT))
    op.execute("UPDATE decisions SET counts_until = created")
    op.execute(FROM_REVIEW)
    closed = NEWEST.format(status="IN ('REPAID', 'CHARGED_OFF')")
    op.execute(CLOSED.format(newest=closed))
    booked = NEWEST.format(status="= 'BOOKED'")
    op.execute(BOOKED.format(open=OPEN, newest=booked))
    op.create_index("decisions_counts_until", "decisions", ["lent", "counts_until"])
