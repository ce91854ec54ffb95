"""The four people of the vendor's sandbox, and what their accounts hold on a day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

from decision_service.standin.faults import Fault
from decision_service.standin.formats import (
    first_day,
    month_number,
    month_of,
    noise,
    settled_month,
    start_of,
    user_id,
)
from decision_service.standin.sources import (
    NET_SHARE,
    PROMPT,
    WorkPattern,
    contribution_of,
    contributions,
    estimates,
    incomes,
    loan,
    platform_estimates,
    wallet,
)
from decision_service.standin.world import (
    ITEM_KINDS,
    UNCHANGED,
    AmountOf,
    DataSource,
    Json,
    Origin,
    Person,
    Residence,
    World,
    employment,
    identity,
    source,
    tasks_of,
    user,
)

SourceBuilder = Callable[[Origin, Json, date], DataSource]
Accounts = tuple[tuple[str, int, SourceBuilder], ...]
"""A person's accounts: provider, days since the connection, and builder of the data."""
REFERENCE_MONTH = month_number("2026-08")
_MIDNIGHT_AND = timedelta(seconds=1)
"""Accounts were synced just after midnight: never in the future, whatever the time of day."""


def contributions_for(pay: AmountOf) -> AmountOf:
    return lambda month: contribution_of(pay(month))


def gross_of(pay: AmountOf) -> AmountOf:
    return lambda month: pay(month) / NET_SHARE


_ANISHAS_EMPLOYER = "Cebu Event Crews Cooperative"


def _anishas_pay(month: int) -> float:
    return round(16_000 * (1 + 0.02 * noise("Anisha", month)), -1)


def _anishas_sss(origin: Origin, who: Json, today: date) -> DataSource:
    """Paid in two months of every three, contributed for in one, counted from the newest month.

    The newest month that a scheme must have posted by today is one with pay: nothing is waited for,
    and every twelve months before it hold eight with pay and four with a contribution.
    """
    newest = settled_month(today)
    steps = {month: (newest - month) % 3 for month in range(newest - 35, newest + 1)}
    paid = [month for month, step in steps.items() if step != 1]
    contributed = [month for month, step in steps.items() if step == 0]
    job = employment(origin, _ANISHAS_EMPLOYER, "Stage technician", first_day(newest - 35))
    items = {
        "identities": [who],
        "eincomes": estimates(origin, paid, _anishas_pay),
        "contributions": contributions(origin, contributed, contributions_for(_anishas_pay)),
        "employments": [job],
    }
    return source(origin, items)


_CHRISTINAS_EMPLOYER = "Luzon Telecommunications, Inc."
_CHRISTINAS_WEEKENDS = WorkPattern(
    weekdays=(4, 5, 6), trips=2, per_trip=320, trip="GrabFood delivery earnings"
)


def _christinas_pay(month: int) -> float:
    return round(28_000 * (1 + 0.015 * noise("Christina", month)), -1)


def _christinas_sss(origin: Origin, who: Json, today: date) -> DataSource:
    first = settled_month(today) - 39
    months = range(first, PROMPT.newest(today) + 1)
    items = {
        "identities": [who],
        "eincomes": estimates(origin, months, _christinas_pay),
        "contributions": contributions(origin, months, contributions_for(_christinas_pay)),
        "employments": [
            employment(origin, _CHRISTINAS_EMPLOYER, "Billing analyst", first_day(first))
        ],
    }
    return source(origin, items)


def _christinas_grab(origin: Origin, who: Json, today: date) -> DataSource:
    first = first_day(month_of(today) - 33)
    entries = wallet(origin, _CHRISTINAS_WEEKENDS, first, today - timedelta(days=1))
    estimated = platform_estimates(origin, entries, today)
    return source(origin, {"identities": [who], "transactions": entries, "eincomes": estimated})


_GEORGES_EMPLOYER = "Pasig Logistics Services, Inc."
_INSTALMENTS, _REPAID = 24, 21


