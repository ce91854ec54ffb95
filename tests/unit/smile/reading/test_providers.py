"""The provider list."""

import asyncio

import pytest

from decision_service.domain.snapshot import Provider
from tests.unit.smile.gathering import EINCOMES, FALLBACK, STANDING_IN, ask, opened
from tests.unit.smile.items import GRAB, account, provider, transaction
from tests.unit.smile.vendor import Hang, Vendor, problem, raw


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
