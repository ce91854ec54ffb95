"""Sources of income: an account and a kind, which of its months are settled, whether it is live."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from fnmatch import fnmatchcase
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING

from decision_service.domain.accounts import Kind
from decision_service.domain.values import Month
from tests.oracles.factors.applicant import Applicant, Feeder, feeders, records_of
from tests.oracles.factors.records import (
    ceiling_of,
    employer_of,
    employments,
    is_pay_period,
    median,
    net,
    slip_of,
)
from tests.oracles.factors.shares import (
    EARNED,
    Share,
    estimate_shares,
    payroll_shares,
    transaction_shares,
)

if TYPE_CHECKING:
    from decision_service.domain.snapshot import Income


def seen_until(who: Applicant, feeder: Feeder) -> date:
    """The earlier of as_of's date and the sync's; as_of's where no income is to come."""
    moment, over = who.as_of.instant, feeder.ended or feeder.quiet
    if feeder.synced is not None and feeder.synced < moment and not over:
        moment = feeder.synced
    return moment.astimezone(who.as_of.zone).date()


def lines_of(feeder: Feeder, table: tuple[tuple[str, int], ...]) -> list[int]:
    """What the lines of a lag table say that name a feeder's provider, the first one first."""
    return [lag for pattern, lag in table if fnmatchcase(feeder.provider_id, pattern)]


def own_months(who: Applicant, feeder: Feeder) -> int:
    """The months that a line has for a payroll's provider; the default is not for payroll."""
    return next(iter(lines_of(feeder, who.policy.posting_lag)), 0)


def seen_delay(who: Applicant, feeder: Feeder) -> int | None:
    """The longest from a period's end to its first sight; None where readings saw under two."""
    waits = []
    for watch in who.snapshot.watches:
        for end, moment in watch.sights if watch.source == feeder.id else ():
            if moment <= who.as_of.instant:
                waits.append(moment.astimezone(who.as_of.zone).date() - end)
    return max(waits).days if len(waits) > 1 else None


def dated_delay(who: Applicant, feeder: Feeder) -> int | None:
    """The median from a period's end to its pay date; None without pay dates."""
    days = [
        (income.paid - slip_of(income).last).days
        for income in records_of(who, Kind.INCOMES, feeder)
        if income.paid is not None and is_pay_period(income)
    ]
    return ceil(median(days)) if days else None


def usual_delay(who: Applicant, feeder: Feeder) -> int:
    """11 days where every job of an account pays by the half month or oftener, 20 otherwise."""
    by_job: dict[str, list[Income]] = {}
    for income in records_of(who, Kind.INCOMES, feeder):
        if is_pay_period(income) and (slip_of(income).pay or 0) > 0:
            by_job.setdefault(employer_of(who, income), []).append(income)
    long = not by_job
    for pays in by_job.values():
        ends = sorted({slip_of(one).last for one in pays})
        steps = [(ends[at] - ends[at - 1]).days for at in range(1, len(ends))]
        if steps:
            long = long or ceil(median(steps[-6:])) > 16
        else:
            long = long or max(slip_of(one).days for one in pays) not in range(3, 17)
    return 20 if long else 11


def own_delay(who: Applicant, feeder: Feeder) -> int:
    """An account's own delay of pay in whole days."""
    for found in (seen_delay(who, feeder), dated_delay(who, feeder)):
        if found is not None:
            return min(45, 3 + max(2, found))
    months = own_months(who, feeder)
    days = lines_of(feeder, who.policy.posting_lag_days)
    if months > 0:
        return 31 * months
    return days[0] if days else usual_delay(who, feeder)


def due_date(who: Applicant, feeder: Feeder, kind: Kind, month: int) -> date:
    """The first date on which a month's lag has passed."""
    months = who.policy.lag_months(feeder.provider_id)
    if kind is Kind.INCOMES:
        months = own_months(who, feeder)
    if months > 0:
        return Month(month).plus(1 + months).first_day
    days = who.policy.lag_days(feeder.provider_id)
    if kind is Kind.INCOMES:
        days = own_delay(who, feeder)
    return Month(month).last_day + timedelta(days=days + 1)


def has_ended(who: Applicant, feeder: Feeder, month: int) -> bool:
    """Whether a month had ended when the feeder was last seen."""
    return Month(month).last_day < seen_until(who, feeder)


def lag_passed(who: Applicant, feeder: Feeder, kind: Kind, month: int) -> bool:
    """Whether a month had ended and its lag had passed when the feeder was last seen."""
    seen = seen_until(who, feeder)
    return has_ended(who, feeder, month) and due_date(who, feeder, kind, month) <= seen


def lag_month(who: Applicant, feeder: Feeder, kind: Kind) -> int:
    """The latest month whose lag had passed."""
    month = Month.of(seen_until(who, feeder)).index
    while not lag_passed(who, feeder, kind, month):
        month = month - 1
    return month


def settled_month(
    who: Applicant, feeder: Feeder, kind: Kind, in_it: set[int], told_in: set[int]
) -> int:
    """The latest month that is settled: `in_it` are months posted by a record that ends them,
    `told_in` the months in which some record counts, which posts all months before."""
    month = Month.of(seen_until(who, feeder)).index
    while True:
        posted = month in in_it or any(later > month for later in told_in)
        if has_ended(who, feeder, month) and (posted or lag_passed(who, feeder, kind, month)):
            return month
        month = month - 1


