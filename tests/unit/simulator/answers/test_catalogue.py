"""The providers."""

from __future__ import annotations

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
