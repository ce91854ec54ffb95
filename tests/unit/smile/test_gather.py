"""What one reading asks for, and what it gives: accounts, providers, the person."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest
from msgspec.structs import replace

from decision_service.domain.accounts import Kind
from decision_service.domain.errors import UserUnknown
from decision_service.domain.needs import FetchPlan, WhenTransactions
from decision_service.domain.person import FoundPerson
from decision_service.domain.snapshot import Identity, KnownCount, Provider, Source
from decision_service.domain.values import Cause, DataReason
from decision_service.smile.records import WITH_PEOPLE
from tests.unit.smile.items import (
    GRAB,
    OTHER_USER,
    SSS,
    USER,
    account,
    contribution,
    eincome,
    employment,
    identity,
    income,
    insight,
    liability,
    metadata,
    provider,
    transaction,
)
from tests.unit.smile.vendor import (
    EINCOMES,
    FALLBACK,
    MONTHLY,
    STANDING_IN,
    Hang,
    Vendor,
    ask,
    body_of,
    gathered,
    only_fault,
    opened,
    problem,
    raw,
)
from tests.unit.smile.virtual import NOW

EVERYTHING = FetchPlan(
    frozenset(Kind) - {Kind.ACCOUNTS, Kind.TRANSACTIONS},
    WhenTransactions.ALWAYS,
    transactions_from=date(2026, 1, 1),
)


def sss(**lists):
    """A vendor with one social security account that has an estimate."""
    return Vendor(**{"accounts": [account()], "eincomes": [eincome()], **lists})


async def test_kinds_are_read_side_by_side():
    """The kinds are asked for at once, so that a reading takes two answers' time, not four."""
    vendor = sss(contributions=[contribution()])
    found = await gathered(vendor, MONTHLY)
    assert (found.fetched - NOW).total_seconds() == pytest.approx(2 * vendor.delay, abs=1e-4)


async def test_every_kind_lands_in_its_place():
    """Each kind's records are in the snapshot's field of that name, complete."""
    vendor = sss(
        incomes=[income()],
        contributions=[contribution()],
        employments=[employment()],
        liabilities=[liability()],
        transactions=[transaction(metadata=metadata())],
        identities=[identity()],
        insights=[insight()],
    )
    snapshot = (await gathered(vendor, EVERYTHING)).snapshot
    for kind in Kind:
        if kind is not Kind.ACCOUNTS:
            read = getattr(snapshot, kind.value)
            assert (len(read.records), read.faults) == (1, ()), kind
    assert [one.id for one in snapshot.accounts] == [SSS]
    assert snapshot.account_faults == ()


async def test_pages_are_followed_and_closed_with_a_look_at_the_accounts():
    """A list of three pages costs three calls and one closing look at the accounts."""
    vendor = Vendor(accounts=[account()], eincomes=[eincome(n) for n in range(400)])
    found = await gathered(vendor)
    assert found.calls == 5
    assert vendor.paths == ["/accounts", *["/eincomes"] * 3, "/accounts"]
    assert len(found.snapshot.eincomes.records) == 400
    assert found.snapshot.eincomes.faults == ()


async def test_what_was_known_is_passed_on():
    """Earlier counts are in the snapshot; a list that was twice as long before is DATA_SHRANK."""
    known = (KnownCount(SSS, Kind.EINCOMES, 2),)
    snapshot = (await gathered(sss(), known=known)).snapshot
    (fault,) = snapshot.eincomes.faults
    assert (snapshot.known, fault.code) == (known, DataReason.DATA_SHRANK)


async def test_uploads_become_sources():
    """Items of an upload give a source with the newest date of all its items in all kinds."""
    upload = {"sourceType": "UPLOAD", "providerId": "user-provided"}
    vendor = sss(
        contributions=[
            contribution(metadata=metadata("up-1", createdAt="2026-11-01T00:00:00Z", **upload))
        ]
    )
    vendor.lists["/v1/eincomes"].append(
        eincome(2, metadata=metadata("up-1", createdAt="2026-10-01T00:00:00Z", **upload))
    )
    plan = FetchPlan(frozenset({Kind.EINCOMES, Kind.CONTRIBUTIONS}))
    (source,) = (await gathered(vendor, plan)).snapshot.sources
    newest = NOW.replace(day=1, hour=0)
    assert source == Source("up-1", "UPLOAD", "user-provided", newest)


