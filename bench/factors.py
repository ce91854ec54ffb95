"""Factor computation over growing histories, beside decoding the same data from JSON."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import msgspec

from bench.figures import Timing, report, timed, timed_together
from decision_service.domain.needs import ClassRule, DataPolicy, Needs, TransactionClass
from decision_service.domain.snapshot import (
    Account,
    Contribution,
    Employment,
    EstimatedIncome,
    Liability,
    Provider,
    Read,
    Snapshot,
    Transaction,
)
from decision_service.domain.values import AsOf
from decision_service.factors.compute import compute
from decision_service.smile.answers import Envelope, PageAnswer, TransactionAnswer

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
AS_OF = AsOf.at(NOW, ZoneInfo("Asia/Manila"))
SIZES = (500, 5_000, 50_000)
ROUNDS = 15
"""In which decoding and computing take turns, so that what else the machine does counts on both sides."""
NAMES = (
    "accounts.connected_count",
    *(f"income.months_{n}m" for n in (6, 12, 24)),
    *(f"income.count_{n}m" for n in (3, 6, 12)),
    "income.months_total",
    "income.conservative_6m",
    "income.calendar_average_12m",
    "income.volatility_12m",
    "income.trend_12m_pct",
    "income.longest_gap_12m",
    "income.gig_share_12m",
    *(f"contributions.months_{n}m" for n in (6, 12, 24)),
    *(f"contributions.count_{n}m" for n in (3, 6, 12)),
    "contributions.longest_streak_months",
    "contributions.schemes_count",
    "liabilities.monthly_amortization",
    "liabilities.outstanding_total",
    *(f"transactions.{what}_12m" for what in ("count", "earnings", "fees", "net")),
    *(f"transactions.earnings_{n}d" for n in (7, 28, 91)),
    "transactions.days_since_last",
)
"""The reference set of six families: what a realistic ruleset names."""

ON_PROOF = (
    "income.latest_share",
    "income.backed_months_12m",
    "income.months_since_backed",
    "income.weakest_grade_6m",
)
"""Factors on proof and on the latest month, which the reference set is measured with as well."""

POLICY = DataPolicy(
    currency="PHP",
    posting_lag=(("sss_*", 2),),
    transaction_classes=(
        ClassRule("grab_*", ("commission", "fee"), -1, TransactionClass.FEE),
        ClassRule("grab_*", ("cash out",), -1, TransactionClass.WITHDRAWAL),
        ClassRule("grab_*", ("trip", "delivery", "bonus", "tip"), 1, TransactionClass.EARNING),
    ),
)
_PAGES = msgspec.json.Decoder(Envelope[PageAnswer[TransactionAnswer]])
_WORDS = ("Trip earnings", "GrabFood delivery", "Platform commission", "Cash out to bank", "Tip")
PAGE = 150
"""Items that the vendor gives on a page."""


def snapshot(transactions: int, *, numbered: bool = False) -> Snapshot:
    """A person with a job and a platform: 24 estimates, 60 contributions, so many transactions.

    Where they are `numbered`, no two have the same description.
    """
    month = 2026 * 12 + 7
    accounts = tuple(
        Account(
            f"a-{n}", provider, "CONNECTED", NOW - timedelta(days=900), connection_updated_at=NOW
        )
        for n, provider in enumerate(("sss_ph", "grab_ph"))
    )
    first = date(2025, 10, 1)
    return Snapshot(
        "u",
        accounts=accounts,
        providers=(
            Provider("grab_ph", "GIG", ("TRANSACTIONS",)),
            Provider(
                "sss_ph", "GOVERNMENT", ("EINCOMES", "INCOMES", "CONTRIBUTIONS", "LIABILITIES")
            ),
        ),
        eincomes=Read(
            tuple(
                EstimatedIncome(f"e{n}", "a-0", month - n, "PHP", 3_000_000 + n) for n in range(24)
            )
        ),
        incomes=Read(),
        employments=Read((Employment("m", "a-0", "Acme", None, first, None, None),)),
        contributions=Read(
            tuple(
                Contribution(
                    f"c{n}", "a-0", date((month - n) // 12, (month - n) % 12 + 1, 28), "PHP", 1
                )
                for n in range(60)
            )
        ),
        liabilities=Read(
            (Liability("l", "a-0", "SALARY", first, None, "PHP", 10, 5, "Monthly", 9, 0, None),)
        ),
        transactions=Read(
            tuple(
                Transaction(
                    f"t{n}",
                    "a-1",
                    first + timedelta(days=n * 410 // transactions),
                    f"{_WORDS[n % 5]}, booking {n:08x}" if numbered else _WORDS[n % 5],
                    "PHP",
                    _amount(n),
                )
                for n in range(transactions)
            ),
            first_day=first,
        ),
    )


def _amount(n: int) -> int:
    """Fares differ, a commission is always the same, and so are most cash-outs."""
    return (15_000 + n * 7_919 % 9_000, 12_000 + n * 104_729 % 7_000, -5_000, -100_000, 2_000)[
        n % 5
    ]


def pages(one: Snapshot) -> list[bytes]:
    """The transactions as the vendor's list gives them, page by page."""
    told = [_item(record) for record in one.transactions.records] if one.transactions else []
    cut = [told[first : first + PAGE] for first in range(0, len(told), PAGE)]
    return [
        msgspec.json.encode({"code": "OK", "data": {"items": page, "nextCursor": None}})
        for page in cut
    ]


def _item(record: Transaction) -> dict[str, object]:
    about = {
        "createdAt": "2026-11-24T04:00:00Z",
        "itemCreatedAt": "2026-11-24T04:00:00Z",
        "sourceId": record.source,
        "sourceType": "ACCOUNT",
        "userId": "u",
        "providerId": "grab_ph",
    }
    return {
        "id": record.id,
        "date": record.date,
        "description": record.description,
        "currency": record.currency,
        "amount": record.amount / 100,
        "referenceId": None,
        "metadata": about,
    }


def decode(bodies: list[bytes]) -> None:
    """Read pages as the service does."""
    for body in bodies:
        _PAGES.decode(body)


def _repeat(work: Callable[[], object], calls: int) -> None:
    for _ in range(calls):
        work()


def run() -> None:
    """Print the table."""
    needs = Needs(NAMES, POLICY)
    more = Needs((*NAMES, *ON_PROOF), POLICY)
    timings: list[Timing] = []
    for size in SIZES:
        one = snapshot(size)
        decoder = msgspec.json.Decoder(Snapshot)
        calls = max(1, 20_000 // size)
        works = {
            f"decode the vendor's pages of {size:,}": partial(decode, pages(one)),
            f"decode a stored snapshot of {size:,}": partial(
                decoder.decode, msgspec.json.encode(one)
            ),
            f"{len(NAMES)} factors over {size:,}": partial(compute, one, needs, AS_OF),
            f"{len(more.factors)} factors over {size:,}": partial(compute, one, more, AS_OF),
        }
        repeated = {what: partial(_repeat, work, calls) for what, work in works.items()}
        timings += timed_together(repeated, calls, ROUNDS)
    apart = partial(compute, snapshot(5_000, numbered=True), needs, AS_OF)
    what = f"{len(NAMES)} factors, no two texts of 5,000 alike"
    timings.append(timed(what, partial(_repeat, apart, 4), 4))
    missing = [name for name, v in compute(snapshot(500), more, AS_OF).values.items() if v.missing]
    if missing:
        raise SystemExit(f"the bench's person must have every factor, these are missing: {missing}")
    report("factors", timings, "decode the vendor's pages of 5,000", ["msgspec"])
