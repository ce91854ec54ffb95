"""Accounts that can tell nothing more: superseded by another one, or of a job that is over."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from decision_service.domain.accounts import Kind
from decision_service.domain.snapshot import Account
from decision_service.domain.values import Month
from tests.oracles.factors.applicant import (
    Applicant,
    connection,
    has_delivered,
    provider_of,
    read_of,
    superseded,
    tasks_of,
)
from tests.oracles.factors.records import key_of, names_one, pay_of, slip_of
from tests.oracles.factors.shares import stand_in_start
from tests.oracles.factors.taints import is_stale

SHOWN = [
    Kind.EINCOMES,
    Kind.INCOMES,
    Kind.CONTRIBUTIONS,
    Kind.EMPLOYMENTS,
    Kind.LIABILITIES,
    Kind.TRANSACTIONS,
]


def find(who: Applicant) -> tuple[set[str], set[str]]:
    """The accounts that others supersede, and those of jobs that are over."""
    superseded: set[str] = set()
    ended: set[str] = set()
    for account in who.snapshot.accounts:
        if not is_dead(who, account):
            continue
        if any(covers(who, new, account) for new in fresh(who)):
            superseded.add(account.id)
        elif account.connection_status != "DISCONNECTED" and is_over(who, account):
            ended.add(account.id)
    return superseded, ended


def quiet(who: Applicant) -> set[str]:
    """The stale accounts from which no income is due, for others show what came since.

    Schemes whose months since one or more payrolls pay, and platforms that were idle for three
    months when they were read last, while work goes on elsewhere.
    """
    found = set()
    for account in who.snapshot.accounts:
        one = connection(who, account)
        stale = account.connection_status == "CONNECTED" and is_dead(who, account)
        if not stale or one.ended or account.id in superseded(who) or one.synced is None:
            continue
        read_on = one.synced.astimezone(who.as_of.zone).date()
        if one.scheme:
            if wages_since(who, account, read_on):
                found.add(account.id)
        elif one.gig and idled(who, account, read_on) and others_work(who, account):
            found.add(account.id)
    return found


def others_work(who: Applicant, old: Account) -> bool:
    """Whether another account, fresh, tells of income of late."""
    return any(works_on(who, other) for other in fresh(who) if other.id != old.id)


def wages_since(who: Applicant, old: Account, read_on: date) -> bool:
    """Whether payrolls pay in every month from the scheme's newest one to the last of two ago."""
    told = [one.month for one in held(who, old, Kind.EINCOMES)]
    newest = max(told) if told else Month.of(read_on).index - 1
    paid: set[int] = set()
    for other in fresh(who):
        payroll = connection(who, other)
        if not payroll.gig and not payroll.document:
            for record in held(who, other, Kind.INCOMES):
                if (pay_of(record) or 0) > 0:
                    paid.add(Month.of(slip_of(record).last).index)
    month = newest + 1
    while month in paid:
        month += 1
    return (
        month > newest + 1
        and not any(one > month for one in paid)
        and (month - 1 >= Month.of(who.as_of.date).index - 2)
    )


def idled(who: Applicant, old: Account, read_on: date) -> bool:
    """Whether a platform told of nothing in the three months before it was read."""
    for kind in (Kind.TRANSACTIONS, Kind.INCOMES, Kind.EINCOMES):
        read = read_of(who, kind)
        if read is None or any(fault.source in (None, old.id) for fault in read.faults):
            return False
        unread = kind is Kind.TRANSACTIONS and read.first_day is not None
        if unread and read.first_day > stand_in_start(who):
            return False
        for one in held(who, old, kind):
            last = days_of(kind, one)[1]
            day = Month(last).last_day if kind is Kind.EINCOMES else last
            if not three_months_before(day, read_on):
                return False
    return three_months_before(stand_in_start(who) - timedelta(days=1), read_on)


def three_months_before(day: date, later: date) -> bool:
    """Whether a day lies more than three months before another."""
    month = Month.of(day).plus(3)
    return month.first_day.replace(day=min(day.day, month.last_day.day)) < later


def works_on(who: Applicant, other: Account) -> bool:
    """Whether an account tells of income of late: pay, trips, or what an employer pays a scheme."""
    one, today = connection(who, other), Month.of(who.as_of.date).index
    if one.document:
        return False
    since = today - 2
    if one.scheme:
        since = today - 4
        jobs = [
            job
            for job in held(who, other, Kind.EMPLOYMENTS)
            if names_one(who, job.employer) and job.start <= who.as_of.date
        ]
        if not any(job.end is None or job.end >= who.as_of.date for job in jobs):
            return False
    months = [
        Month.of(slip_of(record).last).index
        for record in held(who, other, Kind.INCOMES)
        if (pay_of(record) or 0) > 0
    ]
    months += [record.month for record in held(who, other, Kind.EINCOMES) if record.amount > 0]
    if one.gig:
        moves = held(who, other, Kind.TRANSACTIONS)
        months += [Month.of(move.date).index for move in moves if move.amount > 0]
    return any(month >= since for month in months)


def links(who: Applicant, account: Account) -> bool:
    """Whether the first collection of an account has begun and not finished."""
    return any(
        task.type == "LINK_ACCOUNT" and task.finished is None and task.status != "Finished"
        for task in tasks_of(who, account.id)
    )


def is_dead(who: Applicant, account: Account) -> bool:
    """Whether a known account is in error after it delivered, stale or disconnected."""
    if provider_of(who, account.provider_id) is None or links(who, account):
        return False
    if account.connection_status == "CONNECTED":
        return is_stale(who, connection(who, account))
    return account.connection_status == "DISCONNECTED" or has_delivered(who, account.id)


