"""A person of a population, with accounts and jobs drawn from a seeded generator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from decision_service.simulator.formats.dates import first_day, last_day, settled_month, start_of
from decision_service.simulator.formats.ids import noise
from decision_service.simulator.people.shapes import Origin, employment, identity
from decision_service.simulator.people.world import DataSource, Json

_FIRST_NAMES = ("Maria", "Jose", "Ana", "Mark", "Liza", "Ramon", "Grace", "Paolo", "Joy", "Nestor")
_LAST_NAMES = ("Santos", "Reyes", "Cruz", "Bautista", "Ocampo", "Garcia", "Mendoza", "Torres")
_EMPLOYERS = (
    ("Jolli Kusina Restaurants, Inc.", "jollikusina_ph"),
    ("Luzon Telecommunications, Inc.", "luzontel_ph"),
    ("Visaya Garment Manufacturing Corporation", "visayagarment_ph"),
    ("Bayan Calls Outsourcing, Inc.", "bayancalls_ph"),
)
_TITLES = ("Clerk", "Technician", "Team lead", "Machine operator", "Cashier", "Analyst")
Delivered = tuple[Origin, DataSource]


@dataclass(frozen=True, slots=True)
class Member:
    """A person of a population: user id, random generator, today, date of birth."""

    user_id: str
    rng: Random
    today: date
    born: date

    def origin(self, provider: str, key: str = "1", kind: str = "ACCOUNT") -> Origin:
        """Return an account connected lately or long ago and synced today, or files handed in."""
        synced = self._morning
        longest = 400 if kind == "ACCOUNT" else 60
        connected = synced - timedelta(days=self.rng.randint(1, longest), minutes=13)
        last = synced if kind == "ACCOUNT" else connected
        return Origin(self.user_id, provider, connected, last, key, kind)

    def arriving(self, provider: str) -> Origin:
        """Return an account that was connected today and whose first sync has not finished."""
        return Origin(self.user_id, provider, self._morning, self._morning, arriving=True)

    def identity(self, origin: Origin) -> Json:
        """Return who the person is, as every one of their sources says."""
        digits = int(self.user_id[-6:], 16)
        first = _FIRST_NAMES[digits % len(_FIRST_NAMES)]
        last = _LAST_NAMES[digits // 16 % len(_LAST_NAMES)]
        email = f"{first}.{last}.{digits:06x}@mail.example".lower()
        phone = f"+63917{digits % 10_000_000:07}"
        return identity(origin, f"{first} {last}", self.born, "PH", email=email, phone=phone)

    def job(self, months: int, last: int | None = None) -> Job:
        """Return a job of so many months, up to the settled month or to a last one."""
        employer, provider = self.rng.choice(_EMPLOYERS)
        pay = round(self.rng.triangular(9_000, 80_000, 19_000), -2)
        end = last if last is not None else settled_month(self.today)
        return Job(employer, provider, self.rng.choice(_TITLES), pay, end - months + 1, last)

    @property
    def _morning(self) -> datetime:
        return start_of(self.today) + timedelta(seconds=1)


Profile = Callable[[Member], list[Delivered]]


@dataclass(frozen=True, slots=True)
class Job:
    """A job: employer, the employer's own provider, title, monthly pay, first and last month.

    `reported` says whether the sources name the end of a job that has one.
    """

    employer: str
    provider: str
    title: str
    pay: float
    first: int
    last: int | None = None
    reported: bool = True

    def pay_in(self, month: int) -> float:
        """Return what a month paid, as a scheme books it."""
        return round(self.pay * (1 + 0.02 * noise(self.employer, self.pay, month)), 2)

    def employment(self, origin: Origin) -> Json:
        """Return the job as a source lists it."""
        end = None if self.last is None or not self.reported else last_day(self.last)
        return employment(origin, self.employer, self.title, first_day(self.first), end)