@dataclass(frozen=True)
class Source:
    """One account's records of one kind, `settled` to a month; `amounts` are its own, by month."""

    feeder: Feeder
    kind: Kind
    settled: int
    shares: list[Share]
    amounts: dict[int, Fraction]
    newest: int

    @property
    def live(self) -> bool:
        """Whether its newest month with income is at most three before the settled one; no file."""
        if self.feeder.document:
            return False
        earned = [month for month, amount in self.amounts.items() if amount > 0]
        return bool(earned) and max(earned) >= self.settled - 3

    @property
    def payroll(self) -> bool:
        return self.kind is Kind.INCOMES

    @property
    def platform(self) -> bool:
        return self.feeder.gig

    @property
    def scheme(self) -> bool:
        """Whether it is a scheme's estimates."""
        return self.kind is Kind.EINCOMES and self.feeder.scheme

    @property
    def name(self) -> str:
        """The account or file that is named where the source is waited for."""
        return self.feeder.id

    def amount(self, month: int) -> Fraction:
        """What it says of a month that it has settled."""
        if month > self.settled:
            return Fraction(0)
        return self.amounts.get(month, Fraction(0))


def posted_by(who: Applicant, feeder: Feeder, kind: Kind, shares: list[Share]) -> set[int]:
    """The months that a record in them posts: payroll only by one that ends in their last week."""
    if kind is not Kind.INCOMES:
        return {share.month for share in shares}
    found = set()
    for income in records_of(who, Kind.INCOMES, feeder):
        last: date = slip_of(income).last
        month = Month.of(last)
        if last > month.last_day - timedelta(days=7):
            found.add(month.index)
    return found


def paid_in(who: Applicant, feeder: Feeder) -> set[int]:
    """The months before which payroll posts all: where a period ends, and of one of over a month
    that has not ended where it begins."""
    found = set()
    for income in records_of(who, Kind.INCOMES, feeder):
        slip = slip_of(income)
        runs = slip.days > 31 and Month.of(slip.last) >= Month.of(seen_until(who, feeder))
        found.add(Month.of(slip.start if runs else slip.last).index)
    return found


def amounts_of(who: Applicant, kind: Kind, shares: list[Share]) -> dict[int, Fraction]:
    """What one source says of each month in the ruleset's currency."""
    domestic = [share for share in shares if share.currency == who.policy.currency]
    months = {share.month for share in domestic}
    if kind is Kind.TRANSACTIONS:
        moves = [
            (share.transaction.date, share.amount, share.cls)
            for share in domestic
            if share.transaction is not None
        ]
        return {month: net(moves, month) for month in months}
    return {
        month: sum((one.amount for one in domestic if one.month == month), Fraction(0))
        for month in months
    }


def source_of(who: Applicant, feeder: Feeder, kind: Kind, shares: list[Share]) -> Source | None:
    """A source, or None where the account has no income record of the kind."""
    records = [one for one in shares if one.transaction is None or one.cls in EARNED]
    if not records:
        return None
    told_in = {share.month for share in records}
    later = told_in if kind is not Kind.INCOMES else paid_in(who, feeder)
    in_it = posted_by(who, feeder, kind, records)
    settled = settled_month(who, feeder, kind, in_it, later)
    amounts = amounts_of(who, kind, shares)
    if kind is Kind.EINCOMES:
        ceilings = {month: ceiling_of(who, feeder.provider_id, month) for month in amounts}
        amounts = {
            month: amount if (most := ceilings[month]) is None else min(amount, Fraction(most))
            for month, amount in amounts.items()
        }
    return Source(feeder, kind, settled, shares, amounts, max(told_in))


def moves_of(who: Applicant, feeder: Feeder) -> list[Share]:
    """An account's transactions, whatever their class."""
    return transaction_shares(who, feeder, records_of(who, Kind.TRANSACTIONS, feeder))


def sources_of(who: Applicant) -> list[Source]:
    found = []
    for feeder in feeders(who):
        found.append(source_of(who, feeder, Kind.INCOMES, payroll_shares(who, feeder)))
        found.append(source_of(who, feeder, Kind.EINCOMES, estimate_shares(who, feeder)))
        if feeder.gig:
            found.append(source_of(who, feeder, Kind.TRANSACTIONS, moves_of(who, feeder)))
    return [source for source in found if source is not None]


def live_or_all(sources: list[Source]) -> list[Source]:
    """The live sources; of none live, all."""
    return [one for one in sources if one.live] or sources


def ended_since(who: Applicant, month: int) -> bool:
    """Whether an employment on record ended in a month or later."""
    for one in employments(who):
        if one.end is not None and one.end < who.as_of.date and Month.of(one.end).index >= month:
            return True
    return False


def work_settles(sources: list[Source], month: int) -> bool:
    """Whether a live payroll or platform source has settled a month."""
    return any(
        one.live and (one.payroll or one.platform) and one.settled >= month for one in sources
    )


def silent_months(source: Source) -> list[int]:
    """The months after a scheme's newest record of which its lag alone makes nothing known."""
    if not source.scheme:
        return []
    last = min(source.settled, source.newest + 13)
    return list(range(source.newest + 1, last + 1))


def carved_out(who: Applicant, sources: list[Source], source: Source) -> set[int]:
    """Those of them that neither an ended job nor payroll or a platform makes zero."""
    if ended_since(who, source.newest):
        return set()
    return {month for month in silent_months(source) if not work_settles(sources, month)}


def due_of(who: Applicant, source: Source, month: int) -> date:
    """When a month of a source is due."""
    return due_date(who, source.feeder, source.kind, month)
