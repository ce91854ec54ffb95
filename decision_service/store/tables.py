"""The store's tables, the same for SQLite and PostgreSQL, and those of PostgreSQL alone."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
)
from sqlalchemy.types import TypeEngine

metadata = MetaData()


def _text() -> TypeEngine[str]:
    return Text().with_variant(Text(collation="C"), "postgresql")


decisions = Table(
    "decisions",
    metadata,
    Column("decision_id", _text(), primary_key=True),
    Column("caller", _text(), nullable=False),
    Column("request_id", _text(), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("user_id", _text(), nullable=False),
    Column("product", _text(), nullable=False),
    Column("application_id", _text(), nullable=False),
    Column("customer_ref", _text(), nullable=False),
    Column("outcome", _text(), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("reply", LargeBinary, nullable=False),
    Column("facts", LargeBinary, nullable=False),
    Column("ruleset_digest", _text()),
    Column("plan_digest", _text()),
    Column("snapshot_id", _text()),
    UniqueConstraint("caller", "request_id", name="decisions_request"),
    postgresql_with={"toast_tuple_target": 4080},  # rows stay whole up to about that many bytes
)
"""One row per decision; the order of the columns is the order of `StoredEntry`."""

LISTED_BY = ("user_id", "application_id", "customer_ref", "product", "outcome", "caller")
"""The columns a list may be filtered by; each has an index that is read newest first.

That of the column that comes first here is read: it leaves the fewest decisions to look at.

Decisions of one instant are put in order as they are read: their ids in every index would double
what a decision writes there.
"""

OFTEN_EMPTY = frozenset({"application_id", "customer_ref"})
"""Those whose index leaves out the decisions that have none."""


def is_given(column: Column[str]) -> ColumnElement[bool]:
    """That a column is not empty, in the one form by which both databases find the index."""
    return column != literal_column("''")


Index("decisions_created", decisions.c.created)
for _name in LISTED_BY:
    _listed = decisions.c[_name]
    _given = is_given(_listed) if _name in OFTEN_EMPTY else None
    Index(
        f"decisions_{_name}",
        _listed,
        decisions.c.created,
        sqlite_where=_given,
        postgresql_where=_given,
    )

snapshots = Table(
    "snapshots",
    metadata,
    Column("user_id", _text(), primary_key=True),
    Column("snapshot_id", _text(), primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("stored", BigInteger, nullable=False),
)
"""Bodies compressed, then encrypted by the user's key; `stored` is the first decision's instant."""

consents = Table(
    "consents",
    metadata,
    Column("user_id", _text(), primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("key", LargeBinary),
    Column("wrapped_by", LargeBinary),
)
"""How often each user withdrew consent, and the key of what is stored of it since.

The key is wrapped by the data key whose id is `wrapped_by`; where that is null it is plain.
Destroying the key makes the snapshots unreadable wherever copies of them are.
"""

erasures = Table(
    "erasures",
    metadata,
    Column("erasure_id", _text(), primary_key=True),
    Column("user_id", _text()),
)
"""Erasures that this database has carried out; without a user where it held nothing of that one.

What the erasure journal has beyond these was erased after the backup that this is.
"""

warm = Table(
    "warm",
    metadata,
    Column("user_id", _text(), primary_key=True),
    Column("snapshot_id", _text()),
    Column("fetched", BigInteger, nullable=False),
    Column("looked", BigInteger, nullable=False),
    Column("plan", LargeBinary, nullable=False),
    Column("quarantined", BigInteger, nullable=False),
    Column("oldest", BigInteger, nullable=False),
)
"""The reading of each user that may serve again, if it is later than the quarantine.

`snapshot_id` is null where a user was quarantined before anything was read. `oldest` is when the
oldest part of the reading was read.
"""

events = Table(
    "events",
    metadata,
    Column("event_id", _text(), primary_key=True),
    Column("digest", _text(), nullable=False),
    Column("type", _text(), nullable=False),
    Column("user_id", _text(), nullable=False),
    Column("source", _text(), nullable=False),
    Column("kinds", _text(), nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("done", Boolean, nullable=False),
    Column("added", BigInteger, nullable=False),
    Column("since", BigInteger),
    Column("due", BigInteger),
    Index("events_pending", "done", "received"),
)
"""Events that the vendor sent, by id for ever; `done` once what they ask for has happened.

