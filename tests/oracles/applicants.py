"""Made-up applicants, one per seed: every shape of data the catalogue has a word for, and edges."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import msgspec

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Missing
from decision_service.domain.months import Month
from decision_service.domain.needs import (
    CombineIncome,
    DataPolicy,
    PartialPolicy,
)
from decision_service.domain.snapshot import (
    Account,
    KnownCount,
    Read,
    Snapshot,
    Source,
)
from decision_service.domain.time import AsOf
from tests.oracles.histories import (
    Draft,
    contributions,
    employments,
    estimates,
    identity,
    incomes,
    liabilities,
    links,
    transactions,
)
from tests.oracles.vocabulary import BY_ID, CLASSES, CURRENCY, FAULTS, PROVIDERS, ZONES


@dataclass(frozen=True)
class Case:
    """The arguments of one computation."""

    snapshot: Snapshot
    policy: DataPolicy
    as_of: AsOf
    term_months: int | None


def applicant(seed: int) -> Case:
    """The applicant of one seed."""
    rng = Random(seed)
    as_of = _as_of(rng)
    draft = Draft(rng, as_of, {kind: [] for kind in Kind if kind is not Kind.ACCOUNTS})
    draft.foreign = rng.choice((0.0, 0.0, 0.0, 0.01, 0.05))
    max_age = timedelta(days=rng.choice((35, 35, 35, 7, 90)))
    accounts = tuple(_account(draft, max_age) for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3, 4))))
    sources = tuple(_source(draft, max_age) for _ in range(rng.choice((0, 0, 0, 0, 1, 2))))
    for account in accounts:
        if draft.chance(0.93 if account.connection_status == "CONNECTED" else 0.4):
            _fill(draft, account.id, account.provider_id)
    for source in sources:
        _fill(draft, source.id, source.provider_id)
    reads = {kind.value: _read(draft, kind, accounts) for kind in draft.records}
    snapshot = Snapshot(
        user_id="user",
        accounts=accounts,
        account_faults=_faults(draft, Kind.ACCOUNTS, (), 0.01),
        sources=sources,
        providers=tuple(one for one in PROVIDERS if draft.chance(0.97)),
        known=_known(draft, accounts),
        **reads,
    )
    term = rng.choice((1, 6, 12, 36, 360, None)) if draft.chance(0.9) else rng.randrange(1, 61)
    return Case(snapshot, _policy(rng, max_age), as_of, term)


def _as_of(rng: Random) -> AsOf:
    zone = rng.choice(ZONES)
    year = rng.choice((2024, 2025, 2026, 2028))
    month = Month(year * 12 + rng.randrange(12))
    days = (month.first_day, month.last_day, month.last_day - timedelta(days=1), date(year, 2, 28))
    leap = date(year, 2, 29) if year % 4 == 0 else date(year, 3, 1)
    day = rng.choice((*days, leap, month.first_day + timedelta(days=rng.randrange(28))))
    second = rng.choice((0, 86399, rng.randrange(86400), rng.randrange(86400)))
    local = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(seconds=second)
    return AsOf.at(local.astimezone(UTC), zone)


def _policy(rng: Random, max_age: timedelta) -> DataPolicy:
    lag = (("sss_*", 2), ("philhealth_*", 2), ("pagibig_*", 2))
    return DataPolicy(
        currency=CURRENCY,
        max_age=max_age,
        partial=rng.choice((PartialPolicy.REFER, PartialPolicy.USE)),
        combine_income=rng.choice((*[CombineIncome.PER_JOB] * 3, *CombineIncome)),
        posting_lag=rng.choice((lag, lag, (), (("*_ph", 1), ("sss_*", 3)))),
        default_lag=rng.choice((0, 0, 0, 1)),
        transaction_classes=CLASSES,
        provider_types=rng.choice((BY_ID, BY_ID, {})),
    )


def _synced(draft: Draft, max_age: timedelta) -> datetime:
    rng, instant = draft.rng, draft.as_of.instant
    ages = (
        timedelta(hours=rng.randrange(48)),
        timedelta(hours=rng.randrange(48)),
        timedelta(hours=rng.randrange(48)),
        timedelta(hours=rng.randrange(48)),
        timedelta(days=rng.randrange(35)),
        timedelta(days=rng.randrange(35)),
        max_age,
        max_age + timedelta(seconds=1) if draft.chance(0.3) else max_age - timedelta(seconds=1),
        timedelta(days=rng.randrange(36, 120)) if draft.chance(0.3) else timedelta(0),
        timedelta(days=-rng.randrange(40)),
        _until_local_midnight(draft.as_of),
    )
    return instant - rng.choice(ages)


def _until_local_midnight(as_of: AsOf) -> timedelta:
    """How long ago the first instant of the running month was."""
    first = as_of.date.replace(day=1)
    midnight = datetime(first.year, first.month, first.day, tzinfo=as_of.zone)
    return as_of.instant - midnight.astimezone(UTC)


def _account(draft: Draft, max_age: timedelta) -> Account:
    rng = draft.rng
    status = rng.choices(
        ("CONNECTED", "ERROR", "PENDING", "AWAITING_MFA", "DISCONNECTED", "SUSPENDED"),
        (82, 8, 4, 1, 4, 1),
    )[0]
    synced = _synced(draft, max_age)
    earlier = synced - timedelta(hours=rng.randrange(1000))
    age = rng.choice((timedelta(60), timedelta(60, 1), timedelta(rng.randrange(1, 900))))
    pair = rng.choice(((synced, earlier), (earlier, synced), (synced, None), (None, synced)))
    if draft.chance(0.01):
        pair = (None, None)
    return Account(
        id=draft.next_id("a"),
        provider_id=rng.choice(PROVIDERS).id,
        connection_status=status,
        created_at=None if draft.chance(0.01) else draft.as_of.instant - age,
        error_code="INVALID_CREDENTIALS" if status == "ERROR" else None,
        connection_updated_at=pair[0],
        monitor_updated_at=pair[1],
    )


def _source(draft: Draft, max_age: timedelta) -> Source:
    kind = draft.rng.choice(("ARCHIVE", "UPLOAD", "SOCIAL_SECURITY"))
    provider = draft.rng.choice(("sss_ph", "sprout_ph", "philhealth_ph", "grab_ph"))
    synced = None if draft.chance(0.02) else _synced(draft, max_age)
    return Source(draft.next_id("s"), kind, provider, synced)


def _fill(draft: Draft, source: str, provider_id: str) -> None:
    """Give one account a history of what its provider supports."""
    supported = BY_ID[provider_id].supported
    makers = {
        "EINCOMES": estimates,
        "INCOMES": incomes,
        "CONTRIBUTIONS": contributions,
        "EMPLOYMENTS": employments,
        "LIABILITIES": liabilities,
        "TRANSACTIONS": transactions,
        "IDENTITIES": identity,
        "LINKS": links,
    }
    for kind, make in makers.items():
        if (kind in supported or kind == "LINKS") and draft.chance(0.85):
            make(draft, source)


def _again(draft: Draft, record: Any) -> Any:
    """The same record once more; now and then with other content under its id."""
    if draft.chance(0.7) or not hasattr(record, "amount"):
        return msgspec.structs.replace(record)
    return msgspec.structs.replace(record, amount=record.amount + 1)


def _faults(
    draft: Draft, kind: Kind, accounts: tuple[Account, ...], probability: float
) -> tuple[Missing, ...]:
    if not draft.chance(probability):
        return ()
    source = draft.rng.choice(accounts).id if accounts and draft.chance(0.5) else None
    return (Missing(draft.rng.choice(FAULTS), kind=kind, source=source),)


def _read(draft: Draft, kind: Kind, accounts: tuple[Account, ...]) -> Read[Any] | None:
    if draft.chance(0.5 if kind is Kind.LINKS else 0.015):
        return None
    records = draft.records[kind]
    if records and draft.chance(0.03):
        records.append(_again(draft, draft.rng.choice(records)))
    draft.rng.shuffle(records)
    first_day = None
    if kind is Kind.TRANSACTIONS and draft.chance(0.5):
        first_day = Month.of(draft.as_of.date).plus(-13).first_day
        if draft.chance(0.05):
            first_day = draft.as_of.date - timedelta(days=draft.rng.randrange(30, 400))
        records = [one for one in records if one.date >= first_day]
    return Read(tuple(records), _faults(draft, kind, accounts, 0.02), 0, first_day)


def _known(draft: Draft, accounts: tuple[Account, ...]) -> tuple[KnownCount, ...]:
    """What earlier snapshots held of some accounts and kinds."""
    return tuple(
        KnownCount(account.id, kind, draft.rng.choice((0, 1, 24)))
        for account in accounts
        for kind in draft.records
        if kind.value.upper() in BY_ID[account.provider_id].supported and draft.chance(0.2)
    )
