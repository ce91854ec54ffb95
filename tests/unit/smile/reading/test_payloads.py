"""Reading one payload per account."""

from datetime import date

import pytest

from decision_service.config import FetchMode
from decision_service.domain.errors import CrossTenant, UpstreamUnavailable
from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause, DataReason
from decision_service.domain.needs import FetchPlan, WhenTransactions
from tests.unit.smile.gathering import MONTHLY, STANDING_IN, gathered, only_fault
from tests.unit.smile.items import (
    GRAB,
    OTHER_USER,
    SSS,
    USER,
    account,
    contribution,
    eincome,
    identity,
    income,
    insight,
    liability,
    metadata,
    transaction,
)
from tests.unit.smile.vendor import Hang, Vendor, problem


def bare(item):
    """An item as payloads hold it, without metadata."""
    return {name: value for name, value in item.items() if name != "metadata"}


def payload(source, user=USER, **lists):
    """An account's payload."""
    about = {"sourceId": source, "sourceType": "ACCOUNT", "userId": user, "providerId": "x"}
    one = {name: [bare(item) for item in items] for name, items in lists.items()}
    return {"metadata": about, **one}


def two():
    """A vendor with two connected accounts and one that was disconnected."""
    gone = account("a-gone", status="DISCONNECTED")
    one = Vendor(accounts=[account(), account(GRAB, "grab"), gone])
    one.payloads = {
        SSS: payload(
            SSS, eincomes=[eincome(1)], contributions=[contribution()], liabilities=[liability()]
        ),
        GRAB: payload(GRAB, eincomes=[eincome(2)], transactions=[transaction()]),
    }
    return one


async def by_payload(vendor, plan=MONTHLY, **asked):
    """One gathering in payload mode."""
    return await gathered(vendor, plan, fetch=FetchMode.PAYLOAD, **asked)


async def test_each_used_account_costs_one_call():
    """Two connected accounts are three calls, whatever the kinds; the disconnected is not read."""
    one = two()
    found = await by_payload(one)
    assert found.calls == 3
    assert sorted(one.paths) == sorted(
        ["/accounts", f"/accounts/{SSS}/payload", f"/accounts/{GRAB}/payload"]
    )


async def test_items_belong_to_the_account_around_them():
    """Records of a payload carry its account, and kinds are put together over accounts."""
    snapshot = (await by_payload(two())).snapshot
    assert {(r.id, r.source) for r in snapshot.eincomes.records} == {
        ("einc-1", SSS),
        ("einc-2", GRAB),
    }
    assert [r.source for r in snapshot.contributions.records] == [SSS]
    assert snapshot.eincomes.faults == ()


async def test_both_ways_of_reading_give_the_same_records():
    """One account's data is the same snapshot whether read by lists or by payload."""
    lists = {
        "eincomes": [eincome(n) for n in range(20)],
        "contributions": [contribution()],
        "liabilities": [liability()],
        "identities": [identity()],
        "insights": [insight()],
        "incomes": [income()],
    }
    one = Vendor(accounts=[account()], **lists)
    single = {"identity": bare(identity()), "insight": bare(insight())}
    several = {k: v for k, v in lists.items() if k not in {"identities", "insights"}}
    one.payloads = {SSS: {**payload(SSS, **several), **single}}
    plan = FetchPlan(frozenset(Kind) - {Kind.ACCOUNTS, Kind.TRANSACTIONS, Kind.EMPLOYMENTS})
    assert (await by_payload(one, plan)).snapshot == (await gathered(one, plan)).snapshot


async def test_transactions_stand_in_and_are_clipped():
    """Transactions of payloads are kept where a platform is among the accounts, from a day on."""
    one = two()
    early = transaction(2, date="2025-09-30")
    one.payloads[GRAB] = payload(GRAB, transactions=[transaction(), early])
    snapshot = (await by_payload(one, STANDING_IN)).snapshot
    assert [r.id for r in snapshot.transactions.records] == ["t-1"]
    assert snapshot.transactions.first_day == date(2025, 10, 1)
    one.payloads[GRAB] = payload(GRAB, eincomes=[eincome(2)], transactions=[transaction()])
    assert (await by_payload(one, STANDING_IN)).snapshot.transactions.records
    one.lists["/v1/accounts"] = [account()]
    assert (await by_payload(one, STANDING_IN)).snapshot.transactions is None


async def test_a_list_that_was_cut_is_read_whole():
    """A list of the payload with a cursor is read from its own endpoint for that account."""
    one = two()
    one.payloads[SSS]["contributions"] = {
        "nextCursor": "1",
        "items": [bare(contribution())],
    }
    one.lists["/v1/contributions"] = [
        contribution(n, metadata=contribution()["metadata"]) for n in range(3)
    ]
    found = await by_payload(one)
    assert len(found.snapshot.contributions.records) == 3
    assert one.asked("/contributions")[0]["sourceId"] == SSS
    assert found.calls == 4


async def test_a_list_in_a_page_without_a_cursor_is_whole():
    """A page that says it is the last needs no further call."""
    one = two()
    one.payloads[SSS]["contributions"] = {"items": [bare(contribution())]}
    found = await by_payload(one)
    assert len(found.snapshot.contributions.records) == 1
    assert found.calls == 3


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (problem(404), DataReason.DATA_GONE),
        (problem(500), DataReason.UPSTREAM_UNAVAILABLE),
        (Hang, DataReason.UPSTREAM_TIMEOUT),
    ],
)
async def test_an_account_that_cannot_be_read_taints_what_it_feeds(failure, code):
    """A payload that fails is a fault of that account in every kind; the other's records stay."""
    one = two()
    one.each(f"/accounts/{GRAB}/payload", failure)
    snapshot = (await by_payload(one)).snapshot
    for read in (snapshot.eincomes, snapshot.contributions, snapshot.liabilities):
        (fault,) = read.faults
        assert (fault.code, fault.source) == (code, GRAB)
        assert [r.source for r in read.records] == [SSS]


