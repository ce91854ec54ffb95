"""employment.*: whether, for which employer and how long the applicant works."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta

import msgspec

from decision_service.domain.accounts import Kind
from decision_service.domain.factor import Better, Evidence, ValueType
from decision_service.domain.snapshot import Employment
from decision_service.domain.values import Cause, Missing, Month
from decision_service.factors.answer import Answer, Figure, answer, plus_months, whole_months
from decision_service.factors.payroll import employer_key
from decision_service.factors.quality import employments, evidence_of, feed, supply
from decision_service.factors.registry import READ_CAUSES, FactorContext, Family, months, once

EMPLOYMENT = Family("employment", frozenset({Kind.EMPLOYMENTS}), READ_CAUSES)
NO_EVIDENCE = frozenset({Cause.NO_EVIDENCE})
OPEN = "An employment is open without an end date, or with one on or after as_of's civil date."


class Jobs(msgspec.Struct, frozen=True):
    """The applicant's employments, or why they are not known."""

    records: Sequence[Employment]
    missing: tuple[Missing, ...]
    evidence: Evidence


@once
def jobs(context: FactorContext) -> Jobs:
    clean = employments(context)
    # The vendor's pages may come in another order, and a replay has to show the same records.
    records = sorted(clean.records, key=lambda r: r.id)
    trust = feed(context, (supply(context, Kind.EMPLOYMENTS),), clean.taints, held=bool(records))
    evidence = evidence_of(context, records, [r.start for r in records])
    return Jobs(records, trust.missing, evidence)


def is_open(record: Employment, today: date) -> bool:
    # Who has given notice, or has a fixed term, works up to the last day.
    return record.end is None or record.end >= today


@EMPLOYMENT.factor(
    "current_tenure_months",
    ValueType.INTEGER,
    "Completed months in the current job.",
    "Completed months from the earliest start date among the open employments to as_of's civil"
    f" date, as reported; NO_EVIDENCE without an open one. {OPEN}",
    unit="months",
    causes=NO_EVIDENCE,
    better=Better.UP,
)
def current_tenure_months(context: FactorContext) -> Answer:
    today = context.as_of.date

    def of_open(all_: Sequence[Employment]) -> int | Cause:
        still_held = [r for r in all_ if is_open(r, today)]
        return _longest(still_held, today)

    return _on_jobs(context, of_open)


@EMPLOYMENT.factor(
    "longest_tenure_months",
    ValueType.INTEGER,
    "Completed months of the longest employment.",
    "The most completed months from the start date to the day after the end date, to as_of's civil"
    " date for an open one, among all employments, each for itself.",
    unit="months",
    better=Better.UP,
)
def longest_tenure_months(context: FactorContext) -> Answer:
    return _on_jobs(context, lambda all_: _longest(all_, context.as_of.date))


@EMPLOYMENT.factor(
    "employers_count",
    ValueType.INTEGER,
    "Distinct employers, past ones included.",
    "Count of the distinct employers of all employments; case, punctuation, blanks and legal forms"
    " do not separate names, and employments without a name are one employer.",
    unit="employers",
)
def employers_count(context: FactorContext) -> Answer:
    def distinct(all_: Sequence[Employment]) -> int:
        return len({employer_key(r.employer, context.policy) for r in all_})

    return _on_jobs(context, distinct)


@EMPLOYMENT.factor(
    "jobs_started_{w}",
    ValueType.INTEGER,
    "Jobs begun in the {period}.",
    "Count of the distinct pairs of employer name and start month among the employments whose start"
    " date lies after as_of's civil date {n} months earlier.",
    unit="jobs",
    windows=months(24),
)
def jobs_started(context: FactorContext, length: int) -> Answer:
    since = plus_months(context.as_of.date, -length)

    def begun(all_: Sequence[Employment]) -> int:
        late = [r for r in all_ if r.start > since]
        policy = context.policy
        # A job that two sources report began once, also where their dates are some days apart.
        return len({(employer_key(r.employer, policy), Month.of(r.start).index) for r in late})

    return _on_jobs(context, begun)


@EMPLOYMENT.factor(
    "months_since_last_end",
    ValueType.INTEGER,
    "Completed months since a job ended last.",
    "Completed months from the latest end date before as_of's civil date to that date, also when"
    f" another employment is open; NO_EVIDENCE without an ended one. {OPEN}",
    unit="months",
    causes=NO_EVIDENCE,
)
def months_since_last_end(context: FactorContext) -> Answer:
    today = context.as_of.date

    def since_end(all_: Sequence[Employment]) -> int | Cause:
        ends = [r.end for r in all_ if r.end is not None and r.end < today]
        return whole_months(max(ends), today) if ends else Cause.NO_EVIDENCE

    return _on_jobs(context, since_end)


def _on_jobs(
    context: FactorContext, work: Callable[[Sequence[Employment]], Figure | Cause]
) -> Answer:
    known = jobs(context)
    if known.missing:
        return Answer(None, known.missing)
    return answer(work(known.records), Kind.EMPLOYMENTS, known.evidence)


def _longest(records: Sequence[Employment], today: date) -> int | Cause:
    tenures = []
    for r in records:
        until = today
        if r.end and r.end < today:
            # The last day is worked: from 1 June to 31 May is a whole year.
            until = r.end + timedelta(days=1)
        tenures.append(whole_months(r.start, until))
    return max(tenures, default=Cause.NO_EVIDENCE)
