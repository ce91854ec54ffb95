"""Made-up applicants, one per seed: every shape of data the catalogue has a word for, and edges."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import msgspec

from decision_service.domain.accounts import Kind
from decision_service.domain.needs import DataPolicy
from decision_service.domain.snapshot import Account, Employment, Read, Snapshot, Source
from decision_service.domain.values import AsOf, Missing, Month
from tests.oracles.draft import (
    BY_ID,
    CEILINGS,
    CLASSES,
    CURRENCY,
    FAULTS,
    HOLDS,
    LEGAL_FORMS,
    NOT_EMPLOYERS,
    PROVIDERS,
    ZONES,
    Draft,
    account,
    known,
    source,
    tasks,
)
from tests.oracles.histories import (
    contributions,
    copy_of_job,
    employments,
    estimates,
    identity,
    incomes,
    liabilities,
    links,
    transactions,
    watches,
)

COUNTS = (0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 3, 4)
MAKERS = {
    "EINCOMES": estimates,
    "INCOMES": incomes,
    "CONTRIBUTIONS": contributions,
    "EMPLOYMENTS": employments,
    "LIABILITIES": liabilities,
    "TRANSACTIONS": transactions,
    "IDENTITIES": identity,
    "LINKS": links,
}


@dataclass(frozen=True)
class Case:
    """The arguments of one computation."""

    snapshot: Snapshot
    policy: DataPolicy
    as_of: AsOf
    term_months: int | None


def applicant(seed: int) -> Case:
    rng = Random(seed)
    as_of = _as_of(rng)
    draft = Draft(rng, as_of, {kind: [] for kind in Kind if kind is not Kind.ACCOUNTS})
    draft.foreign = rng.choice((0.0, 0.0, 0.0, 0.0, 0.01, 0.05))
    max_age = timedelta(days=rng.choice((35, 35, 35, 35, 90, 7)))
    accounts = tuple(account(draft, max_age) for _ in range(rng.choice(COUNTS)))
    sources = tuple(source(draft, max_age) for _ in range(rng.choice((0, 0, 0, 0, 0, 1, 2))))
    _fill_all(draft, accounts, sources)
    if accounts and draft.chance(0.12):
        accounts = (*accounts, dead_copy(draft, draft.rng.choice(accounts)))
    snapshot = Snapshot(
        user_id="user",
        accounts=accounts,
        account_faults=_faults(draft, Kind.ACCOUNTS, (), 0.01),
        sources=sources,
        providers=tuple(one for one in PROVIDERS if draft.chance(0.97)),
        known=known(draft, accounts),
        tasks=tasks(draft, accounts),
        watches=watches(Random(f"{seed} watches"), draft, accounts),
        **{kind.value: _read(draft, kind, accounts) for kind in draft.records},
    )
    if snapshot.accounts and seed % 16 == 5:
        snapshot = read_long_ago(snapshot, as_of, max_age)
    term = rng.choice((1, 6, 12, 36, 360, None)) if draft.chance(0.9) else rng.randrange(1, 61)
    return Case(snapshot, _policy(rng, max_age), as_of, term)


def read_long_ago(snapshot: Snapshot, as_of: AsOf, max_age: timedelta) -> Snapshot:
    """The first scheme or platform as one that was read too long ago, by weeks or months."""
    rng, kinds = Random(str(as_of)), ("GIG", "GOVERNMENT")
    for one in snapshot.accounts:
        if one.provider_id in BY_ID and BY_ID[one.provider_id].type in kinds:
            moment = as_of.instant - max_age - timedelta(days=rng.choice((1, 10, 40, 200)))
            old = msgspec.structs.replace(
                one, connection_updated_at=moment, monitor_updated_at=None
            )
            accounts = tuple(old if each is one else each for each in snapshot.accounts)
            return msgspec.structs.replace(snapshot, accounts=accounts)
    return snapshot


def _as_of(rng: Random) -> AsOf:
    zone = rng.choice(ZONES)
    year = rng.choice((2024, 2025, 2026, 2026, 2028))
    month = Month(year * 12 + rng.randrange(12))
    days = (
        month.first_day,
        month.last_day,
        month.last_day - timedelta(days=1),
        date(year, 2, 28),
        date(year, 2, 29) if year % 4 == 0 else date(year, 3, 1),
        month.first_day + timedelta(days=rng.choice((1, 9, 10, 11))),
        *(month.first_day + timedelta(days=rng.randrange(28)) for _ in range(5)),
    )
    day = rng.choice(days)
    second = rng.choice((0, 86399, rng.randrange(86400), rng.randrange(86400)))
    local = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(seconds=second)
    return AsOf.at(local.astimezone(UTC), zone)


FEE_SHARES = {"grab_ph": Decimal("0.2"), "lalamove_ph": Decimal("0.15")}


def _policy(rng: Random, max_age: timedelta) -> DataPolicy:
    lag = (("sss_*", 2), ("philhealth_*", 2), ("pagibig_*", 2))
    usual = rng.random() < 0.8
    return DataPolicy(
        currency=CURRENCY,
        max_age=max_age,
        posting_lag=lag if usual else rng.choice(((), (("sprout_*", 1), ("sss_*", 3)))),
        default_lag=0 if rng.random() < 0.96 else 1,
        transaction_classes=CLASSES,
        provider_types=rng.choice((BY_ID, BY_ID, BY_ID, {})),
        posting_lag_days=() if usual else rng.choice(((), (("sprout_*", 5), ("grab_*", 3)))),
        default_lag_days=rng.choice((0, 0, 0, 0, 0, 2)),
        ceilings=CEILINGS,
        not_employers=NOT_EMPLOYERS,
        legal_forms=LEGAL_FORMS,
        document_providers=frozenset({"files_ph"}),
        fee_providers=frozenset({"grab_ph", "foodpanda_ph"}),
        fee_shares=FEE_SHARES if usual else None,
    )


def _fill_all(draft: Draft, accounts: tuple[Account, ...], sources: tuple[Source, ...]) -> None:
    """A history for nearly every account and file; now and then two tell of one job."""
    for one in accounts:
        delivers = {"CONNECTED": 0.93, "DISCONNECTED": 0.1}
        if draft.chance(delivers.get(one.connection_status, 0.4)):
            _fill(draft, one.id, HOLDS[one.provider_id].supported)
    for file in sources:
        kinds = ("INCOMES", "EMPLOYMENTS") if file.provider_id == "user-provided" else None
        _fill(draft, file.id, kinds or BY_ID[file.provider_id].supported)
    payers = sorted({one.source for one in draft.records[Kind.INCOMES]})
    if len(payers) > 1 and draft.chance(0.35):
        copy_of_job(draft, payers[0], payers[1])


def _fill(draft: Draft, source_id: str, supported: tuple[str, ...]) -> None:
    """Give one account a history of what its provider supports."""
    for kind, make in MAKERS.items():
        if (kind in supported or kind == "LINKS") and draft.chance(0.85):
            make(draft, source_id)


def dead_copy(draft: Draft, one: Account) -> Account:
    """An older connection of an account: in error, stale or disconnected, with most of its records.

    Now and then it shows one more, is of another employer, or its job has ended.
    """
    rng = draft.rng
    long_ago = draft.as_of.instant - timedelta(days=rng.choice((20, 100, 200)))
    status = rng.choice(("ERROR", "ERROR", "CONNECTED", "DISCONNECTED"))
    old = msgspec.structs.replace(
        one, id=draft.next_id("a"), connection_status=status, created_at=long_ago,
        connection_updated_at=long_ago, monitor_updated_at=None,
    )  # fmt: skip
    dropped, renamed = rng.choice((0.0, 0.0, 0.3, 1.0)), draft.chance(0.3)
    for records in draft.records.values():
        for record in [record for record in records if record.source == one.id]:
            if not draft.chance(dropped):
                again = msgspec.structs.replace(record, id=draft.next_id("old"), source=old.id)
                if renamed and hasattr(again, "employer"):
                    again = msgspec.structs.replace(again, employer="Bravo Foods Inc")
                records.append(again)
    if renamed and draft.chance(0.5):
        started = draft.as_of.date - timedelta(days=900)
        last = draft.as_of.date - timedelta(days=rng.choice((-5, 40, 100)))
        job = ("Bravo Foods Inc", "Separated", started, last, None)
        draft.records[Kind.EMPLOYMENTS].append(Employment(draft.next_id("job"), old.id, *job))
    return old


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
    failed = draft.rng.choice(accounts).id if accounts and draft.chance(0.5) else None
    return (Missing(draft.rng.choice(FAULTS), kind=kind, source=failed),)


def _read(draft: Draft, kind: Kind, accounts: tuple[Account, ...]) -> Read[Any] | None:
    if draft.chance(0.5 if kind is Kind.LINKS else 0.01):
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
    return Read(tuple(records), _faults(draft, kind, accounts, 0.015), 0, first_day)
