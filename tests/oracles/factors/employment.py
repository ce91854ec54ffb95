"""employment.*"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from decision_service.domain.accounts import Kind
from decision_service.domain.snapshot import Employment
from decision_service.domain.values import ABSENT, Cause, Month
from tests.oracles.factors.amounts import (
    either_way,
    last_known,
    last_months,
    open_months,
    refuse_unusable,
    unusable,
)
from tests.oracles.factors.applicant import (
    Applicant,
    Unknown,
    feeders,
    feeders_of,
)
from tests.oracles.factors.contributions import (
    Contributions,
    contributions_of,
    lately_doubtful,
    paid_after,
    paid_lately,
    surely_paid_after,
)
from tests.oracles.factors.monthly_income import (
    Incomes,
    feeds_income,
    formal_payroll,
    incomes_of,
    refuse_short,
    shows_income,
    taints_of_work,
    told_by,
)
from tests.oracles.factors.paydays import lost_in, open_jobs
from tests.oracles.factors.proof import grades_in, last_backed, proof_taints, unbacked
from tests.oracles.factors.records import employments, key_of, names_one
from tests.oracles.factors.taints import refuse_tainted, taints

Answer = str | bool | int
Factor = Callable[[Applicant], Answer]


def employments_of(who: Applicant) -> list[Employment]:
    """Every employment of used accounts that has begun; Unknown when spoilt, or there is none."""
    refuse_tainted(who, [Kind.EMPLOYMENTS])
    if not feeders_of(who, [Kind.EMPLOYMENTS]):
        raise Unknown(Cause.NOT_CONNECTED)
    found = employments(who)
    if not found:
        raise Unknown(Cause.NO_DATA)
    return found


def is_open(one: Employment, today: date) -> bool:
    """Whether an employment has not ended before a day."""
    return one.end is None or one.end >= today


def whole_months(start: date, end: date) -> int:
    """Complete months between two days."""
    months = Month.of(end).index - Month.of(start).index
    if end.day < start.day:
        months = months - 1
    return max(months, 0)


def pays(incomes: Incomes, month: int) -> bool:
    """Whether an account that is no gig platform has payroll in a month."""
    return bool(formal_payroll(incomes, month))


def works(incomes: Incomes, month: int) -> bool:
    """Whether a gig platform gave more than nothing in a month."""
    return any(one.platform and told_by(incomes, one, month) > 0 for one in incomes.sources)


def absent_is_none(family: Callable[[Applicant], object], who: Applicant) -> object | None:
    """A family, or None where it is merely absent; taints stay."""
    try:
        return family(who)
    except Unknown as unknown:
        if all(cause in ABSENT for cause in unknown.causes):
            return None
        raise


def settled_incomes(who: Applicant) -> Incomes:
    """The income family, where a month of it has come to the horizon."""
    incomes = incomes_of(who)
    refuse_short(incomes)
    return incomes


def known_incomes(who: Applicant) -> Incomes:
    """The income family, where the amount of a month of it is known."""
    incomes = settled_incomes(who)
    last_known(incomes)
    return incomes


def lately(incomes: Incomes, shown: Callable[[Incomes, int], bool]) -> bool:
    """Whether something shows in the last three months, unless an open one could yet show it."""
    window = last_months(incomes, 3)
    refuse_unusable(incomes, window)
    unsure = set(open_months(incomes, window))

    def work(has_income: Callable[[int], bool]) -> bool:
        return any(
            shown(incomes, month) or (month in unsure and has_income(month)) for month in window
        )

    return bool(either_way(incomes, window, work))


def has_payroll(who: Applicant) -> bool:
    """Whether there was payroll lately."""
    return lately(settled_incomes(who), pays)


def has_gig(who: Applicant) -> bool:
    """Whether there was gig work lately."""
    return lately(settled_incomes(who), works)


def refuse_unread(who: Applicant) -> None:
    """Raise Unknown where something that the status rests on is spoilt, or nothing is connected."""
    causes = taints(who, [Kind.EMPLOYMENTS]) | taints(who, [Kind.CONTRIBUTIONS])
    try:
        incomes_of(who)
    except Unknown as unknown:
        causes |= {cause for cause in unknown.causes if cause not in ABSENT}
    if causes:
        raise Unknown(*causes)
    kinds = [Kind.EMPLOYMENTS, Kind.CONTRIBUTIONS]
    if not any(feeds_income(who, one) for one in feeders(who)) and not feeders_of(who, kinds):
        raise Unknown(Cause.NOT_CONNECTED)
    family = absent_is_none(contributions_of, who)
    doubts = lately_doubtful(family) if isinstance(family, Contributions) else set()
    incomes = absent_is_none(incomes_of, who)
    if isinstance(incomes, Incomes):
        doubts |= unusable(incomes, last_months(incomes, 3))
    if doubts:
        raise Unknown(*doubts)


def status(who: Applicant) -> str:
    """EMPLOYED, GIG or UNEMPLOYED, where there is evidence of one."""
    refuse_unread(who)
    incomes = absent_is_none(incomes_of, who)
    if incomes is None:
        return judged(who, None, lambda _: False)
    assert isinstance(incomes, Incomes)
    span = status_span(who, incomes)
    unsure = set(open_months(incomes, span))
    told = either_way(
        incomes,
        span,
        lambda has: judged(who, incomes, lambda month: month in unsure and has(month)),
    )
    return str(told)


def last_end(who: Applicant) -> int | None:
    """The month in which the last job ended, where none is open."""
    jobs = employments(who)
    ends = [one.end for one in jobs if one.end is not None]
    if not jobs or any(is_open(one, who.as_of.date) for one in jobs):
        return None
    return Month.of(max(ends)).index


def status_span(who: Applicant, incomes: Incomes) -> list[int]:
    """The months that the status looks at: the last three, and those after the last job ended
    where neither gig work in the three nor what surely came after settles it; Unknown where
    these cannot be used."""
    three, ended = last_months(incomes, 3), last_end(who)
    if ended is None or any(works(incomes, month) for month in three):
        return three
    if surely_came_after(who, incomes, ended):
        return three
    after = list(range(ended + 1, incomes.horizon + 1))
    refuse_unusable(incomes, after)
    return sorted({*three, *after})


def surely_came_after(who: Applicant, incomes: Incomes | None, ended: int) -> bool:
    """Whether pay, gig work or a contribution is beyond doubt in a month after a job ended."""
    family = absent_is_none(contributions_of, who)
    if isinstance(family, Contributions) and surely_paid_after(family, ended):
        return True
    if incomes is None:
        return False
    after = list(range(ended + 1, incomes.horizon + 1))
    shown = [month for month in after if pays(incomes, month) or works(incomes, month)]
    if shown and not unusable(incomes, after):
        return True
    return any(not unusable(incomes, [month]) for month in shown)


def judged(who: Applicant, incomes: Incomes | None, guessed: Callable[[int], bool]) -> str:
    """The status, given which of the open months have income."""
    contributions = absent_is_none(contributions_of, who)
    jobs = employments(who)
    opened = [one for one in jobs if is_open(one, who.as_of.date)]
    three = last_months(incomes, 3) if incomes else []
    payroll = [month for month in three if pays(incomes, month) or guessed(month)]
    gig = [month for month in three if works(incomes, month) or guessed(month)]
    if opened and (payroll or (contributions and paid_lately(contributions))):
        return "EMPLOYED"
    if gig:
        return "GIG"
    ended = last_end(who)
    if ended is None:
        raise Unknown(Cause.NO_EVIDENCE)
    if surely_came_after(who, incomes, ended):
        raise Unknown(Cause.NO_EVIDENCE)
    after = range(ended + 1, incomes.horizon + 1) if incomes else []
    later = [
        month for month in after if pays(incomes, month) or works(incomes, month) or guessed(month)
    ]
    if later or (contributions and paid_after(contributions, ended)):
        raise Unknown(Cause.NO_EVIDENCE)
    return "UNEMPLOYED"


def started_since_backed(who: Applicant) -> bool:
    """Whether an open job with a named employer began in or after the last backed month."""
    causes = taints(who, [Kind.EMPLOYMENTS])
    if causes:
        raise Unknown(*causes)
    incomes = absent_is_none(known_incomes, who)
    if incomes is None:
        if who.snapshot.contributions is None:
            raise Unknown(Cause.NOT_FETCHED)
        return False
    assert isinstance(incomes, Incomes)
    doubts = unusable(incomes, unbacked(incomes)) | proof_taints(who, grades_in(incomes, unbacked))
    if doubts:
        raise Unknown(*doubts)
    last = last_backed(incomes)
    if last is None:
        return False
    return any(
        is_open(one, who.as_of.date)
        and names_one(who, one.employer)
        and Month.of(one.start).index >= last
        for one in employments(who)
    )


def ended_without_income(who: Applicant) -> bool:
    """Whether no named job is open and no month after the last end has income; or else whether the
    job that carried the income ended, none followed, and no later month is known."""
    causes = taints(who, [Kind.EMPLOYMENTS])
    if causes:
        raise Unknown(*causes)
    incomes = absent_is_none(settled_incomes, who)
    today = who.as_of.date
    jobs = employments(who)
    ends = [one.end for one in jobs if one.end is not None and one.end < today]
    if not ends:
        return False
    if open_jobs(who):
        return isinstance(incomes, Incomes) and lost_in(incomes) is not None
    if incomes is None:
        return True
    ended = Month.of(max(ends)).index
    assert isinstance(incomes, Incomes)
    after = list(range(ended + 1, incomes.horizon + 1))
    doubts = unusable(incomes, after)
    if not any(shows_income(incomes, month) for month in after):
        doubts = doubts | taints_of_work(who)
    if doubts:
        raise Unknown(*doubts)
    return bool(either_way(incomes, after, lambda has: not any(has(month) for month in after)))


def current_tenure_months(who: Applicant) -> int:
    """Months in the open job that began first."""
    today = who.as_of.date
    starts = [one.start for one in employments_of(who) if is_open(one, today)]
    if not starts:
        raise Unknown(Cause.NO_EVIDENCE)
    return whole_months(min(starts), today)


def longest_tenure_months(who: Applicant) -> int:
    """Months in the longest job; its last day is a day of work."""
    today = who.as_of.date
    longest = 0
    for one in employments_of(who):
        end = today
        if one.end is not None and not is_open(one, today):
            end = one.end + timedelta(days=1)
        longest = max(longest, whole_months(one.start, end))
    return longest


def employers_count(who: Applicant) -> int:
    """How many employers there were."""
    return len({key_of(who, one.employer) for one in employments_of(who)})


def jobs_started_24m(who: Applicant) -> int:
    """Jobs that began in the last two years; two sources may tell of one."""
    today = who.as_of.date
    before = Month.of(today).plus(-24)
    limit = before.first_day.replace(day=min(today.day, before.last_day.day))
    begun = set()
    for one in employments_of(who):
        if one.start > limit:
            begun.add((key_of(who, one.employer), Month.of(one.start)))
    return len(begun)


def months_since_last_end(who: Applicant) -> int:
    """Months since the last job ended."""
    today = who.as_of.date
    ends = [one.end for one in employments_of(who) if one.end is not None and one.end < today]
    if not ends:
        raise Unknown(Cause.NO_EVIDENCE)
    return whole_months(max(ends), today)


FACTORS: dict[str, Factor] = {
    "status": status,
    "has_payroll": has_payroll,
    "has_gig": has_gig,
    "current_tenure_months": current_tenure_months,
    "longest_tenure_months": longest_tenure_months,
    "employers_count": employers_count,
    "jobs_started_24m": jobs_started_24m,
    "months_since_last_end": months_since_last_end,
    "started_since_backed": started_since_backed,
    "ended_without_income": ended_without_income,
}
