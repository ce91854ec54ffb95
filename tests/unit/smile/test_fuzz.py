"""Whatever the vendor sends: the right records, or none and a reason."""

import copy
import json
from decimal import Decimal

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.domain.accounts import Kind
from decision_service.domain.errors import CrossTenant, DeadlineMissed, UpstreamUnavailable
from decision_service.domain.needs import FetchPlan, WhenTransactions
from decision_service.domain.values import DataReason
from tests.fakes.examples import examples, some
from tests.unit.smile.items import (
    account,
    contribution,
    eincome,
    employment,
    identity,
    income,
    insight,
    liability,
    metadata,
    transaction,
)
from tests.unit.smile.vendor import EINCOMES, Hang, Vendor, body_of, gathered, problem, raw
from tests.unit.smile.virtual import run

LISTS = {
    "accounts": [account()],
    "eincomes": [eincome(1), eincome(2, month="2026-07", amount=1234.5)],
    "incomes": [income()],
    "contributions": [contribution()],
    "employments": [employment()],
    "liabilities": [liability()],
    "transactions": [transaction(metadata=metadata())],
    "identities": [identity()],
    "insights": [insight()],
}
KINDS = {name: Kind.LINKS if name == "insights" else Kind(name) for name in LISTS}
PLAN = FetchPlan(frozenset(Kind) - {Kind.ACCOUNTS, Kind.TRANSACTIONS}, WhenTransactions.ALWAYS)


def read(vendor, plan=PLAN, **asked):
    """The snapshot of one gathering."""
    return run(gathered(vendor, plan, **asked)).snapshot


def plan_of(name):
    """The plan that reads the accounts and one list."""
    kind = KINDS[name]
    if kind is Kind.TRANSACTIONS:
        return FetchPlan(frozenset(), WhenTransactions.ALWAYS)
    return FetchPlan(frozenset({kind} - {Kind.ACCOUNTS}))


CLEAN = read(Vendor(**LISTS))


def check_right_or_nothing(snapshot, kind):
    """The kind is as in the clean reading, or has no records and a reason that taints."""
    found, clean = getattr(snapshot, kind.value), getattr(CLEAN, kind.value)
    if found.faults:
        assert found.records == ()
        assert all(fault.cause.tainted for fault in found.faults)
    else:
        assert set(found.records) == set(clean.records)


def check_accounts(snapshot):
    """The accounts are as in the clean reading, or unread for a reason."""
    if snapshot.account_faults:
        assert snapshot.accounts == ()
    else:
        assert snapshot.accounts == CLEAN.accounts


def paths_in(value, path=()):
    """Every path of a JSON object, itself included."""
    yield path
    inner = value.items() if isinstance(value, dict) else ()
    for name, child in inner:
        yield from paths_in(child, (*path, name))


def replaced(value, path, new):
    """A copy with another value at a path."""
    value = copy.deepcopy(value)
    if not path:
        return new
    target = value
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = new
    return value


def without(value, path):
    """A copy that lacks a path."""
    value = copy.deepcopy(value)
    target = value
    for step in path[:-1]:
        target = target[step]
    del target[path[-1]]
    return value


PLACES = [(name, path) for name, items in LISTS.items() for path in paths_in(items[0])]
WRONG = [7, -1, 1.5, True, "x", "", "NaN", "15000", [], [1], {}, {"a": 1}]
OF_THE_SAME_TYPE = {int: (int, float), float: (int, float), str: (str,), dict: (dict,)}


@pytest.mark.parametrize(("name", "path"), PLACES)
def test_a_field_of_another_type_never_changes_a_record(name, path):
    """Each field in turn given values of every other type leaves its kind right or unused."""
    first, *rest = LISTS[name]
    old = first
    for step in path:
        old = old[step]
    for new in WRONG:
        if type(new) in OF_THE_SAME_TYPE.get(type(old), ()) and not isinstance(new, bool):
            continue
        if old is None and new is not None and isinstance(new, str | int | float):
            continue
        vendor = Vendor(**{**LISTS, name: []})
        items = [replaced(first, path, new), *rest]
        vendor.each(f"/{name}", raw(body_of(items)))
        snapshot = read(vendor, plan_of(name))
        if name == "accounts":
            check_accounts(snapshot)
        else:
            check_right_or_nothing(snapshot, KINDS[name])


@pytest.mark.parametrize(("name", "path"), [place for place in PLACES if place[1]])
def test_a_field_that_is_gone_never_invents_anything(name, path):
    """Each field in turn left out gives a fault or a record that says less, never another."""
    first, *rest = LISTS[name]
    vendor = Vendor(**{**LISTS, name: []})
    vendor.each(f"/{name}", raw(body_of([without(first, path), *rest])))
    snapshot = read(vendor, plan_of(name))
    if name == "accounts":
        for found, clean in zip(snapshot.accounts, CLEAN.accounts, strict=False):
            assert _says_less(found, clean)
        return
    found = getattr(snapshot, KINDS[name].value)
    if found.faults:
        assert found.records == ()
        return
    clean = {record.id: record for record in getattr(CLEAN, KINDS[name].value).records}
    assert {record.id for record in found.records} == clean.keys()
    assert all(_says_less(record, clean[record.id]) for record in found.records)


