"""From the vendor's data points to records of the domain, one function per kind.

`source` is the account, archive, upload or social security record that gave the item. Every
function raises an UpstreamFault for an item that differs from the vendor's document. No item is
skipped: a skipped item would silently change what the applicant earns.
"""

from __future__ import annotations

from decision_service.domain.missing import DataReason
from decision_service.domain.snapshot import (
    Account,
    Contribution,
    Employment,
    EstimatedIncome,
    Identity,
    Income,
    Liability,
    LinkCounts,
    Provider,
    Task,
    Transaction,
)
from decision_service.smile.errors import bad_data
from decision_service.smile.mapping import answers
from decision_service.smile.mapping.fields import (
    currency,
    day,
    day_or_none,
    instant_or_none,
    minor,
    minor_or_none,
    month_index,
    needed,
    span,
)

_LINK_DAYS = (3, 7, 30, 90, 180, 365, 730)

LONGEST_NAME = 100
"""Characters of a provider's name that are kept."""


def account(item: answers.AccountAnswer) -> Account:
    """A connection; its times are instants in UTC."""
    connection = item.connection or answers.ConnectionAnswer()
    monitor = item.monitor or answers.MonitorAnswer()
    return Account(
        id=needed(item.id, "accounts.id"),
        provider_id=needed(item.provider_id, "accounts.providerId"),
        connection_status=needed(item.connection_status, "accounts.connectionStatus"),
        created_at=instant_or_none(item.created_at, "accounts.createdAt"),
        error_code=connection.error_code,
        connection_updated_at=instant_or_none(
            connection.updated_at, "accounts.connection.updatedAt"
        ),
        monitor_status=item.monitor_status,
        monitor_updated_at=instant_or_none(monitor.updated_at, "accounts.monitor.updatedAt"),
    )


def provider(item: answers.ProviderAnswer) -> Provider | None:
    """A provider; None when the vendor does not say what it is, so that a fallback may."""
    if not item.id or not item.type:
        return None
    name = " ".join((item.name or "").split())[:LONGEST_NAME]
    return Provider(item.id, item.type, tuple(item.supported or ()), name)


def task(item: answers.TaskAnswer, source: str) -> Task:
    """One collection of data by the vendor; its times are instants in UTC."""
    return Task(
        needed(item.id, "tasks.id"),
        source,
        needed(item.type, "tasks.type"),
        item.status,
        instant_or_none(item.started_at, "tasks.startedAt"),
        instant_or_none(item.finished_at, "tasks.finishedAt"),
        saved=bool(item.datapoints),
    )


def eincome(item: answers.EincomeAnswer, source: str) -> EstimatedIncome:
    """A monthly estimate: `amount`, else the older `baseAmount`."""
    code = currency(item.currency, "eincomes.currency")
    amount = minor_or_none(item.amount, code, "eincomes.amount", signed=True)
    if amount is None:
        amount = minor(item.base_amount, code, "eincomes.amount", signed=True)
    return EstimatedIncome(
        needed(item.id, "eincomes.id"),
        source,
        month_index(item.month, "eincomes.month"),
        code,
        amount,
    )


def contribution(item: answers.ContributionAnswer, source: str) -> Contribution:
    """A social security payment, dated as the vendor dates it."""
    code = currency(item.currency, "contributions.currency")
    return Contribution(
        needed(item.id, "contributions.id"),
        source,
        day(item.date, "contributions.date"),
        code,
        minor(item.amount, code, "contributions.amount", signed=True),
    )


def income(item: answers.IncomeAnswer, source: str) -> Income:
    """A payroll record; the factors choose which of the amounts counts."""
    code = currency(item.currency, "incomes.currency")
    start, end = span(item.start_date, item.end_date, "incomes")
    return Income(
        needed(item.id, "incomes.id"),
        source,
        item.employer,
        start,
        end,
        item.frequency,
        code,
        base=minor_or_none(item.base_amount, code, "incomes.baseAmount", signed=True),
        gross=minor_or_none(item.gross_amount, code, "incomes.grossAmount", signed=True),
        net=minor_or_none(item.net_amount, code, "incomes.netAmount", signed=True),
        paid=day_or_none(item.pay_date, "incomes.payDate"),
    )


def employment(item: answers.EmploymentAnswer, source: str) -> Employment:
    """A job as reported."""
    start, end = span(item.start_date, item.end_date, "employments")
    return Employment(
        needed(item.id, "employments.id"),
        source,
        item.employer,
        item.status,
        start,
        end,
        day_or_none(item.reported_date, "employments.reportedDate"),
    )


def liability(item: answers.LiabilityAnswer, source: str) -> Liability:
    """A loan; amounts that the vendor leaves open stay open."""
    code = currency(item.currency, "liabilities.currency")
    start, end = span(item.start_date, item.end_date, "liabilities")
    return Liability(
        needed(item.id, "liabilities.id"),
        source,
        needed(item.type, "liabilities.type"),
        start,
        end,
        code,
        minor(item.loan_amount, code, "liabilities.loanAmount"),
        minor_or_none(item.amortization_amount, code, "liabilities.amortizationAmount"),
        item.amortization_frequency,
        minor_or_none(item.outstanding_balance, code, "liabilities.outstandingBalance"),
        minor_or_none(item.overdue_payment_amount, code, "liabilities.overduePaymentAmount"),
        minor_or_none(item.next_payment_amount, code, "liabilities.nextPaymentAmount"),
    )


def transaction(item: answers.TransactionAnswer, source: str) -> Transaction:
    """A credit (positive) or debit (negative)."""
    code = currency(item.currency, "transactions.currency")
    return Transaction(
        needed(item.id, "transactions.id"),
        source,
        day(item.date, "transactions.date"),
        item.description,
        code,
        minor(item.amount, code, "transactions.amount", signed=True),
    )


def identity(item: answers.IdentityAnswer, source: str) -> Identity:
    """Of a person only the date of birth."""
    return Identity(
        needed(item.id, "identities.id"), source, day_or_none(item.dob, "identities.dob")
    )


def links(item: answers.InsightAnswer, source: str) -> LinkCounts:
    """The counts of lenders that an account was linked to; a count below zero means none."""
    features = needed(item.features, "links.features")
    found = ((days, getattr(features, f"link_day{days}_count")) for days in _LINK_DAYS)
    counts = tuple((days, count) for days, count in found if count is not None and count >= 0)
    return LinkCounts(
        needed(item.id, "links.id"),
        source,
        counts,
        first_days=_days_or_none(features.link_days_since_first),
        last_days=_days_or_none(features.link_days_since_last),
    )


def _days_or_none(days: int | None) -> int | None:
    return None if days is None or days < 0 else days


def newest_insights(
    items: tuple[answers.InsightAnswer, ...],
) -> tuple[answers.InsightAnswer, ...]:
    """One insight per source: the vendor makes a new one with each sync, the newest counts."""
    newest: dict[str | None, answers.InsightAnswer] = {}
    for item in sorted(items, key=_cutoff):
        about = item.metadata or answers.Metadata()
        newest[about.source_id or about.account_id] = item
    return tuple(newest.values())


def _cutoff(item: answers.InsightAnswer) -> str:
    moment = instant_or_none(item.cutoff_time, "links.cutoffTime")
    if moment is None:
        raise bad_data(DataReason.UPSTREAM_SCHEMA, "links.cutoffTime")
    return moment.isoformat()
