"""The kinds of lives in a population: what each connects, and what that delivers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from .dates import civil_day, first_day, last_day, month_of, posted_month, settled_month, start_of
from .government import contribution_of, contributions, estimates, loan
from .ids import wobble
from .payroll import FREQUENCIES, incomes
from .platforms import FREELANCE, Habit, platform_estimates, wallet
from .providers import supported_kinds
from .shapes import Origin, account, employment, identity, link, source
from .world import Json, Source

_FIRST_NAMES = ("Maria", "Jose", "Ana", "Mark", "Liza", "Ramon", "Grace", "Paolo", "Joy", "Nestor")
_LAST_NAMES = ("Santos", "Reyes", "Cruz", "Bautista", "Ocampo", "Garcia", "Mendoza", "Torres")
_EMPLOYERS = (
    ("Jolli Kusina Restaurants, Inc.", "jollikusina_ph"),
    ("Luzon Telecommunications, Inc.", "luzontel_ph"),
    ("Visaya Garment Manufacturing Corporation", "visayagarment_ph"),
    ("Bayan Calls Outsourcing, Inc.", "bayancalls_ph"),
)
_TITLES = ("Clerk", "Technician", "Team lead", "Machine operator", "Cashier", "Analyst")
_PLATFORMS = ("grab_ph", "lalamove_ph", "foodpanda_ph", "joyride_ph", "angkas_ph")
_LOANS = ("Salary Loan", "Calamity Loan", "Emergency Loan")
_LOAN_MONTHS = 24
Delivered = tuple[Origin, Source]


@dataclass(frozen=True, slots=True)
class Member:
    """One of a population: user id, dice, the day it is, date of birth."""

    user_id: str
    luck: Random
    today: date
    born: date

    def origin(self, provider: str, key: str = "1", kind: str = "ACCOUNT") -> Origin:
        """Return an account connected lately or long ago and synced today, or files handed in."""
        synced = start_of(self.today) + timedelta(seconds=1)
        longest = 400 if kind == "ACCOUNT" else 60
        connected = synced - timedelta(days=self.luck.randint(1, longest), minutes=13)
        last = synced if kind == "ACCOUNT" else connected
        return Origin(self.user_id, provider, connected, last, key, kind)

    def identity(self, origin: Origin) -> Json:
        """Return who the person is, as a source says."""
        digits = int(self.user_id[-6:], 16)
        first = _FIRST_NAMES[digits % len(_FIRST_NAMES)]
        last = _LAST_NAMES[digits // 16 % len(_LAST_NAMES)]
        return identity(origin, f"{first} {last}", self.born, "PH")


Life = Callable[[Member], list[Delivered]]


@dataclass(frozen=True, slots=True)
class Job:
    """A job: employer, the employer's own provider, title, monthly pay, first and last month."""

    employer: str
    provider: str
    title: str
    pay: float
    first: int
    last: int | None = None

    def pay_in(self, month: int) -> float:
        """Return what a month paid."""
        return round(self.pay * (1 + 0.02 * wobble(self.employer, self.pay, month)), 2)


def employed(me: Member) -> list[Delivered]:
    """A job of years at a scheme, sometimes with savings at a second one, a loan, other lenders."""
    job = _job(me, me.luck.randint(18, 60))
    delivered = [_scheme(me, job, links=me.luck.random() < 0.5)]
    return [*delivered, *([_savings(me, job)] if me.luck.random() < 0.4 else [])]


