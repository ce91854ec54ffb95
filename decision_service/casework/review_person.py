"""Who applied: what the data that was stored with a reviewed decision says of the person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from decision_service.decide.replay import Recorded
from decision_service.domain.accounts import Kind
from decision_service.domain.factor import SourceUse
from decision_service.domain.snapshot import (
    Account,
    Contribution,
    EstimatedIncome,
    Income,
    Provider,
    Snapshot,
    Source,
    Transaction,
)
from decision_service.domain.values import Money, Month
from decision_service.factors.monthly_income import IncomeMonth

MOST_RECORDS = 500
"""Of one month; a platform's trips of a month are more at times."""

_KINDS = (Kind.INCOMES, Kind.EINCOMES, Kind.CONTRIBUTIONS, Kind.TRANSACTIONS)
"""What a month of income may rest on."""


class _OfPerson(msgspec.Struct, frozen=True):
    # Logs and tracebacks print it: nothing of a person may be in there.
    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


class StatedName(_OfPerson, frozen=True):
    name: str
    provider: Provider


class StatedEmployer(_OfPerson, frozen=True):
    """`status` is the vendor's word, empty where records of pay alone name the employer."""

    employer: str
    provider: Provider
    status: str
    start: date
    end: date | None


class PersonAccount(_OfPerson, frozen=True):
    """An account, archive or upload as the decision saw it; archives have no instant `created`."""

    use: SourceUse
    created: datetime | None


class IncomeRecord(_OfPerson, frozen=True, kw_only=True):
    """A record behind the income as it is stored; what its kind does not have is empty."""

    kind: Kind
    id: str
    provider: Provider
    start: date
    end: date | None = None
    paid: date | None = None
    employer: str = ""
    frequency: str = ""
    description: str = ""
    amount: Money | None = None
    base: Money | None = None
    gross: Money | None = None
    net: Money | None = None


class ReviewedPerson(_OfPerson, frozen=True, kw_only=True):
    """Whom a decision is of; without data all from `fetched` on is empty.

    The grades are those that the decision recorded, empty where it compared none. `records` are
    those of one month, and `left_out` how many more it has.
    """

    decision_id: str
    user_id: str
    application_id: str
    customer_ref: str
    name_match: str
    birth_date_match: str
    without_data: bool
    fetched: datetime | None = None
    names: Sequence[StatedName] = ()
    employers: Sequence[StatedEmployer] = ()
    accounts: Sequence[PersonAccount] = ()
    months: Sequence[IncomeMonth] = ()
    records: Sequence[IncomeRecord] = ()
    left_out: int = 0


def person_of(
    recorded: Recorded,
    snapshot: Snapshot | None,
    months: Sequence[IncomeMonth],
    month: Month | None = None,
) -> ReviewedPerson:
    """Whom a recorded decision is of, by the reading that it rests on; None where there was none.

    `months` are those of the income, `month` is the one whose records are given.
    """
    entry = recorded.entry
    match = recorded.facts.own.match
    known: dict[str, Any] = {
        "decision_id": entry.decision_id,
        "user_id": entry.user_id,
        "application_id": entry.application_id,
        "customer_ref": entry.customer_ref,
        "name_match": "" if match is None else match.grades.name,
        "birth_date_match": "" if match is None else match.grades.birth_date,
    }
    if snapshot is None:
        return ReviewedPerson(**known, without_data=True)
    factors = recorded.facts.factors
    uses = () if factors is None else factors.sources
    providers = _providers(snapshot, uses)
    found = [] if month is None else _records(snapshot, month, providers)
    return ReviewedPerson(
        **known,
        without_data=False,
        fetched=recorded.facts.fetched,
        names=_names(snapshot, providers),
        employers=_employers(snapshot, providers),
        accounts=_accounts(snapshot, uses),
        months=months,
        records=found[:MOST_RECORDS],
        left_out=max(0, len(found) - MOST_RECORDS),
    )


_NO_PROVIDER = Provider("", "")


def _providers(snapshot: Snapshot, uses: Iterable[SourceUse]) -> Mapping[str, Provider]:
    """The provider of each source, with its name where one is known."""
    known = {one.id: one for one in snapshot.providers}
    # The rules' data knows names that the vendor did not give.
    named = {one.provider_id: one.provider_name for one in uses if one.provider_name}
    found: dict[str, Provider] = {}
    every: Sequence[Account | Source] = (*snapshot.accounts, *snapshot.sources)
    for source in every:
        id_ = source.provider_id
        provider = known.get(id_, Provider(id_, ""))
        found[source.id] = replace(provider, name=named.get(id_, provider.name))
    return found


