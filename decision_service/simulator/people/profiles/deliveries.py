"""What one account of a population's person delivers: a scheme, payroll, a platform, files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from random import Random

from decision_service.simulator.formats.dates import civil_day, first_day, last_day
from decision_service.simulator.formats.ids import wobble
from decision_service.simulator.formats.providers import supported_kinds
from decision_service.simulator.people.government import contribution_of, contributions, estimates
from decision_service.simulator.people.payroll import FREQUENCIES, incomes
from decision_service.simulator.people.platforms import Habit, platform_estimates, wallet
from decision_service.simulator.people.posting import PROMPT, Posting
from decision_service.simulator.people.profiles.loans import some_loans
from decision_service.simulator.people.profiles.member import Delivered, Job, Member
from decision_service.simulator.people.shapes import Origin, link, source
from decision_service.simulator.people.world import Json

PLATFORMS = ("grab_ph", "lalamove_ph", "foodpanda_ph", "joyride_ph", "angkas_ph")


def delivered(me: Member, origin: Origin, items: Mapping[str, Iterable[Json]]) -> Delivered:
    """Return an account that shows who the person is and these items."""
    return origin, source(origin, {"identities": [me.identity(origin)], **items})


def scheme(
    me: Member, job: Job, *, links: bool = False, posting: Posting = PROMPT, arrived: int = 0
) -> Delivered:
    """Return a scheme's account; of a first sync under way only so many months have `arrived`."""
    origin = me.arriving("sss_ph") if arrived else me.origin("sss_ph")
    months = _booked(me, origin, job, posting)[-arrived:]
    booked = contributions(
        origin, months, lambda m: contribution_of(job.pay_in(m)), posting=posting
    )
    items = {
        "eincomes": estimates(origin, months, job.pay_in, posting=posting),
        "contributions": [] if arrived else booked,
        "employments": [job.employment(origin)],
        "liabilities": [] if arrived else some_loans(me, origin, job),
    }
    if links:
        times = [origin.synced - timedelta(days=days) for days in (200, 40, 5)]
        items["links"] = [link(origin, times[: me.luck.randint(0, 3)])]
    return delivered(me, origin, items)


def savings(me: Member, job: Job) -> Delivered:
    """Return the account of a second scheme, paid the same every month and without estimates."""
    origin = me.origin("pagibig_ph")
    months = range(job.first, PROMPT.newest(me.today) + 1)
    saved = contributions(origin, months, lambda _: 400)
    listed = [job.employment(origin)]
    return delivered(me, origin, {"employments": listed, "contributions": saved})


def platform(me: Member, provider: str, most: int, habit: Habit | None = None) -> Delivered:
    """Return a wallet and, where the platform supports them, estimates of its complete months."""
    origin = me.origin(provider)
    kept = habit or _habit(me.luck)
    begun = me.today - timedelta(days=me.luck.randint(20, 700))
    entries = wallet(origin, kept, begun, me.today - timedelta(days=1))[-most:]
    items = {"transactions": entries}
    if "eincomes" in supported_kinds(provider):
        items["eincomes"] = platform_estimates(origin, entries, me.today)
    return delivered(me, origin, items)


def payroll(
    me: Member, job: Job, provider: str, frequency: str | None = None, shown: int = 1
) -> Delivered:
    """Return a payroll account; each payslip shows so many days after its period's end."""
    origin = me.origin(provider)
    often = frequency or me.luck.choice(FREQUENCIES)
    paid = incomes(
        origin, job.employer, lambda _: job.pay, span(me, job, shown), often, shown=shown
    )
    return delivered(me, origin, {"employments": [job.employment(origin)], "incomes": paid})


def papers(me: Member, job: Job, kind: str) -> Delivered:
    """Return the last six payslips before the day on which they were handed in as files."""
    origin = me.origin("user-provided", kind=kind)
    before = (first_day(job.first), civil_day(origin.connected) - timedelta(days=1))
    paid = incomes(origin, job.employer, lambda _: job.pay, before)[-6:]
    items = {"identities": [me.identity(origin)], "incomes": paid}
    return origin, source(origin, items, file_type="payslip")


def span(me: Member, job: Job, shown: int = 1) -> tuple[date, date]:
    """Return the days of a job whose payslips are shown by today."""
    last = me.today - timedelta(days=shown)
    return first_day(job.first), last if job.last is None else min(last, last_day(job.last))


def _booked(me: Member, origin: Origin, job: Job, posting: Posting) -> list[int]:
    """Return the months that a scheme shows; up to one in seven was never paid."""
    newest = posting.newest(me.today)
    last = newest if job.last is None else min(newest, job.last)
    missed = me.luck.random() * 0.15
    return [m for m in range(job.first, last + 1) if (wobble(origin.id, m) + 1) / 2 >= missed]


def _habit(luck: Random) -> Habit:
    weekdays = tuple(sorted(luck.sample(range(7), luck.randint(2, 6))))
    return Habit(weekdays, luck.randint(1, 6), luck.randint(60, 180))