From then on nothing is kept of whom they concerned. Both of `since` and `due` are `received` until
a reading was not whole: then they are when that was, and when the data is read again.
"""

known_counts = Table(
    "known_counts",
    metadata,
    Column("user_id", _text(), primary_key=True),
    Column("source", _text(), primary_key=True),
    Column("kind", _text(), primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("newest", BigInteger),
)
"""The most records of a kind that one source of a user ever gave, and the newest month of them.

The month is a `Month.index`, of kinds that tell of income and of records above zero alone.
"""

ended_incomes = Table(
    "ended_incomes",
    metadata,
    Column("user_id", _text(), primary_key=True),
    Column("key", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("wrapped_by", LargeBinary),
)
"""What is left of a user's disconnected accounts, encrypted: when each kind last told of income.

`until` is when the first of it is to be deleted; key and `wrapped_by` are as in `consents`.
"""

for _table in (consents, ended_incomes):
    _has_key = _table.c.key.is_not(None)
    Index(
        f"{_table}_wrapped_by",
        _table.c.wrapped_by,
        sqlite_where=_has_key,
        postgresql_where=_has_key,
    )

texts = Table(
    "texts",
    metadata,
    Column("digest", _text(), primary_key=True),
    Column("kind", _text(), nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""Rulesets and plans by digest, as they were when they decided."""

