"""Reads the hand-written cases of tests/cases/factors: small tables become snapshots.

Every scalar is text. A record is a list of words, or a mapping where it has many fields; a first
word that begins with `#` is its id. A month may be a span (`2025-11..2026-10`), one record each.
A kind that is not listed was read and is empty; `not_fetched` names those that were not read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from decision_service.domain.accounts import Kind
from decision_service.domain.needs import (
    ClassRule,
    DataPolicy,
    Needs,
    SchemeCeiling,
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
    Task,
    Transaction,
)
from decision_service.domain.values import AsOf, Cause, DataReason, Missing, Month, to_minor

CASES = Path(__file__).parents[2] / "cases" / "factors"
PROVIDERS = tuple(
    Provider(name, type_, tuple(supported.split()))
    for name, type_, supported in (
        ("sss_ph", "GOVERNMENT", "EINCOMES CONTRIBUTIONS EMPLOYMENTS LIABILITIES IDENTITIES"),
        ("pagibig_ph", "GOVERNMENT", "CONTRIBUTIONS LIABILITIES"),
        ("philhealth_ph", "GOVERNMENT", "CONTRIBUTIONS"),
        ("sprout_ph", "SYSTEM", "INCOMES EMPLOYMENTS"),
        ("talenta_id", "SYSTEM", "INCOMES EMPLOYMENTS"),
        ("grab_ph", "GIG", "TRANSACTIONS EINCOMES IDENTITIES"),
        ("lalamove_ph", "GIG", "TRANSACTIONS"),
        ("files_ph", "SYSTEM", "INCOMES"),
    )
)
CLASSES = (
    ClassRule("*", ("loan",), 0, TransactionClass.LOAN),
    ClassRule("*", ("refund",), -1, TransactionClass.REVERSAL),
    ClassRule("*", ("correction",), 0, TransactionClass.REVERSAL),
    ClassRule("*", ("adjustment",), 1, TransactionClass.REVERSAL),
    ClassRule("*", ("cash out",), -1, TransactionClass.WITHDRAWAL),
    ClassRule("*", ("top up",), 1, TransactionClass.TOP_UP),
    ClassRule("*", ("commission", "fee"), -1, TransactionClass.FEE),
    ClassRule("*", ("trip", "order"), 1, TransactionClass.EARNING),
    ClassRule("*", ("voucher",), 0, TransactionClass.OTHER),
)
LEGAL_FORMS = ("inc", "corp", "corporation", "co", "company", "ltd", "limited", "pt")
NOW = "2026-11-24T02:00:00Z"
SYNCED = "2026-11-24T00:00:00Z"
CREATED = "2025-01-01T00:00:00Z"


@dataclass(frozen=True)
class GoldenCase:
    """One case: the arguments of `compute` and what each factor must be, as written."""

    name: str
    snapshot: Snapshot
    needs: Needs
    as_of: AsOf
    expect: Mapping[str, str]


def cases() -> list[GoldenCase]:
    """Every case of every file."""
    found = []
    for path in sorted(CASES.glob("*.yaml")):
        written = yaml.load(path.read_text(encoding="utf-8"), yaml.CBaseLoader)
        found += [read_case(f"{path.stem}: {one['name']}", one) for one in written]
    return found


def read_case(name: str, written: Mapping[str, Any]) -> GoldenCase:
    """One case; an unknown key is an error, so that no line is silently without effect."""
    unknown = set(written) - {"name", "why", "as_of", "zone", "policy", "expect", "term", *PARTS}
    assert not unknown, f"{name} has unknown keys {sorted(unknown)}"
    expect = written["expect"]
    return GoldenCase(
        name,
        read_snapshot(written),
        Needs(tuple(expect), read_policy(written.get("policy", {})), read_term(written)),
        plus_zone(written.get("as_of", NOW), written.get("zone", "Asia/Manila")),
        expect,
    )


def plus_zone(text: str, zone: str) -> AsOf:
    """An instant seen in a zone."""
    return AsOf.at(datetime.fromisoformat(text), ZoneInfo(zone))


def read_term(written: Mapping[str, Any]) -> int | None:
    """The requested term."""
    return int(written["term"]) if "term" in written else None


def read_policy(written: Mapping[str, Any]) -> DataPolicy:
    """The data policy; pesos, no lag and 35 days where nothing else is said."""
    return DataPolicy(
        currency=written.get("currency", "PHP"),
        max_age=timedelta(days=int(written.get("max_age", 35))),
        posting_lag=lags(written.get("lag", {})),
        transaction_classes=CLASSES,
        posting_lag_days=lags(written.get("lag_days", {})),
        ceilings=tuple(ceiling(one) for one in written.get("ceilings", [])),
        not_employers=("voluntary", "selfemployed", "ofw"),
        legal_forms=LEGAL_FORMS,
        document_providers=frozenset(written.get("documents", [])),
        fee_providers=frozenset(written.get("charges_fees", ["grab_ph"])),
    )


def lags(written: Mapping[str, str]) -> tuple[tuple[str, int], ...]:
    """Lags by provider glob."""
    return tuple((glob, int(number)) for glob, number in written.items())


def ceiling(words: list[str]) -> SchemeCeiling:
    """`provider since amount`."""
    provider, since, amount = words
    return SchemeCeiling(provider, "PHP", date.fromisoformat(since), minor(amount, "PHP"))


def read_snapshot(written: Mapping[str, Any]) -> Snapshot:
    """The snapshot; faults by kind are lists of `cause source`."""
    absent = written.get("not_fetched", [])
    reads = {
        kind: read_kind(written, kind, make) for kind, make in RECORDS.items() if kind not in absent
    }
    return Snapshot(
        "user",
        accounts=tuple(account(one) for one in written.get("accounts", [])),
        account_faults=tuple(fault(one) for one in written.get("account_faults", [])),
        sources=tuple(archive(one) for one in written.get("sources", [])),
        providers=PROVIDERS,
        known=tuple(known_count(words) for words in written.get("known", [])),
        tasks=read_tasks(written),
        **reads,
    )


def known_count(words: list[str]) -> KnownCount:
    """`source kind count [newest month with income]`."""
    source, kind, count, *month = words
    newest = Month.parse(month[0]).index if month else None
    return KnownCount(source, Kind(kind), int(count), newest)


def read_tasks(written: Mapping[str, Any]) -> Read[Task] | None:
    """Tasks, where a case names them or what went wrong with them; else they were not asked for."""
    if "tasks" not in written and "task_faults" not in written:
        return None
    tasks = tuple(task(n, one) for n, one in enumerate(written.get("tasks", []), 1))
    return Read(tasks, tuple(fault(one) for one in written.get("task_faults", [])))


def task(number: int, one: Mapping[str, str]) -> Task:
    """A collection of data; LINK_ACCOUNT, and running, unless it says otherwise."""
    finished = instant(one.get("finished", "none"))
    status = one.get("status", "Started" if finished is None else "Finished")
    started = instant(one.get("started", "none"))
    type_ = one.get("type", "LINK_ACCOUNT")
    saved = finished is not None and status == "Finished"
    return Task(f"tasks-{number}", one["source"], type_, status, started, finished, saved)


def read_kind(written: Mapping[str, Any], kind: str, make: Callable[..., Any]) -> Read[Any]:
    """One kind's records in the order written, ids `<kind>-<n>` where none is given."""
    records: list[Any] = []
    for line in written.get(kind, []):
        for words in spread(line):
            record_id, fields = identified(words, f"{kind}-{len(records) + 1}")
            records.append(make(record_id, fields))
    faults = tuple(fault(one) for one in written.get("faults", {}).get(kind, []))
    first_day = written.get("first_day") if kind == "transactions" else None
    return Read(tuple(records), faults, first_day=day(first_day))


