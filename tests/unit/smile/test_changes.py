"""Data that changes, contradicts itself or belongs to somebody else."""

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace

from decision_service.domain.accounts import Kind
from decision_service.domain.errors import CrossTenant
from decision_service.domain.snapshot import Read
from decision_service.domain.values import Cause, DataReason
from tests.unit.smile.items import (
    GRAB,
    OTHER_USER,
    SSS,
    USER,
    account,
    contribution,
    eincome,
    identity,
    metadata,
    task,
)
from tests.unit.smile.vendor import (
    MONTHLY,
    Hang,
    Vendor,
    ask,
    gathered,
    ok,
    only_fault,
    opened,
    problem,
)

LONG = [eincome(n) for n in range(151)]


def long():
    """A vendor with a list of two pages and one of one page."""
    return Vendor(accounts=[account()], eincomes=list(LONG), contributions=[contribution()])


def accounts(*listed):
    """An answer that lists these accounts."""
    return ok({"nextCursor": None, "items": list(listed)})


MOVED = {"status": "CONNECTED", "updatedAt": "2026-11-23T00:00:00Z"}


@pytest.mark.parametrize(
    "later",
    [
        [account(connection=MOVED)],
        [account(monitor={"status": "ACTIVE", "updatedAt": "2026-11-23T00:00:00Z"})],
        [account(status="ERROR")],
        [account(), account("a-2", status="ERROR")],
    ],
    ids=["connected-anew", "synced-anew", "another-status", "another-account"],
)
async def test_a_change_of_accounts_is_read_again_once(later):
    """Accounts that differ after a list of several pages cost one whole new reading."""
    one = long()
    one.then("/accounts", one.honest, accounts(*later))
    one.each("/accounts", accounts(*later))
    found = await gathered(one, MONTHLY)
    assert found.calls == 1 + 4 + 1 + 4 + 1
    assert len(found.snapshot.eincomes.records) == 151
    assert found.snapshot.eincomes.faults == ()
    assert [one.id for one in found.snapshot.accounts] == [one["id"] for one in later]


async def test_what_says_nothing_of_the_data_is_no_change():
    """Neither the order of accounts nor their errors cost a new reading."""
    one, other = long(), account("a-2", status="ERROR")
    failed = {**other["connection"], "errorCode": "AUTH_REQUIRED"}
    one.then("/accounts", accounts(account(), other))
    one.each("/accounts", accounts({**other, "connection": failed}, account()))
    assert (await gathered(one, MONTHLY)).calls == 1 + 4 + 1


async def test_a_second_reading_forgets_the_first():
    """Whoever leaves during the second reading gets nothing of the first one."""
    one = long()
    one.then("/accounts", one.honest)
    one.each("/accounts", accounts(account(connection=MOVED)))
    one.then("/contributions", one.honest, Hang)
    async with opened(one) as source:
        patient = asyncio.create_task(ask(source, MONTHLY))
        hurried = (await ask(source, MONTHLY, seconds=0.5)).snapshot
        await patient
    assert only_fault(hurried.contributions).cause is Cause.NOT_FETCHED
    assert hurried.accounts[0].connection_updated_at.day == 23


async def test_accounts_that_keep_changing_taint_every_kind():
    """Accounts that differ after the second reading too make every kind CHANGED_WHILE_READING."""
    one = long()
    for day in (20, 21, 22):
        moved = {"status": "CONNECTED", "updatedAt": f"2026-11-{day}T00:00:00Z"}
        one.then("/accounts", accounts(account(connection=moved)))
    snapshot = (await gathered(one, MONTHLY)).snapshot
    for read in (snapshot.eincomes, snapshot.contributions, snapshot.liabilities):
        fault = only_fault(read)
        assert fault.cause is Cause.CHANGED_WHILE_READING
        assert fault.code is DataReason.DATA_CHANGED_DURING_READ
    assert snapshot.accounts[0].connection_updated_at.day == 22


@pytest.mark.parametrize(
    "after",
    [accounts(), accounts(account(status="DISCONNECTED")), problem(404, "MISSING_RESOURCE")],
)
async def test_consent_withdrawn_while_reading_leaves_nothing_to_use(after):
    """An account gone or disconnected in the closing look makes every kind CONSENT_REVOKED."""
    one = long()
    one.then("/accounts", one.honest, after)
    found = await gathered(one, MONTHLY)
    for read in (found.snapshot.eincomes, found.snapshot.contributions, found.snapshot.liabilities):
        assert only_fault(read).code is DataReason.CONSENT_REVOKED
    (fault,) = found.snapshot.account_faults
    assert (fault.code, fault.source) == (DataReason.CONSENT_REVOKED, SSS)
    assert found.calls == 6


