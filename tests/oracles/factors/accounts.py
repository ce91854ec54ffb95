"""accounts.*, links.* and identity.*"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from decision_service.domain.accounts import Kind
from decision_service.domain.snapshot import Account, LinkCounts
from decision_service.domain.values import Cause, Month
from tests.oracles.factors.applicant import (
    Applicant,
    Unknown,
    feeders,
    feeders_of,
    records_of,
    synced_at,
)
from tests.oracles.factors.taints import refuse_tainted, taints

Factor = Callable[[Applicant], int]


def listed(who: Applicant, *statuses: str) -> list[Account]:
    """The accounts of some statuses, once the list is known to be whole."""
    causes = {fault.cause for fault in who.snapshot.account_faults}
    if causes:
        raise Unknown(*causes)
    return [one for one in who.snapshot.accounts if one.connection_status in statuses]


def connected_count(who: Applicant) -> int:
    return len(listed(who, "CONNECTED"))


def error_count(who: Applicant) -> int:
    return len(listed(who, "ERROR"))


def disconnected_count(who: Applicant) -> int:
    """Accounts that were revoked."""
    return len(listed(who, "DISCONNECTED"))


def pending_count(who: Applicant) -> int:
    """Accounts that wait for the person."""
    return len(listed(who, "PENDING", "AWAITING_MFA"))


def providers_count(who: Applicant) -> int:
    """Providers with a connected account."""
    return len({one.provider_id for one in listed(who, "CONNECTED")})


def days_of(who: Applicant, dates: list[date], chosen: Callable[[list[date]], date]) -> int:
    """Civil days from the oldest or newest date until as_of."""
    if not dates:
        raise Unknown(Cause.NOT_CONNECTED)
    return max((who.as_of.date - chosen(dates)).days, 0)


def connected_dates(who: Applicant, moment_of: Callable[[Account], datetime | None]) -> list[date]:
    """A civil day of each connected account; one that does not tell leaves no answer."""
    found = []
    for one in listed(who, "CONNECTED"):
        moment = moment_of(one)
        if moment is None:
            raise Unknown(Cause.NO_DATA)
        found.append(moment.astimezone(who.as_of.zone).date())
    return found


def oldest_connection_days(who: Applicant) -> int:
    """Days since the first connected account was made."""
    return days_of(who, connected_dates(who, lambda one: one.created_at), min)


def oldest_sync_age_days(who: Applicant) -> int:
    """Days since the sync of the account that was synced longest ago."""
    return days_of(who, connected_dates(who, lambda one: synced_at(who, one)), min)


def newest_sync_age_days(who: Applicant) -> int:
    """Days since the newest sync."""
    return days_of(who, connected_dates(who, lambda one: synced_at(who, one)), max)


ACCOUNTS: dict[str, Factor] = {
    "connected_count": connected_count,
    "error_count": error_count,
    "disconnected_count": disconnected_count,
    "pending_count": pending_count,
    "providers_count": providers_count,
    "oldest_connection_days": oldest_connection_days,
    "oldest_sync_age_days": oldest_sync_age_days,
    "newest_sync_age_days": newest_sync_age_days,
}


def link_records(who: Applicant) -> list[LinkCounts]:
    """What is known of the links of every account."""
    refuse_tainted(who, [Kind.LINKS])
    if not feeders(who):
        raise Unknown(Cause.NOT_CONNECTED)
    found = []
    for feeder in feeders_of(who, [Kind.LINKS]):
        found.extend(records_of(who, Kind.LINKS, feeder))
    return found


def told(days: list[int | None]) -> list[int]:
    """What accounts tell, which must be something."""
    found = [one for one in days if one is not None]
    if not found:
        raise Unknown(Cause.NO_DATA)
    return found


def linked(days: int) -> Factor:
    """The largest of the accounts' counts: they count lenders, who may be the same."""

    def factor(who: Applicant) -> int:
        counts = [pair for record in link_records(who) for pair in record.counts]
        return max(told([count for window, count in counts if window == days]))

    return factor


def days_since_first(who: Applicant) -> int:
    """The longest time that an account has been linked."""
    return max(told([record.first_days for record in link_records(who)]))


def days_since_last(who: Applicant) -> int:
    """The shortest time since an account was linked."""
    return min(told([record.last_days for record in link_records(who)]))


LINKS: dict[str, Factor] = {
    "days_since_first": days_since_first,
    "days_since_last": days_since_last,
    **{f"connected_{days}d": linked(days) for days in [7, 30, 90]},
}


def birth_of(who: Applicant) -> date:
    """The one date of birth; contradicting dates are no answer."""
    causes = taints(who, [Kind.IDENTITIES])
    family = feeders_of(who, [Kind.IDENTITIES])
    births = set()
    for feeder in family:
        for record in records_of(who, Kind.IDENTITIES, feeder):
            if record.birth_date is not None:
                births.add(record.birth_date)
    ages = [years_between(birth, who.as_of.date) for birth in births]
    if len(births) > 1 or any(age > 120 for age in ages):
        causes.add(Cause.BAD_DATA)
    if causes:
        raise Unknown(*causes)
    if not family:
        raise Unknown(Cause.NOT_CONNECTED)
    if not births:
        raise Unknown(Cause.NO_DATA)
    return births.pop()


def age_years(who: Applicant) -> int:
    """Completed years today."""
    return max(years_between(birth_of(who), who.as_of.date), 0)


def years_between(birth: date, today: date) -> int:
    """Birthdays that have passed; one on 29 February is on 1 March of a common year."""
    years = today.year - birth.year
    if (today.month, today.day) < (birth.month, birth.day):
        years = years - 1
    return years


def age_at_maturity_years(who: Applicant) -> int:
    """The age on the day so many months later, or on the last one of a month without that day."""
    born = birth_of(who)
    if who.term_months is None:
        raise Unknown(Cause.NOT_SENT)
    today = who.as_of.date
    month = Month.of(today).plus(who.term_months)
    day = min(today.day, month.last_day.day)
    return max(years_between(born, date(month.year, month.number, day)), 0)


IDENTITY: dict[str, Factor] = {
    "age_years": age_years,
    "age_at_maturity_years": age_at_maturity_years,
}