async def test_the_newest_insight_of_an_account_counts():
    """Of several insights of one account the one with the latest cutoff is read."""
    old = insight(1, cutoffTime="2026-01-01T00:00:00Z", features={"link_day3_count": 9})
    new = insight(2, cutoffTime="2026-06-01T00:00:00+08:00", features={"link_day3_count": 2})
    plan = FetchPlan(frozenset({Kind.LINKS}))
    for order in ([old, new], [new, old]):
        (record,) = (await gathered(sss(insights=order), plan)).snapshot.links.records
        assert record.counts == ((3, 2),)


async def test_a_product_that_is_not_subscribed_has_no_records():
    """403 on the insights alone is empty data, neither a fault nor a refusal of the keys."""
    vendor = sss()
    vendor.each("/insights", problem(403, "UNAUTHORIZED_ACCESS"))
    plan = FetchPlan(frozenset({Kind.LINKS, Kind.EINCOMES}))
    snapshot = (await gathered(vendor, plan)).snapshot
    assert (snapshot.links.records, snapshot.links.faults) == ((), ())
    assert snapshot.eincomes.records


async def test_an_unknown_user_is_asked_for_once():
    """Without accounts the user is looked up, and a user the vendor does not know is refused."""
    vendor = Vendor()
    with pytest.raises(UserUnknown) as found:
        await gathered(vendor, user=OTHER_USER)
    assert vendor.paths == ["/accounts", f"/users/{OTHER_USER}"]
    assert OTHER_USER not in found.value.message


async def test_readings_of_one_user_at_once_cost_the_calls_of_one():
    """Ten who ask at once for the same of one user share what one of them asks for."""
    async with opened(sss()) as source:
        found = await asyncio.gather(*(ask(source, MONTHLY) for _ in range(10)))
        alone = await ask(source, MONTHLY)
    assert sorted(one.calls for one in found) == [0] * 9 + [alone.calls]
    assert alone.calls > 0


async def test_a_known_user_without_accounts_is_read():
    """A user without accounts may have uploads: the kinds are read, at the price of one call."""
    found = await gathered(Vendor())
    assert found.calls == 3
    assert found.snapshot.accounts == ()
    assert found.snapshot.account_faults == ()
    assert found.snapshot.eincomes.faults == ()


async def test_accounts_that_are_gone_of_a_known_user_are_a_fault():
    """404 for the accounts of a user that the vendor knows is DATA_GONE, not an unknown user."""
    vendor = Vendor()
    vendor.each("/accounts", problem(404, "MISSING_RESOURCE"))
    snapshot = (await gathered(vendor)).snapshot
    assert [fault.code for fault in snapshot.account_faults] == [DataReason.DATA_GONE]
    assert only_fault(snapshot.eincomes).code is DataReason.DATA_GONE


async def test_404_for_the_accounts_of_nobody_is_an_unknown_user():
    """404 for the accounts and for the user is an unknown user."""
    vendor = Vendor()
    vendor.each("/accounts", problem(404, "MISSING_RESOURCE"))
    with pytest.raises(UserUnknown):
        await gathered(vendor, user=OTHER_USER)


TWO_DAYS = [transaction(1), transaction(2, date="2025-12-31")]


async def test_named_transactions_are_read_with_the_kinds():
    """Transactions that factors name are asked for from the earlier of the two first days."""
    vendor = sss(accounts=[account(), account(GRAB, "grab")], transactions=TWO_DAYS)
    plan = FetchPlan(
        frozenset({Kind.EINCOMES}),
        WhenTransactions.ALWAYS,
        transactions_from=date(2026, 6, 1),
        stand_in_from=date(2026, 1, 1),
    )
    found = await gathered(vendor, plan)
    assert vendor.asked("/transactions")[0]["startDate"] == "2026-01-01"
    assert found.calls == 3
    assert [one.id for one in found.snapshot.transactions.records] == ["t-1"]
    assert found.snapshot.transactions.first_day == date(2026, 1, 1)


async def test_transactions_before_the_window_are_clipped():
    """A vendor that ignores the first day does not widen the window."""
    vendor = Vendor(accounts=[account(), account(GRAB, "grab")], transactions=TWO_DAYS)
    vendor.each(
        "/transactions",
        lambda request: vendor.page(
            request.__class__("GET", request.url.copy_remove_param("startDate")),
            vendor.lists["/v1/transactions"],
        ),
    )
    plan = FetchPlan(frozenset(), WhenTransactions.ALWAYS, transactions_from=date(2026, 1, 1))
    records = (await gathered(vendor, plan)).snapshot.transactions.records
    assert [one.id for one in records] == ["t-1"]


def gig(**lists):
    """A vendor with one gig account that has a transaction."""
    return Vendor(accounts=[account(GRAB, "grab")], transactions=[transaction()], **lists)