def identified(line: Any, otherwise: str) -> tuple[str, Any]:
    """The record's id and its fields."""
    if isinstance(line, dict):
        return line.get("id", otherwise), line
    if line[0].startswith("#"):
        return line[0][1:], line[1:]
    return otherwise, line


def spread(line: Any) -> Iterator[Any]:
    """A line for each month of a span, dated to the month's last day where it is a date."""
    span = next((w for w in line if ".." in w), None) if isinstance(line, list) else None
    if span is None:
        yield line
        return
    first, last = (Month.parse(text[:7]) for text in span.split(".."))
    for index in range(first.index, last.index + 1):
        text = str(Month(index)) if len(span) == 16 else Month(index).last_day.isoformat()
        yield [text if word == span else word for word in line]


def account(one: Mapping[str, str]) -> Account:
    """An account, connected since January 2025 and synced today unless it says otherwise."""
    return Account(
        one["id"],
        one["provider"],
        one.get("status", "CONNECTED"),
        created_at=instant(one.get("created", CREATED)),
        error_code=one.get("error"),
        connection_updated_at=instant(one.get("synced", SYNCED)),
    )


def archive(one: Mapping[str, str]) -> Source:
    """An archive, upload or social security record."""
    return Source(one["id"], one["type"], one["provider"], instant(one.get("newest", SYNCED)))


