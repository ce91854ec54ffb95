"""What one account of a population's person delivers: a scheme, payroll, a platform, files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from random import Random

from decision_service.simulator.formats.dates import civil_day, first_day, last_day
from decision_service.simulator.formats.ids import noise
from decision_service.simulator.formats.providers import supported_kinds
from decision_service.simulator.people.government import contribution_of, contributions, estimates
from decision_service.simulator.people.payroll import FREQUENCIES, incomes
from decision_service.simulator.people.platforms import WorkPattern, platform_estimates, wallet
from decision_service.simulator.people.posting import PROMPT, Posting
from decision_service.simulator.people.profiles.loans import some_loans
from decision_service.simulator.people.profiles.member import Delivered, Job, Member
from decision_service.simulator.people.shapes import Origin, link, source
from decision_service.simulator.people.world import Json

PLATFORMS = ("grab_ph", "lalamove_ph", "foodpanda_ph", "joyride_ph", "angkas_ph")


def delivered(member: Member, origin: Origin, items: Mapping[str, Iterable[Json]]) -> Delivered:
    """Return an account that shows who the person is and these items."""
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
    """Return the account of a second scheme, paid the same every month and without estimates."""
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
    """Return a wallet and, where the platform supports them, estimates of its complete months.

    The work began so many days ago: the least and the most.
    """
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
    """Return a payroll account; each payslip shows so many days after its period's end."""
    origin = member.origin(provider)
    often = frequency or member.rng.choice(FREQUENCIES)
    paid = incomes(
        origin, job.employer, lambda _: job.pay, span(member, job, shown), often, shown=shown
    )
    return delivered(member, origin, {"employments": [job.employment(origin)], "incomes": paid})


def papers(member: Member, job: Job, kind: str) -> Delivered:
    """Return the last six payslips before the day on which they were handed in as files."""
    origin = member.origin("user-provided", kind=kind)
    before = (first_day(job.first), civil_day(origin.connected) - timedelta(days=1))
    paid = incomes(origin, job.employer, lambda _: job.pay, before)[-6:]
    items = {"identities": [member.identity(origin)], "incomes": paid}
    return origin, source(origin, items, file_type="payslip")


def span(member: Member, job: Job, shown: int = 1) -> tuple[date, date]:
    """Return the days of a job whose payslips are shown by today."""
    last = member.today - timedelta(days=shown)
    return first_day(job.first), last if job.last is None else min(last, last_day(job.last))


def _booked(member: Member, origin: Origin, job: Job, posting: Posting, share: float) -> list[int]:
    """Return the months that a scheme shows; up to a share of them was never paid."""
    newest = posting.newest(member.today)
    last = newest if job.last is None else min(newest, job.last)
    missed = member.rng.random() * share
    return [m for m in range(job.first, last + 1) if (noise(origin.id, m) + 1) / 2 >= missed]


def _pattern(rng: Random) -> WorkPattern:
    weekdays = tuple(sorted(rng.sample(range(7), rng.randint(2, 6))))
    return WorkPattern(weekdays, rng.randint(1, 6), rng.randint(60, 180))
