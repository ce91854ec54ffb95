"""The hand-written cases of tests/cases/factors: small applicants with their values worked out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
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
    PayWatch,
    Provider,
    Read,
    Snapshot,
    Source,
    Task,
    Transaction,
)
from decision_service.domain.values import AsOf, Cause, DataReason, Missing, Money, Month, to_minor
from decision_service.factors.compute import compute
from tests.oracles.factors import Answer, reference
from tests.oracles.factors.applicant import Wait

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from decision_service.domain.factor import FactorValue, Value

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

RECORDS: dict[str, tuple[Any, str, dict[str, str]]] = {
    "eincomes": (EstimatedIncome, "source month amount currency", {}),
    "incomes": (Income, "", {"frequency": "Monthly"}),
    "contributions": (Contribution, "source date amount currency", {}),
    "employments": (Employment, "", {}),
    "liabilities": (Liability, "", {"type": "Loan", "start": "2026-01-15"}),
    "transactions": (Transaction, "source date description amount currency", {}),
    "identities": (Identity, "source birth_date", {}),
    "links": (LinkCounts, "", {}),
}
"""By kind: the struct, the order of words where a record is a list, what is usual."""

OTHER_NAMES = {"liabilities": {"amount": "loan_amount", "frequency": "amortization_frequency"}}

DAYS = {"paid", "date", "start", "end", "birth_date"}

MONEY = {
    "amount", "base", "gross", "net", "loan_amount", "amortization", "outstanding", "overdue",
}  # fmt: skip

PARTS = {
    "accounts", "account_faults", "sources", "known", "faults", "not_fetched", "first_day",
    "tasks", "task_faults", "watches", *RECORDS,
}  # fmt: skip


@dataclass(frozen=True)
class GoldenCase:
    """One case: the arguments of `compute` and what each factor must be, as written."""

    name: str
    snapshot: Snapshot
    needs: Needs
    as_of: AsOf
    expect: Mapping[str, str]


def cases() -> list[GoldenCase]:
    found = []
    for path in sorted(CASES.glob("*.yaml")):
        written = yaml.load(path.read_text(encoding="utf-8"), yaml.CBaseLoader)
        found += [read_case(f"{path.stem}: {one['name']}", one) for one in written]
    return found


def read_case(name: str, written: Mapping[str, Any]) -> GoldenCase:
    """One case; an unknown key is an error, so that no line is silently without effect."""
    unknown = set(written) - {"name", "why", "as_of", "zone", "policy", "expect", "term", *PARTS}
    assert not unknown, f"{name} has unknown keys {sorted(unknown)}"
    expect, term = written["expect"], written.get("term")
    policy = read_policy(written.get("policy", {}))
    return GoldenCase(
        name,
        read_snapshot(written),
        Needs(tuple(expect), policy, int(term) if term else None),
        plus_zone(written.get("as_of", NOW), written.get("zone", "Asia/Manila")),
        expect,
    )


def plus_zone(text: str, zone: str) -> AsOf:
    """An instant seen in a zone."""
    return AsOf.at(datetime.fromisoformat(text), ZoneInfo(zone))


def read_policy(written: Mapping[str, Any]) -> DataPolicy:
    """The data policy; pesos, no lag and 35 days where nothing else is said."""
    lag, days = (
        tuple((glob, int(number)) for glob, number in written.get(key, {}).items())
        for key in ("lag", "lag_days")
    )
    return DataPolicy(
        currency=written.get("currency", "PHP"),
        max_age=timedelta(days=int(written.get("max_age", 35))),
        posting_lag=lag,
        transaction_classes=CLASSES,
        posting_lag_days=days,
        ceilings=tuple(
            SchemeCeiling(provider, "PHP", date.fromisoformat(since), minor(amount, "PHP"))
            for provider, since, amount in written.get("ceilings", [])
        ),
        not_employers=("voluntary", "selfemployed", "ofw"),
        legal_forms=LEGAL_FORMS,
        document_providers=frozenset(written.get("documents", [])),
        fee_providers=frozenset(written.get("charges_fees", ["grab_ph"])),
        fee_shares={id_: Decimal(share) for id_, share in written.get("fee_shares", {}).items()},
    )


def read_snapshot(written: Mapping[str, Any]) -> Snapshot:
    """The snapshot; an account is connected since January 2025 and synced today unless it says."""
    absent = written.get("not_fetched", [])
    return Snapshot(
        "user",
        accounts=tuple(
            Account(
                one["id"],
                one["provider"],
                one.get("status", "CONNECTED"),
                created_at=instant(one.get("created", CREATED)),
                error_code=one.get("error"),
                connection_updated_at=instant(one.get("synced", SYNCED)),
            )
            for one in written.get("accounts", [])
        ),
        account_faults=faults(written.get("account_faults", [])),
        sources=tuple(
            Source(one["id"], one["type"], one["provider"], instant(one.get("newest", SYNCED)))
            for one in written.get("sources", [])
        ),
        providers=PROVIDERS,
        known=tuple(known_count(*words) for words in written.get("known", [])),
        tasks=read_tasks(written),
        watches=tuple(pay_watch(*words) for words in written.get("watches", [])),
        **{kind: read_kind(written, kind) for kind in RECORDS if kind not in absent},
    )


def pay_watch(source: str, *sights: str) -> PayWatch:
    """`source end:day …`: each end of a pay period with the day on which it was seen first."""
    found = []
    for words in sights:
        end, _, day = words.partition(":")
        seen = datetime.fromisoformat(f"{day}T12:00:00+08:00").astimezone(UTC)
        found.append((date.fromisoformat(end), seen))
    return PayWatch(source, found[0][0], found[-1][1], tuple(found))


def known_count(source: str, kind: str, count: str, month: str = "") -> KnownCount:
    """`source kind count [newest month with income]`."""
    return KnownCount(source, Kind(kind), int(count), Month.parse(month).index if month else None)


def read_tasks(written: Mapping[str, Any]) -> Read[Task] | None:
    """Tasks, where a case names them or what went wrong with them; else they were not asked for."""
    if "tasks" not in written and "task_faults" not in written:
        return None
    tasks = tuple(task(n, one) for n, one in enumerate(written.get("tasks", []), 1))
    return Read(tasks, faults(written.get("task_faults", [])))


def task(number: int, one: Mapping[str, str]) -> Task:
    """A collection of data; LINK_ACCOUNT, and running, unless it says otherwise."""
    started, finished = (instant(one.get(key, "none")) for key in ("started", "finished"))
    status = one.get("status", "Started" if finished is None else "Finished")
    saved = finished is not None and status == "Finished"
    type_ = one.get("type", "LINK_ACCOUNT")
    return Task(f"tasks-{number}", one["source"], type_, status, started, finished, saved)


def read_kind(written: Mapping[str, Any], kind: str) -> Read[Any]:
    """One kind's records in the order written, ids `<kind>-<n>` where none is given."""
    records: list[Any] = []
    for line in written.get(kind, []):
        for words in spread(line):
            records.append(record(kind, words, f"{kind}-{len(records) + 1}"))
    first_day = value("date", written.get("first_day"), "") if kind == "transactions" else None
    return Read(tuple(records), faults(written.get("faults", {}).get(kind, [])), 0, first_day)


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


