"""Applicants whose work or debt moves: changed platforms, contracts, late pay, money in a circle."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, timedelta
from operator import itemgetter

from bench.people.members import (
    Delivered,
    Job,
    Member,
    Profile,
    delivered,
    payroll,
    platform,
    scheme,
    span,
)
from decision_service.standin.formats import (
    civil_day,
    days,
    first_day,
    last_day,
    month_of,
    seeded_random,
)
from decision_service.standin.sources import CASH_OUT, WorkPattern, incomes, loan
from decision_service.standin.world import Json, Origin, employment, source, transaction

_HALVES = "Semimonthly"
_WALLET_DAYS = 400
Earnings = Callable[[date], Iterable[tuple[str, float, str]]]
"""What a wallet shows of a day: key, amount and description of each line."""


def paid_ten_days_later(member: Member) -> list[Delivered]:
    """Years with one employer whose payroll shows each half month ten days after its cut-off."""
    job = _job(member, member.rng.randint(14, 60))
    return [payroll(member, job, job.provider, _HALVES, shown=10), scheme(member, job, missed=0)]


def salary_loan(member: Member) -> list[Delivered]:
    """Payroll and a scheme, whose salary loan is deducted from the pay and never late."""
    job = _job(member, member.rng.randint(26, 60))
    begun = member.rng.randint(5, 20)
    origin, shown = scheme(member, job, missed=0)
    owed = loan(
        origin,
        "Salary Loan",
        month_of(member.today) - begun,
        24,
        principal=2 * job.pay,
        amortization=round(2 * job.pay * 1.1 / 24, 2),
        paid=begun,
    )
    held = {**shown.items, "liabilities": (owed,)}
    return [
        payroll(member, job, job.provider, _HALVES),
        (origin, replace(shown, items=held)),
    ]


def contract_that_ends(member: Member) -> list[Delivered]:
    """A contract of ten months, whose end in one or two months is on record, and nothing after."""
    ends = month_of(member.today) + member.rng.randint(1, 2)
    job = _job(member, 1)
    return _contracts(member, job, [(ends - 9, ends)])


def contract_renewed(member: Member) -> list[Delivered]:
    """The third contract of five months with one employer, without a day between them."""
    ends = month_of(member.today) + member.rng.randint(1, 3)
    job = _job(member, 1)
    spans = [(ends - 14, ends - 10), (ends - 9, ends - 5), (ends - 4, ends)]
    return _contracts(member, job, spans)


def platform_changed(member: Member) -> list[Delivered]:
    """A year of full days at one platform, and the same days at another since some weeks ago."""
    since = member.rng.randint(50, 100)
    pattern = _full_days(member)
    until = replace(member, today=member.today - timedelta(days=since))
    ended, before = platform(until, "lalamove_ph", 2_500, pattern, begun=(250, 330))
    origin = replace(ended, synced=member.origin("grab_ph").synced)
    left = source(origin, {**before.items})
    now = platform(member, "joyride_ph", 2_500, pattern, begun=(since, since))
    return [(origin, left), now]


def many_tips(member: Member) -> list[Delivered]:
    """Full days at a commission of 10 percent; three tenths of what comes in are tips."""
    rng = member.rng
    fare = rng.randint(110, 160)

    def earned(day: date) -> Iterable[tuple[str, float, str]]:
        dice = seeded_random(member.user_id, day)
        fares = [round(fare * dice.uniform(0.7, 1.4), 2) for _ in range(6)]
        for number, one in enumerate(fares):
            yield f"trip{number}", one, "Trip earnings"
        yield "fee", -round(sum(fares) * 0.10, 2), "Platform commission"
        for number, one in enumerate(fares[::2]):
            yield f"tip{number}", round(one * dice.uniform(0.6, 1.1), 2), "Customer tip"

    return [_wallet(member, "lalamove_ph", _weekdays(member), earned)]


def tips_in_a_circle(member: Member) -> list[Delivered]:
    """Trips of 400 a day, and tips of 1,500 a day that a friend sends and gets back."""
    rng = member.rng

    def earned(day: date) -> Iterable[tuple[str, float, str]]:
        dice = seeded_random(member.user_id, day)
        fares = [round(133 * dice.uniform(0.75, 1.3), 2) for _ in range(3)]
        for number, one in enumerate(fares):
            yield f"trip{number}", one, "Trip earnings"
        yield "fee", -round(sum(fares) * 0.18, 2), "Platform commission"
        for number in range(3):
            yield f"tip{number}", float(dice.randint(400, 600)), "Customer tip"

    return [_wallet(member, rng.choice(("lalamove_ph", "joyride_ph")), _weekdays(member), earned)]


def equal_to_the_peso(member: Member) -> list[Delivered]:
    """The same three fares and the same commission on each day: a friend orders them."""

    def earned(day: date) -> Iterable[tuple[str, float, str]]:
        del day
        for number in range(3):
            yield f"trip{number}", 600.0, "Trip earnings"
        yield "fee", -324.0, "Platform commission"

    return [_wallet(member, "lalamove_ph", _weekdays(member), earned)]


def three_months_in(member: Member) -> list[Delivered]:
    """A first job of three whole months, with a contribution for each of them that has posted."""
    job = replace(_job(member, 1), first=month_of(member.today) - 3)
    return [payroll(member, job, job.provider, _HALVES), scheme(member, job, missed=0)]


def own_business_that_drives(member: Member) -> list[Delivered]:
    """Voluntary contributions on 12,000 for three years, and since half a year rides besides."""
    job = replace(_job(member, 40), employer="Voluntary", pay=12_000.0)
    rides = WorkPattern((0, 1, 2, 3, 4, 5), 4, member.rng.randint(130, 170))
    return [
        scheme(member, job, missed=0),
        platform(member, "grab_ph", 2_500, rides, begun=(190, 240)),
    ]


def laid_off(member: Member) -> list[Delivered]:
    """Pay until four months ago; nobody filed the separation, and the scheme posts late."""
    job = _laid_off(member)
    return [payroll(member, job, job.provider, _HALVES), scheme(member, job, missed=0)]


def laid_off_unseen(member: Member) -> list[Delivered]:
    """The same, of whom the scheme alone is connected."""
    return [scheme(member, _laid_off(member), missed=0)]


IN_MOTION: dict[str, Profile] = {
    profile.__name__: profile
    for profile in (
        paid_ten_days_later, salary_loan, contract_that_ends, contract_renewed, platform_changed,
        many_tips, tips_in_a_circle, equal_to_the_peso, three_months_in, own_business_that_drives,
        laid_off, laid_off_unseen,
    )
}  # fmt: skip
"""The profiles by their names."""


def _job(member: Member, months: int) -> Job:
    pay = round(member.rng.triangular(16_000, 60_000, 24_000), -2)
    return replace(member.job(months), pay=pay)


def _laid_off(member: Member) -> Job:
    last = month_of(member.today) - 4
    job = replace(_job(member, 1), last=last, first=last - member.rng.randint(18, 48))
    return replace(job, reported=False)


def _contracts(member: Member, job: Job, spans: Iterable[tuple[int, int]]) -> list[Delivered]:
    """Payroll of one employer with an employment for each contract, and a scheme that sees no end.

    `spans` are the first and last months of the contracts.
    """
    origin = member.origin(job.provider)
    listed, first = [], month_of(member.today)
    for begins, ends in spans:
        found = employment(origin, job.employer, job.title, first_day(begins), last_day(ends))
        runs = first_day(begins) <= member.today <= last_day(ends)
        listed.append({**found, "status": "Employed"} if runs else found)
        first = min(first, begins)
    whole = replace(job, first=first)
    paid = incomes(origin, job.employer, lambda _: job.pay, span(member, whole), _HALVES)
    shown = delivered(member, origin, {"employments": listed, "incomes": paid})
    return [shown, scheme(member, whole, missed=0)]


def _full_days(member: Member) -> WorkPattern:
    return WorkPattern(_weekdays(member), member.rng.randint(4, 6), member.rng.randint(110, 170))


def _weekdays(member: Member) -> tuple[int, ...]:
    return tuple(sorted(member.rng.sample(range(7), member.rng.randint(5, 6))))


def _wallet(
    member: Member, provider: str, weekdays: tuple[int, ...], earned: Earnings
) -> Delivered:
    """A year of a wallet in which each working day's lines are cashed out on the day."""
    origin = member.origin(provider)
    today = civil_day(origin.synced)
    lines: list[Json] = []
    for day in days(today - timedelta(days=_WALLET_DAYS), today - timedelta(days=1)):
        if day.weekday() in weekdays:
            lines += _lines(origin, day, earned)
    return delivered(member, origin, {"transactions": sorted(lines, key=itemgetter("date"))})


def _lines(origin: Origin, day: date, earned: Earnings) -> list[Json]:
    shown = list(earned(day))
    lines = [transaction(origin, day, key, amount, words) for key, amount, words in shown]
    total = sum(amount for _, amount, _ in shown)
    return [*lines, transaction(origin, day, "out", -float(int(total)), CASH_OUT)]