def _says_less(found, clean):
    pairs = [(getattr(found, f), getattr(clean, f)) for f in found.__struct_fields__]
    return all(left in (right, None) or _part_of(left, right) for left, right in pairs)


def _part_of(left, right):
    return isinstance(left, tuple) and set(left) <= set(right)


@pytest.mark.parametrize("name", [name for name in LISTS if name != "accounts"])
def test_a_page_cut_at_any_byte_is_never_used(name):
    """A page that ends at any byte, however the connection ended, gives no records."""
    body, plan = body_of(LISTS[name][:1]), plan_of(name)
    for end in some(range(len(body)), 11):
        vendor = Vendor(accounts=[account()])
        vendor.each(f"/{name}", raw(body[:end]))
        found = getattr(read(vendor, plan), KINDS[name].value)
        assert found.records == ()
        assert [fault.code for fault in found.faults] == [DataReason.UPSTREAM_BAD_BODY]


HOSTILE = [
    "NaN",
    "Infinity",
    "-Infinity",
    "1e400",
    "1e400000",
    "-1e400",
    "-0",
    "-0.0",
    "9" * 400,
    "0." + "0" * 400 + "1",
    "1000000000000.0001",
    "1.23456",
    "1e-9",
]
AMOUNTS = [
    (name, field)
    for name, items in LISTS.items()
    for field in items[0]
    if field.endswith(("mount", "Balance")) and (name, field) != ("eincomes", "baseAmount")
]


@pytest.mark.parametrize(("name", "field"), AMOUNTS)
def test_hostile_numbers_are_bad_amounts(name, field):
    """Every amount of every kind refuses numbers that are no legal amount, as BAD_AMOUNT."""
    for number in HOSTILE:
        body = body_of([{**LISTS[name][0], field: "HERE"}]).replace(b'"HERE"', number.encode())
        vendor = Vendor(accounts=[account()])
        vendor.each(f"/{name}", raw(body))
        found = getattr(read(vendor, plan_of(name)), name)
        assert found.records == ()
        assert [fault.code for fault in found.faults] == [DataReason.BAD_AMOUNT], number


FAILURES = st.sampled_from(
    [
        problem(500),
        problem(503),
        problem(404),
        problem(400),
        problem(429),
        problem(429, **{"retry-after": "1"}),
        Hang,
        httpx2.ConnectError("no"),
        httpx2.ReadError("reset"),
        raw(b""),
        raw(b"<html>", "text/html"),
        raw(b'{"code":"OK","data":null}'),
        raw(b'{"code":"OK","data":{"items":[{"id":'),
        raw(b'{"code":"OK","data":{"items":[{}]}}'),
        httpx2.Response(302, headers={"location": "/elsewhere"}),
    ]
)
SCRIPTS = st.dictionaries(
    st.sampled_from(sorted(LISTS)), st.lists(FAILURES, min_size=1, max_size=4), max_size=6
)


@given(scripts=SCRIPTS, seconds=st.sampled_from([0.1, 0.5, 2.5, 10.0, 30.0]))
@settings(max_examples=examples(150), deadline=None)
def test_no_order_of_failures_gives_wrong_records(scripts, seconds):
    """However failures follow each other, each kind is right and clean, or unused and tainted."""
    vendor = Vendor(**LISTS)
    for name, failures in scripts.items():
        vendor.then(f"/{name}", *failures)
    try:
        snapshot = read(vendor, seconds=seconds)
    except (DeadlineMissed, UpstreamUnavailable):
        return
    check_accounts(snapshot)
    for name, kind in KINDS.items():
        if name != "accounts":
            check_right_or_nothing(snapshot, kind)


PAGE = body_of(LISTS["eincomes"])


@given(st.lists(st.tuples(st.integers(0, len(PAGE) - 1), st.integers(0, 255)), max_size=3))
@settings(max_examples=examples(200), deadline=None)
def test_flipped_bytes_give_what_is_written_or_nothing(flips):
    """A page with bytes changed gives exactly the amounts that JSON says, or a fault."""
    body = bytearray(PAGE)
    for at, byte in flips:
        body[at] = byte
    vendor = Vendor(accounts=[account()])
    vendor.each("/eincomes", raw(bytes(body)))
    try:
        found = read(vendor, EINCOMES).eincomes
    except CrossTenant:
        return
    if found.faults:
        assert found.records == ()
        return
    page = json.loads(bytes(body), parse_float=Decimal)
    items = page if isinstance(page, list) else page["data"]["items"]
    written = {item["id"]: item.get("amount", item.get("baseAmount")) for item in items}
    assert {record.id for record in found.records} == written.keys()
    for record in found.records:
        assert record.amount == int((Decimal(written[record.id]) * 100).quantize(Decimal(1)))
