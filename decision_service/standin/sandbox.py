"""The four people of the sandbox (`people.yaml`), and what their accounts hold on a day."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from functools import cache, partial

import msgspec

from decision_service.build import packaged
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

REFERENCE_MONTH = month_number("2026-08")
_MIDNIGHT_AND = timedelta(seconds=1)
"""Accounts were synced just after midnight: never in the future, whatever the time of day."""
_RIDDEN_MONTHS = 33


class _Job(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    employer: str
    title: str
    since: int


class _Pay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Net pay of each month from the `first` on; of every three months only some where named."""

    amount: float
    first: int
    rise: float = 1
    spread: float = 0
    paid_of_three: tuple[int, ...] = ()
    contributed_of_three: tuple[int, ...] = ()

    def months(self, today: date, of_three: tuple[int, ...]) -> Iterable[int]:
        newest = settled_month(today)
        if of_three:
            every = range(newest - self.first, newest + 1)
            return [month for month in every if (newest - month) % 3 in of_three]
        return range(newest - self.first, PROMPT.newest(today) + 1)


class _Loan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    type: str
    begun: int
    months: int
    principal: float
    amortization: float
    paid: int


class SandboxAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an account shows; a scheme has `saved` the same each month, or a share of the pay."""

    provider: str
    connected: int
    shows: tuple[str, ...]
    saved: float = 0


class SandboxPerson(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
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
    job: _Job
    pay: _Pay
    accounts: tuple[SandboxAccount, ...]
    loan: _Loan | None = None
    rides: WorkPattern | None = None

    @property
    def user_id(self) -> str:
        return user_id("sandbox", self.user_name)

    def identity(self, origin: Origin) -> Json:
        who = {"email": self.email, "phone": self.phone}
        return identity(origin, self.name, self.born, country=self.country, **who)

    def source(self, account: SandboxAccount, origin: Origin, today: date) -> DataSource:
        items: dict[str, Iterable[Json]] = {"identities": [self.identity(origin)]}
        for kind in account.shows:
            items[kind] = _SHOWN[kind](self, account, origin, today)
        if "transactions" in items:
            items["eincomes"] = platform_estimates(origin, items["transactions"], today)
        return source(origin, items)

    def paid_in(self, month: int) -> float:
        pay = self.pay
        risen = self.pay.rise ** (month - REFERENCE_MONTH)
        return round(pay.amount * risen * (1 + pay.spread * noise(self.user_name, month)), -1)


def _estimates(one: SandboxPerson, _: SandboxAccount, origin: Origin, today: date) -> list[Json]:
    return estimates(origin, one.pay.months(today, one.pay.paid_of_three), one.paid_in)


def _contributions(one: SandboxPerson, at: SandboxAccount, origin: Origin, day: date) -> list[Json]:
    def saved(month: int) -> float:
        return at.saved or contribution_of(one.paid_in(month))

    months = one.pay.months(day, one.pay.contributed_of_three)
    return contributions(origin, months, saved)


def _employments(one: SandboxPerson, _: SandboxAccount, origin: Origin, today: date) -> list[Json]:
    since = first_day(settled_month(today) - one.job.since)
    return [employment(origin, one.job.employer, one.job.title, start=since)]


def _liabilities(one: SandboxPerson, _: SandboxAccount, origin: Origin, today: date) -> list[Json]:
    owed = one.loan
    if owed is None:
        return []
    return [
        loan(
            origin,
            owed.type,
            month_of(today) - owed.begun,
            months=owed.months,
            principal=owed.principal,
            amortization=owed.amortization,
            paid=owed.paid,
        )
    ]


def _incomes(one: SandboxPerson, _: SandboxAccount, origin: Origin, today: date) -> list[Json]:
    """Both halves of every month, each shown the day after it: no month is ever waited for."""

    def gross(month: int) -> float:
        return one.paid_in(month) / NET_SHARE

    span = (first_day(settled_month(today) - one.pay.first), today - timedelta(days=1))
    return incomes(origin, one.job.employer, gross, span=span)


def _transactions(one: SandboxPerson, _: SandboxAccount, origin: Origin, today: date) -> list[Json]:
    first = first_day(month_of(today) - _RIDDEN_MONTHS)
    yesterday = today - timedelta(days=1)
    return [] if one.rides is None else wallet(origin, one.rides, first, last=yesterday)


_SHOWN: Mapping[str, Callable[[SandboxPerson, SandboxAccount, Origin, date], list[Json]]] = {
    "eincomes": _estimates,
    "contributions": _contributions,
    "employments": _employments,
    "liabilities": _liabilities,
    "incomes": _incomes,
    "transactions": _transactions,
}


@cache
def sandbox_people() -> tuple[SandboxPerson, ...]:
    return packaged(__package__, "people.yaml", tuple[SandboxPerson, ...])


def sandbox(today: date) -> World:
    people = sandbox_people()
    builders = {one.user_id: partial(_build, one, one.user_id, today) for one in people}
    christina = next(one for one in people if one.user_name == "Christina")
    unread = {"status": 503, "message": "The data source is not available"}
    fault = Fault("status", "/contributions", christina.user_id, settings=unread)
    return World(today, builders, (fault,))


def person_like(user_name: str, user_id: str, today: date) -> Person:
    """Return another user with the data of one of the four; raises KeyError for another name."""
    return _build({one.user_name: one for one in sandbox_people()}[user_name], user_id, today)


def sandbox_data(user_name: str, today: date, residence: Residence = UNCHANGED) -> Json:
    """A person of the four with accounts, tasks and every item by kind, in the vendor's shapes."""
    own_id = user_id("sandbox", user_name)
    person = residence.of(person_like(user_name, own_id, today))
    return {
        "user": person.user,
        "accounts": [source.account for source in person.sources if source.account],
        "tasks": list(person.tasks),
        **{kind: person.items(kind) for kind in ITEM_KINDS},
    }


def _build(one: SandboxPerson, user_id: str, today: date) -> Person:
    synced = start_of(today) + _MIDNIGHT_AND
    sources: list[DataSource] = []
    tasks: list[Json] = []
    for account in one.accounts:
        connected = synced - timedelta(days=account.connected)
        origin = Origin(user_id, account.provider, connected, synced=synced)
        sources.append(one.source(account, origin, today))
        tasks += tasks_of(origin, sources[-1])
    joined = synced - timedelta(days=max(at.connected for at in one.accounts), minutes=7)
    return Person(user(user_id, joined, {"person": one.user_name}), tuple(sources), tuple(tasks))
