"""Made-up applicants, one per seed: every shape of data the catalogue has a word for, and edges."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause, Missing
from decision_service.domain.months import Month
from decision_service.domain.needs import (
    ClassRule,
    CombineIncome,
    DataPolicy,
    PartialPolicy,
    TransactionClass,
)
from decision_service.domain.snapshot import (
    Account,
    Contribution,
    Employment,
    EstimatedIncome,
    Identity,
    Income,
    KnownCount,
    Liability,
    LinkCounts,
    Provider,
    Read,
    Snapshot,
    Source,
    Transaction,
)
from decision_service.domain.time import AsOf

CURRENCY = "PHP"
PROVIDERS = (
    Provider(
        "sss_ph",
        "GOVERNMENT",
        ("IDENTITIES", "EMPLOYMENTS", "CONTRIBUTIONS", "EINCOMES", "LIABILITIES"),
    ),
    Provider(
        "philhealth_ph", "GOVERNMENT", ("IDENTITIES", "EMPLOYMENTS", "CONTRIBUTIONS", "EINCOMES")
    ),
    Provider(
        "pagibig_ph", "GOVERNMENT", ("IDENTITIES", "EMPLOYMENTS", "CONTRIBUTIONS", "LIABILITIES")
    ),
    Provider("grab_ph", "GIG", ("IDENTITIES", "TRANSACTIONS")),
    Provider("lalamove_ph", "GIG", ("IDENTITIES", "TRANSACTIONS")),
    Provider("foodpanda_ph", "GIG", ("IDENTITIES", "TRANSACTIONS")),
    Provider("upwork", "GIG", ("IDENTITIES", "TRANSACTIONS", "EMPLOYMENTS", "INCOMES", "EINCOMES")),
    Provider("sprout_ph", "SYSTEM", ("IDENTITIES", "EMPLOYMENTS", "INCOMES")),
)
BY_ID = {provider.id: provider for provider in PROVIDERS}
ZONES = tuple(ZoneInfo(name) for name in ("Asia/Manila", "Asia/Kolkata", "America/Los_Angeles"))
EMPLOYERS = (
    "Acme Corp",
    "ACME  CORP",
    " acme corp ",
    "Bayan Calls, Inc.",
    "Straße GmbH",
    "STRASSE GMBH",
    None,
    "",
)
FREQUENCIES = (
    "Hourly",
    "Daily",
    "Weekly",
    "Semimonthly",
    "Monthly",
    "Bimonthly",
    "Quarterly",
    "Annually",
    "Variable",
    "Unspecified",
    None,
    "Fortnightly",
)
FAULTS = (Cause.SOURCE_FAILED, Cause.NOT_FETCHED, Cause.BAD_DATA, Cause.CHANGED_WHILE_READING)
CLASSES = (
    ClassRule("*", ("loan", "advance"), 0, TransactionClass.LOAN),
    ClassRule("grab_*", ("top up", "top-up"), 1, TransactionClass.TOP_UP),
    ClassRule("*", ("cash out", "withdraw"), -1, TransactionClass.WITHDRAWAL),
    ClassRule("*", ("reversal", "chargeback"), 0, TransactionClass.REVERSAL),
    ClassRule("*", ("commission", "fee"), 0, TransactionClass.FEE),
    ClassRule("lalamove_*", ("order", "tip"), 1, TransactionClass.EARNING),
    ClassRule("*", ("trip", "delivery", "bonus"), 1, TransactionClass.EARNING),
    ClassRule("foodpanda_*", (), 1, TransactionClass.EARNING),
    ClassRule("*", ("adjust",), 0, TransactionClass.OTHER),
)
WORDS = (
    ("Trip fare", 1), ("Delivery #1", 1), ("WEEKLY BONUS", 1), ("Order 77", 1), ("Trip fare", 1),
    ("Platform commission", -1), ("Service FEE", -1), ("Fee refund", 1), ("Cash out to bank", -1),
    ("Reversal of trip", -1), ("Top up", 1), ("Loan advance", 1), ("Adjustment", 1),
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """The arguments of one computation."""

    snapshot: Snapshot
    policy: DataPolicy
    as_of: AsOf


@dataclass
class Draft:
    """A snapshot in the making."""

    rng: Random
    as_of: AsOf
    records: dict[Kind, list[Any]]
    made: int = 0

    def chance(self, probability: float) -> bool:
        """A weighted coin."""
        return self.rng.random() < probability

    def next_id(self, prefix: str) -> str:
        """Ids are unique within an applicant."""
        self.made += 1
        return f"{prefix}-{self.made}"

    def currency(self) -> str:
        """Nearly always ours."""
        return "USD" if self.chance(self.foreign) else CURRENCY

    foreign: float = 0.0


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
    return Case(snapshot, _policy(rng, max_age), as_of)


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
        provider_types=BY_ID,
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
        ("CONNECTED", "ERROR", "PENDING", "AWAITING_MFA", "DISCONNECTED"), (82, 8, 4, 1, 5)
    )[0]
    synced = _synced(draft, max_age)
    earlier = synced - timedelta(hours=rng.randrange(1000))
    age = rng.choice((timedelta(60), timedelta(60, 1), timedelta(rng.randrange(1, 900))))
    pair = rng.choice(((synced, earlier), (earlier, synced), (synced, None), (None, synced)))
    return Account(
        id=draft.next_id("a"),
        provider_id=rng.choice(PROVIDERS).id,
        connection_status=status,
        created_at=draft.as_of.instant - age,
        error_code="INVALID_CREDENTIALS" if status == "ERROR" else None,
        connection_updated_at=pair[0],
        monitor_updated_at=pair[1],
    )


def _source(draft: Draft, max_age: timedelta) -> Source:
    kind = draft.rng.choice(("ARCHIVE", "UPLOAD", "SOCIAL_SECURITY"))
    provider = draft.rng.choice(("sss_ph", "sprout_ph", "philhealth_ph", "grab_ph"))
    return Source(draft.next_id("s"), kind, provider, _synced(draft, max_age))


def _fill(draft: Draft, source: str, provider_id: str) -> None:
    """Give one account a history of what its provider supports."""
    supported = BY_ID[provider_id].supported
    makers = {
        "EINCOMES": _estimates,
        "INCOMES": _incomes,
        "CONTRIBUTIONS": _contributions,
        "EMPLOYMENTS": _employments,
        "LIABILITIES": _liabilities,
        "TRANSACTIONS": _transactions,
        "IDENTITIES": _identity,
        "LINKS": _links,
    }
    for kind, make in makers.items():
        if (kind in supported or kind == "LINKS") and draft.chance(0.85):
            make(draft, source)


def _months(draft: Draft) -> list[Month]:
    """A stretch of months with gaps, which may end after as_of."""
    rng = draft.rng
    last = Month.of(draft.as_of.date).plus(rng.choice((1, 0, 0, -1, -1, -2, -3, -5)))
    length = rng.choice((1, 2, 3, 4, 6, 8, 12, 13, 15, 18, 24, 27, 30))
    gaps = rng.choice((0.0, 0.0, 0.1, 0.4))
    return [last.plus(-back) for back in range(length) if not draft.chance(gaps)]


def _amount(draft: Draft, scale: int) -> int:
    """Minor units; now and then equal, zero, negative or odd."""
    rng = draft.rng
    if draft.chance(0.3):
        return scale
    if draft.chance(0.06):
        return rng.choice((0, 0, -scale // 3))
    return rng.randrange(scale // 2, scale * 2)


def _estimates(draft: Draft, source: str) -> None:
    scale = draft.rng.choice((1_500_000, 2_000_000, 3_333_333))
    for month in _months(draft):
        for _ in range(2 if draft.chance(0.03) else 1):
            draft.records[Kind.EINCOMES].append(
                EstimatedIncome(
                    draft.next_id("einc"),
                    source,
                    month.index,
                    draft.currency(),
                    _amount(draft, scale),
                )
            )


def _contributions(draft: Draft, source: str) -> None:
    scale = draft.rng.choice((137_500, 280_000))
    for month in _months(draft):
        for _ in range(2 if draft.chance(0.05) else 1):
            day = month.last_day if draft.chance(0.7) else month.first_day
            draft.records[Kind.CONTRIBUTIONS].append(
                Contribution(
                    draft.next_id("con"), source, day, draft.currency(), _amount(draft, scale)
                )
            )


def _incomes(draft: Draft, source: str) -> None:
    rng = draft.rng
    for _ in range(rng.choice((1, 1, 1, 2))):
        employer, frequency = rng.choice(EMPLOYERS), rng.choice(FREQUENCIES)
        scale = rng.choice((900_000, 1_800_000))
        for start, end in _periods(draft, frequency):
            pay = _amount(draft, scale)
            name = rng.choice(EMPLOYERS[:3]) if employer in EMPLOYERS[:3] else employer
            draft.records[Kind.INCOMES].append(
                Income(
                    draft.next_id("inc"), source, name, start, end, frequency, draft.currency(),
                    *rng.choice(
                        ((None, None, pay), (pay, pay, pay - 7), (pay, pay, None), (pay, None, None))
                    ),
                )
            )  # fmt: skip


def _periods(draft: Draft, frequency: str | None) -> list[tuple[date, date | None]]:
    months = _months(draft)
    if frequency in ("Quarterly", "Annually", "Bimonthly"):
        length = {"Bimonthly": 2, "Quarterly": 3, "Annually": 12}[frequency]
        ends = months[::length]
        found = [(end.plus(1 - length).first_day, end.last_day) for end in ends]
    elif frequency == "Weekly":
        found = [
            (
                month.first_day + timedelta(days=7 * week),
                month.first_day + timedelta(days=7 * week + 6),
            )
            for month in months[:6]
            for week in range(4)
        ]
    elif frequency == "Semimonthly":
        found = []
        for month in months:
            middle = month.first_day + timedelta(days=14)
            found += [(month.first_day, middle), (middle + timedelta(days=1), month.last_day)]
    else:
        offset = timedelta(days=draft.rng.choice((0, 0, 0, 15)))
        found = [(month.first_day + offset, month.last_day + offset) for month in months]
    tomorrow = draft.as_of.date + timedelta(days=1)
    legal = [pair for pair in found if pair[1] <= tomorrow or draft.chance(0.02)]
    return [(start, None) if draft.chance(0.03) else (start, end) for start, end in legal]


def _employments(draft: Draft, source: str) -> None:
    rng, today = draft.rng, draft.as_of.date
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        start = today - timedelta(
            days=rng.choice((rng.randrange(3000), rng.randrange(800), 731, 730))
        )
        end = None
        if draft.chance(0.5):
            end = start + timedelta(days=rng.randrange(max((today - start).days, 1) + 1))
        if draft.chance(0.03):
            end = today + timedelta(days=rng.randrange(3))
        if draft.chance(0.004):
            start, end = today + timedelta(days=rng.choice((1, 2))), None
        draft.records[Kind.EMPLOYMENTS].append(
            Employment(
                draft.next_id("e"), source, rng.choice(EMPLOYERS), "Employed", start, end, start
            )
        )


def _liabilities(draft: Draft, source: str) -> None:
    rng, today = draft.rng, draft.as_of.date
    for _ in range(rng.choice((0, 0, 1, 2, 3))):
        start = today - timedelta(days=rng.randrange(1000))
        loan = rng.randrange(500_000, 5_000_000)
        draft.records[Kind.LIABILITIES].append(
            Liability(
                draft.next_id("lia"), source, "Salary Loan", start, start + timedelta(days=730),
                draft.currency(), loan,
                rng.choice((loan // 24, loan // 24, loan // 12, None if draft.chance(0.3) else 1)),
                rng.choice(("Monthly", "Monthly", "Monthly", rng.choice(FREQUENCIES))),
                rng.choice((0, loan // 2, loan // 3, loan, None if draft.chance(0.2) else -5)),
                rng.choice((0, None, None, loan // 24)),
                None,
            )
        )  # fmt: skip


def _transactions(draft: Draft, source: str) -> None:
    rng, today = draft.rng, draft.as_of.date
    reach = rng.choice((20, 100, 200, 400, 440))
    unmapped = rng.choice((0.0, 0.0, 0.02, 0.1, 0.25))
    only_out = draft.chance(0.03)
    for _ in range(rng.choice((3, 10, 30, 60))):
        words, sign = ("Misc", rng.choice((1, -1))) if draft.chance(unmapped) else rng.choice(WORDS)
        if only_out:
            words, sign = "Cash out to bank", -1
        day = today - timedelta(days=rng.randrange(reach) - 1)
        if draft.chance(0.0003):
            day = today + timedelta(days=rng.choice((1, 2)))
        amount = sign * rng.randrange(100, 90_000)
        draft.records[Kind.TRANSACTIONS].append(
            Transaction(
                draft.next_id("t"), source, day, None if draft.chance(0.01) else words,
                "USD" if draft.chance(draft.foreign / 10) else CURRENCY, amount,
            )
        )  # fmt: skip


def _identity(draft: Draft, source: str) -> None:
    birth = draft.rng.choice((date(1990, 3, 1), date(1992, 2, 29), date(1985, 12, 31)))
    if draft.chance(0.9):
        birth = date(1988, draft.as_of.date.month, min(draft.as_of.date.day, 28))
    known = None if draft.chance(0.05) else birth
    draft.records[Kind.IDENTITIES].append(Identity(draft.next_id("i"), source, known))


def _links(draft: Draft, source: str) -> None:
    windows = (3, 7, 30, 90, 180, 365, 730)
    counts = tuple((days, draft.rng.randrange(9)) for days in windows if draft.chance(0.95))
    draft.records[Kind.LINKS].append(LinkCounts(draft.next_id("link"), source, counts))


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
    draft.rng.shuffle(records)
    first_day = None
    if kind is Kind.TRANSACTIONS and draft.chance(0.5):
        first_day = Month.of(draft.as_of.date).plus(-13).first_day
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