def fault(text: str) -> Missing:
    """`CAUSE`, `CAUSE source` or `CAUSE/CODE source`."""
    words, _, source = text.partition(" ")
    cause, _, code = words.partition("/")
    return Missing(Cause(cause), DataReason(code) if code else None, source=source or None)


def estimate(record_id: str, words: list[str]) -> EstimatedIncome:
    """`source month amount [currency]`."""
    source, month, amount, *currency = words
    code = currency[0] if currency else "PHP"
    return EstimatedIncome(record_id, source, Month.parse(month).index, code, minor(amount, code))


def contribution(record_id: str, words: list[str]) -> Contribution:
    """`source date amount [currency]`."""
    source, when, amount, *currency = words
    code = currency[0] if currency else "PHP"
    return Contribution(record_id, source, date.fromisoformat(when), code, minor(amount, code))


def transaction(record_id: str, words: list[str]) -> Transaction:
    """`source date description amount [currency]`."""
    source, when, description, amount, *currency = words
    code = currency[0] if currency else "PHP"
    spent = minor(amount, code)
    return Transaction(record_id, source, date.fromisoformat(when), description, code, spent)


def payroll(record_id: str, one: Mapping[str, str]) -> Income:
    """A payroll record; Monthly unless it says otherwise."""
    code = one.get("currency", "PHP")
    amounts = {name: minor(one[name], code) for name in ("base", "gross", "net") if name in one}
    return Income(
        record_id,
        one["source"],
        one.get("employer"),
        date.fromisoformat(one["start"]),
        day(one.get("end")),
        one.get("frequency", "Monthly"),
        code,
        amounts.get("base"),
        amounts.get("gross"),
        amounts.get("net"),
    )


def employment(record_id: str, one: Mapping[str, str]) -> Employment:
    """An employment."""
    start, end = date.fromisoformat(one["start"]), day(one.get("end"))
    return Employment(record_id, one["source"], one.get("employer"), None, start, end, None)


def liability(record_id: str, one: Mapping[str, str]) -> Liability:
    """A loan; what it does not say is null."""
    code = one.get("currency", "PHP")
    told = {
        name: minor(one[name], code) if name in one else None
        for name in ("amortization", "outstanding", "overdue")
    }
    return Liability(
        record_id,
        one["source"],
        one.get("type", "Loan"),
        date.fromisoformat(one.get("start", "2026-01-15")),
        day(one.get("end")),
        code,
        minor(one["amount"], code),
        told["amortization"],
        one.get("frequency"),
        told["outstanding"],
        told["overdue"],
        None,
    )


def identity(record_id: str, words: list[str]) -> Identity:
    """`source [date of birth]`."""
    source, *born = words
    return Identity(record_id, source, day(born[0] if born else None))


def link_counts(record_id: str, words: list[str]) -> LinkCounts:
    """`source days:count …`, with `first:days` and `last:days` where they are told."""
    source, *counts = words
    told = {key: int(number) for key, number in (count.split(":") for count in counts)}
    edges = told.pop("first", None), told.pop("last", None)
    return LinkCounts(record_id, source, tuple((int(d), n) for d, n in told.items()), *edges)


def instant(text: str) -> datetime | None:
    """An aware instant; `none` where there is none."""
    return None if text == "none" else datetime.fromisoformat(text).astimezone(UTC)


def day(text: str | None) -> date | None:
    """A civil date, or None."""
    return date.fromisoformat(text) if text else None


def minor(text: str, currency: str) -> int:
    """An amount in major units as minor ones."""
    return to_minor(Decimal(text), currency)


RECORDS: dict[str, Callable[..., Any]] = {
    "eincomes": estimate,
    "incomes": payroll,
    "contributions": contribution,
    "employments": employment,
    "liabilities": liability,
    "transactions": transaction,
    "identities": identity,
    "links": link_counts,
}
PARTS = {
    "accounts",
    "account_faults",
    "sources",
    "known",
    "faults",
    "not_fetched",
    "first_day",
    "tasks",
    "task_faults",
    *RECORDS,
}
