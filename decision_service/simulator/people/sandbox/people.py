"""The four sandbox people: their identities, their logins and their data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

from decision_service.simulator.faults.plan import Fault
from decision_service.simulator.formats.ids import user_id
from decision_service.simulator.people.residence import UNCHANGED, Residence
from decision_service.simulator.people.sandbox import anisha, christina, george, ryan
from decision_service.simulator.people.sandbox.accounts import SandboxAccounts
from decision_service.simulator.people.shapes import Origin, identity, tasks_of, user
from decision_service.simulator.people.world import ITEM_KINDS, Json, Person, World


@dataclass(frozen=True, slots=True)
class SandboxPerson:
    """One of the four, as the sandbox's documentation introduces them.

    `country` is where they live; all their accounts are at Philippine providers, in PHP.
    `story` says in one sentence what their data looks like and why.
    """

    user_name: str
    name: str
    country: str
    email: str
    phone: str
    password: str
    code: str
    born: date
    story: str
    accounts: SandboxAccounts

    @property
    def user_id(self) -> str:
        """The vendor's user id, the same every day."""
        return user_id("sandbox", self.user_name)


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
        "Three years of steady, gently rising pay around ₱ 35,000, told by the payroll and by two "
        "schemes alike, and one small loan nearly repaid: meant to be approved.",
        george.ACCOUNTS,
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
        ryan.ACCOUNTS,
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
        christina.ACCOUNTS,
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
        anisha.ACCOUNTS,
    ),
)


def sandbox_people() -> tuple[SandboxPerson, ...]:
    """Return the four sandbox people."""
    return _PEOPLE


def sandbox(today: date) -> World:
    """Return the world of the four, their data ending on this day."""
    builders = {one.user_id: partial(_build, one, one.user_id, today) for one in _PEOPLE}
    return World(today, builders, _christinas_faults())


def person_like(user_name: str, user_id: str, today: date) -> Person:
    """Return another user with the data of one of the four; raises KeyError for another name."""
    return _build({one.user_name: one for one in _PEOPLE}[user_name], user_id, today)


def person_data(person: Person) -> Json:
    """Return a user with accounts, tasks and every item by kind, in the vendor's shapes."""
    return {
        "user": person.user,
        "accounts": [source.account for source in person.sources if source.account],
        "tasks": list(person.tasks),
        **{
            kind: [item for source in person.sources for item in source.of(kind)]
            for kind in ITEM_KINDS
        },
    }


def sandbox_data(
    user_name: str,
    today: date,
    residence: Residence = UNCHANGED,
) -> Json:
    """Return everything about one of the four; raises KeyError for another name."""
    found = {one.user_name: one for one in _PEOPLE}[user_name]
    return person_data(residence.of(_build(found, found.user_id, today)))


def _build(one: SandboxPerson, user_id: str, today: date) -> Person:
    origins = one.accounts.origins(user_id, today)
    sources = tuple(
        build(origin, _identity(one, origin), today)
        for build, origin in zip(one.accounts.builders, origins, strict=True)
    )
    oldest = min(origin.connected for origin in origins)
    tasks = [task for origin, source in zip(origins, sources, strict=True)
             for task in tasks_of(origin, source)]  # fmt: skip
    joined = oldest - timedelta(minutes=7)
    return Person(user(user_id, joined, {"person": one.user_name}), sources, tuple(tasks))


def _identity(one: SandboxPerson, origin: Origin) -> Json:
    return identity(origin, one.name, one.born, one.country, email=one.email, phone=one.phone)


def _christinas_faults() -> tuple[Fault, ...]:
    """Her contributions cannot be read."""
    christina = next(one for one in _PEOPLE if one.user_name == "Christina")
    settings = {"status": 503, "message": "The data source is not available"}
    return (Fault("status", "/contributions", christina.user_id, settings=settings),)