arm_decisions = Table(
    "arm_decisions",
    metadata,
    Column("decision_id", _text(), nullable=False),
    Column("product", _text(), nullable=False),
    Column("unit", _text(), nullable=False),
    Column("arm", _text(), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("hashed", Boolean, nullable=False),
    Column("pins", Boolean, nullable=False),
    Column("outcome", _text(), nullable=False),
    Column("refer_kind", _text()),
    Column("rule_error", Boolean, nullable=False),
    Column("approved", BigInteger),
    Column("created", BigInteger, nullable=False),
    Column("tier", _text()),
    Column("granted", BigInteger),
    PrimaryKeyConstraint("product", "created", "decision_id"),
    sqlite_with_rowid=False,
)
"""One row per decision of an enrolled applicant: what its rollout counts, pins and limits.

In the order in which rollouts read it, so that it needs no second index for that. `outcome`,
`refer_kind` and `approved` are the rules' own. `granted` is what was approved, null where nothing
was.
"""

_PIN = ("product", "unit", "created", "decision_id", "arm", "version")
"""All that a pin is: SQLite would read a time's rows sooner than look each of an index up."""

Index(
    "arm_decisions_pin",
    *(arm_decisions.c[name] for name in _PIN),
    sqlite_where=literal_column("pins = 1"),  # in the words in which SQLite is asked for them
    postgresql_where=arm_decisions.c.pins,
)

_GRANTED: ColumnElement[bool] = literal_column("granted IS NOT NULL")
Index(
    "arm_decisions_granted",
    *(arm_decisions.c[name] for name in ("product", "created", "tier", "granted")),
    sqlite_where=_GRANTED,
    postgresql_where=_GRANTED,
)

loan_outcomes = Table(
    "loan_outcomes",
    metadata,
    Column("caller", _text(), primary_key=True),
    Column("loan_id", _text(), primary_key=True),
    Column("as_of", _text(), primary_key=True),
    Column("decision_id", _text(), nullable=False),
    Column("status", _text(), nullable=False),
    Column("currency", _text()),
    Column("disbursed", BigInteger),
    Column("disbursed_on", _text()),
    Column("instalment", BigInteger),
    Column("repaid", BigInteger),
    Column("overdue_days", BigInteger, nullable=False),
    Column("reported", BigInteger, nullable=False),
    Index("loan_outcomes_decision_id", "decision_id"),
)
"""Every report of every loan, deleted with its decision, whose caller `caller` is.

Days are `YYYY-MM-DD`, amounts minor units of `currency`; `reported` is when the report came.
"""

notices = Table(
    "notices",
    metadata,
    Column("notice_id", _text(), primary_key=True),
    Column("decision_id", _text(), nullable=False),
    Column("caller", _text(), nullable=False),
    Column("kind", _text(), nullable=False),
    Column("language", _text(), nullable=False),
    Column("template_digest", _text(), nullable=False),
    Column("letter", LargeBinary, nullable=False),
    Column("made", BigInteger, nullable=False),
    Column("made_by", _text(), nullable=False),
    Column("sent", BigInteger),
    Column("channel", _text()),
    Column("sent_by", _text()),
    Column("review_id", _text()),
    Index("notices_decision_id", "decision_id"),
    Index("notices_made", "made", "notice_id"),
)
"""Letters to applicants as they were made, deleted with their decisions; `letter` is JSON.

`review_id` is the review whose result a letter tells, null of one that tells the decision's own.
"""

history = Table(
    "history",
    metadata,
    Column("decision_id", _text(), primary_key=True),
    Column("user_id", _text(), nullable=False),
    Column("caller", _text(), nullable=False),
    Column("customer_ref", _text(), nullable=False),
    Column("product", _text(), nullable=False),
    Column("outcome", _text(), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("currency", _text(), nullable=False),
    Column("approved", BigInteger),
    Column("instalment", BigInteger),
    Column("expires", BigInteger),
    Column("found_by", LargeBinary, nullable=False),
    Column("outstanding", BigInteger),
    Column("due", BigInteger),
    Column("open_loans", BigInteger),
    Column("overdue_loans", BigInteger),
    Column("repaid_loans", BigInteger),
    Column("drawn", BigInteger),
    Column("reviewed", BigInteger),
    Column("replaced", Boolean),
    sqlite_with_rowid=False,
)
"""What later decisions on the same person need of each; of its loans the newest reports together.

Without a report the columns from `outstanding` to `drawn` are null. `drawn` is null as well where
nothing of the approved amount is left to be paid out. `reviewed` is when a person's result came to
stand, `replaced` is true of a decision that was made again. `found_by` are its keys in
`history_keys`, packed.
"""

history_keys = Table(
    "history_keys",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("decision_id", _text(), nullable=False),
    sqlite_with_rowid=False,
)
"""The decisions under each key of a user, a customer, an account or a person, numbered.

Whoever decides takes the number after the last one that was read: of two at once one finds it taken
and reads again, so that no two decisions on a person rest on the same history. Under a hash there
is one decision for each user and half a year, which leads to the others.
"""

applicants = Table(
    "applicants",
    metadata,
    Column("caller", _text(), primary_key=True),
    Column("reference", _text(), primary_key=True),
    Column("user_id", _text()),
    Column("begun", BigInteger, nullable=False),
    Column("claimed_until", BigInteger, nullable=False),
    Index("applicants_user_id", "user_id"),
)
"""Which of the vendor's users an applicant is; `claimed_until` guards its creation."""

link_tokens = Table(
    "link_tokens",
    metadata,
    Column("digest", _text(), primary_key=True),
    Column("user_id", _text(), nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("renewals", BigInteger, nullable=False),
    Column("original", _text()),
)
"""Link tokens that were handed out, by digest: whoever holds one may have another.

`original` is the digest of the token that a page was opened with first, null for that one itself.
`renewals` counts on the original alone.
"""

rollout_journal = Table(
    "rollout_journal",
    metadata,
    Column("product", _text(), primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("who", _text(), nullable=False),
    Column("why", _text(), nullable=False),
    Column("action", _text(), nullable=False),
    Column("state_before", _text()),
    Column("state_after", _text(), nullable=False),
    Column("plan_digest", _text(), nullable=False),
    Column("figures", _text(), nullable=False),
    Column("ticket", _text(), nullable=False, server_default=""),
)
"""Every step of every rollout, numbered from 1; states and figures are JSON."""

arm_hours = Table(
    "arm_hours",
    metadata,
    Column("product", _text(), primary_key=True),
    Column("hour", BigInteger, primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("arm", _text(), primary_key=True),
    Column("version", BigInteger, primary_key=True),
    Column("counted", _text(), primary_key=True),
    Column("bucket", _text(), primary_key=True),
    Column("process", _text(), primary_key=True),
    Column("count", BigInteger, nullable=False),
)
"""What each process counted of each arm in an hour; `arm` is empty where none was chosen."""

shadow_results = Table(
    "shadow_results",
    metadata,
    Column("decision_id", _text(), primary_key=True),
    Column("version", BigInteger, primary_key=True),
    Column("product", _text(), nullable=False),
    Column("digest", _text(), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("standing", _text(), nullable=False),
    Column("live_outcome", _text(), nullable=False),
    Column("live_kind", _text()),
    Column("live_amount", BigInteger),
    Column("outcome", _text()),
    Column("kind", _text()),
    Column("amount", BigInteger),
    Column("moved", _text(), nullable=False),
    Index("shadow_results_created", "product", "version", "created"),
)
"""What a silent version would have decided beside what was decided; nothing of a person.

`standing` says why there is no other side. `moved` holds the causes and the principal reasons of
what differs, one a line.
"""

reviews = Table(
    "reviews",
    metadata,
    Column("review_id", _text(), primary_key=True),
    Column("decision_id", _text(), nullable=False),
    Column("user_id", _text(), nullable=False),
    Column("product", _text(), nullable=False),
    Column("queue", _text(), nullable=False),
    Column("kind", _text()),
    Column("tags", _text(), nullable=False),
    Column("state", _text(), nullable=False),
    Column("opened", BigInteger, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("claimed_until", BigInteger),
    Column("overridden", Boolean, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("charged_at", BigInteger),
    Column("tier", _text()),
    Column("approvals", BigInteger),
    Column("granted", BigInteger),
    Index("reviews_decision_id", "decision_id"),
    Index("reviews_user_id", "user_id"),
    Index("reviews_due", "due", "review_id"),
    Index("reviews_state", "state", "due", "review_id"),
)
"""Every review as it stands; `body` is the whole of it, the other columns what lists look for.

`tags` are one a line, with a line's end before the first and after the last. From `charged_at` on
the columns are what a person's approval takes from its day, null of any other review.
"""

Index(
    "reviews_overridden",
    reviews.c.product,
    reviews.c.decision_id,
    sqlite_where=literal_column("overridden = 1"),
    postgresql_where=reviews.c.overridden,
)

_CHARGED: ColumnElement[bool] = literal_column("charged_at IS NOT NULL")
Index(
    "reviews_charged",
    *(reviews.c[name] for name in ("product", "charged_at", "tier", "approvals", "granted")),
    sqlite_where=_CHARGED,
    postgresql_where=_CHARGED,
)

review_events = Table(
    "review_events",
    metadata,
    Column("review_id", _text(), primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("decision_id", _text(), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("review_events_decision_id", "decision_id"),
    sqlite_with_rowid=False,
)
"""Every step of every review, numbered from 1; none is ever changed."""

STORED_APART = (decisions.c.reply, decisions.c.facts, snapshots.c.body, texts.c.body)
"""What PostgreSQL keeps beside the row, uncompressed: it is read far more cheaply."""

postgres_metadata = MetaData()
_TEXT = Text(collation="C")

leases = Table(
    "leases",
    postgres_metadata,
    Column("caller", _TEXT, primary_key=True),
    Column("request_id", _TEXT, primary_key=True),
    Column("fence", _TEXT, nullable=False),
    Column("backend", Integer, nullable=False),
    Column("expires", DateTime(timezone=True), nullable=False),
    prefixes=["UNLOGGED"],
)
"""Requests that a process decides now. `backend` is the server process of the holder's connection.

Unlogged, so that a lease waits for no disk; a crash of the server empties the table, which fences
every holder off. Instants here are the server's own, since only it compares them.
"""

processes = Table(
    "processes",
    postgres_metadata,
    Column("process", _TEXT, primary_key=True),
    Column("rules", _TEXT, nullable=False),
    Column("seen", DateTime(timezone=True), nullable=False),
    prefixes=["UNLOGGED"],
)
"""What each living process decides by, and when it last said so, by the server's clock."""