def _georges_pay(month: int) -> float:
    rise = 1.002 ** (month - REFERENCE_MONTH)
    return round(35_000 * rise * (1 + 0.008 * noise("George", month)), -1)


def _georges_months(today: date) -> range:
    return range(settled_month(today) - 37, PROMPT.newest(today) + 1)


def _georges_job(origin: Origin, today: date) -> Json:
    started = first_day(settled_month(today) - 61)
    return employment(origin, _GEORGES_EMPLOYER, "Warehouse supervisor", started)


def _georges_sss(origin: Origin, who: Json, today: date) -> DataSource:
    months = _georges_months(today)
    owed = loan(
        origin,
        "Salary Loan",
        month_of(today) - _REPAID,
        _INSTALMENTS,
        principal=20_000,
        amortization=922.90,
        paid=_REPAID,
    )
    items = {
        "identities": [who],
        "eincomes": estimates(origin, months, _georges_pay),
        "contributions": contributions(origin, months, contributions_for(_georges_pay)),
        "employments": [_georges_job(origin, today)],
        "liabilities": [owed],
    }
    return source(origin, items)


def _georges_pagibig(origin: Origin, who: Json, today: date) -> DataSource:
    saved = contributions(origin, _georges_months(today), lambda _: 400)
    items = {
        "identities": [who],
        "employments": [_georges_job(origin, today)],
        "contributions": saved,
    }
    return source(origin, items)


def _georges_payroll(origin: Origin, who: Json, today: date) -> DataSource:
    """Both halves of every month, each shown the day after it: no month is ever waited for."""
    span = (first_day(settled_month(today) - 37), today - timedelta(days=1))
    paid = incomes(origin, _GEORGES_EMPLOYER, gross_of(_georges_pay), span)
    items = {"identities": [who], "employments": [_georges_job(origin, today)], "incomes": paid}
    return source(origin, items)


_RYANS_EMPLOYER = "Bayan Calls Outsourcing, Inc."
_RYANS_MONTHS = 3
"""Complete months of work; fewer than any version of the shipped loan asks for."""


def _ryans_pay(_: int) -> float:
    return 13_000


def _ryans_first_month(today: date) -> int:
    return month_of(today) - _RYANS_MONTHS


def _ryans_job(origin: Origin, today: date) -> Json:
    started = first_day(_ryans_first_month(today))
    return employment(origin, _RYANS_EMPLOYER, "Customer support agent", started)


def _ryans_sss(origin: Origin, who: Json, today: date) -> DataSource:
    """The first month of work, and from the 15th on the second: more has not been posted yet.

    0.35 × 13,000 − 4,468.79 leaves ₱ 81.21 a month.
    """
    months = range(_ryans_first_month(today), PROMPT.newest(today) + 1)
    owed = loan(
        origin,
        "Consolidated Loan",
        month_of(today) - 3,
        12,
        principal=50_000,
        amortization=4_468.79,
        paid=3,
    )
    items = {
        "identities": [who],
        "eincomes": estimates(origin, months, _ryans_pay),
        "contributions": contributions(origin, months, contributions_for(_ryans_pay)),
        "employments": [_ryans_job(origin, today)],
        "liabilities": [owed],
    }
    return source(origin, items)


def _ryans_payroll(origin: Origin, who: Json, today: date) -> DataSource:
    span = (first_day(_ryans_first_month(today)), today - timedelta(days=1))
    paid = incomes(origin, _RYANS_EMPLOYER, gross_of(_ryans_pay), span)
    items = {"identities": [who], "employments": [_ryans_job(origin, today)], "incomes": paid}
    return source(origin, items)


@dataclass(frozen=True, slots=True)
class SandboxPerson:
    """One of the four, who may live in another `country`; all accounts are Philippine, in PHP."""

    user_name: str
    name: str
    country: str
    email: str
    phone: str
    password: str
    code: str
    born: date
    story: str
    accounts: Accounts

    @property
    def user_id(self) -> str:
        return user_id("sandbox", self.user_name)

    def identity(self, origin: Origin) -> Json:
        who = {"email": self.email, "phone": self.phone}
        return identity(origin, self.name, self.born, self.country, **who)


