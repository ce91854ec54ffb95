"""The income family: what spoils it, its sources, its horizons, and which months are known."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from decision_service.domain.accounts import Kind
from decision_service.domain.values import Cause, Month
from tests.oracles.factors.applicant import (
    Applicant,
    Feeder,
    Unknown,
    Wait,
    all_records_of,
    broken,
    connection,
    feeders,
    feeders_of,
    feeds,
    nobody_feeds,
    read_of,
    revoked,
)
from tests.oracles.factors.records import too_much_unmapped
from tests.oracles.factors.shares import EARNED, Doubt, Share, doubts, overlapped, stand_in_start
from tests.oracles.factors.sources import (
    Source,
    carved_out,
    due_of,
    live_or_all,
    moves_of,
    silent_months,
    sources_of,
    work_settles,
)
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

if TYPE_CHECKING:
    from collections.abc import Callable

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


@dataclass(frozen=True)
class Incomes:
    """The income family of one applicant, with its horizon for presence and its first month."""

    who: Applicant
    sources: list[Source]
    doubts: list[Doubt]
    horizon: int
    first: int
    memory: dict[Any, Any] = field(default_factory=dict)

    def once(self, key: Any, work: Callable[[], Any]) -> Any:
        """What a piece of work gives, done once."""
        if key not in self.memory:
            self.memory[key] = work()
        return self.memory[key]


def income_records(source: Source) -> list[Share]:
    """The shares of a source that are income records."""
    return [one for one in source.shares if one.transaction is None or one.cls in EARNED]


def has_claims(who: Applicant) -> bool:
    """Whether an unknown provider has told of income, which is dropped."""
    return any(
        all_records_of(who, kind, feeder)
        for feeder in feeders(who)
        if feeder.unknown
        for kind in (Kind.EINCOMES, Kind.INCOMES, Kind.TRANSACTIONS)
    )


def unreadable(who: Applicant) -> set[Cause | Wait]:
    """What spoils transactions that alone could be income."""
    moved = [share for feeder in gig_feeders(who) for share in moves_of(who, feeder)]
    pairs = [(one.feeder.provider_id, one.transaction) for one in moved if one.transaction]
    unclear = {Cause.UNCLASSIFIED} if too_much_unmapped(who.policy, pairs) else set()
    return taints_of_work(who) | unclear


def no_source(who: Applicant) -> Unknown:
    """Why there is no source of income."""
    late = unreadable(who)
    if late:
        return Unknown(*late)
    if has_claims(who):
        return Unknown(Cause.UNKNOWN_PROVIDER)
    if feeders_of(who, [Kind.INCOMES, Kind.EINCOMES]) or gig_feeders(who):
        return Unknown(Cause.NO_DATA)
    return nobody_feeds(who)


def incomes_of(who: Applicant) -> Incomes:
    """The family, or Unknown when it is spoilt, not connected or empty."""
    if "incomes" not in who.memory:
        try:
            who.memory["incomes"] = read_incomes(who)
        except Unknown as unknown:
            who.memory["incomes"] = unknown
    found = who.memory["incomes"]
    if isinstance(found, Unknown):
        raise found
    assert isinstance(found, Incomes)
    return found


def read_incomes(who: Applicant) -> Incomes:
    """The same, read anew."""
    sources = sources_of(who)
    causes = income_taints(who, sources)
    if causes and not sources:
        causes = causes | unreadable(who)
    if causes:
        raise Unknown(*causes)
    if not sources:
        raise no_source(who)
    horizon = max(one.settled for one in live_or_all(sources))
    first = min(one.month for source in sources for one in income_records(source))
    doubtful = [doubt for feeder in feeders(who) for doubt in doubts(who, feeder)]
    return Incomes(who, sources, doubtful, horizon, first)


def refuse_short(incomes: Incomes) -> None:
    """Raise Unknown where no month of the history has come to the horizon."""
    if incomes.horizon < incomes.first:
        raise Unknown(*(taints_of_work(incomes.who) or {Cause.SHORT_HISTORY}))


def settled_shares(incomes: Incomes, kind: Kind, month: int) -> list[Share]:
    """The shares of one kind in a month, but those that are set aside."""
    shares = incomes.once("shares", lambda: by_kind_and_month(incomes))
    found: list[Share] = shares.get((kind, month), [])
    return found


def by_kind_and_month(incomes: Incomes) -> dict[tuple[Kind, int], list[Share]]:
    """Every share that is not set aside; what tells of no earnings is never."""
    found: dict[tuple[Kind, int], list[Share]] = {}
    for source in incomes.sources:
        for share in source.shares:
            if share.month <= source.settled:
                found.setdefault((source.kind, share.month), []).append(share)
    work = [source.name for source in incomes.sources if source.kind is Kind.TRANSACTIONS]
    for feeder in gig_feeders(incomes.who):
        if feeder.id not in work:
            for share in moves_of(incomes.who, feeder):
                found.setdefault((share.kind, share.month), []).append(share)
    return found


def has_better(incomes: Incomes, feeder: Feeder, month: int) -> bool:
    """Whether an account has payroll or an estimate in a month, in the ruleset's currency.

    No estimate takes the place of earnings below zero.
    """
    return has_told(incomes, Kind.INCOMES, feeder, month) or (
        has_told(incomes, Kind.EINCOMES, feeder, month) and not lost(incomes, feeder, month)
    )


def has_told(incomes: Incomes, kind: Kind, feeder: Feeder, month: int) -> bool:
    """Whether an account has a record of a kind in a month, in the ruleset's currency."""
    return any(
        share.feeder.id == feeder.id and share.currency == incomes.who.policy.currency
        for share in settled_shares(incomes, kind, month)
    )