def fresh(who: Applicant) -> list[Account]:
    """The connected accounts of known providers that were read lately and whole."""
    return [
        one
        for one in who.snapshot.accounts
        if one.connection_status == "CONNECTED"
        and provider_of(who, one.provider_id) is not None
        and not links(who, one)
        and not connection(who, one).ended
        and not is_stale(who, connection(who, one))
    ]


def held(who: Applicant, account: Account, kind: Kind) -> list[Any]:
    """An account's records of a kind."""
    read = read_of(who, kind)
    mine = [one for one in read.records if one.source == account.id] if read is not None else []
    if kind is not Kind.TRANSACTIONS:
        return mine
    return [one for one in mine if one.date >= stand_in_start(who)]


def known_of(who: Applicant, account: Account, kind: Kind) -> list[Any]:
    """What earlier snapshots held of it."""
    return [
        one
        for one in who.snapshot.known
        if one.source == account.id and one.kind is kind and one.count > 0
    ]


def shown(who: Applicant, account: Account) -> list[Kind]:
    """The kinds that were read now, and of which an account gives records or once did."""
    return [
        kind
        for kind in SHOWN
        if read_of(who, kind) is not None
        and (held(who, account, kind) or known_of(who, account, kind))
    ]


def employers(who: Applicant, account: Account, *kinds: Kind) -> set[str]:
    """The employers that an account names."""
    records = [one for kind in kinds for one in held(who, account, kind)]
    return {key_of(who, one.employer) for one in records} - {""}


def covers(who: Applicant, new: Account, old: Account) -> bool:
    """Whether a new account shows all that an old one of its provider showed."""
    if new.id == old.id or new.provider_id != old.provider_id:
        return False
    kinds = shown(who, old)
    if not kinds:
        return False
    for kind in kinds:
        read = read_of(who, kind)
        assert read is not None
        if any(fault.source in (None, old.id, new.id) for fault in read.faults):
            return False
    provider = provider_of(who, old.provider_id)
    if provider is not None and provider.type not in ("GIG", "GOVERNMENT", "EMPLOYER"):
        mine = employers(who, old, Kind.INCOMES, Kind.EMPLOYMENTS)
        if not mine or mine - employers(who, new, Kind.INCOMES, Kind.EMPLOYMENTS):
            return False
    return all(covers_kind(who, new, old, kind) for kind in kinds)


def days_of(kind: Kind, one: Any) -> tuple[Any, Any]:
    """The first and the last day (of estimates: month) of a record."""
    if kind is Kind.EINCOMES:
        return one.month, one.month
    if kind is Kind.INCOMES:
        return one.start, slip_of(one).last
    if kind in (Kind.EMPLOYMENTS, Kind.LIABILITIES):
        return one.start, one.start
    return one.date, one.date


def covers_kind(who: Applicant, new: Account, old: Account, kind: Kind) -> bool:
    """The same for one kind: as early and as late; every loan; as many where records are gone."""
    mine, theirs = held(who, old, kind), held(who, new, kind)
    if not theirs:
        return False
    spans = [days_of(kind, one) for one in theirs]
    if not mine:
        last = max(span[1] for span in spans)
        newest = last if kind is Kind.EINCOMES else Month.of(last).index
        return all(
            len(theirs) >= one.count and (one.newest is None or newest >= one.newest)
            for one in known_of(who, old, kind)
        )
    if kind is Kind.LIABILITIES:
        return all(any(same_loan(one, other) for other in theirs) for one in mine)
    own = [days_of(kind, one) for one in mine]
    begins = min(span[0] for span in spans) <= min(span[0] for span in own)
    return begins and max(span[1] for span in spans) >= max(span[1] for span in own)


def same_loan(one: Any, other: Any) -> bool:
    """Whether two records are of one loan."""
    return (one.type, one.start, one.currency, one.loan_amount) == (
        other.type,
        other.start,
        other.currency,
        other.loan_amount,
    )


def is_over(who: Applicant, old: Account) -> bool:
    """Whether an account of payroll alone tells of jobs that have ended, or were replaced."""
    paid = held(who, old, Kind.INCOMES)
    if not paid or set(shown(who, old)) - {Kind.INCOMES, Kind.EMPLOYMENTS}:
        return False
    newest = max(Month.of(slip_of(one).last).index for one in paid)
    keys = {key_of(who, one.employer) for one in paid}
    if all(has_ended(who, old, key) for key in keys):
        return True
    return any(goes_on(who, new, old, newest) for new in fresh(who))


def has_ended(who: Applicant, old: Account, key: str) -> bool:
    """Whether all employments at an employer have ended; of no name, all that the account tells."""
    read = read_of(who, Kind.EMPLOYMENTS)
    told = read.records if read is not None else ()
    mine = [
        one for one in told if (key_of(who, one.employer) == key if key else one.source == old.id)
    ]
    return bool(mine) and all(one.end is not None and one.end < who.as_of.date for one in mine)


def goes_on(who: Applicant, new: Account, old: Account, newest: int) -> bool:
    """Whether another job's payroll, no paper, shows every month since and one of the last two."""
    one = connection(who, new)
    if new.id == old.id or one.gig or one.document:
        return False
    if employers(who, new, Kind.INCOMES) & employers(who, old, Kind.INCOMES):
        return False
    paid = {
        Month.of(slip_of(record).last).index
        for record in held(who, new, Kind.INCOMES)
        if (pay_of(record) or 0) > 0
    }
    last = max(paid, default=0)
    if last <= newest or last < Month.of(who.as_of.date).index - 2:
        return False
    return all(month in paid for month in range(newest + 1, last + 1))
