"""The months that amounts rest on: usable and known ones, unless newer truth is bad."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction

from decision_service.domain.accounts import Kind
from decision_service.domain.values import Cause, Money, Month
from tests.oracles.factors.applicant import Applicant, Feeder, Unknown, Wait, feeders
from tests.oracles.factors.monthly_income import (
    Incomes,
    amount_horizon,
    gig_work,
    has_better,
    history,
    is_known,
    is_open,
    observed,
    outstanding,
    refuse_short,
    settled_shares,
    shows_income,
    standing_in,
    transaction_taints,
    unsettled,
    wait_for,
)
from tests.oracles.factors.parts import is_employed, jobs_by_employer, month_income, parts_of
from tests.oracles.factors.records import median, money, too_much_unmapped
from tests.oracles.factors.shares import EARNED, Doubt, Share, stand_in_start
from tests.oracles.factors.sources import Source, due_of
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


NONE = Fraction(0)


def work_sources(incomes: Incomes) -> list[Source]:
    """Payroll and what platforms tell, whether live or not; no paper."""
    return [
        one for one in incomes.sources if (one.payroll or one.platform) and not one.feeder.document
    ]


def judges(incomes: Incomes, month: int) -> list[Source]:
    """The live ones of them that have settled a month."""
    return [one for one in work_sources(incomes) if one.live and one.settled >= month]


def job_pay(incomes: Incomes, source: Source, month: int) -> dict[str, Fraction]:
    """What a payroll says of each job in a month, settled or not."""
    jobs: dict[str, str] = incomes.once("jobs", lambda: jobs_by_employer(incomes))
    found: dict[str, Fraction] = {}
    for share in source.shares:
        ours = share.currency == incomes.who.policy.currency and not share.unread
        if share.month == month and ours:
            job = share.employer if source.platform else jobs[share.employer]
            found[job] = found.get(job, NONE) + share.amount
    return found


def of_account(incomes: Incomes, account: str, month: int) -> dict[Kind, dict[str, Fraction]]:
    """What an account's one telling kind says of a month: pay, else estimates, else trips."""
    mine = {one.kind: one for one in work_sources(incomes) if one.name == account}
    pay = job_pay(incomes, mine[Kind.INCOMES], month) if Kind.INCOMES in mine else {}
    if pay:
        return {Kind.INCOMES: pay}
    trips = mine[Kind.TRANSACTIONS].amounts.get(month) if Kind.TRANSACTIONS in mine else None
    if trips is not None and not any(
        share.month == month and share.cls in EARNED for share in mine[Kind.TRANSACTIONS].shares
    ):
        trips = None
    estimate = mine[Kind.EINCOMES].amounts.get(month) if Kind.EINCOMES in mine else None
    if estimate is not None and (trips is None or trips >= 0):
        return {Kind.EINCOMES: {"": estimate}}
    return {} if trips is None else {Kind.TRANSACTIONS: {"": trips}}


def says(incomes: Incomes, source: Source, month: int) -> Fraction:
    """What one source says of a month, where its account has nothing better."""
    return sum(of_account(incomes, source.name, month).get(source.kind, {}).values(), NONE)


def expected(
    incomes: Incomes, account: str, month: int, before: list[int]
) -> dict[Kind, dict[str, Fraction]]:
    """The same of a later month; what is not settled counts as in the months before, at least."""
    told = {kind: dict(jobs) for kind, jobs in of_account(incomes, account, month).items()}
    for source in work_sources(incomes):
        if source.name != account or not source.live or source.settled >= month:
            continue
        earlier = [of_account(incomes, account, one).get(source.kind, {}) for one in before]
        for job in {job for one in earlier for job in one}:
            usual = median([one.get(job, NONE) for one in earlier])
            if usual > told.get(source.kind, {}).get(job, NONE):
                told.setdefault(source.kind, {})[job] = usual
    return told


def whole_work(incomes: Incomes, month: int, before: list[int] | None = None) -> Fraction:
    """The total of payroll and platforms in a month: the highest account of each job."""
    jobs: dict[str, list[Fraction]] = {}
    platforms: dict[str, list[tuple[bool, Fraction]]] = {}
    for account in sorted({one.name for one in work_sources(incomes)}):
        feeder = next(one.feeder for one in work_sources(incomes) if one.name == account)
        if before is None:
            told = of_account(incomes, account, month)
        else:
            told = expected(incomes, account, month, before)
        if feeder.gig:
            for kind in (Kind.INCOMES, Kind.EINCOMES, Kind.TRANSACTIONS):
                if kind in told:
                    amount = sum(told[kind].values(), NONE)
                    paid = (kind is Kind.INCOMES, amount)
                    platforms.setdefault(feeder.provider_id, []).append(paid)
                    break
        else:
            for job, amount in told.get(Kind.INCOMES, {}).items():
                jobs.setdefault(job, []).append(amount)
    best = [max(amounts) for amounts in jobs.values()] + [max(one)[1] for one in platforms.values()]
    return sum(best, NONE)


def is_low(now: Fraction, usual: Fraction) -> bool:
    """None, or under 60 % of what is usual."""
    return now <= 0 or now < usual * Fraction(60, 100)