def lost(incomes: Incomes, feeder: Feeder, month: int) -> bool:
    """Whether a platform took back more in a month than it paid, and nothing is told as payroll."""
    if not feeder.gig or has_told(incomes, Kind.INCOMES, feeder, month):
        return False
    return any(
        source.kind is Kind.TRANSACTIONS
        and source.feeder.id == feeder.id
        and source.amount(month) < 0
        for source in incomes.sources
    )


def told_by(incomes: Incomes, source: Source, month: int) -> Fraction:
    """What a source says of a month, but an estimate of a platform that took money back."""
    if source.kind is Kind.EINCOMES and lost(incomes, source.feeder, month):
        return Fraction(0)
    return source.amount(month)


def standing_in(incomes: Incomes, month: int) -> list[Share]:
    """The transactions of a month whose account has nothing better in it."""
    return [
        share
        for share in settled_shares(incomes, Kind.TRANSACTIONS, month)
        if not has_better(incomes, share.feeder, month)
    ]


def earnings_feed(incomes: Incomes) -> bool:
    """Whether in some month an account's earnings are its income."""
    return any(
        share.cls in EARNED and not has_better(incomes, share.feeder, share.month)
        for source in incomes.sources
        if source.kind is Kind.TRANSACTIONS
        for share in source.shares
        if share.month <= source.settled
    )


def observed(incomes: Incomes, month: int) -> bool:
    """Whether a month lies in the history, and what was earned in it could be seen."""
    if not incomes.first <= month <= incomes.horizon:
        return False
    start = Month.of(stand_in_start(incomes.who)).index
    if month >= start or not incomes.once("feed", lambda: earnings_feed(incomes)):
        return True
    told = settled_shares(incomes, Kind.INCOMES, month)
    return bool(told or settled_shares(incomes, Kind.EINCOMES, month))


def history(incomes: Incomes) -> list[int]:
    """The observed months, from the family's first record to the horizon of presence."""
    found: list[int] = incomes.once(
        "history",
        lambda: [
            month for month in range(incomes.first, incomes.horizon + 1) if observed(incomes, month)
        ],
    )
    return found


def shows_income(incomes: Incomes, month: int) -> bool:
    """Whether some source shows income above zero in a month."""
    return any(told_by(incomes, source, month) > 0 for source in incomes.sources)


def unsettled(incomes: Incomes, month: int) -> list[Source]:
    """The live sources (of none live: all) that do not settle a month."""
    return [
        source
        for source in live_or_all(incomes.sources)
        if source.settled < month or month in carved(incomes, source)
    ]


def carved(incomes: Incomes, source: Source) -> set[int]:
    """The months of which a scheme's lag alone makes nothing known."""
    found: set[int] = incomes.once(
        ("carved", source.name, source.kind),
        lambda: carved_out(incomes.who, incomes.sources, source),
    )
    return found


def is_open(incomes: Incomes, month: int) -> bool:
    """Whether it is not known if an observed month has income."""
    if not observed(incomes, month) or shows_income(incomes, month):
        return False
    return bool(unsettled(incomes, month))


def wait_for(incomes: Incomes, month: int, sources: list[Source]) -> Wait:
    """What is waited for in a month: the source that is due first, then in text order."""
    day, name = min((due_of(incomes.who, source, month), source.name) for source in sources)
    return Wait(month, name, day if day >= incomes.who.as_of.date else None)


def formal_payroll(incomes: Incomes, month: int) -> list[Share]:
    """The payroll of accounts that are no gig platforms in a month, in the ruleset's currency;
    of documents too."""
    return [
        one
        for one in settled_shares(incomes, Kind.INCOMES, month)
        if not one.feeder.gig and one.currency == incomes.who.policy.currency and not one.unread
    ]


def outstanding(incomes: Incomes, month: int) -> list[Source]:
    """The sources that could still add to a month's income."""
    paid = [one for one in formal_payroll(incomes, month) if not one.feeder.document]
    if paid:
        return [
            source
            for source in incomes.sources
            if source.live and (source.payroll or source.platform) and source.settled < month
        ]
    return unsettled(incomes, month)


def is_known(incomes: Incomes, month: int) -> bool:
    """Whether nothing outstanding could add to a month's income, and no payslips overlap in it."""
    found: bool = incomes.once(
        ("known", month),
        lambda: not outstanding(incomes, month) and not is_overlapped(incomes, month),
    )
    return found


def is_overlapped(incomes: Incomes, month: int) -> bool:
    """Whether payslips that overlap leave a month open; documents only where they count."""
    real = [one for one in formal_payroll(incomes, month) if not one.feeder.document]
    schemes = [
        one
        for one in settled_shares(incomes, Kind.EINCOMES, month)
        if one.feeder.scheme
        and not one.feeder.document
        and one.currency == incomes.who.policy.currency
    ]
    for source in incomes.sources:
        if not source.payroll or month > source.settled:
            continue
        if source.feeder.document and (real or schemes):
            continue
        if month in overlapped(incomes.who, source.feeder):
            return True
    return False


def amount_horizon(incomes: Incomes) -> int | None:
    """The latest month whose amount is known, where there is one."""
    known = [month for month in history(incomes) if is_known(incomes, month)]
    return max(known, default=None)