async def test_a_page_that_is_gone_shows_the_revocation():
    """A list whose second page is 404 is closed too, and the revocation is found."""
    one = long()
    one.then("/eincomes", one.honest, problem(404))
    one.then("/accounts", one.honest, accounts())
    snapshot = (await gathered(one)).snapshot
    codes = [fault.code for fault in snapshot.eincomes.faults]
    assert DataReason.CONSENT_REVOKED in codes
    assert snapshot.eincomes.records == ()


async def test_a_closing_look_that_fails_taints_only_long_lists():
    """When the accounts cannot be read again, lists of one page are still whole."""
    one = long()
    one.then("/accounts", one.honest)
    one.each("/accounts", problem(500))
    snapshot = (await gathered(one, MONTHLY)).snapshot
    assert only_fault(snapshot.eincomes).code is DataReason.UPSTREAM_UNAVAILABLE
    assert snapshot.contributions.records


async def test_an_account_linked_meanwhile_is_read_with_the_others():
    """An item of an account that is not listed leads to a second look, and then to the whole."""
    one = Vendor(eincomes=[eincome(1), eincome(2, metadata=metadata("a-new"))])
    one.then("/accounts", accounts(account()))
    one.each("/accounts", accounts(account(), account("a-new")))
    snapshot = (await gathered(one)).snapshot
    assert {record.source for record in snapshot.eincomes.records} == {SSS, "a-new"}
    assert [one.id for one in snapshot.accounts] == [SSS, "a-new"]


async def test_data_of_an_account_that_does_not_exist_taints_its_kind():
    """Items of an account that is not listed even at the end make their kind contradictory."""
    one = Vendor(
        accounts=[account()],
        eincomes=[eincome(1), eincome(2, metadata=metadata("a-erased"))],
        contributions=[contribution()],
    )
    snapshot = (await gathered(one, MONTHLY)).snapshot
    assert only_fault(snapshot.eincomes).cause is Cause.CHANGED_WHILE_READING
    assert snapshot.contributions.records


async def test_equal_duplicates_count_once():
    """An item on two pages is one record, and is counted as a duplicate."""
    one = long()
    one.lists["/v1/eincomes"].append(dict(LONG[0]))
    read = (await gathered(one)).snapshot.eincomes
    assert len(read.records) == 151
    assert read.duplicates == 1


async def test_a_contradiction_is_read_again_once():
    """Two contents under one id are read again, and a clean second reading is taken."""
    one = Vendor(accounts=[account()], eincomes=[eincome(1)])
    one.then("/eincomes", ok({"items": [eincome(1), eincome(1, amount=5)]}))
    found = await gathered(one)
    assert len(found.snapshot.eincomes.records) == 1
    assert found.calls == 3


@pytest.mark.parametrize(
    "other",
    [
        {"amount": 5},
        {"amount": 15000.0001},
        {"month": "2026-07"},
        {"metadata": metadata("a-other")},
        {"metadata": metadata(createdAt="2026-01-01T00:00:00Z")},
    ],
)
async def test_a_lasting_contradiction_is_never_resolved(other):
    """Two contents under one id in both readings are DATA_CHANGED_DURING_READ."""
    one = Vendor(accounts=[account()], eincomes=[eincome(1), eincome(1, **other)])
    found = await gathered(one)
    fault = only_fault(found.snapshot.eincomes)
    assert (fault.cause, fault.code) == (Cause.BAD_DATA, DataReason.DATA_CHANGED_DURING_READ)
    assert found.calls == 3


FOREIGN = metadata(user=OTHER_USER)


@pytest.mark.parametrize(
    ("path", "item"),
    [
        ("/eincomes", eincome(9, metadata=FOREIGN)),
        ("/contributions", contribution(9, metadata=FOREIGN)),
        ("/accounts", account("a-9", userId=OTHER_USER)),
    ],
)
async def test_another_users_item_is_an_alarm(path, item):
    """One item of another user makes no decision, raises the alarm, and names nobody."""
    one = long()
    one.each(path, ok({"items": [item]}))
    async with opened(one) as source:
        with pytest.raises(CrossTenant) as found:
            await ask(source, MONTHLY)
        assert source.status.cross_tenant == 1
    assert USER not in str(found.value)
    assert OTHER_USER not in str(found.value)


