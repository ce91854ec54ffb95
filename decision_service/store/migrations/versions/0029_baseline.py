"""The tables as they were when the history of steps begins, written out: they never change here."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = None
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BODY = sa.LargeBinary()
_HAS_KEY = sa.text('"key" IS NOT NULL')
_BODIES = (
    ("decisions", "reply"),
    ("decisions", "facts"),
    ("snapshots", "body"),
    ("texts", "body"),
)
"""What PostgreSQL keeps apart from the row, uncompressed: it is read far more cheaply."""


def upgrade() -> None:
    _tables()
    if op.get_bind().dialect.name == "postgresql":
        _tables_of_postgresql()
        for table, column in _BODIES:
            op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL")


def _tables() -> None:
    op.create_table(
        "applicants",
        sa.Column("caller", TEXT, nullable=False),
        sa.Column("reference", TEXT, nullable=False),
        sa.Column("user_id", TEXT),
        sa.Column("begun", sa.BigInteger, nullable=False),
        sa.Column("claimed_until", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("caller", "reference"),
    )
    op.create_index("applicants_user_id", "applicants", ["user_id"])
    op.create_table(
        "link_tokens",
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("renewals", sa.BigInteger, nullable=False),
        sa.Column("original", TEXT),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "decisions",
        sa.Column("decision_id", TEXT, nullable=False),
        sa.Column("caller", TEXT, nullable=False),
        sa.Column("request_id", TEXT, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("product", TEXT, nullable=False),
        sa.Column("application_id", TEXT, nullable=False),
        sa.Column("customer_ref", TEXT, nullable=False),
        sa.Column("outcome", TEXT, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("reply", BODY, nullable=False),
        sa.Column("facts", BODY, nullable=False),
        sa.Column("ruleset_digest", TEXT),
        sa.Column("plan_digest", TEXT),
        sa.Column("snapshot_id", TEXT),
        sa.PrimaryKeyConstraint("decision_id"),
        sa.UniqueConstraint("caller", "request_id", name="decisions_request"),
        postgresql_with={"toast_tuple_target": 4080},
    )
    op.create_index("decisions_created", "decisions", ["created"])
    op.create_index("decisions_product", "decisions", ["product", "created"])
    op.create_index("decisions_caller", "decisions", ["caller", "created"])
    op.create_index("decisions_outcome", "decisions", ["outcome", "created"])
    op.create_index(
        "decisions_customer_ref",
        "decisions",
        ["customer_ref", "created"],
        sqlite_where=sa.text("customer_ref != ''"),
        postgresql_where=sa.text("customer_ref != ''"),
    )
    op.create_index(
        "decisions_application_id",
        "decisions",
        ["application_id", "created"],
        sqlite_where=sa.text("application_id != ''"),
        postgresql_where=sa.text("application_id != ''"),
    )
    op.create_index("decisions_user_id", "decisions", ["user_id", "created"])
    op.create_table(
        "reviews",
        sa.Column("review_id", TEXT, nullable=False),
        sa.Column("decision_id", TEXT, nullable=False),
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("product", TEXT, nullable=False),
        sa.Column("queue", TEXT, nullable=False),
        sa.Column("kind", TEXT),
        sa.Column("tags", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("opened", sa.BigInteger, nullable=False),
        sa.Column("due", sa.BigInteger, nullable=False),
        sa.Column("claimed_until", sa.BigInteger),
        sa.Column("overridden", sa.Boolean, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("charged_at", sa.BigInteger),
        sa.Column("tier", TEXT),
        sa.Column("approvals", sa.BigInteger),
        sa.Column("granted", sa.BigInteger),
        sa.PrimaryKeyConstraint("review_id"),
    )
    op.create_index("reviews_decision_id", "reviews", ["decision_id"])
    op.create_index("reviews_due", "reviews", ["due", "review_id"])
    op.create_index("reviews_user_id", "reviews", ["user_id"])
    op.create_index(
        "reviews_overridden",
        "reviews",
        ["product", "decision_id"],
        sqlite_where=sa.text("overridden = 1"),
        postgresql_where=sa.text("overridden"),
    )
    op.create_index(
        "reviews_charged",
        "reviews",
        ["product", "charged_at", "tier", "approvals", "granted"],
        sqlite_where=sa.text("charged_at IS NOT NULL"),
        postgresql_where=sa.text("charged_at IS NOT NULL"),
    )
    op.create_index("reviews_state", "reviews", ["state", "due", "review_id"])
    op.create_table(
        "review_events",
        sa.Column("review_id", TEXT, nullable=False),
        sa.Column("position", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("decision_id", TEXT, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("review_id", "position"),
        sqlite_with_rowid=False,
    )
    op.create_index("review_events_decision_id", "review_events", ["decision_id"])
    op.create_table(
        "arm_decisions",
        sa.Column("decision_id", TEXT, nullable=False),
        sa.Column("product", TEXT, nullable=False),
        sa.Column("unit", TEXT, nullable=False),
        sa.Column("arm", TEXT, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("hashed", sa.Boolean, nullable=False),
        sa.Column("pins", sa.Boolean, nullable=False),
        sa.Column("outcome", TEXT, nullable=False),
        sa.Column("refer_kind", TEXT),
        sa.Column("rule_error", sa.Boolean, nullable=False),
        sa.Column("approved", sa.BigInteger),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("tier", TEXT),
        sa.Column("granted", sa.BigInteger),
        sa.PrimaryKeyConstraint("product", "created", "decision_id"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "arm_decisions_pin",
        "arm_decisions",
        ["product", "unit", "created", "decision_id", "arm", "version"],
        sqlite_where=sa.text("pins = 1"),
        postgresql_where=sa.text("pins"),
    )
    op.create_index(
        "arm_decisions_granted",
        "arm_decisions",
        ["product", "created", "tier", "granted"],
        sqlite_where=sa.text("granted IS NOT NULL"),
        postgresql_where=sa.text("granted IS NOT NULL"),
    )
    op.create_table(
        "arm_hours",
        sa.Column("product", TEXT, nullable=False),
        sa.Column("hour", sa.BigInteger, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("arm", TEXT, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("counted", TEXT, nullable=False),
        sa.Column("bucket", TEXT, nullable=False),
        sa.Column("process", TEXT, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint(
            "product", "hour", "position", "arm", "version", "counted", "bucket", "process"
        ),
    )
    op.create_table(
        "history",
        sa.Column("decision_id", TEXT, nullable=False),
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("caller", TEXT, nullable=False),
        sa.Column("customer_ref", TEXT, nullable=False),
        sa.Column("product", TEXT, nullable=False),
        sa.Column("outcome", TEXT, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("approved", sa.BigInteger),
        sa.Column("instalment", sa.BigInteger),
        sa.Column("expires", sa.BigInteger),
        sa.Column("found_by", sa.LargeBinary, nullable=False),
        sa.Column("outstanding", sa.BigInteger),
        sa.Column("due", sa.BigInteger),
        sa.Column("open_loans", sa.BigInteger),
        sa.Column("overdue_loans", sa.BigInteger),
        sa.Column("repaid_loans", sa.BigInteger),
        sa.Column("drawn", sa.BigInteger),
        sa.Column("reviewed", sa.BigInteger),
        sa.Column("replaced", sa.Boolean),
        sa.PrimaryKeyConstraint("decision_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "history_keys",
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.Column("number", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("decision_id", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("key", "number"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "snapshots",
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("snapshot_id", TEXT, nullable=False),
        sa.Column("body", BODY, nullable=False),
        sa.Column("stored", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "snapshot_id"),
    )
    op.create_table(
        "consents",
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("key", sa.LargeBinary),
        sa.Column("wrapped_by", sa.LargeBinary),
        sa.PrimaryKeyConstraint("user_id"),
    )
    op.create_index(
        "consents_wrapped_by",
        "consents",
        ["wrapped_by"],
        sqlite_where=_HAS_KEY,
        postgresql_where=_HAS_KEY,
    )
    op.create_table(
        "warm",
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("snapshot_id", TEXT),
        sa.Column("fetched", sa.BigInteger, nullable=False),
        sa.Column("looked", sa.BigInteger, nullable=False),
        sa.Column("plan", sa.LargeBinary, nullable=False),
        sa.Column("quarantined", sa.BigInteger, nullable=False),
        sa.Column("oldest", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("user_id"),
    )
    op.create_table(
        "known_counts",
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("newest", sa.BigInteger),
        sa.PrimaryKeyConstraint("user_id", "source", "kind"),
    )
    op.create_table(
        "ended_incomes",
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("wrapped_by", sa.LargeBinary),
        sa.PrimaryKeyConstraint("user_id"),
    )
    op.create_index(
        "ended_incomes_wrapped_by",
        "ended_incomes",
        ["wrapped_by"],
        sqlite_where=_HAS_KEY,
        postgresql_where=_HAS_KEY,
    )
    op.create_table(
        "texts",
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("body", BODY, nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "rollout_journal",
        sa.Column("product", TEXT, nullable=False),
        sa.Column("position", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("who", TEXT, nullable=False),
        sa.Column("why", TEXT, nullable=False),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("state_before", TEXT),
        sa.Column("state_after", TEXT, nullable=False),
        sa.Column("plan_digest", TEXT, nullable=False),
        sa.Column("figures", TEXT, nullable=False),
        sa.Column("ticket", TEXT, server_default="", nullable=False),
        sa.PrimaryKeyConstraint("product", "position"),
    )
    op.create_table(
        "shadow_results",
        sa.Column("decision_id", TEXT, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("product", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("standing", TEXT, nullable=False),
        sa.Column("live_outcome", TEXT, nullable=False),
        sa.Column("live_kind", TEXT),
        sa.Column("live_amount", sa.BigInteger),
        sa.Column("outcome", TEXT),
        sa.Column("kind", TEXT),
        sa.Column("amount", sa.BigInteger),
        sa.Column("moved", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("decision_id", "version"),
    )
    op.create_index("shadow_results_created", "shadow_results", ["product", "version", "created"])
    op.create_table(
        "events",
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("kinds", TEXT, nullable=False),
        sa.Column("received", sa.BigInteger, nullable=False),
        sa.Column("done", sa.Boolean, nullable=False),
        sa.Column("added", sa.BigInteger, nullable=False),
        sa.Column("since", sa.BigInteger),
        sa.Column("due", sa.BigInteger),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_index("events_pending", "events", ["done", "received"])
    op.create_table(
        "notices",
        sa.Column("notice_id", TEXT, nullable=False),
        sa.Column("decision_id", TEXT, nullable=False),
        sa.Column("caller", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("language", TEXT, nullable=False),
        sa.Column("template_digest", TEXT, nullable=False),
        sa.Column("letter", sa.LargeBinary, nullable=False),
        sa.Column("made", sa.BigInteger, nullable=False),
        sa.Column("made_by", TEXT, nullable=False),
        sa.Column("sent", sa.BigInteger),
        sa.Column("channel", TEXT),
        sa.Column("sent_by", TEXT),
        sa.Column("review_id", TEXT),
        sa.PrimaryKeyConstraint("notice_id"),
    )
    op.create_index("notices_made", "notices", ["made", "notice_id"])
    op.create_index("notices_decision_id", "notices", ["decision_id"])
    op.create_table(
        "loan_outcomes",
        sa.Column("caller", TEXT, nullable=False),
        sa.Column("loan_id", TEXT, nullable=False),
        sa.Column("as_of", TEXT, nullable=False),
        sa.Column("decision_id", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("currency", TEXT),
        sa.Column("disbursed", sa.BigInteger),
        sa.Column("disbursed_on", TEXT),
        sa.Column("instalment", sa.BigInteger),
        sa.Column("repaid", sa.BigInteger),
        sa.Column("overdue_days", sa.BigInteger, nullable=False),
        sa.Column("reported", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("caller", "loan_id", "as_of"),
    )
    op.create_index("loan_outcomes_decision_id", "loan_outcomes", ["decision_id"])
    op.create_table(
        "erasures",
        sa.Column("erasure_id", TEXT, nullable=False),
        sa.Column("user_id", TEXT),
        sa.PrimaryKeyConstraint("erasure_id"),
    )


def _tables_of_postgresql() -> None:
    op.create_table(
        "leases",
        sa.Column("caller", TEXT, nullable=False),
        sa.Column("request_id", TEXT, nullable=False),
        sa.Column("fence", TEXT, nullable=False),
        sa.Column("backend", sa.Integer, nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("caller", "request_id"),
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "processes",
        sa.Column("process", TEXT, nullable=False),
        sa.Column("rules", TEXT, nullable=False),
        sa.Column("seen", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("process"),
        prefixes=["UNLOGGED"],
    )