def gave_a_third(incomes: Incomes, sources: list[Source], months: list[int]) -> bool:
    """Whether some sources gave a third or more of the income of some months.

    An estimate of no named employer is of the same work as what platforms tell.
    """
    mine = {(one.name, one.kind) for one in sources}
    income, given = NONE, NONE
    for month in months:
        for part in parts_of(incomes, month):
            own = [amount for teller, amount in part.tellers if teller in mine]
            accounts = {name for (name, _), _ in part.tellers}
            if own:
                given += max(own)
            elif part.form == "estimate" and not is_employed(incomes.who, month, accounts):
                worked = sum((says(incomes, one, month) for one in sources), NONE)
                given += max(min(part.amount, worked), NONE)
        income += month_income(incomes, month)
    return income > 0 and given * 3 >= income


def has_dropped(incomes: Incomes, source: Source, month: int, before: list[int]) -> bool:
    """Whether a source tells none of a month, or under 60 % of its median before."""
    usual = median([says(incomes, source, one) for one in before])
    return is_low(says(incomes, source, month), usual)


def young_dropped(incomes: Incomes, source: Source, month: int, before: list[int]) -> bool:
    """Whether a source of less than six months fell, which gave a third of the last three."""
    earned = [
        one for one in {share.month for share in source.shares} if says(incomes, source, one) > 0
    ]
    own = [one for one in before if earned and one >= min(earned)]
    last_three = [one for one in before if one > before[-1] - 3]
    if not own or min(earned) <= before[-1] - 6 or not has_dropped(incomes, source, month, own):
        return False
    return gave_a_third(incomes, [source], last_three)


def fell(incomes: Incomes, month: int, before: list[int]) -> bool:
    """Whether all together fell under 60 %, or a young source and, by an eighth, the total."""
    now = whole_work(incomes, month, before)
    usual = median([whole_work(incomes, one) for one in before])
    if is_low(now, usual) and gave_a_third(incomes, work_sources(incomes), before):
        return True
    lately = median([whole_work(incomes, one) for one in before if one > before[-1] - 3])
    if now > lately * Fraction(7, 8):
        return False
    return any(young_dropped(incomes, one, month, before) for one in judges(incomes, month))


def fallen_month(incomes: Incomes, last: int) -> tuple[int, str | None] | None:
    """The first month after the last known one that fell, and the payroll that shows it."""
    before = [month for month in range(last - 5, last + 1) if observed(incomes, month)]
    month = last + 1
    while judges(incomes, month):
        if fell(incomes, month, before):
            payrolls = [
                one.name
                for one in judges(incomes, month)
                if one.payroll and not one.platform and has_dropped(incomes, one, month, before)
            ]
            return month, min(payrolls, default=None)
        month = month + 1
    return None


def wait_in(incomes: Incomes, month: int) -> Cause | Wait:
    """What is waited for in a month whose amount is not known; nothing mends an overlap."""
    late = outstanding(incomes, month)
    return wait_for(incomes, month, late) if late else Cause.BAD_DATA


def last_known(incomes: Incomes) -> int:
    """The latest month whose amount is known; Unknown where there is none."""
    refuse_short(incomes)
    last = amount_horizon(incomes)
    if last is None:
        if not history(incomes):
            raise Unknown(Cause.SHORT_HISTORY)
        raise Unknown(wait_in(incomes, history(incomes)[0]))
    return last


def newest_truth(incomes: Incomes) -> Cause | Wait | None:
    """What is missing where a later month already shows far less.

    A payroll is named with its month before what is waited for.
    """
    last = last_known(incomes)
    found = fallen_month(incomes, last)
    if found is None:
        return None
    month, payroll = found
    late = wait_in(incomes, next_unknown(incomes, last))
    if payroll is None:
        return late
    return Wait(month, payroll, late.due if isinstance(late, Wait) else None)


def next_unknown(incomes: Incomes, last: int) -> int:
    """The first observed month after the last known one."""
    return min(month for month in history(incomes) if month > last)


def refuse_unknown(incomes: Incomes, months: list[int]) -> None:
    """Raise Unknown for months that cannot be used, or whose amount is not known."""
    last = last_known(incomes)
    causes = unusable(incomes, months)
    fallen = incomes.once("newest truth", lambda: newest_truth(incomes))
    late = [month for month in months if observed(incomes, month) and not is_known(incomes, month)]
    if fallen is not None:
        causes.add(fallen)
    elif late and min(late) <= last:
        causes.add(wait_in(incomes, min(late)))
    if causes:
        raise Unknown(*causes)


def last_amounts(incomes: Incomes, count: int) -> list[int]:
    """The calendar months that end at the latest known one."""
    last = last_known(incomes)
    return list(range(last - count + 1, last + 1))


def seen_amounts(incomes: Incomes, count: int) -> list[int]:
    """The observed ones of them."""
    return [month for month in last_amounts(incomes, count) if observed(incomes, month)]


def seen_figures(incomes: Incomes, count: int) -> list[Fraction]:
    """Their incomes, once all the calendar months can be used."""
    refuse_unknown(incomes, last_amounts(incomes, count))
    return [month_income(incomes, month) for month in seen_amounts(incomes, count)]


def all_amounts(incomes: Incomes) -> list[int]:
    """The observed months up to the latest known one."""
    return [month for month in history(incomes) if month <= last_known(incomes)]


def figures(incomes: Incomes, months: list[int]) -> list[Fraction]:
    """Each month's income, once the months can be used."""
    refuse_unknown(incomes, months)
    return [month_income(incomes, month) for month in months]


def as_money(incomes: Incomes, exact: Fraction) -> Money:
    """In the ruleset's currency."""
    return money(exact, incomes.who.policy.currency)
