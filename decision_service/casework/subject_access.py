"""Exporting everything that is stored of one person, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
from msgspec.structs import asdict

from decision_service.build import packaged
from decision_service.casework.compose import text
from decision_service.casework.disclosure import (
    DiscloseReply,
    Disclosure,
    ExportPage,
    ExportPlace,
    PersonRecord,
    Plain,
    Row,
    Section,
    StoredDecision,
    StoredReading,
    SubjectAccessLog,
    UserRows,
    fields,
    observed_plainly,
    plain,
)
from decision_service.casework.letters import StoredNotice
from decision_service.casework.onboarding import ApplicantLog, require_owner
from decision_service.casework.review_log import RecordedReview
from decision_service.casework.review_results import result_of, reviewed_result
from decision_service.decide.codec import (
    StoredFacts,
    decode_facts,
    factors_from_wire,
    read_snapshot,
)
from decision_service.decide.snapshots import kinds_of
from decision_service.domain.decision import Outcome
from decision_service.domain.errors import UserUnknown
from decision_service.domain.factor import FactorValue, Input, Observed
from decision_service.domain.person import DAYS, OwnFacts
from decision_service.domain.ports import Clock
from decision_service.domain.reviews import Review, ReviewAction, ReviewEvent
from decision_service.domain.snapshot import Snapshot
from decision_service.domain.values import Money

_KINDS = {
    "applicants": "reference",
    "warm": "last_reading",
    "events": "pending_event",
    "known_counts": "known_count",
    "link_tokens": "link_token",
}
"""The kinds of records by table; consents and erasures are in `about`."""

_ENTRY = (
    "application_id", "customer_ref", "caller", "request_id", "ruleset_digest", "plan_digest",
    "snapshot_id",
)  # fmt: skip
"""What a recorded reply lacks, or an old one may lack."""

MOST_RECORDS = 1000
"""Of the vendor's records in one record of an export."""

_HEAD = ("accounts", "account_faults", "sources", "providers", "known", "watches", "tasks")

PAGE = 10
"""Decisions of a page, each with its factor values, letters and reports."""


class AccessTerms(msgspec.Struct, frozen=True):
    """How long decisions are kept, in months, and beyond a closed loan; what an erasure takes."""

    retention: int
    loan_retention: int
    erases_decisions: bool


def about_records(
    user_id: str, rows: UserRows, terms: AccessTerms, now: datetime
) -> Iterator[PersonRecord]:
    yield PersonRecord("about", user_id, _about(user_id, rows, terms, now=now))
    for table, kind in _KINDS.items():
        for number, row in enumerate(rows.tables[table], start=1):
            own = {name: value for name, value in fields(row).items() if name != "user_id"}
            yield PersonRecord(kind, str(number), own)
    for row in rows.tables["history"]:
        yield PersonRecord("open_loan", str(row["decision_id"]), _open_loan(row, rows))
    for number, left in enumerate(rows.ended, start=1):
        yield PersonRecord("ended_income", str(number), fields(asdict(left)))


def _open_loan(row: Row, rows: UserRows) -> Mapping[str, Any]:
    currency = str(row["currency"])
    id_ = row["decision_id"]
    reports = [one for one in rows.tables["loan_outcomes"] if one["decision_id"] == id_]
    return fields(row, currency) | {"loan_reports": [fields(one, currency) for one in reports]}


class AccessWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an export says of itself: `about.yaml`, whose {months} is how long decisions are kept.

    {loan_months} is for how long after the close of their last loan.

    `left_out` is what is stored of a person and is in no export, and why.
    """

    purpose: str
    origin: str
    kept: str
    consistency: str
    not_erased: str
    erased: str
    decisions_erased: str
    decisions_stay: str
    left_out: tuple[dict[str, str], ...]


@cache
def _words() -> AccessWords:
    return packaged(__package__, "about.yaml", AccessWords)


def _about(user_id: str, rows: UserRows, terms: AccessTerms, now: datetime) -> Mapping[str, Any]:
    erasures = [plain(row["erasure_id"]) for row in rows.tables["erasures"]]
    words = _words()
    decisions = _words().decisions_stay
    if terms.erases_decisions:
        decisions = words.decisions_erased
    kept = {"months": terms.retention, "loan_months": terms.loan_retention}
    after = f"{words.erased} {decisions}" if erasures else words.not_erased
    return {
        "user_id": user_id,
        "made": plain(now),
        "purpose": words.purpose,
        "origin": words.origin,
        "decisions": rows.decisions,
        "readings": rows.readings,
        "kept": words.kept.format(**kept),
        "withdrawals": len(erasures),
        "erasures": erasures,
        "after_erasure": after.format(**kept),
        "left_out": [*words.left_out],
        "consistency": words.consistency,
    }


def review_record(recorded: RecordedReview) -> Mapping[str, Plain]:
    """What became of it, when, and what the person said; not who worked on it, nor their words."""
    review = recorded.review
    content: dict[str, Any] = {
        "review_id": review.review_id,
        "origin": review.origin,
        "kind": review.kind,
        "state": review.state,
        "opened": review.opened,
        "due": review.due,
        "ended": review.ended,
        "end_reason": review.end,
        "decided_again_as": review.decided_again_as or None,
        "steps": [*_steps(recorded.events)],
    }
    return fields(content | _result(review))


def _result(review: Review) -> dict[str, Any]:
    """The result of a review that has ended; a withheld reason is left out."""
    result = review.result
    # What one person proposes is no result until another one confirms it.
    if result is None or not review.ended:
        return {}
    # What is kept from applicants are signals of fraud (0181).
    reason = None if review.reason_withheld else result.reason
    return {"outcome": result.outcome, "reason": reason, "amount": result.amount}


def _in_force(decided: Outcome, reviews: Sequence[Review]) -> Mapping[str, Plain]:
    """What counts of a decision now: its outcome, by whom, the amount of a person's approval.

    `decided_again_as` names a later decision on the application, which counts in its place.
    """
    found = reviewed_result(reviews)
    if found.review is None:
        return fields({"outcome": decided, "by": "rules", "decided_again_as": found.again or None})
    result = result_of(found.review)
    return fields({"outcome": result.outcome, "by": "person", "amount": result.amount})


def _steps(events: tuple[ReviewEvent, ...]) -> Iterator[dict[str, Any]]:
    for event in events:
        step: dict[str, Any] = {"action": event.action, "at": event.at}
        if event.kinds:
            step["data_kinds"] = event.kinds
        # Other words are those of the lender's staff, and may name others.
        if event.action is ReviewAction.CONTESTED:
            step["text"] = event.text
        yield step


def decision_record(stored: StoredDecision, disclose: DiscloseReply) -> PersonRecord:
    entry = stored.entry
    facts = decode_facts(stored.entry.facts)
    factors = None if facts.factors is None else factors_from_wire(facts.factors)
    values = () if factors is None else tuple(factors.values.values())
    disclosed = Disclosure.of((one.name for one in values), facts.own)
    currency = _currency(facts)
    rows = {name: _plain_rows(found, currency) for name, found in stored.tables.items()}
    content: dict[str, Any] = {
        **disclose(entry.reply, disclosed),
        **{name: plain(getattr(entry, name)) for name in _ENTRY},
        "inputs": {name: _input(given) for name, given in facts.sent.items()},
        "languages": plain(facts.languages),
        "factor_values": [_factor(one) for one in values if disclosed.includes(one.name)],
        "own_records": _own(facts.own, disclosed),
        "history": rows["history"],
        "rollout": rows["arm_decisions"],
        "loan_reports": rows["loan_outcomes"],
        "trials": rows["shadow_results"],
        "letters": [_letter(one) for one in stored.notices],
        "reviews": [review_record(one) for one in stored.reviews],
        "in_force": _in_force(entry.outcome, [one.review for one in stored.reviews]),
    }
    if factors is not None:
        content["oldest_used_sync"] = plain(factors.oldest_used_sync)
    return PersonRecord("decision", entry.decision_id, content)


def _plain_rows(found: Sequence[Row], currency: str | None) -> list[Mapping[str, Any]]:
    return [fields(row, currency) for row in found]


def _input(given: Input) -> Plain:
    if not isinstance(given, Observed):
        return plain(given)
    return observed_plainly(plain(given.value), given.day.isoformat(), given.consent)


def _factor(one: FactorValue) -> Mapping[str, Plain]:
    return {
        "name": one.name,
        "value": plain(one.value),
        "missing": plain(one.missing),
        "evidence": {name: value for name, value in fields(asdict(one.evidence)).items() if value},
    }


def _own(own: OwnFacts, disclosed: Disclosure) -> Mapping[str, Plain]:
    """What the service's own records said, unless another person's are counted with them."""
    # Grades are given in any case, so that a person can correct a wrong birth date (0181).
    found: dict[str, Plain] = {"match": plain(own.match)}
    if not disclosed.shared and own.history is not None:
        history = found["history"] = fields(asdict(own.history))
        for name in ("applications", "approvals", "declines"):
            history[name] = {f"{days}_days": n for days, n in zip(DAYS, history[name], strict=True)}
    return {name: one for name, one in found.items() if one is not None}


def _currency(facts: StoredFacts) -> str | None:
    if facts.own.history is not None:
        return facts.own.history.currency
    sent = facts.sent.values()
    return next((one.currency for one in sent if isinstance(one, Money)), None)


def _letter(notice: StoredNotice) -> Mapping[str, Plain]:
    content: dict[str, Any] = {
        "letter_id": notice.notice_id,
        "kind": notice.letter.kind,
        "language": notice.letter.language,
        "made": notice.made,
        "texts_digest": notice.template_digest,
        "text": text(notice.letter),
    }
    if notice.sent is not None:
        content |= {"sent": notice.sent.at, "channel": notice.sent.channel}
    return fields(content)


def reading_record(stored: StoredReading, part: int) -> tuple[PersonRecord, bool]:
    """The part of a reading from 0 on, and whether another one follows."""
    about = {"read_for_a_decision_of": plain(stored.place.created), "part": part + 1}
    if stored.body is None:
        gone = {**about, "erased": "its key was destroyed: it cannot be read any more"}
        return PersonRecord("reading", stored.place.decision_id, gone), False
    snapshot = read_snapshot(stored.body)
    every = [*_records(snapshot)]
    start = part * MOST_RECORDS
    content = {**about, **(_head(snapshot) if part == 0 else {})}
    # A page of an export is bounded, and a long history is not.
    for kind, record in every[start : start + MOST_RECORDS]:
        content.setdefault(kind, []).append(plain(record))
    record = PersonRecord("reading", stored.place.decision_id, content)
    return record, start + MOST_RECORDS < len(every)


def _head(snapshot: Snapshot) -> Mapping[str, Any]:
    found = {name: plain(getattr(snapshot, name)) for name in _HEAD}
    reads = [(kind, getattr(snapshot, kind)) for kind in kinds_of(snapshot)]
    found["how_it_was_read"] = [
        {
            "kind": kind,
            "records": len(read.records),
            "faults": plain(read.faults),
            "duplicates": read.duplicates,
            "first_day": plain(read.first_day),
        }
        for kind, read in reads
    ]
    return {name: one for name, one in found.items() if one}


def _records(snapshot: Snapshot) -> Iterator[tuple[str, Any]]:
    for kind in kinds_of(snapshot):
        read = getattr(snapshot, kind)
        yield from ((kind, record) for record in read.records)
        yield from (("people", person) for person in read.people or ())


class ExportPerson:
    """A page holds own records, some decisions or a part of a reading: memory is bounded."""

    def __init__(
        self,
        log: SubjectAccessLog,
        applicants: ApplicantLog,
        disclose: DiscloseReply,
        terms: AccessTerms,
        clock: Clock,
    ) -> None:
        self._log = log
        self._applicants = applicants
        self._disclose = disclose
        self._terms = terms
        self._clock = clock

    async def __call__(self, user_id: str, scope: str, place: ExportPlace | None) -> ExportPage:
        """Raises UserUnknown where nothing is stored, and as `require_owner`."""
        await require_owner(self._applicants, user_id, scope)
        if place is None:
            return await self._first(user_id)
        if place.section is Section.DECISIONS:
            return self._decided(await self._log.decisions(user_id, place.after, PAGE + 1))
        return await self._read(user_id, place)

    async def _first(self, user_id: str) -> ExportPage:
        rows = await self._log.user_rows(user_id)
        if rows is None:
            raise UserUnknown("nothing is stored of a user with this user_id: check the id")
        records = about_records(user_id, rows, self._terms, now=self._clock.now())
        return ExportPage(tuple(records), ExportPlace(Section.DECISIONS))

    def _decided(self, found: Sequence[StoredDecision]) -> ExportPage:
        records = tuple(decision_record(one, self._disclose) for one in found[:PAGE])
        if len(found) <= PAGE:
            return ExportPage(records, ExportPlace(Section.READINGS))
        last = found[PAGE - 1].entry
        return ExportPage(records, ExportPlace(Section.DECISIONS, last.created, last.decision_id))

    async def _read(self, user_id: str, place: ExportPlace) -> ExportPage:
        found = await self._log.reading(user_id, place.after, itself=place.part > 0)
        if found is None:
            return ExportPage((), None)
        at = found.place
        part = place.part if at.decision_id == place.id else 0
        record, more = reading_record(found, part)
        further = part + 1 if more else 0
        next_ = ExportPlace(Section.READINGS, at.created, at.decision_id, part=further)
        return ExportPage((record,), next_)
