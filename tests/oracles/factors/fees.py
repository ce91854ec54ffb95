"""Fees of platforms alone, account by account: which show none, and what no fee fits."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from decision_service.domain.accounts import INCOME_KINDS, Kind
from decision_service.domain.needs import TransactionClass
from decision_service.domain.snapshot import Transaction
from decision_service.domain.values import Cause
from tests.oracles.factors.applicant import (
    Applicant,
    Feeder,
    Unknown,
    Wait,
    broken,
    connection,
    feeders_of,
    feeds,
    nobody_feeds,
    read_of,
    records_of,
)
from tests.oracles.factors.records import class_of, deviation, mean, number
from tests.oracles.factors.shares import stand_in_start
from tests.oracles.factors.sources import seen_until
from tests.oracles.factors.taints import (
    contradicts_itself,
    faults_of_kind,
    first_sync,
    has_bad_date,
    is_expired,
    is_stale_in,
)
from tests.oracles.factors.transactions import (
    Transactions,
    day_window,
    of_class,
    refuse_unclassed,
    refuse_unread,
    rests_of,
    unknown_claims,
)

KIND = Kind.TRANSACTIONS


def spoilt(who: Applicant, gig: list[Feeder]) -> set[Cause | Wait]:
    """What spoils the transactions of platforms."""
    causes: set[Cause | Wait] = {fault.cause for fault in who.snapshot.account_faults}
    late = [one for one in broken(who) if one.gig and feeds(who, one, KIND)]
    if late:
        causes.add(Cause.PARTIAL)
    if any(is_stale_in(who, one, KIND) for one in gig):
        causes.add(Cause.STALE)
    for account in who.snapshot.accounts:
        cause, one = first_sync(who, account), connection(who, account)
        if cause is not None and one.gig and feeds(who, one, KIND):
            causes.add(cause)
    if not gig:
        return causes
    if has_bad_date(who, KIND) or contradicts_itself(who, KIND):
        causes.add(Cause.BAD_DATA)
    if is_expired(who, KIND, gig):
        causes.add(Cause.EXPIRED)
    return causes | faults_of_kind(who, KIND)


def platforms_of(who: Applicant, *, documents: bool = True) -> Transactions:
    """The transactions of platforms alone, or Unknown when they are spoilt or there are none.

    They end with the earliest sync, that of documents only where there is nothing else.
    """
    causes: set[Cause | Wait] = {
        Cause.NOT_FETCHED for kind in INCOME_KINDS if read_of(who, kind) is None
    }
    gig = [
        one
        for one in feeders_of(who, [Kind.TRANSACTIONS])
        if one.gig and (documents or not one.document)
    ]
    causes |= spoilt(who, gig)
    if causes:
        raise Unknown(*causes)
    if not gig:
        raise nobody_feeds(who)
    moved = [
        (one.provider_id, record)
        for one in gig
        for record in records_of(who, Kind.TRANSACTIONS, one)
    ]
    if not moved:
        raise unknown_claims(who) or Unknown(Cause.NO_DATA)
    linked = [one for one in gig if not one.document]
    return Transactions(who, 0, min(seen_until(who, one) for one in linked or gig), moved)


def unexplained_credit_share_91d(who: Applicant) -> Decimal:
    """The reversals of 91 days that no fee explains, in them and the earnings."""
    family = platforms_of(who, documents=False)
    refuse_unread(family, stand_in_start(who))
    window = day_window(family, 91)
    refuse_unclassed(family, window)
    earned = sum(of_class(family, window, TransactionClass.EARNING))
    first = family.synced - timedelta(days=90)
    rests = [rest for day, rest in rests_of(family) if first <= day <= family.synced]
    whole = earned + sum(rests, Fraction(0))
    if whole <= 0:
        raise Unknown(Cause.NO_EVIDENCE)
    return number(sum(rests, Fraction(0)) / whole)


def fee_presence_91d(who: Applicant) -> str:
    """Whether each platform account that works at a charging provider shows a fee in 91 days."""
    family = platforms_of(who)
    window = day_window(family, 91)
    refuse_unclassed(family, window)
    classed = [(*pair, class_of(who.policy, *pair)) for pair in window]
    fees = {one.source for _, one, found in classed if found is TransactionClass.FEE}
    earning = {
        one.source: provider_id
        for provider_id, one, found in classed
        if found is TransactionClass.EARNING
    }
    if not earning:
        raise Unknown(Cause.NO_EVIDENCE)
    charging = who.policy.fee_providers
    if any(earning[source] in charging for source in earning.keys() - fees):
        return "ABSENT"
    return "PRESENT" if earning.keys() & fees else "NOT_CHARGED"


def unfee_share_91d(who: Applicant) -> Decimal:
    """The earnings of 91 days that no fee fits, at platforms whose usual share is known."""
    family = platforms_of(who, documents=False)
    window = day_window(family, 91)
    refuse_unclassed(family, window)
    usual = who.policy.fee_shares or {}
    whole = 0
    left = Fraction(0)
    for source in {one.source for _, one in window}:
        ours = [pair for pair in window if pair[1].source == source]
        share = usual.get(ours[0][0])
        if share is None:
            continue
        earned = [one for one in _of(who, ours, TransactionClass.EARNING) if one[1] > 0]
        charged = [one for one in _of(who, ours, TransactionClass.FEE) if one[1] < 0]
        whole += sum(amount for _, amount in earned)
        left += _unfitted(earned, charged, Fraction(share))
    if whole <= 0:
        raise Unknown(Cause.NO_EVIDENCE)
    return number(left / whole)


def daily_variation_30d(who: Applicant) -> Decimal:
    """The deviation of what a day with trips brings in, over its mean."""
    family = platforms_of(who, documents=False)
    refuse_unclassed(family, day_window(family, 91))
    earned: dict[date, Fraction] = {}
    for provider_id, one in day_window(family, 30):
        if class_of(who.policy, provider_id, one) is TransactionClass.EARNING:
            earned[one.date] = earned.get(one.date, Fraction(0)) + one.amount
    days = [*earned.values()]
    if len(days) < 20:
        raise Unknown(Cause.SHORT_HISTORY)
    if mean(days) <= 0:
        raise Unknown(Cause.DIVISION_BY_ZERO)
    return number(deviation(days) / mean(days))


def _of(
    who: Applicant, pairs: list[tuple[str, Transaction]], wanted: TransactionClass
) -> list[tuple[date, int]]:
    """Day and amount of one account's transactions of a class."""
    return [(one.date, one.amount) for p, one in pairs if class_of(who.policy, p, one) is wanted]


def _unfitted(
    earned: list[tuple[date, int]], charged: list[tuple[date, int]], usual: Fraction
) -> Fraction:
    """Strike out pairs of one day, the largest earning first, then what the other fees are for."""
    free = [(day, -amount) for day, amount in charged]
    days = [day for day, _ in earned]
    lonely = {day for day, _ in free if [one[0] for one in free].count(day) == 1 < days.count(day)}
    unpaired = Fraction(0)
    for day, amount in sorted(earned, key=lambda one: -one[1]):
        fitting = [
            one
            for one in free
            if one[0] == day
            and day not in lonely
            and Fraction(1, 2) <= Fraction(one[1]) / (usual * amount) <= 2
        ]
        if fitting:
            free.remove(max(fitting))
        else:
            unpaired += amount
    covered = sum((Fraction(amount) for _, amount in free), Fraction(0)) / (usual / 2)
    return unpaired - covered if covered < unpaired else Fraction(0)