def record(kind: str, line: Any, record_id: str) -> Any:
    """A record of the fields that are named, or of words in their order; the rest is null."""
    struct, order, usual = RECORDS[kind]
    if isinstance(line, list) and line[0].startswith("#"):
        record_id, line = line[0][1:], line[1:]
    if kind == "links":
        return link_counts(record_id, *line)
    named = dict(zip(order.split(), line, strict=False)) if isinstance(line, list) else line
    names = OTHER_NAMES.get(kind, {})
    given = {"id": record_id, **usual, **named}
    given = {"currency": "PHP"} | {names.get(name, name): text for name, text in given.items()}
    fields = struct.__struct_fields__
    assert given.keys() <= {"currency", *fields}, f"{kind} has no {given.keys() - set(fields)}"
    return struct(**{name: value(name, given.get(name), given["currency"]) for name in fields})


def value(name: str, text: str | None, currency: str) -> Any:
    """A field's value."""
    if text is None or name not in {"month", *DAYS, *MONEY}:
        return text
    if name == "month":
        return Month.parse(text).index
    return date.fromisoformat(text) if name in DAYS else minor(text, currency)


def link_counts(record_id: str, source: str, *counts: str) -> LinkCounts:
    """`source days:count …`, with `first:days` and `last:days` where they are told."""
    told = {key: int(number) for key, number in (count.split(":") for count in counts)}
    edges = told.pop("first", None), told.pop("last", None)
    return LinkCounts(record_id, source, tuple((int(d), n) for d, n in told.items()), *edges)


def faults(texts: list[str]) -> tuple[Missing, ...]:
    """Each is `CAUSE`, `CAUSE source` or `CAUSE/CODE source`."""
    found = []
    for text in texts:
        words, _, source = text.partition(" ")
        cause, _, code = words.partition("/")
        reason = DataReason(code) if code else None
        found.append(Missing(Cause(cause), reason, source=source or None))
    return tuple(found)


def instant(text: str) -> datetime | None:
    """An aware instant; `none` where there is none."""
    return None if text == "none" else datetime.fromisoformat(text).astimezone(UTC)


def minor(text: str, currency: str) -> int:
    """An amount in major units as minor ones."""
    return to_minor(Decimal(text), currency)


def written(value: Value) -> str:
    """A value as a case writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Money):
        return f"{value.currency} {value.major}"
    if isinstance(value, Decimal):
        return f"{value:.10f}".rstrip("0").rstrip(".")
    return str(value)


def answered(factor: FactorValue) -> str:
    """What the service says, as a case writes it."""
    if factor.value is None:
        return "missing " + " ".join(_cause(one) for one in factor.missing)
    return written(factor.value)


def _cause(one: Missing) -> str:
    if one.cause is Cause.NOT_YET_POSTED:
        return _wait(one.month, one.source, one.due)
    return f"{one.cause.value}/{one.code}" if one.code else one.cause.value


def _wait(month: int | None, source: str | None, due: date | None) -> str:
    return f"NOT_YET_POSTED {Month(month or 0)} {source} {due}"


def referred(answer: Answer) -> str:
    """What the reference says, as a case writes it but for the codes of causes."""
    if not isinstance(answer, set):
        return written(answer)
    words = [_wait(*one) if isinstance(one, Wait) else one.value for one in answer]
    return "missing " + " ".join(sorted(words))


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_a_small_applicant_gets_the_values_worked_out_by_hand(case: GoldenCase) -> None:
    """Each factor that the case names has exactly the value or causes that it states."""
    values = compute(case.snapshot, case.needs, case.as_of).values
    assert {name: answered(value) for name, value in values.items()} == dict(case.expect)


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_the_slow_reference_says_what_was_worked_out_by_hand(case: GoldenCase) -> None:
    """The reference has the values and causes of every case, but for the codes of causes."""
    needs = case.needs
    answers = reference(case.snapshot, needs.policy, case.as_of, needs.factors, needs.term_months)
    expected = {name: re.sub(r"/\w+", "", text) for name, text in case.expect.items()}
    assert {name: referred(answer) for name, answer in answers.items()} == expected