_PEOPLE = (
    SandboxPerson(
        "George",
        "George Palomero Jr.",
        "PH",
        "gpalomero1234@smileapi.io",
        "+639559991234",
        "123456",
        "1234",
        date(1985, 8, 24),
        "Three years of steady, gently rising pay around ₱ 35,000, on the payroll and with two "
        "schemes alike, and one small loan nearly repaid: meant to be approved.",
        (
            ("sss_ph", 640, _georges_sss),
            ("pagibig_ph", 410, _georges_pagibig),
            ("sprout_ph", 405, _georges_payroll),
        ),
    ),
    SandboxPerson(
        "Ryan",
        "Ryan Lestari",
        "ID",
        "ryan1234@smileapi.io",
        "+628119994321",
        "654321",
        "1234",
        date(2001, 3, 2),
        "Started work lately: the payroll shows just three months, and a loan takes nearly all "
        "that ₱ 13,000 a month can carry: meant to be declined.",
        (("sss_ph", 12, _ryans_sss), ("bayancalls_ph", 11, _ryans_payroll)),
    ),
    SandboxPerson(
        "Christina",
        "Christina Tan",
        "SG",
        "christina4321@smileapi.io",
        "+6599996789",
        "YGUS1",
        "1234",
        date(1992, 11, 19),
        "A good income every month from a job and weekend deliveries, but her contributions always "
        "fail to be read (503): meant to be referred for what could not be read.",
        (("sss_ph", 300, _christinas_sss), ("grab_ph", 299, _christinas_grab)),
    ),
    SandboxPerson(
        "Anisha",
        "Anisha Bhatia",
        "IN",
        "anisha98765@smileapi.io",
        "+919511198765",
        "123456",
        "1234",
        date(1995, 6, 7),
        "Project work around ₱ 16,000 in two months of every three, contributions in one of three, "
        "counted back from the newest month: meant to land in the grey zone.",
        (("sss_ph", 95, _anishas_sss),),
    ),
)


def sandbox_people() -> tuple[SandboxPerson, ...]:
    return _PEOPLE


def sandbox(today: date) -> World:
    builders = {one.user_id: partial(_build, one, one.user_id, today) for one in _PEOPLE}
    christina = next(one for one in _PEOPLE if one.user_name == "Christina")
    unread = {"status": 503, "message": "The data source is not available"}
    fault = Fault("status", "/contributions", christina.user_id, settings=unread)
    return World(today, builders, (fault,))


def person_like(user_name: str, user_id: str, today: date) -> Person:
    """Return another user with the data of one of the four; raises KeyError for another name."""
    return _build({one.user_name: one for one in _PEOPLE}[user_name], user_id, today)


def sandbox_data(user_name: str, today: date, residence: Residence = UNCHANGED) -> Json:
    """A person of the four with accounts, tasks and every item by kind, in the vendor's shapes."""
    found = {one.user_name: one for one in _PEOPLE}[user_name]
    person = residence.of(_build(found, found.user_id, today))
    return {
        "user": person.user,
        "accounts": [source.account for source in person.sources if source.account],
        "tasks": list(person.tasks),
        **{
            kind: [item for source in person.sources for item in source.of(kind)]
            for kind in ITEM_KINDS
        },
    }


def _build(one: SandboxPerson, user_id: str, today: date) -> Person:
    synced = start_of(today) + _MIDNIGHT_AND
    sources: list[DataSource] = []
    tasks: list[Json] = []
    for provider, days, build in one.accounts:
        origin = Origin(user_id, provider, synced - timedelta(days=days), synced)
        sources.append(build(origin, one.identity(origin), today))
        tasks += tasks_of(origin, sources[-1])
    oldest = max(days for _, days, _ in one.accounts)
    joined = synced - timedelta(days=oldest, minutes=7)
    return Person(user(user_id, joined, {"person": one.user_name}), tuple(sources), tuple(tasks))
