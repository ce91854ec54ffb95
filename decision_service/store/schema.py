"""The tables' version, its migrations, and what each table holds of a person."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import msgspec
from sqlalchemy import Connection, column, inspect, select, table, text, update

from decision_service.store.errors import SchemaUnfit, ServerTooOld
from decision_service.store.tables import STORED_APART, metadata, postgres_metadata

_SCRIPTS = str(Path(__file__).parent / "migrations")
_VERSIONS = table("alembic_version", column("version_num"))
_MIGRATION_LOCK = 0x6465_6369_7369_6F6E
"""The number of PostgreSQL's advisory lock for one migration at a time."""

LEAST_POSTGRES = 15
"""The oldest major version of PostgreSQL whose servers are used."""


def upgrade(connection: Connection) -> None:
    """Bring the tables to the newest version, inside the connection's transaction.

    An empty database gets the tables of that version at once. Raises SchemaUnfit where there are
    newer ones, ones from before the baseline, or those of another program.
    """
    _require_server(connection)
    if connection.dialect.name == "postgresql":
        # Other migrations are waited for without a limit, locks on tables only as usual.
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        connection.execute(text("SET LOCAL lock_timeout TO DEFAULT"))
    _require_ours(connection)
    from alembic import command  # a tenth of the start, where nothing is to be brought up
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", _SCRIPTS)
    if version(connection) is None:
        _create(connection)
        command.stamp(config, "head")
    else:
        command.upgrade(config, "head")


def _create(connection: Connection) -> None:
    metadata.create_all(connection)
    if connection.dialect.name == "postgresql":
        postgres_metadata.create_all(connection)
        for column in STORED_APART:
            place = f"{column.table} ALTER COLUMN {column.name}"
            connection.execute(text(f"ALTER TABLE {place} SET STORAGE EXTERNAL"))


def require_usable(connection: Connection) -> None:
    """Raises SchemaUnfit unless the tables have exactly this program's version.

    Then writes once, since neither a read-only file nor a replica refuses to begin a transaction.
    """
    require_current(connection)
    connection.execute(update(_VERSIONS).values(version_num=_VERSIONS.c.version_num))


def require_current(connection: Connection) -> None:
    """Raises SchemaUnfit unless the tables have exactly this program's version."""
    _require_server(connection)
    _require_ours(connection)
    found = version(connection)
    newest = known_versions()[0]
    if found is None:
        raise SchemaUnfit("the store has no tables yet: run `decision-service migrate` once")
    if found != newest:
        raise SchemaUnfit(
            f"the store has schema {found} and this program needs {newest}: back it up, then run "
            "`decision-service migrate`"
        )


def version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSIONS.name):
        return None
    return connection.execute(select(_VERSIONS.c.version_num)).scalar()


def _require_server(connection: Connection) -> None:
    found = connection.dialect.server_version_info
    if connection.dialect.name == "postgresql" and found and int(found[0]) < LEAST_POSTGRES:
        raise ServerTooOld(
            f"the store's server is PostgreSQL {'.'.join(map(str, found))}, and this program needs "
            f"PostgreSQL {LEAST_POSTGRES} or newer: upgrade the server, or set DECISION_STORE_URL "
            "to a newer one"
        )


def _require_ours(connection: Connection) -> None:
    found = version(connection)
    if found is None and inspect(connection).get_table_names():
        raise SchemaUnfit(
            "the database holds tables of another program: set DECISION_STORE_URL to one of its own"
        )
    known = known_versions()
    if found is None or found in known:
        return
    if found < known[-1]:
        raise SchemaUnfit(
            f"the store has schema {found}, made before the first release, and this program takes "
            f"none older than {known[-1]}: export what is still needed by the version that made "
            "it, then set DECISION_STORE_URL to a new, empty store, and run `decision-service "
            "migrate`"
        )
    raise SchemaUnfit(
        f"the store has schema {found}, newer than {known[0]}, the newest that this program "
        "knows: run the newer program, or restore a backup from before its migration"
    )


def known_versions() -> tuple[str, ...]:
    """Newest first: a script's file is named by the version that it makes, the next number."""
    scripts = Path(_SCRIPTS, "versions").glob("[0-9]*_*.py")
    return tuple(sorted((script.name.partition("_")[0] for script in scripts), reverse=True))


class ErasedBy(StrEnum):
    """What deletes a person's rows, before retention does.

    `ERASURE`: every erasure. `DECISIONS`: one that takes the decisions too, which ON_REVOKE says.
    `NOTHING`: no erasure.
    """

    ERASURE = "erasure"
    DECISIONS = "decisions"
    NOTHING = "nothing"


class PersonalTable(msgspec.Struct, frozen=True):
    """One table: the column that names the person or the decision, and what becomes of its rows.

    `withheld` says of each column that is in no export why not; `kept` why an erasure leaves rows.
    """

    found_by: str
    told: tuple[str, ...]
    erased_by: ErasedBy
    withheld: Mapping[str, str] = {}
    kept: str = ""


_SECRET = "a secret key"  # noqa: S105 - the reason, not a secret
_STAFF = "who of the lender's did it"
_INNER = "how the service finds or guards the row; nothing of the person"
_OF_THE_DAY = "how the lender's budget of a day counts the result, which is told"