async def test_another_users_profile_or_task_is_an_alarm():
    """The look-ups of the user and of tasks are checked as well."""
    one = Vendor()
    one.each(f"/users/{USER}", ok({"id": OTHER_USER}))
    with pytest.raises(CrossTenant):
        await gathered(one)
    one = Vendor(accounts=[account(age=timedelta(minutes=1))])
    one.each("/tasks", ok({"items": [task(metadata=FOREIGN)]}))
    with pytest.raises(CrossTenant):
        await gathered(one)


async def test_an_alarm_weighs_more_than_refused_keys():
    """Of several failures at once another user's data is the one that is raised."""
    one = long()
    one.each("/eincomes", ok({"items": [eincome(9, metadata=FOREIGN)]}))
    one.each("/contributions", problem(401))
    with pytest.raises(CrossTenant):
        await gathered(one, MONTHLY)


async def test_a_list_emptied_by_a_revocation_is_not_taken_for_none():
    """Consent that is withdrawn before an empty list leaves no kind to use."""
    one = Vendor(accounts=[account()], eincomes=[eincome()])
    one.then("/accounts", accounts(account()), accounts())
    snapshot = (await gathered(one, MONTHLY)).snapshot
    assert {fault.code for fault in snapshot.account_faults} == {DataReason.CONSENT_REVOKED}
    assert only_fault(snapshot.contributions).code is DataReason.CONSENT_REVOKED


async def test_an_empty_list_is_not_used_before_it_is_closed():
    """At the deadline a list without records that waits for the closing look is unread."""
    one = Vendor(accounts=[account()], eincomes=[eincome()])
    one.then("/accounts", accounts(account()), Hang)
    snapshot = (await gathered(one, MONTHLY, seconds=1.5)).snapshot
    assert only_fault(snapshot.contributions).cause is Cause.NOT_FETCHED
    assert snapshot.eincomes.records


ELSEWHERE = metadata(GRAB)
WITH_IDENTITIES = replace(MONTHLY, kinds=MONTHLY.kinds | {Kind.IDENTITIES})


def witnessed():
    """A vendor with an account that has no contributions, which its provider could give."""
    return Vendor(accounts=[account()], eincomes=[eincome()], identities=[identity()])


async def test_an_identity_read_last_confirms_what_is_empty():
    """An account that gives its identity after its other lists had no consent withdrawn before."""
    one = witnessed()
    found = await gathered(one, WITH_IDENTITIES)
    assert one.paths[0] == "/accounts"
    assert sorted(one.paths[1:4]) == ["/contributions", "/eincomes", "/liabilities"]
    assert one.paths[4:] == ["/identities"]
    assert found.snapshot.contributions == Read()


async def test_an_empty_list_is_not_used_before_its_witness_is_there():
    """At the deadline a list without records that no later reading confirms is unread."""
    one = witnessed()
    one.each("/identities", Hang)
    snapshot = (await gathered(one, WITH_IDENTITIES, seconds=1.5)).snapshot
    assert only_fault(snapshot.contributions).cause is Cause.NOT_FETCHED
    assert snapshot.eincomes.records


@pytest.mark.parametrize(
    "identities", [problem(404), ok({"items": []}), ok({"items": [identity(metadata=ELSEWHERE)]})]
)
async def test_without_a_witness_the_closing_look_confirms(identities):
    """Identities that failed, or that are another account's, leave empty lists to the accounts."""
    one = witnessed()
    one.lists["/v1/accounts"].append(account(GRAB, "grab"))
    one.each("/identities", identities)
    await gathered(one, WITH_IDENTITIES)
    assert one.paths.count("/accounts") == 2


@pytest.mark.parametrize("revoked", range(1, 6))
async def test_a_revocation_before_any_request_leaves_nothing_empty_to_use(revoked):
    """Whenever consent is withdrawn, an emptied list is never whole beside records of before."""
    one, log = witnessed(), []

    def answer(request):
        log.append(request)
        emptied = len(log) > revoked
        gone = [account(status="DISCONNECTED")] if request.url.path.endswith("accounts") else []
        return ok({"items": gone}) if emptied else one.honest(request)

    for path in ("/accounts", "/contributions", "/eincomes", "/liabilities", "/identities"):
        one.each(path, answer)
    snapshot = (await gathered(one, WITH_IDENTITIES)).snapshot
    whole = revoked == 5
    assert (snapshot.eincomes.faults == ()) == whole
    assert (not snapshot.account_faults) == whole
