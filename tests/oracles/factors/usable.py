"""Whether the months that a factor looks at can be used: currencies, doubts, what has no class."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from decision_service.domain.accounts import Kind
from decision_service.domain.values import Cause, Month
from tests.oracles.factors.applicant import Applicant, Feeder, Unknown, Wait, feeders
from tests.oracles.factors.classes import too_much_unmapped
from tests.oracles.factors.income_taints import gig_work, transaction_taints
from tests.oracles.factors.monthly_income import (
    Incomes,
    has_better,
    history,
    is_open,
    settled_shares,
    shows_income,
    standing_in,
    unsettled,
    wait_for,
)
from tests.oracles.factors.parts import month_income
from tests.oracles.factors.shares import Doubt, Share, stand_in_start
from tests.oracles.factors.sources import due_of
from tests.oracles.factors.taints import is_expired, taints_of_kind

INCOME = (Kind.INCOMES, Kind.EINCOMES, Kind.TRANSACTIONS)
Causes = set[Cause | Wait]


PAYROLL = (Kind.INCOMES,)
"""Payroll alone: that of accounts which are no gig platforms."""


def is_used(feeder: Feeder, kinds: tuple[Kind, ...]) -> bool:
    """Whether a feeder's payroll is looked at."""
    return kinds != PAYROLL or not feeder.gig


def used_shares(incomes: Incomes, months: Iterable[int], kinds: tuple[Kind, ...]) -> list[Share]:
    """The shares that count in some months; transactions only where they stand in."""
    found = []
    for month in months:
        for kind in kinds:
            if kind is Kind.TRANSACTIONS:
                found.extend(standing_in(incomes, month))
            else:
                found.extend(settled_shares(incomes, kind, month))
    return [share for share in found if is_used(share.feeder, kinds)]


def used_doubts(incomes: Incomes, months: list[int], kinds: tuple[Kind, ...]) -> list[Doubt]:
    """The doubtful months of payroll among some months, but those that are set aside."""
    if Kind.INCOMES not in kinds:
        return []
    settled = {one.name: one.settled for one in incomes.sources if one.payroll}
    return [
        doubt
        for doubt in incomes.doubts
        if doubt.month in months
        and doubt.month <= settled.get(doubt.feeder.id, doubt.month)
        and is_used(doubt.feeder, kinds)
    ]


def foreign_months(
    incomes: Incomes, months: list[int], kinds: tuple[Kind, ...]
) -> dict[tuple[str, str], set[int]]:
    """The records in another currency in some months, by account and id, with their months."""
    found: dict[tuple[str, str], set[int]] = {}
    marks = [*used_shares(incomes, months, kinds), *used_doubts(incomes, months, kinds)]
    for one in marks:
        if one.currency != incomes.who.policy.currency:
            found.setdefault((one.feeder.id, one.record), set()).add(one.month)
    return found


def dropped(incomes: Incomes, months: list[int], kinds: tuple[Kind, ...]) -> set[str]:
    """The one record in another currency, where each of its months has income in ours."""
    foreign = foreign_months(incomes, months, kinds)
    if len(foreign) != 1:
        return set()
    ((_, record), touched) = next(iter(foreign.items()))
    if all(month_income(incomes, month) > 0 for month in touched):
        return {record}
    return set()


def taints_in(incomes: Incomes, months: list[int]) -> Causes:
    """What spoils the transactions of gig accounts in the months in which they stand in."""
    causes: Causes = set()
    start = Month.of(stand_in_start(incomes.who)).index
    for feeder in gig_work(incomes.who):
        for month in months:
            if month >= start and not has_better(incomes, feeder, month):
                causes = causes | transaction_taints(incomes.who, feeder)
                break
    return causes


def spoilt(who: Applicant, kind: Kind) -> Causes:
    """What went wrong with a kind; that no account tells of it is nothing wrong."""
    causes: Causes = set(taints_of_kind(who, kind))
    if is_expired(who, kind, feeders(who)):
        causes.add(Cause.EXPIRED)
    return causes


