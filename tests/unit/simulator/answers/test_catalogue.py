"""The providers and their filters."""

from __future__ import annotations

import pytest

from decision_service.standin.formats import PROVIDERS
from tests.unit.simulator.stand import Stand, ids


def test_the_sandbox_providers_support_what_their_stories_need() -> None:
    """The scheme has estimates, contributions and loans, the platform a wallet."""
    scheme, platform = PROVIDERS["sss_ph"], PROVIDERS["grab_ph"]
    assert (scheme["type"], platform["type"]) == ("GOVERNMENT", "GIG")
    assert set(scheme["supported"]) == {
        "IDENTITIES",
        "EMPLOYMENTS",
        "CONTRIBUTIONS",
        "EINCOMES",
        "LIABILITIES",
    }
    assert "TRANSACTIONS" in platform["supported"]
    assert {one["type"] for one in PROVIDERS.values()} == {
        "GIG",
        "GOVERNMENT",
        "SYSTEM",
        "EMPLOYER",
        "CREDENTIAL",
    }


async def test_a_list_of_providers_has_pages(stand: Stand) -> None:
    """Every provider comes once, ten to a page."""
    assert ids(await stand.items("/providers", size=10)) == list(PROVIDERS)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"ids": "sss_ph,grab_ph,nobody"}, ["sss_ph", "grab_ph"]),
        ({"name": "GRAB", "topIds": "grab_sg,grab_id"}, ["grab_sg", "grab_id", "grab_ph"]),
        ({"type": "CREDENTIAL"}, ["nbi_ph", "prc_ph"]),
        ({"subType": "HRIS"}, ["bamboohr", "talenta_id", "greytip_in"]),
        ({"active": "false"}, []),
    ],
)
async def test_providers_are_filtered(
    stand: Stand, query: dict[str, str], found: list[str]
) -> None:
    """Each filter leaves those it describes; top ids come first."""
    assert ids(await stand.items("/providers", **query)) == found


async def test_a_cursor_of_providers_carries_the_filters(stand: Stand) -> None:
    """A cursor alone continues the filtered list."""
    first = await stand.data("/providers", type="GIG", size=5)
    rest = await stand.items("/providers", cursor=first["nextCursor"])
    assert {one["type"] for one in rest} == {"GIG"}


async def test_at_most_ten_providers_can_be_on_top(stand: Stand) -> None:
    """Eleven top ids are INVALID_PARAMETERS."""
    assert (await stand.get("/providers", topIds=",".join("abcdefghijk"))).status_code == 400
