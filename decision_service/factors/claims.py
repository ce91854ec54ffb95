"""Claims of accounts with unknown providers, which are no income."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from decision_service.domain.snapshot import EstimatedIncome, Income, Read, Transaction
from decision_service.factors.civil import month_of
from decision_service.factors.classes import Classifier
from decision_service.factors.context import FactorContext
from decision_service.factors.employers import employer_key
from decision_service.factors.figures import Amount
from decision_service.factors.horizons import stand_in_from
from decision_service.factors.netting import beyond_taken, within_days
from decision_service.factors.pages import page_of
from decision_service.factors.paychecks import MOST_PAYSLIPS
from decision_service.factors.payroll import place
from decision_service.factors.payslips import Payslip, paid_once, payslip
from decision_service.factors.series import MonthSpan
from decision_service.factors.stretches import first_of, month_of_page
from decision_service.factors.usage import counted, unknown

R = TypeVar("R", Income, EstimatedIncome, Transaction)

Claims = dict[int, Amount]
"""Amounts by month (Month.index)."""


def claimed(context: FactorContext, span: MonthSpan) -> Amount:
    """The sum of all claims in a span, in minor units; each account's best told kind counts."""
    ids = [feeder.id for feeder in unknown(context)]
    return sum(_of_account(context, source, month) for source in ids for month in _months(span))


def _months(span: MonthSpan) -> range:
    return range(span[0], span[1] + 1)


def _of_account(context: FactorContext, source: str, month: int) -> Amount:
    """An account's claim of a month: its payroll, else its estimate, else its net earnings."""
    for claims in _claims(context, source):
        if month in claims:
            return claims[month]
    return 0


def _claims(context: FactorContext, source: str) -> tuple[Claims, Claims, Claims]:
    return context.once(("claims", source), lambda c: _claims_of(c, source))


def _claims_of(context: FactorContext, source: str) -> tuple[Claims, Claims, Claims]:
    return _payroll(context, source), _estimates(context, source), _earnings(context, source)


def _own(read: Read[R] | None, source: str) -> Sequence[R]:
    """The account's records, equal ones once."""
    return list(dict.fromkeys(r for r in (read.records if read else ()) if r.source == source))


def _payroll(context: FactorContext, source: str) -> Claims:
    """What is claimed as pay, pay that is told twice counted once."""
    jobs: dict[str, list[Payslip]] = {}
    for record in _own(context.snapshot.incomes, source):
        if record.currency == context.currency:
            employer = employer_key(record.employer, context.policy)
            jobs.setdefault(employer, []).append(payslip(record))
    found: Claims = {}
    for slips in jobs.values():
        for slip in paid_once(slips[:MOST_PAYSLIPS]).counted:
            for month, share in place(slip.record, slip.amount).shares:
                found[month] = found.get(month, 0) + share
    return found


def _estimates(context: FactorContext, source: str) -> Claims:
    found: Claims = {}
    for record in _own(context.snapshot.eincomes, source):
        if record.currency == context.currency:
            found[record.month] = found.get(record.month, 0) + record.amount
    return found


def _earnings(context: FactorContext, source: str) -> Claims:
    records = _own(context.snapshot.transactions, source)
    if not records:
        return {}
    provider = counted(context)[source].provider_id
    page = page_of(
        records, Classifier(provider, context.policy.transaction_classes), context.currency
    )
    months = {month_of(record.date) for record in records}
    undue = beyond_taken(page, stand_in_from(context.as_of.date))
    return {
        m: month_of_page(page, m).tally.net - within_days(undue, first_of(m), first_of(m + 1))
        for m in months
    }
