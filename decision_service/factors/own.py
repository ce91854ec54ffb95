"""history.* and reuse.*: what the service's own records hold of persons and accounts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from decision_service.domain.accounts import Kind
from decision_service.domain.factor import Better, Evidence, ValueType
from decision_service.domain.needs import DataPolicy
from decision_service.domain.person import DAYS, History, Reuse
from decision_service.domain.snapshot import Read, Snapshot
from decision_service.domain.values import ABSENT, Cause, Missing
from decision_service.factors.answer import Answer, Figure
from decision_service.factors.payroll import amount_of, employer_key, last_day_of
from decision_service.factors.registry import READ_CAUSES, FactorContext, Family, days, once
from decision_service.factors.usage import UPLOADED

HISTORY = Family("history", frozenset(), frozenset({Cause.NOT_FETCHED}), of_own_facts=True)
OF_WHOM = (
    " On record under the user, the caller's customer_ref or one of the accounts, never under a"
    " name; each decision counts once, this one not, of NOT_ENROLLED ones the reported loans alone."
)
OF_OWN = (
    " On record under the user or the caller's customer_ref; each decision counts once, this one"
    " not, of NOT_ENROLLED ones the reported loans alone."
)
IN_DAYS = (
    " A day is a civil day in the ruleset's zone; today's count, those {n} days ago do not. What a"
    " person decided is of the day on which the person did."
)
UNCLEAR = frozenset({Cause.MIXED_CURRENCY, Cause.PARTIAL})
WHEN_UNCLEAR = (
    " MIXED_CURRENCY where an amount is in another currency than the ruleset's, PARTIAL where more"
    " than 1,000 decisions are on record under one key."
)


REUSE = Family("reuse", frozenset(), frozenset({Cause.NOT_FETCHED}), of_own_facts=True)
_Slip = tuple[date, date, int]
MOST_DOCUMENTS = 12
"""How many threes of payslips are compared, the newest: each is a key of the decision."""

BY_HASH = " Compared by keyed hashes over the decisions on record."


@HISTORY.factor(
    "applications_{w}",
    ValueType.INTEGER,
    "Applications that were decided here in the {period}, of every product.",
    "Decisions with any outcome." + OF_WHOM + IN_DAYS,
    unit="applications",
    windows=days(*DAYS),
    better=Better.DOWN,
)
def applications(context: FactorContext, length: int) -> Answer:
    return _figure(context, lambda history: history.applications[DAYS.index(length)])


@HISTORY.factor(
    "approvals_{w}",
    ValueType.INTEGER,
    "Applications that were approved here in the {period}, of every product.",
    "Decisions with the outcome APPROVE." + OF_WHOM + IN_DAYS,
    unit="approvals",
    windows=days(*DAYS),
)
def approvals(context: FactorContext, length: int) -> Answer:
    return _figure(context, lambda history: history.approvals[DAYS.index(length)])


@HISTORY.factor(
    "declines_{w}",
    ValueType.INTEGER,
    "Applications that were declined here in the {period}, of every product.",
    "Decisions with the outcome DECLINE." + OF_WHOM + IN_DAYS,
    unit="declines",
    windows=days(*DAYS),
    better=Better.DOWN,
)
def declines(context: FactorContext, length: int) -> Answer:
    return _figure(context, lambda history: history.declines[DAYS.index(length)])


@HISTORY.factor(
    "days_since_last_decline",
    ValueType.INTEGER,
    "Days since this product was last declined to the person.",
    "Civil days from the last DECLINE of the same product, by rules or a person, to as_of; NO_DATA"
    " when there is none." + OF_WHOM,
    unit="days",
    causes=frozenset({Cause.NO_DATA}),
    better=Better.UP,
)
def days_since_last_decline(context: FactorContext) -> Answer:
    day = context.as_of.date
    return _figure(context, lambda h: h.last_decline and (day - h.last_decline).days)


@HISTORY.factor(
    "today",
    ValueType.DATE,
    "The day of the decision, for comparison with days on record.",
    "as_of's civil date in the ruleset's zone.",
)
def today(context: FactorContext) -> Answer:
    return _figure(context, lambda _: context.as_of.date)


@HISTORY.factor(
    "last_decline_date",
    ValueType.DATE,
    "The day on which this product was last declined to the person.",
    "The civil date of the last DECLINE of the same product, by rules or a person; NO_DATA when"
    " there is none." + OF_WHOM,
    causes=frozenset({Cause.NO_DATA}),
)
def last_decline_date(context: FactorContext) -> Answer:
    return _figure(context, lambda history: history.last_decline)


@HISTORY.factor(
    "exposure",
    ValueType.MONEY,
    "What this lender has granted the person and may still pay out, or is owed.",
    "Approved amounts of unexpired offers without a report, for DECISION_REPORT_WITHIN (30) days"
    " longer when none comes; plus, of booked loans that are not closed, what was paid out less"
    " what was repaid. Reported loans take the place of their approval; what they leave of it"
    " counts until the offer ends, unless a part was not taken up." + OF_OWN + WHEN_UNCLEAR,
    lower=0,
    causes=UNCLEAR,
    better=Better.DOWN,
)
def exposure(context: FactorContext) -> Answer:
    return _figure(context, lambda history: history.exposure, owed=True)


@HISTORY.factor(
    "exposure_instalments",
    ValueType.MONEY,
    "What falls due each month on the exposure.",
    "The instalments of the same offers and loans, of a part of an offer its share; an offer that"
    " names none counts whole." + OF_OWN + WHEN_UNCLEAR,
    lower=0,
    causes=UNCLEAR,
    better=Better.DOWN,
)
def exposure_instalments(context: FactorContext) -> Answer:
    return _figure(context, lambda history: history.instalments, owed=True)


@HISTORY.factor(
    "linked_exposure",
    ValueType.MONEY,
    "What this lender has granted other users of the accounts, or is owed by them.",
    "As history.exposure, of decisions under other users on one of the accounts that are not under"
    " the user or the customer: perhaps of the same person, perhaps of a spouse." + WHEN_UNCLEAR,
    lower=0,
    causes=UNCLEAR,
    better=Better.DOWN,
)
def linked_exposure(context: FactorContext) -> Answer:
    return _figure(context, lambda history: history.linked, owed=True)


@HISTORY.factor(
    "overdue_loans",
    ValueType.INTEGER,
    "The person's loans at this lender that are overdue or were given up.",
    "Loans whose newest report has overdue days and is not closed, or is CHARGED_OFF." + OF_WHOM,
    unit="loans",
    better=Better.DOWN,
)
def overdue_loans(context: FactorContext) -> Answer:
    return _figure(context, lambda history: history.overdue_loans)


@HISTORY.factor(
    "repaid_loans",
    ValueType.INTEGER,
    "The person's loans at this lender that were repaid in full.",
    "Loans whose newest report is REPAID." + OF_WHOM,
    unit="loans",
    better=Better.UP,
)
def repaid_loans(context: FactorContext) -> Answer:
    return _figure(context, lambda history: history.repaid_loans)


def _figure(
    context: FactorContext, work: Callable[[History], Figure | date | None], *, owed: bool = False
) -> Answer:
    """A figure of the history; missing where none was read, or what is `owed` is not known."""
    history = context.own.history
    if history is None:
        return Answer(None, (Missing(Cause.NOT_FETCHED),))
    figure = work(history)
    proof = _proof(context)
    otherwise = history.unclear if owed else None
    if figure is None:
        return Answer(None, (Missing(otherwise or Cause.NO_DATA),), proof)
    return Answer(figure, (), proof)


@once
def _proof(context: FactorContext) -> Evidence:
    history = context.own.history or History(context.currency)
    return Evidence(
        records=history.open_approvals + history.open_loans,
        horizon=context.as_of.date.isoformat(),
        notes=(f"{history.open_approvals} open offers, {history.open_loans} open loans",),
    )


@REUSE.factor(
    "users_of_account",
    ValueType.INTEGER,
    "Smile users whose decisions rest on one of the applicant's accounts, this one counted.",
    "The highest count among the accounts; 1 is the applicant alone." + BY_HASH,
    unit="users",
    lower=1,
    better=Better.DOWN,
)
def users_of_account(context: FactorContext) -> Answer:
    return _count(context, lambda reuse: reuse.users_of_account)


@REUSE.factor(
    "customers_of_user",
    ValueType.INTEGER,
    "Customers that the caller has applied for with this Smile user, this one counted.",
    "Distinct customer_refs of the caller's decisions on the user; 1 where none was sent.",
    unit="customers",
    lower=1,
    better=Better.DOWN,
)
def customers_of_user(context: FactorContext) -> Answer:
    return _count(context, lambda reuse: reuse.customers_of_user)


@REUSE.factor(
    "users_of_person",
    ValueType.INTEGER,
    "Smile users with the applicant's name and birth date, this one counted.",
    "By normalised name and birth date as the vendor gives them; NO_DATA where it does not, and"
    " missing where a record of an account that counts could not be read." + BY_HASH,
    unit="users",
    lower=1,
    kinds=frozenset({Kind.IDENTITIES}),
    causes=READ_CAUSES - ABSENT | {Cause.NO_DATA},
    better=Better.DOWN,
)
def users_of_person(context: FactorContext) -> Answer:
    return _count(context, lambda reuse: reuse.users_of_person)


@REUSE.factor(
    "users_of_documents",
    ValueType.INTEGER,
    "Smile users with the same payslips in their documents, this one counted.",
    "By employer, period and amount of each three payslips of an upload, an archive or a provider"
    " of documents that follow one another with three different amounts, where no payroll account"
    " shows pay of the employer or of the amount in these periods; 1 where there are none."
    + BY_HASH,
    unit="users",
    lower=1,
    better=Better.DOWN,
)
def users_of_documents(context: FactorContext) -> Answer:
    return _count(context, lambda reuse: reuse.users_of_documents if reuse.keyed else None)


def document_texts(snapshot: Snapshot, policy: DataPolicy) -> Sequence[str]:
    """The newest documents' distinguishing texts, to be hashed at once."""
    passing = policy.document_providers
    handed_in = {one.id for one in snapshot.accounts if one.provider_id in passing}
    handed_in |= {s.id for s in snapshot.sources if s.type in UPLOADED or s.provider_id in passing}
    own = dict[str, set[_Slip]]()
    paid = list[tuple[str, _Slip]]()
    for record in (snapshot.incomes or Read()).records:
        employer = employer_key(record.employer, policy)
        amount = amount_of(record)
        slip = record.start, last_day_of(record), amount[0] if amount else 0
        if record.source not in handed_in:
            paid.append((employer, slip))
        elif employer and amount:
            own.setdefault(employer, set()).add(slip)
    texts = []
    for employer, found in own.items():
        slips = sorted(one for one in found if not _is_paid(employer, one, paid))
        for three in zip(slips, slips[1:], slips[2:], strict=False):
            if len({amount for *_, amount in three}) == len(three):
                payslips_text = " ".join(f"{start}/{end}/{amount}" for start, end, amount in three)
                texts.append((three[-1], f"{employer} {payslips_text}"))
    return [text for _, text in sorted(texts)[-MOST_DOCUMENTS:]]


def _is_paid(employer: str, slip: _Slip, paid: Sequence[tuple[str, _Slip]]) -> bool:
    start, end, amount = slip
    return any(
        from_ <= end and start <= to and (named == employer or paid_amount == amount)
        for named, (from_, to, paid_amount) in paid
    )


def _count(context: FactorContext, work: Callable[[Reuse], int | None]) -> Answer:
    reuse = context.own.reuse
    figure = None if reuse is None else work(reuse)
    if figure is not None:
        return Answer(figure)
    if reuse is None or not reuse.keyed:
        return Answer(None, (Missing(Cause.NOT_FETCHED),))
    return Answer(None, reuse.unread or (Missing(Cause.NO_DATA),))
