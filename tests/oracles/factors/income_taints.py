"""What spoils income as a whole, and what spoils the months in which transactions stand in."""

from __future__ import annotations

from decision_service.domain.accounts import Kind
from decision_service.domain.values import Cause
from tests.oracles.factors.applicant import (
    Applicant,
    Feeder,
    Wait,
    broken,
    connection,
    feeders,
    feeds,
    read_of,
    revoked,
)
from tests.oracles.factors.shares import stand_in_start
from tests.oracles.factors.sources import Source, live_or_all, silent_months, work_settles
from tests.oracles.factors.taints import (
    contradicts_itself,
    faults_of_kind,
    first_sync,
    has_bad_date,
    hides_income,
    is_expired,
    is_stale_in,
    taints_of_kind,
)

Causes = set[Cause | Wait]


def tells_monthly(who: Applicant, feeder: Feeder) -> bool:
    """Whether a feeder may give payroll or estimates."""
    return feeds(who, feeder, Kind.INCOMES) or feeds(who, feeder, Kind.EINCOMES)


def feeds_income(who: Applicant, feeder: Feeder) -> bool:
    """Whether a feeder belongs to the income family."""
    if tells_monthly(who, feeder):
        return True
    return feeder.gig and feeds(who, feeder, Kind.TRANSACTIONS)


def gig_feeders(who: Applicant) -> list[Feeder]:
    """The gig accounts whose transactions can stand in."""
    return [one for one in feeders(who) if one.gig and feeds(who, one, Kind.TRANSACTIONS)]


def gig_work(who: Applicant) -> list[Feeder]:
    """The same, and those that delivered data and do not any more."""
    gone = [one for one in broken(who) if one.gig and feeds(who, one, Kind.TRANSACTIONS)]
    return gig_feeders(who) + gone


def first_syncs_of_income(who: Applicant) -> Causes:
    """What first collections that still run make of income.

    Of a gig account that counts and has transactions alone they spoil the months of these.
    """
    causes: Causes = set()
    used = [feeder.id for feeder in feeders(who)]
    for account in who.snapshot.accounts:
        cause, feeder = first_sync(who, account), connection(who, account)
        if cause is None or not feeds_income(who, feeder):
            continue
        if tells_monthly(who, feeder) or account.id not in used:
            causes.add(cause)
    return causes


def revocations(who: Applicant) -> Causes:
    """EXPIRED where a revoked account alone could tell, or fed the income until just now."""
    gone = revoked(who)
    if any(hides_income(who, feeder) for feeder in gone):
        return {Cause.EXPIRED}
    alone = not any(feeds_income(who, feeder) for feeder in feeders(who))
    if alone and any(feeds_income(who, feeder) for feeder in gone):
        return {Cause.EXPIRED}
    return set()


def income_taints(who: Applicant, sources: list[Source]) -> Causes:
    """What spoils income in every month."""
    causes: Causes = {fault.cause for fault in who.snapshot.account_faults}
    for kind in (Kind.INCOMES, Kind.EINCOMES):
        causes = causes | taints_of_kind(who, kind)
        if is_expired(who, kind, feeders(who)):
            causes.add(Cause.EXPIRED)
    causes = causes | first_syncs_of_income(who) | revocations(who)
    if employments_matter(sources) or who.snapshot.employments is None:
        causes = causes | taints_of_kind(who, Kind.EMPLOYMENTS)
        if is_expired(who, Kind.EMPLOYMENTS, feeders(who)):
            causes.add(Cause.EXPIRED)
    return causes


def employments_matter(sources: list[Source]) -> bool:
    """Whether an ended job would make a scheme's silence a zero, and nothing else does."""
    return any(
        not work_settles(sources, month)
        for source in live_or_all(sources)
        for month in silent_months(source)
    )


def transaction_taints(who: Applicant, feeder: Feeder) -> Causes:
    """What spoils the months in which the transactions of a gig account stand in."""
    causes: Causes = set(faults_of_kind(who, Kind.TRANSACTIONS, [feeder]))
    if feeder in broken(who):
        causes.add(Cause.PARTIAL)
    elif is_stale_in(who, feeder, Kind.TRANSACTIONS):
        causes.add(Cause.STALE)
    running = None if feeder.account is None else first_sync(who, feeder.account)
    if running is not None:
        causes.add(running)
    kind = Kind.TRANSACTIONS
    if has_bad_date(who, kind, [feeder]) or contradicts_itself(who, kind, feeder):
        causes.add(Cause.BAD_DATA)
    if is_expired(who, Kind.TRANSACTIONS, gig_feeders(who)):
        causes.add(Cause.EXPIRED)
    read = read_of(who, Kind.TRANSACTIONS)
    if read is not None and read.first_day is not None and read.first_day > stand_in_start(who):
        causes.add(Cause.NOT_FETCHED)
    return causes


def taints_of_work(who: Applicant) -> Causes:
    """What spoils the transactions of any gig account."""
    causes: Causes = set()
    for feeder in gig_work(who):
        causes = causes | transaction_taints(who, feeder)
    return causes
