"""A person of a population: accounts and jobs drawn by a seed, and their data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from decision_service.standin.formats import (
    civil_day,
    first_day,
    last_day,
    month_of,
    noise,
    settled_month,
    start_of,
    supported_kinds,
)
from decision_service.standin.sources import (
    PAYDAYS_A_YEAR,
    PROMPT,
    Posting,
    WorkPattern,
    contribution_of,
    contributions,
    estimates,
    incomes,
    loan,
    payslip,
    platform_estimates,
    wallet,
)
from decision_service.standin.world import (
    DataSource,
    Json,
    Origin,
    employment,
    identity,
    link,
    money,
    source,
)

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
        synced = self._morning
        longest = 400 if kind == "ACCOUNT" else 60
        connected = synced - timedelta(days=self.rng.randint(1, longest), minutes=13)
        last = synced if kind == "ACCOUNT" else connected
        return Origin(self.user_id, provider, connected, last, key, kind)

    def arriving(self, provider: str) -> Origin:
        return Origin(self.user_id, provider, self._morning, self._morning, arriving=True)

    def identity(self, origin: Origin) -> Json:
        digits = int(self.user_id[-6:], 16)
        first = _FIRST_NAMES[digits % len(_FIRST_NAMES)]
        last = _LAST_NAMES[digits // 16 % len(_LAST_NAMES)]
        email = f"{first}.{last}.{digits:06x}@mail.example".lower()
        phone = f"+63917{digits % 10_000_000:07}"
        return identity(origin, f"{first} {last}", self.born, "PH", email=email, phone=phone)

    def job(self, months: int, last: int | None = None) -> Job:
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
        return round(self.pay * (1 + 0.02 * noise(self.employer, self.pay, month)), 2)

    def employment(self, origin: Origin) -> Json:
        end = None if self.last is None or not self.reported else last_day(self.last)
        return employment(origin, self.employer, self.title, first_day(self.first), end)


_LOANS = ("Salary Loan", "Calamity Loan", "Emergency Loan")
_LOAN_MONTHS = 24


def some_loans(member: Member, origin: Origin, job: Job) -> list[Json]:
    kinds = member.rng.sample(_LOANS, member.rng.choices((0, 1, 2), (5, 3, 1))[0])
    return [_loan(member, origin, job, kind) for kind in kinds]


def overdue_loan(origin: Origin, job: Job, first: int) -> Json:
    """Return a loan of 24 instalments from its first month on, of which none was ever paid."""
    part = round(job.pay * 1.1 / _LOAN_MONTHS, 2)
    return loan(
        origin,
        "Salary Loan",
        first,
        _LOAN_MONTHS,
        principal=job.pay,
        amortization=part,
        paid=0,
        overdue=6 * part,
    )


def _loan(member: Member, origin: Origin, job: Job, kind: str) -> Json:
    """Return a loan of a month's pay over two years; one that outlived its job is overdue."""
    jobless = 0 if job.last is None else max(settled_month(member.today) - job.last, 0)
    due = jobless + member.rng.randint(2, 30)
    part, paid = round(job.pay * 1.1 / _LOAN_MONTHS, 2), min(due - jobless, _LOAN_MONTHS)
    return loan(
        origin,
        kind,
        month_of(member.today) - due,
        _LOAN_MONTHS,
        principal=job.pay,
        amortization=part,
        paid=paid,
        overdue=(min(due, _LOAN_MONTHS) - paid) * part,
    )


PLATFORMS = ("grab_ph", "lalamove_ph", "foodpanda_ph", "joyride_ph", "angkas_ph")


def delivered(member: Member, origin: Origin, items: Mapping[str, Iterable[Json]]) -> Delivered:
    return origin, source(origin, {"identities": [member.identity(origin)], **items})


def scheme(
    member: Member,
    job: Job,
    *,
    links: bool = False,
    posting: Posting = PROMPT,
    arrived: int = 0,
    missed: float = 0.15,
    key: str = "1",
) -> Delivered:
    """Return a scheme's account; of a first sync under way only so many months have `arrived`.

    Up to the share `missed` of the months was never paid.
    """
    origin = member.arriving("sss_ph") if arrived else member.origin("sss_ph", key)
    months = _booked(member, origin, job, posting, missed)[-arrived:]
    booked = contributions(
        origin, months, lambda m: contribution_of(job.pay_in(m)), posting=posting
    )
    items = {
        "eincomes": estimates(origin, months, job.pay_in, posting=posting),
        "contributions": [] if arrived else booked,
        "employments": [job.employment(origin)],
        "liabilities": [] if arrived else some_loans(member, origin, job),
    }
    if links:
        times = [origin.synced - timedelta(days=days) for days in (200, 40, 5)]
        items["links"] = [link(origin, times[: member.rng.randint(0, 3)])]
    return delivered(member, origin, items)