PERSONAL: Mapping[str, PersonalTable] = {
    "applicants": PersonalTable(
        "user_id",
        ("caller", "reference", "user_id", "begun"),
        ErasedBy.NOTHING,
        {"claimed_until": _INNER},
        kept="the lender's reference leads to the same user, and makes no second one",
    ),
    "consents": PersonalTable(
        "user_id",
        ("user_id",),
        ErasedBy.NOTHING,
        {"epoch": _INNER, "key": _SECRET, "wrapped_by": _SECRET},
        kept="its count bars data that was read before; the key is destroyed",
    ),
    "erasures": PersonalTable(
        "user_id",
        ("erasure_id", "user_id"),
        ErasedBy.NOTHING,
        kept="the proof of the erasure, by which a restored backup is erased again",
    ),
    "warm": PersonalTable(
        "user_id",
        ("user_id", "snapshot_id", "fetched", "looked", "oldest", "quarantined"),
        ErasedBy.ERASURE,
        {"plan": "which kinds of data the rules ask for; nothing of the person"},
    ),
    "events": PersonalTable(
        "user_id",
        ("user_id", "type", "source", "kinds", "received", "added", "since", "due"),
        ErasedBy.NOTHING,
        {"event_id": _INNER, "digest": _INNER, "done": _INNER},
        kept="what the vendor sent and is not handled yet; then the row names nobody",
    ),
    "known_counts": PersonalTable(
        "user_id", ("user_id", "source", "kind", "count", "newest"), ErasedBy.ERASURE
    ),
    "ended_incomes": PersonalTable(
        "user_id",
        ("user_id", "body", "until"),
        ErasedBy.ERASURE,
        {"key": _SECRET, "wrapped_by": _SECRET},
    ),
    "link_tokens": PersonalTable(
        "user_id",
        ("user_id", "expires", "renewals"),
        ErasedBy.ERASURE,
        {"digest": _INNER, "original": _INNER},
    ),
    "snapshots": PersonalTable(
        "user_id", ("user_id", "snapshot_id", "body", "stored"), ErasedBy.ERASURE
    ),
    "decisions": PersonalTable(
        "user_id",
        (
            "decision_id", "caller", "request_id", "user_id", "product", "application_id",
            "customer_ref", "outcome", "created", "reply", "facts", "ruleset_digest",
            "plan_digest", "snapshot_id",
        ),
        ErasedBy.DECISIONS,
        {"content": "a checksum of the request, whose content is told"},
    ),
    "arm_decisions": PersonalTable(
        "decision_id",
        (
            "decision_id", "product", "unit", "arm", "version", "hashed", "pins", "outcome",
            "refer_kind", "rule_error", "approved", "created", "tier", "granted",
        ),
        ErasedBy.DECISIONS,
    ),
    "loan_outcomes": PersonalTable(
        "decision_id",
        (
            "caller", "loan_id", "as_of", "decision_id", "status", "currency", "disbursed",
            "disbursed_on", "instalment", "repaid", "overdue_days", "reported",
        ),
        ErasedBy.DECISIONS,
    ),
    "notices": PersonalTable(
        "decision_id",
        (
            "notice_id", "decision_id", "caller", "kind", "language", "template_digest", "letter",
            "made", "sent", "channel", "review_id",
        ),
        ErasedBy.DECISIONS,
        {"made_by": _STAFF, "sent_by": _STAFF},
    ),
    "reviews": PersonalTable(
        "decision_id",
        (
            "review_id", "decision_id", "user_id", "product", "kind", "state", "opened", "due",
            "body",
        ),
        ErasedBy.DECISIONS,
        {
            "queue": "how the lender shares out its work",
            "tags": "signals that are told to nobody are among them",
            "claimed_until": _INNER,
            "overridden": _INNER,
            **dict.fromkeys(("charged_at", "tier", "approvals", "granted"), _OF_THE_DAY),
        },
        kept="a review that an erasure ends says so, and goes with its decision",
    ),
    "review_events": PersonalTable(
        "decision_id",
        ("review_id", "decision_id", "body"),
        ErasedBy.DECISIONS,
        {"position": _INNER},
    ),
    "history": PersonalTable(
        "decision_id",
        (
            "decision_id", "user_id", "caller", "customer_ref", "product", "outcome", "created",
            "currency", "approved", "instalment", "expires", "found_by", "outstanding", "due",
            "open_loans", "overdue_loans", "repaid_loans", "drawn", "reviewed", "replaced",
        ),
        ErasedBy.DECISIONS,
    ),
    "history_keys": PersonalTable(
        "decision_id",
        (),
        ErasedBy.DECISIONS,
        {
            "key": "told by kind and number in `history`: hashes, of which some are of others",
            "number": _INNER,
            "decision_id": _INNER,
        },
        kept="hashes of accounts and persons go with every erasure, the others with decisions; of "
        "an open loan hashes stay until it is closed",
    ),
    "shadow_results": PersonalTable(
        "decision_id",
        (
            "decision_id", "version", "product", "created", "standing", "live_outcome",
            "live_kind", "live_amount", "outcome", "kind", "amount",
        ),
        ErasedBy.DECISIONS,
        {
            "digest": "which rules were tried; nothing of the person",
            "moved": "names of rules under trial, which decided nothing",
        },
    ),
}  # fmt: skip
"""The tables with rows of persons."""

NOT_PERSONAL: Mapping[str, str] = {
    "texts": "rules and plans",
    "rollout_journal": "steps of rollouts, and who took them",
    "arm_hours": "counts of an hour",
    "leases": "requests in progress, by caller and request id",
    "processes": "processes, and the rules that they decide by",
}
"""What the other tables hold."""