def unusable(incomes: Incomes, months: list[int], kinds: tuple[Kind, ...] = INCOME) -> Causes:
    """Why some months cannot be summed or counted."""
    currency = incomes.who.policy.currency
    shares = used_shares(incomes, months, kinds)
    causes = taints_in(incomes, months) if Kind.TRANSACTIONS in kinds else set()
    if any(one.currency == currency for one in used_doubts(incomes, months, kinds)):
        causes.add(Cause.BAD_DATA)
    if foreign_months(incomes, months, kinds) and not dropped(incomes, months, kinds):
        causes.add(Cause.MIXED_CURRENCY)
    if any(one.currency == currency and not one.told for one in shares):
        causes.add(Cause.NO_DATA)
    moved = [
        (share.feeder.provider_id, share.transaction)
        for share in shares
        if share.transaction is not None
    ]
    if too_much_unmapped(incomes.who.policy, moved):
        causes.add(Cause.UNCLASSIFIED)
    return causes


def refuse_unusable(incomes: Incomes, months: list[int], kinds: tuple[Kind, ...] = INCOME) -> None:
    """Raise Unknown for months that cannot be used."""
    causes = unusable(incomes, months, kinds)
    if causes:
        raise Unknown(*causes)


def whole(incomes: Incomes) -> list[int]:
    """The whole history, with the months before it in which unread transactions could lie."""
    start = Month.of(stand_in_start(incomes.who)).index
    if gig_work(incomes.who):
        return list(range(min(incomes.first, start), incomes.horizon + 1))
    return list(range(incomes.first, incomes.horizon + 1))


Reading = Callable[[Callable[[int], bool]], object]
"""A factor, given which months have income."""


def outcome(work: Reading, has_income: Callable[[int], bool]) -> object:
    """A value, or the causes for which there is none."""
    try:
        return work(has_income)
    except Unknown as unknown:
        return frozenset(unknown.causes)


def open_months(incomes: Incomes, span: list[int]) -> list[int]:
    """The months of a span of which it is not known whether they have income."""
    return [month for month in span if is_open(incomes, month)]


def refuse_open(incomes: Incomes, span: list[int]) -> None:
    """Raise NOT_YET_POSTED where a month of the span is open."""
    found = open_months(incomes, span)
    if found:
        raise Unknown(open_wait(incomes, found[0]))


def open_wait(incomes: Incomes, month: int) -> Wait:
    """What is waited for in an open month: a payroll without pay comes before a scheme."""
    late = unsettled(incomes, month)
    wait = wait_for(incomes, month, late)
    awaited = [one for one in late if one.name == wait.source]
    silent = [
        one.name
        for one in incomes.sources
        if one.live and one.payroll and not one.platform and one.settled >= month
        if all(amount <= 0 for when, amount in one.amounts.items() if when >= month)
    ]
    first = min(awaited, key=lambda one: (due_of(incomes.who, one, month), one.kind.value))
    if silent and first.kind is Kind.EINCOMES:
        return Wait(month, min(silent), wait.due)
    return wait


def either_way(incomes: Incomes, span: list[int], work: Reading) -> object:
    """A factor that comes out the same whether the open months have income or not."""
    unsure = set(open_months(incomes, span))
    never = outcome(work, lambda month: shows_income(incomes, month))
    always = outcome(work, lambda month: month in unsure or shows_income(incomes, month))
    if never != always:
        refuse_open(incomes, span)
    return work(lambda month: shows_income(incomes, month))


def seen(incomes: Incomes, count: int) -> list[int]:
    """The observed ones of the last months that end at the horizon of presence."""
    return [month for month in history(incomes) if month > incomes.horizon - count]


def last_months(incomes: Incomes, count: int) -> list[int]:
    """The calendar months that end at the horizon of presence."""
    return list(range(incomes.horizon - count + 1, incomes.horizon + 1))