def _names(snapshot: Snapshot, providers: Mapping[str, Provider]) -> Sequence[StatedName]:
    read = snapshot.identities
    people = () if read is None or read.people is None else read.people
    found = [
        StatedName(one.name, providers.get(one.source, _NO_PROVIDER)) for one in people if one.name
    ]
    # Several records of one source mostly state the same name.
    return [*dict.fromkeys(found)]


def _employers(snapshot: Snapshot, providers: Mapping[str, Provider]) -> Sequence[StatedEmployer]:
    """Those of today first, then the newest; pay alone names an employer once for each source."""
    found: list[StatedEmployer] = []
    named: set[tuple[str, str]] = set()
    for job in snapshot.employments.records if snapshot.employments else ():
        if not job.employer:
            continue
        named.add((job.source, job.employer))
        provider = providers.get(job.source, _NO_PROVIDER)
        status = job.status or ""
        found.append(StatedEmployer(job.employer, provider, status, start=job.start, end=job.end))
    for (source, employer), slips in _slips(snapshot).items():
        if (source, employer) in named:
            continue
        provider = providers.get(source, _NO_PROVIDER)
        first = min(one.start for one in slips)
        last = max(one.end or one.start for one in slips)
        found.append(StatedEmployer(employer, provider, "", start=first, end=last))
    found = [*dict.fromkeys(found)]
    return sorted(found, key=_by_last_day, reverse=True)


def _by_last_day(one: StatedEmployer) -> tuple[date, date]:
    # One that goes on has no last day: it comes before all that ended.
    return one.end or date.max, one.start


def _slips(snapshot: Snapshot) -> Mapping[tuple[str, str], Sequence[Income]]:
    found: dict[tuple[str, str], list[Income]] = {}
    for slip in snapshot.incomes.records if snapshot.incomes else ():
        if slip.employer:
            found.setdefault((slip.source, slip.employer), []).append(slip)
    return found


def _accounts(snapshot: Snapshot, uses: Iterable[SourceUse]) -> Sequence[PersonAccount]:
    created = {one.id: one.created_at for one in snapshot.accounts}
    return [PersonAccount(one, created.get(one.id)) for one in uses]


def _records(
    snapshot: Snapshot, month: Month, providers: Mapping[str, Provider]
) -> Sequence[IncomeRecord]:
    found: list[IncomeRecord] = []
    for kind in _KINDS:
        read = getattr(snapshot, kind)
        for record in read.records if read else ():
            if month in _months(record):
                provider = providers.get(record.source, _NO_PROVIDER)
                content = _content(record)
                found.append(IncomeRecord(kind=kind, id=record.id, provider=provider, **content))
    return sorted(found, key=_by_day)


def _by_day(one: IncomeRecord) -> tuple[date, str, str]:
    return one.start, one.kind, one.id


def _months(record: Any) -> Iterator[Month]:
    """The months that a record is of: a payslip also that of its pay day."""
    match record:
        case EstimatedIncome():
            yield Month(record.month)
        case Contribution() | Transaction():
            yield Month.of(record.date)
        case Income():
            first = Month.of(record.start).index
            last = Month.of(record.end or record.start).index
            yield from map(Month, range(first, last + 1))
            if record.paid is not None:
                yield Month.of(record.paid)


def _content(record: Any) -> dict[str, Any]:
    def money(minor: int | None) -> Money | None:
        return None if minor is None else Money(record.currency, minor)

    match record:
        case EstimatedIncome():
            return {"start": Month(record.month).first_day, "amount": money(record.amount)}
        case Contribution():
            return {"start": record.date, "amount": money(record.amount)}
        case Transaction():
            words = record.description or ""
            return {"start": record.date, "amount": money(record.amount), "description": words}
    return {
        "start": record.start,
        "end": record.end,
        "paid": record.paid,
        "employer": record.employer or "",
        "frequency": record.frequency or "",
        "base": money(record.base),
        "gross": money(record.gross),
        "net": money(record.net),
    }