def savings(member: Member, job: Job) -> Delivered:
    origin = member.origin("pagibig_ph")
    months = range(job.first, PROMPT.newest(member.today) + 1)
    saved = contributions(origin, months, lambda _: 400)
    listed = [job.employment(origin)]
    return delivered(member, origin, {"employments": listed, "contributions": saved})


def platform(
    member: Member,
    provider: str,
    most: int,
    pattern: WorkPattern | None = None,
    begun: tuple[int, int] = (20, 700),
) -> Delivered:
    """A wallet, and estimates where the platform has them; work began so many days ago."""
    origin = member.origin(provider)
    kept = pattern or _pattern(member.rng)
    first = member.today - timedelta(days=member.rng.randint(*begun))
    entries = wallet(origin, kept, first, member.today - timedelta(days=1))[-most:]
    items = {"transactions": entries}
    if "eincomes" in supported_kinds(provider):
        items["eincomes"] = platform_estimates(origin, entries, member.today)
    return delivered(member, origin, items)


def payroll(
    member: Member, job: Job, provider: str, frequency: str | None = None, shown: int = 1
) -> Delivered:
    origin = member.origin(provider)
    often = frequency or member.rng.choice((*PAYDAYS_A_YEAR,))
    paid = incomes(
        origin, job.employer, lambda _: job.pay, span(member, job, shown), often, shown=shown
    )
    return delivered(member, origin, {"employments": [job.employment(origin)], "incomes": paid})


def papers(member: Member, job: Job, kind: str) -> Delivered:
    origin = member.origin("user-provided", kind=kind)
    before = (first_day(job.first), civil_day(origin.connected) - timedelta(days=1))
    paid = incomes(origin, job.employer, lambda _: job.pay, before)[-6:]
    items = {"identities": [member.identity(origin)], "incomes": paid}
    return origin, source(origin, items, file_type="payslip")


def span(member: Member, job: Job, shown: int = 1) -> tuple[date, date]:
    last = member.today - timedelta(days=shown)
    return first_day(job.first), last if job.last is None else min(last, last_day(job.last))


def _booked(member: Member, origin: Origin, job: Job, posting: Posting, share: float) -> list[int]:
    newest = posting.newest(member.today)
    last = newest if job.last is None else min(newest, job.last)
    missed = member.rng.random() * share
    return [m for m in range(job.first, last + 1) if (noise(origin.id, m) + 1) / 2 >= missed]


def _pattern(rng: Random) -> WorkPattern:
    weekdays = tuple(sorted(rng.sample(range(7), rng.randint(2, 6))))
    return WorkPattern(weekdays, rng.randint(1, 6), rng.randint(60, 180))


FREELANCE = WorkPattern((2,), 1, 240.0, 0.1, "USD", "Fixed price milestone payment")
"""A freelancer abroad: one milestone a week, paid in US dollars."""


def repeated_payslips(origin: Origin, payslips: Iterable[Json]) -> list[Json]:
    return [_renamed(origin, one) for one in payslips]


def monthly_summaries(origin: Origin, halves: Iterable[Json]) -> list[Json]:
    by_month: dict[str, list[Json]] = defaultdict(list)
    for one in sorted(halves, key=lambda item: str(item["endDate"])):
        by_month[one["endDate"][:7]].append(one)
    return [_summary(origin, *pair) for pair in by_month.values() if len(pair) == 2]


def thirteenth_month(origin: Origin, employer: str, gross: float, year: int) -> Json:
    return payslip(origin, employer, gross, (date(year, 1, 1), date(year, 12, 31)), "Annually")


def _renamed(origin: Origin, one: Json) -> Json:
    fields = {name: value for name, value in one.items() if name not in ("id", "metadata")}
    shown = date.fromisoformat(one["endDate"]) + timedelta(days=1)
    return origin.item("inc", ("again", one["id"], one["endDate"]), fields, shown)


def _summary(origin: Origin, first: Json, second: Json) -> Json:
    amounts = {
        name: money(first[name] + second[name])
        for name in ("baseAmount", "grossAmount", "netAmount")
    }
    whole = {**first, **amounts, "endDate": second["endDate"], "frequency": "Monthly"}
    return _renamed(origin, whole)
