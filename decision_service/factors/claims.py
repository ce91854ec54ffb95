"""What accounts claim whose provider nobody knows: none of it is income."""

from __future__ import annotations

from decision_service.domain.snapshot import Snapshot
from decision_service.factors.case import Case
from decision_service.factors.civil import month_of
from decision_service.factors.classes import Classifier
from decision_service.factors.figures import Amount
from decision_service.factors.netting import month_net
from decision_service.factors.pages import page_of
from decision_service.factors.payroll import amount_of, place
from decision_service.factors.series import Span
from decision_service.factors.usage import counted, unknown

Claims = dict[int, Amount]
"""Amounts by month (Month.index)."""


def claimed(case: Case, span: Span) -> Amount:
    """The sum of all claims in a span, in minor units; each account's best told kind counts."""
    ids = [feeder.id for feeder in unknown(case)]
    return sum(_of_account(case, source, month) for source in ids for month in _months(span))


def _months(span: Span) -> range:
    return range(span[0], span[1] + 1)


def _of_account(case: Case, source: str, month: int) -> Amount:
    """An account's claim of a month: its payroll, else its estimate, else its net earnings."""
    for claims in _claims(case, source):
        if month in claims:
            return max(claims[month], 0)
    return 0


def _claims(case: Case, source: str) -> tuple[Claims, Claims, Claims]:
    return case.once(("claims", source), lambda c: _claims_of(c, source))


def _claims_of(case: Case, source: str) -> tuple[Claims, Claims, Claims]:
    snapshot, currency = case.snapshot, case.currency
    return (
        _payroll(snapshot, source, currency),
        _estimates(snapshot, source, currency),
        _earnings(case, source),
    )


def _payroll(snapshot: Snapshot, source: str, currency: str) -> Claims:
    found: Claims = {}
    for record in snapshot.incomes.records if snapshot.incomes else ():
        told = amount_of(record)
        if record.source == source and record.currency == currency and told:
            for month, share in place(record, told[0]).shares:
                found[month] = found.get(month, 0) + share
    return found


def _estimates(snapshot: Snapshot, source: str, currency: str) -> Claims:
    found: Claims = {}
    for record in snapshot.eincomes.records if snapshot.eincomes else ():
        if record.source == source and record.currency == currency:
            found[record.month] = found.get(record.month, 0) + record.amount
    return found


def _earnings(case: Case, source: str) -> Claims:
    read = case.snapshot.transactions
    records = [record for record in (read.records if read else ()) if record.source == source]
    if not records:
        return {}
    provider = counted(case)[source].provider_id
    page = page_of(records, Classifier(provider, case.policy.transaction_classes), case.currency)
    return {month: month_net(page, month) for month in {month_of(r.date) for r in records}}
