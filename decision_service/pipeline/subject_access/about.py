"""The first records of an export: what it is, what was erased, what is left out, and the person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from decision_service.pipeline.subject_access.disclosure import LEFT_OUT
from decision_service.pipeline.subject_access.plain import fields, plain
from decision_service.pipeline.subject_access.ports import PersonRecord, Row, UserRows

_KINDS = {
    "applicants": "reference",
    "warm": "last_reading",
    "events": "pending_event",
    "known_counts": "known_count",
    "link_tokens": "link_token",
}
"""The kinds of records by table; consents and erasures are told in `about`."""

_PURPOSE = "deciding applications for credit from verified income data"
_ORIGIN = (
    "the accounts that the person connected, read by the vendor Smile; the lender's own systems; "
    "this service's decisions"
)
_CONSISTENCY = (
    "Each page is of one moment. A decision that is made meanwhile may be missing: ask again."
)


class AccessTerms(msgspec.Struct, frozen=True):
    """How long decisions are kept, in months, and whether an erasure takes them."""

    retention: int
    erases_decisions: bool


def about_records(
    user_id: str, rows: UserRows, terms: AccessTerms, now: datetime
) -> Iterator[PersonRecord]:
    """The records of a user alone."""
    yield PersonRecord("about", user_id, _about(user_id, rows, terms, now))
    for table, kind in _KINDS.items():
        for number, row in enumerate(rows.tables[table], start=1):
            yield PersonRecord(kind, str(number), _without_user(row))
    for row in rows.tables["history"]:
        yield PersonRecord("open_loan", str(row["decision_id"]), _open_loan(row, rows))
    for number, left in enumerate(rows.ended, start=1):
        told = fields(msgspec.structs.asdict(left))
        yield PersonRecord("ended_income", str(number), told)


def _open_loan(row: Row, rows: UserRows) -> Mapping[str, Any]:
    """What an erasure left of a decision that it deleted, with the reports on it."""
    currency, id_ = str(row["currency"]), row["decision_id"]
    reports = [one for one in rows.tables["loan_outcomes"] if one["decision_id"] == id_]
    return fields(row, currency) | {"loan_reports": [fields(one, currency) for one in reports]}


def _about(user_id: str, rows: UserRows, terms: AccessTerms, now: datetime) -> Mapping[str, Any]:
    erasures = [plain(row["erasure_id"]) for row in rows.tables["erasures"]]
    return {
        "user_id": user_id,
        "made": plain(now),
        "purpose": _PURPOSE,
        "origin": _ORIGIN,
        "decisions": rows.decisions,
        "readings": rows.readings,
        "kept": _kept(terms),
        "withdrawals": len(erasures),
        "erasures": erasures,
        "after_erasure": _after_erasure(terms) if erasures else "nothing was erased",
        "left_out": [{"what": what, "why": why} for what, why in LEFT_OUT.items()],
        "consistency": _CONSISTENCY,
    }


def _kept(terms: AccessTerms) -> str:
    return (
        f"decisions and what belongs to them for {terms.retention} months, then deleted; readings "
        "and counts of records as long as a decision rests on them, or for as many months; all "
        "else until it is replaced, used up or erased"
    )


def _after_erasure(terms: AccessTerms) -> str:
    """What an erasure leaves, and why."""
    always = (
        "The erasure destroyed readings, counts of records, link tokens and links to accounts. The "
        "reference, the number of withdrawals and the erasure's id stay, so that data that was "
        "read before is refused and a restored backup is erased again. While a reported loan is "
        "open, keyed hashes of accounts, of the name with the birth date and of the lender's "
        "customer number stay with its amounts, so that who owes is found, and for nothing else: "
        f"until it is repaid or written off, at most {terms.retention} months after its last "
        "report."
    )
    if terms.erases_decisions:
        return f"{always} It deleted the decisions as well; those that are here were made since."
    return (
        f"{always} Decisions with reasons, factor values, reports of loans and letters stay for "
        f"{terms.retention} months after they were made, because the "
        "lender has to account for them."
    )


def _without_user(row: Row) -> Mapping[str, Any]:
    return {name: told for name, told in fields(row).items() if name != "user_id"}