async def test_a_bad_item_taints_its_kind_over_all_accounts():
    """An item that cannot be read leaves nothing of its kind, and does not touch the others."""
    one = two()
    one.payloads[GRAB] = payload(GRAB, eincomes=[eincome(2, amount=10**13)])
    snapshot = (await by_payload(one)).snapshot
    fault = only_fault(snapshot.eincomes)
    assert (fault.code, fault.source) == (DataReason.BAD_AMOUNT, None)
    assert snapshot.contributions.records


async def test_one_id_in_two_accounts_is_a_contradiction():
    """The same id in the payloads of two accounts is BAD_DATA."""
    one = two()
    one.payloads[GRAB] = payload(GRAB, eincomes=[eincome(1)])
    fault = only_fault((await by_payload(one)).snapshot.eincomes)
    assert (fault.cause, fault.code) == (Cause.BAD_DATA, DataReason.DATA_CHANGED_DURING_READ)


async def test_equal_items_in_one_payload_count_once():
    """An item that a payload holds twice is one record and one duplicate."""
    one = two()
    one.payloads[GRAB] = payload(GRAB, eincomes=[eincome(2), eincome(2)])
    read = (await by_payload(one)).snapshot.eincomes
    assert (len(read.records), read.duplicates) == (2, 1)


async def test_a_payload_of_another_user_is_an_alarm():
    """A payload that belongs to another user makes no decision."""
    one = two()
    one.payloads[GRAB] = payload(GRAB, user=OTHER_USER)
    with pytest.raises(CrossTenant):
        await by_payload(one)


@pytest.mark.parametrize("about", [None, {"userId": USER, "sourceId": SSS}, {"sourceId": GRAB}])
async def test_a_payload_of_another_account_is_not_used(about):
    """A payload that does not say it is this account's is UPSTREAM_SCHEMA."""
    one = two()
    one.payloads[GRAB]["metadata"] = about
    (fault,) = (await by_payload(one)).snapshot.eincomes.faults
    assert (fault.code, fault.source) == (DataReason.UPSTREAM_SCHEMA, GRAB)


async def test_an_account_id_that_is_no_id_is_not_put_into_a_path():
    """An account id with slashes or dots is never sent as part of a path."""
    one = Vendor(accounts=[account("../users/x")])
    (fault,) = (await by_payload(one)).snapshot.eincomes.faults
    assert fault.code is DataReason.UPSTREAM_SCHEMA
    assert one.paths == ["/accounts"]


async def test_refused_keys_are_not_a_fault_of_the_account():
    """A payload that our keys may not read makes no decision."""
    one = two()
    one.each(f"/accounts/{GRAB}/payload", problem(403))
    with pytest.raises(UpstreamUnavailable):
        await by_payload(one)


async def test_at_the_deadline_no_half_of_the_accounts_is_used():
    """When one payload hangs at the deadline no kind has records."""
    one = two()
    one.each(f"/accounts/{GRAB}/payload", Hang)
    snapshot = (await by_payload(one, seconds=1.0)).snapshot
    assert all(f.code is DataReason.UPSTREAM_TIMEOUT for f in snapshot.eincomes.faults)
    assert snapshot.eincomes.faults


async def test_named_transactions_are_in_the_payload():
    """Transactions that factors name are taken from the payloads, clipped."""
    plan = FetchPlan(frozenset(), WhenTransactions.ALWAYS, transactions_from=date(2026, 11, 20))
    found = await by_payload(two(), plan)
    assert [r.id for r in found.snapshot.transactions.records] == ["t-1"]
    assert found.calls == 3


FAILED = ["ERROR", "PENDING", "NEW_WORD"]


@pytest.mark.parametrize("status", FAILED)
async def test_an_account_in_error_is_read_before_it_is_ignored(status):
    """What an account in error delivered is the same snapshot by payloads as by lists."""
    owed = liability(metadata=metadata("a-err"))
    one = Vendor(accounts=[account(), account("a-err", status=status)], liabilities=[owed])
    one.payloads = {SSS: payload(SSS), "a-err": payload("a-err", liabilities=[owed])}
    snapshot = (await by_payload(one)).snapshot
    assert [record.source for record in snapshot.liabilities.records] == ["a-err"]
    assert snapshot == (await gathered(one, MONTHLY)).snapshot


@pytest.mark.parametrize("status", FAILED)
async def test_an_attempt_that_delivered_nothing_harms_nothing(status):
    """A payload of an attempt that is empty, or not there, leaves the others' data whole."""
    one = Vendor(accounts=[account(), account("a-err", status=status)], eincomes=[eincome()])
    one.payloads = {SSS: payload(SSS, eincomes=[eincome()])}
    missing = (await by_payload(one)).snapshot
    one.payloads["a-err"] = payload("a-err")
    assert (await by_payload(one)).snapshot == missing == (await gathered(one, MONTHLY)).snapshot


@pytest.mark.parametrize("failure", [problem(500), Hang])
async def test_an_account_in_error_that_cannot_be_read_leaves_nothing_to_use(failure):
    """Where it stays open whether it delivered, no kind is used, as where a list fails."""
    one = Vendor(accounts=[account(), account("a-err", status="ERROR")])
    one.payloads = {SSS: payload(SSS, eincomes=[eincome()])}
    one.each("/accounts/a-err/payload", failure)
    snapshot = (await by_payload(one)).snapshot
    for read in (snapshot.eincomes, snapshot.contributions, snapshot.liabilities):
        assert only_fault(read).source is None
