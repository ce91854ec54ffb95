"""Revoking a user's accounts at a vendor that fails in the middle."""

import asyncio

import httpx2
import pytest

from decision_service.domain.errors import CrossTenant, UpstreamUnavailable, UserUnknown
from tests.unit.smile.items import OTHER_USER, USER, account
from tests.unit.smile.vendor import Vendor, ok, opened, problem

DONE = httpx2.Response(200, json={"code": "OK", "message": "Success"})
LOOP = ok({"nextCursor": "again", "items": [account("a-3")]})


def vendor(*listed):
    """A vendor with these accounts, or with two that are connected and one that is not any more."""
    found = listed or (account("a-1"), account("a-2", status="ERROR"), gone())
    one = Vendor(accounts=list(found))
    for item in (*found, {"id": "a-3"}):
        one.each(f"/accounts/{item['id']}", DONE)
    return one


def gone():
    """An account that was disconnected before."""
    return account("a-gone", status="DISCONNECTED")


async def revoked(one):
    """How many accounts of the user were revoked."""
    async with opened(one) as source:
        return await source.enrolment.revoke(USER, asyncio.get_running_loop().time() + 10.0)


def deleted(one):
    """The accounts that the vendor was asked to revoke."""
    return [r.url.path.rpartition("/")[2] for _, r in one.log if r.method == "DELETE"]


async def test_every_account_that_is_left_is_revoked():
    """Whatever its state, but for those that are disconnected."""
    one = vendor()
    assert await revoked(one) == 2
    assert deleted(one) == ["a-1", "a-2"]


@pytest.mark.parametrize(
    ("path", "answer"), [("/accounts", problem(404)), (f"/users/{USER}", problem(404))]
)
async def test_a_user_that_is_not_known_has_nothing_to_revoke(path, answer):
    """The vendor has erased it already, and says so of the accounts or of the user."""
    one = vendor()
    one.each("/accounts", ok({"items": []}))
    one.each(path, answer)
    with pytest.raises(UserUnknown, match="has erased it"):
        await revoked(one)


async def test_what_a_list_without_end_shows_is_revoked():
    """Everything that was seen, and the caller is told that there may be more."""
    one = vendor()
    one.each("/accounts", LOOP)
    one.then("/accounts", ok({"nextCursor": "again", "items": [account("a-1"), gone()]}))
    with pytest.raises(UpstreamUnavailable) as told:
        await revoked(one)
    assert deleted(one) == ["a-1", "a-3"]
    assert told.value.message.startswith(
        "2 accounts were revoked at Smile, but the list of accounts could not be read to its end "
        "(PAGINATION_LOOP); send the request again in 5 s"
    )
    assert told.value.fields == {"revoked_accounts": "2", "list_failure": "PAGINATION_LOOP"}
    assert told.value.retry_after == 5.0


async def test_an_account_that_cannot_be_revoked_holds_up_no_other():
    """The others are revoked, and the error names what is left and why."""
    one = vendor()
    one.each("/accounts/a-1", problem(500))
    with pytest.raises(UpstreamUnavailable) as told:
        await revoked(one)
    assert deleted(one)[-1] == "a-2"
    assert told.value.message.startswith(
        "1 account was revoked at Smile, but a-1 (UPSTREAM_UNAVAILABLE) could not be; send"
    )
    assert told.value.fields == {"revoked_accounts": "1", "accounts_left": "a-1"}


async def test_many_that_are_left_are_counted():
    """Ten are named, and how many others there are."""
    one = vendor(*(account(f"a-{n}") for n in range(13)))
    for n in range(1, 13):
        one.each(f"/accounts/a-{n}", problem(400, "INVALID_PARAMETERS"))
    with pytest.raises(UpstreamUnavailable) as told:
        await revoked(one)
    assert "2 others could not be" in told.value.message
    assert told.value.fields["accounts_left"].count(",") == 9


async def test_an_account_that_is_odd_is_revoked_all_the_same():
    """Only its id is needed: a date or a provider that cannot be read keeps no consent alive."""
    one = vendor(account("a-1", provider=None, createdAt="yesterday"))
    assert await revoked(one) == 1


@pytest.mark.parametrize("path", ["/accounts", "/accounts/a-1"])
@pytest.mark.parametrize("failure", [problem(401), problem(500)])
async def test_where_nothing_was_done_the_failure_itself_is_told(path, failure):
    """A list or an account that nobody could do anything with is what it always was."""
    one = vendor(account("a-1"))
    one.each(path, failure)
    with pytest.raises(UpstreamUnavailable) as told:
        await revoked(one)
    assert "revoked" not in told.value.message


async def test_accounts_of_another_user_are_an_alarm():
    """Nothing is revoked by a list that holds somebody else's account."""
    one = vendor(account("a-1"))
    one.each("/accounts", ok({"items": [account("a-1"), account("a-9", userId=OTHER_USER)]}))
    with pytest.raises(CrossTenant):
        await revoked(one)
    assert deleted(one) == []