def gig(me: Member) -> list[Delivered]:
    """Work on one to three platforms, up to 3,000 wallet entries altogether."""
    platforms = me.luck.sample(_PLATFORMS, me.luck.randint(1, 3))
    return [_platform(me, provider, 3_000 // len(platforms)) for provider in platforms]


def mixed(me: Member) -> list[Delivered]:
    """A job at a scheme and deliveries after hours."""
    scheme = _scheme(me, _job(me, me.luck.randint(12, 48)))
    return [scheme, _platform(me, me.luck.choice(_PLATFORMS), 1_200)]


def thin(me: Member) -> list[Delivered]:
    """A first job, one to five months on record."""
    return [_scheme(me, _job(me, me.luck.randint(1, 5)))]


def lapsed(me: Member) -> list[Delivered]:
    """A job that ended half a year to two years ago, and nothing after."""
    ended = settled_month(me.today) - me.luck.randint(6, 24)
    return [_scheme(me, _job(me, me.luck.randint(6, 30), ended))]


def same_job_twice(me: Member) -> list[Delivered]:
    """One job that shows at a payroll system and, as estimates, at a scheme."""
    job = _job(me, me.luck.randint(12, 40))
    return [_scheme(me, job), _payroll(me, job, "sprout_ph")]


def payroll_only(me: Member) -> list[Delivered]:
    """A job at the employer's own provider, sometimes after another at a payroll system."""
    job = _job(me, me.luck.randint(3, 24))
    delivered = [_payroll(me, job, job.provider)]
    if me.luck.random() < 0.5:
        before = _job(me, me.luck.randint(6, 18), job.first - 1)
        delivered.append(_payroll(me, before, "salarium_ph"))
    return delivered


def foreign_currency(me: Member) -> list[Delivered]:
    """Freelance work paid in US dollars, sometimes beside a job paid in pesos."""
    delivered = [_platform(me, "upwork", 250, FREELANCE)]
    if me.luck.random() < 0.5:
        delivered.append(_scheme(me, _job(me, me.luck.randint(6, 24))))
    return delivered


def papers(me: Member) -> list[Delivered]:
    """Payslips handed in as files, sometimes beside a scheme."""
    job = _job(me, me.luck.randint(6, 18))
    kind = me.luck.choice(("ARCHIVE", "UPLOAD"))
    origin = me.origin("user-provided", kind=kind)
    before = (first_day(job.first), civil_day(origin.connected) - timedelta(days=1))
    paid = incomes(origin, job.employer, job.pay, before, "Semimonthly")[-6:]
    read = source(
        origin, {"identities": [me.identity(origin)], "incomes": paid}, file_type="payslip"
    )
    return [(origin, read), *([_scheme(me, job)] if me.luck.random() < 0.5 else [])]


def quiet(me: Member) -> list[Delivered]:
    """An account that is connected and has never shown anything but a name."""
    origin = me.origin(me.luck.choice(("sss_ph", "grab_ph", "philhealth_ph")))
    return [(origin, source(origin, {"identities": [me.identity(origin)]}))]


def abandoned_attempt(me: Member) -> list[Delivered]:
    """A job at a scheme, and an account elsewhere that was never connected for good."""
    origin = me.origin(me.luck.choice(_PLATFORMS))
    code = me.luck.choice(("INVALID_AUTH", "MFA_TIMEOUT", "ACCOUNT_LOCKED"))
    failed = account(origin, "ERROR", code, "UNSUPPORTED")
    scheme = _scheme(me, _job(me, me.luck.randint(8, 30)))
    return [scheme, (origin, Source(origin.id, origin.type, origin.provider_id, {}, failed))]


def _job(me: Member, months: int, last: int | None = None) -> Job:
    employer, provider = me.luck.choice(_EMPLOYERS)
    pay = round(me.luck.triangular(9_000, 80_000, 19_000), -2)
    end = last if last is not None else settled_month(me.today)
    return Job(employer, provider, me.luck.choice(_TITLES), pay, end - months + 1, last)


def _employment(origin: Origin, job: Job) -> Json:
    end = None if job.last is None else last_day(job.last)
    return employment(origin, job.employer, job.title, first_day(job.first), end)


def _scheme(me: Member, job: Job, *, links: bool = False) -> Delivered:
    origin = me.origin("sss_ph")
    last = posted_month(me.today) if job.last is None else job.last
    missed = me.luck.random() * 0.15
    months = [m for m in range(job.first, last + 1) if (wobble(origin.id, m) + 1) / 2 >= missed]
    items = {
        "identities": [me.identity(origin)],
        "eincomes": estimates(origin, months, job.pay_in),
        "contributions": contributions(origin, months, lambda m: contribution_of(job.pay_in(m))),
        "employments": [_employment(origin, job)],
        "liabilities": _loans(me, origin, job),
    }
    if links:
        times = [origin.synced - timedelta(days=days) for days in (200, 40, 5)]
        items["links"] = [link(origin, times[: me.luck.randint(0, 3)])]
    return origin, source(origin, items)


def _savings(me: Member, job: Job) -> Delivered:
    origin = me.origin("pagibig_ph")
    months = range(job.first, posted_month(me.today) + 1)
    saved = contributions(origin, months, lambda _: 400)
    return origin, source(origin, {"identities": [me.identity(origin)], "contributions": saved})


def _loans(me: Member, origin: Origin, job: Job) -> list[Json]:
    kinds = me.luck.sample(_LOANS, me.luck.choices((0, 1, 2), (5, 3, 1))[0])
    return [_loan(me, origin, job, kind) for kind in kinds]


def _loan(me: Member, origin: Origin, job: Job, kind: str) -> Json:
    """Return a loan of a month's pay over two years; one that outlived its job is overdue."""
    jobless = 0 if job.last is None else settled_month(me.today) - job.last
    due = jobless + me.luck.randint(2, 30)
    part, paid = round(job.pay * 1.1 / _LOAN_MONTHS, 2), min(due - jobless, _LOAN_MONTHS)
    return loan(
        origin,
        kind,
        month_of(me.today) - due,
        _LOAN_MONTHS,
        principal=job.pay,
        amortization=part,
        paid=paid,
        overdue=(min(due, _LOAN_MONTHS) - paid) * part,
    )


def _platform(me: Member, provider: str, most: int, habit: Habit | None = None) -> Delivered:
    """Return a wallet and, where the platform supports them, estimates of its complete months."""
    origin = me.origin(provider)
    kept = habit or _habit(me.luck)
    begun = me.today - timedelta(days=me.luck.randint(20, 700))
    entries = wallet(origin, kept, begun, me.today - timedelta(days=1))[-most:]
    items = {"identities": [me.identity(origin)], "transactions": entries}
    if "eincomes" in supported_kinds(provider):
        items["eincomes"] = platform_estimates(origin, entries, me.today)
    return origin, source(origin, items)


def _habit(luck: Random) -> Habit:
    weekdays = tuple(sorted(luck.sample(range(7), luck.randint(2, 6))))
    return Habit(weekdays, luck.randint(1, 6), luck.randint(60, 180))


def _payroll(me: Member, job: Job, provider: str) -> Delivered:
    origin = me.origin(provider)
    frequency = me.luck.choice(FREQUENCIES)
    items = {
        "identities": [me.identity(origin)],
        "employments": [_employment(origin, job)],
        "incomes": incomes(origin, job.employer, job.pay, _span(me, job), frequency),
    }
    return origin, source(origin, items)


def _span(me: Member, job: Job) -> tuple[date, date]:
    last = me.today - timedelta(days=1) if job.last is None else last_day(job.last)
    return first_day(job.first), last