@pytest.mark.parametrize("kind", [None, "eincomes", "incomes"])
async def test_transactions_of_a_gig_account_may_stand_in_for_income(kind):
    """They are read with the kinds, whatever months payroll and estimates may tell of."""
    items = {"eincomes": eincome, "incomes": income}
    vendor = gig(**({kind: [items[kind](metadata=metadata(GRAB))]} if kind else {}))
    found = await gathered(vendor, STANDING_IN)
    assert vendor.paths == ["/accounts", "/eincomes", "/incomes", "/transactions"]
    assert vendor.asked("/transactions")[0]["startDate"] == "2025-10-01"
    assert found.snapshot.transactions.records
    assert found.snapshot.transactions.first_day == date(2025, 10, 1)


@pytest.mark.parametrize("status", ["CONNECTED", "ERROR", "PENDING"])
async def test_a_gig_account_in_error_may_have_delivered_transactions(status):
    """Whether an account that is not connected ever delivered only its transactions tell."""
    vendor = Vendor(accounts=[account(), account(GRAB, "grab", status)])
    vendor.lists["/v1/transactions"] = [transaction()]
    assert (await gathered(vendor, STANDING_IN)).snapshot.transactions.records


@pytest.mark.parametrize(
    "one", [account(), account(GRAB, "grab", "DISCONNECTED"), account(GRAB, "nobody_knows")]
)
async def test_other_accounts_need_no_transactions(one):
    """Formal accounts, disconnected ones and unknown providers do not ask for transactions."""
    found = await gathered(Vendor(accounts=[one]), STANDING_IN)
    assert found.snapshot.transactions is None


PERSONAL_LOAN = FetchPlan(
    frozenset(
        {
            Kind.EINCOMES,
            Kind.INCOMES,
            Kind.CONTRIBUTIONS,
            Kind.EMPLOYMENTS,
            Kind.LIABILITIES,
            Kind.IDENTITIES,
            Kind.LINKS,
        }
    ),
    WhenTransactions.IF_STANDING_IN,
    stand_in_from=date(2025, 10, 1),
)


@pytest.mark.parametrize(("accounts", "calls"), [([], 8), ([account(GRAB, "grab")], 9)])
async def test_a_cold_decision_costs_its_kinds_and_the_accounts(accounts, calls):
    """Seven kinds and the accounts are eight calls, one more with a platform, and no other."""
    vendor = Vendor(
        accounts=[account(), *accounts],
        eincomes=[eincome()],
        transactions=[transaction()],
        identities=[identity(), *(identity(2, metadata=metadata(one["id"])) for one in accounts)],
    )
    assert (await gathered(vendor, PERSONAL_LOAN)).calls == calls
    assert len(set(vendor.paths)) == calls
    assert {"userId": USER, "size": "150"}.items() <= vendor.asked("/eincomes")[0].items()


def vendor():
    """A vendor whose list of providers has two pages."""
    one = Vendor(accounts=[account(GRAB, "grab")], transactions=[transaction()])
    one.lists["/v1/providers"] = [provider(f"p{n}") for n in range(150)]
    one.lists["/v1/providers"].append(provider("grab", "EMPLOYER", ["INCOMES"]))
    return one


async def test_a_refresh_reads_every_page_and_costs_no_decision():
    """The list is read over all its pages, and no decision's calls include it."""
    one = vendor()
    async with opened(one) as source:
        assert source.status.providers_read is None
        assert await source.refresh_providers()
        assert one.paths == ["/providers", "/providers"]
        assert source.status.providers_read is not None
        assert (await ask(source, EINCOMES)).calls == 2


async def test_the_vendors_list_comes_before_the_fallback():
    """A provider that the vendor lists is what the vendor says, whatever the fallback."""
    one = vendor()
    async with opened(one) as source:
        assert (await ask(source)).snapshot.providers == (FALLBACK["grab"],)
        await source.refresh_providers()
        snapshot = (await ask(source, STANDING_IN)).snapshot
    assert snapshot.providers == (Provider("grab", "EMPLOYER", ("INCOMES",), "grab"),)
    assert snapshot.transactions is None


async def test_a_provider_that_the_vendor_does_not_describe_falls_back():
    """A provider without a type in the vendor's list is what the fallback says."""
    one = vendor()
    one.lists["/v1/providers"] = [{"id": "grab", "type": None, "supported": None}]
    async with opened(one) as source:
        assert await source.refresh_providers()
        assert (await ask(source)).snapshot.providers == (FALLBACK["grab"],)


@pytest.mark.parametrize("failure", [problem(500), problem(401), raw(b"<html>", "text/html")])
async def test_the_last_good_list_stays(failure):
    """A refresh that fails says so and leaves the list as it was."""
    one = vendor()
    async with opened(one) as source:
        await source.refresh_providers()
        read = source.status.providers_read
        one.each("/providers", failure)
        assert not await source.refresh_providers()
        assert source.status.providers_read == read
        assert (await ask(source)).snapshot.providers[0].type == "EMPLOYER"


async def test_a_refresh_tells_whether_the_keys_are_good():
    """Refusals of refreshes count towards ill health, and a good refresh ends it."""
    one = vendor()
    one.then("/providers", *[problem(401)] * 3)
    async with opened(one) as source:
        for _ in range(3):
            await source.refresh_providers()
        assert source.status.keys_refused
        assert await source.refresh_providers()
        assert not source.status.keys_refused


async def test_a_refresh_ends_by_its_time():
    """A vendor that hangs does not hold a refresh beyond the seconds it has."""
    one = vendor()
    one.each("/providers", Hang)
    async with opened(one, refresh_seconds=1.0) as source:
        assert not await source.refresh_providers()
    assert asyncio.get_running_loop().time() - one.times[0] <= 1.0 + 1e-4


NAMED = {"firstName": "Juan", "middleName": "Perez", "lastName": "Dela Cruz", "suffix": "Jr"}
PEOPLE = replace(MONTHLY, kinds=MONTHLY.kinds | {Kind.IDENTITIES}, people=True)
SOURCE = metadata()["sourceId"]


def person(**changes):
    """The person of a made-up identity with these changes."""
    listing = WITH_PEOPLE[Kind.IDENTITIES]
    (item,) = listing.decode(body_of([identity(**changes)])).items
    return listing.record(item, "a-x").person


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        (NAMED, "Dela Cruz, Juan Perez Jr"),
        (NAMED | {"suffix": None, "middleName": ""}, "Dela Cruz, Juan"),
        (NAMED | {"lastName": None, "fullName": "Juan P. Dela Cruz"}, "Juan P. Dela Cruz"),
        ({"fullName": "Juan"}, "Juan"),
        ({"fullName": None}, ""),
        ({"fullName": "x" * 201}, ""),
        (NAMED | {"middleName": "x" * 200}, ""),
    ],
)
def test_a_name_is_taken_in_parts_where_the_vendor_tells_them_apart(changes, name):
    """A comma keeps surname and given names apart; a name too long is none."""
    assert person(**changes).name == name


def test_contacts_are_bounded_and_each_is_taken_once():
    """Null, empty and overlong ones are left out."""
    numbers = [None, "", "+639171234567", "+639171234567", "1" * 41, *map(str, range(100))]
    addresses = ["a@x.ph", "A@x.ph", "x" * 255, None]
    found = person(
        phones=[{"number": number, "type": "Mobile"} for number in numbers],
        emails=[{"address": address, "type": None} for address in addresses],
    )
    assert found.phones == ("+639171234567", *map(str, range(19)))
    assert found.emails == ("a@x.ph", "A@x.ph")
    assert person(phones=None, emails=None) == person()


async def test_people_stand_beside_the_identities_of_a_snapshot():
    """The identities themselves are what they are without people."""
    vendor = someone()
    snapshot = (await gathered(vendor, PEOPLE)).snapshot
    (record,) = snapshot.identities.records
    assert record == Identity("i-1", SOURCE, record.birth_date)
    assert type(record) is Identity
    expected = FoundPerson(
        "Dela Cruz, Juan Perez Jr", record.birth_date, ("+639171234567",), ("j@x.ph",), SOURCE
    )
    assert snapshot.identities.people == (expected,)


async def test_nothing_of_a_person_is_read_where_no_rule_compares():
    """Not even looked at: names and contacts of another form are no fault then."""
    plan = replace(PEOPLE, people=False)
    odd = {"fullName": 7, "emails": "none", "phones": [1]}
    (plain, read) = [(await gathered(someone(**changes), plan)).snapshot for changes in ({}, odd)]
    assert plain == read
    assert read.identities.people is None
    assert read.identities.faults == ()


async def test_a_person_of_another_form_is_a_fault_where_rules_compare():
    """Nothing is guessed of it."""
    snapshot = (await gathered(someone(phones=[1]), PEOPLE)).snapshot
    faults = snapshot.identities.faults
    assert {fault.cause for fault in faults} == {Cause.BAD_DATA}
    assert snapshot.identities.people == ()


def someone(**changes):
    """A vendor with one account and one identity."""
    contacts = {"phones": [{"number": "+639171234567"}], "emails": [{"address": "j@x.ph"}]}
    who = identity(**{**NAMED, **contacts, **changes})
    return Vendor(accounts=[account()], identities=[who])
