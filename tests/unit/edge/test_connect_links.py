"""Links to the connect page, and the ways back from it."""

import pytest

from decision_service.domain.errors import FieldInvalid
from decision_service.server.applicants import ConnectLinks
from decision_service.server.wire import Problems

LINKS = ConnectLinks("https://connect.example", ("https://lender.example", "http://127.0.0.1:9000"))


def test_a_link_holds_the_token_and_the_way_back() -> None:
    """Both are quoted; without a base there is no link."""
    link = LINKS.link("a+b", "https://lender.example/done?id=1&x=2")
    assert link == (
        "https://connect.example/connect?token=a%2Bb"
        "&return_url=https%3A%2F%2Flender.example%2Fdone%3Fid%3D1%26x%3D2"
    )
    assert LINKS.link("t", "") == "https://connect.example/connect?token=t"
    assert ConnectLinks("", ()).link("t", "") == ""


def test_a_link_names_the_providers_of_the_types_that_are_asked_for() -> None:
    """Where none of them is known the page offers all, as without types."""
    known = {"GOVERNMENT": ("sss_ph", "gsis_ph")}
    links = ConnectLinks("https://c.example", (), lambda types: known.get(*types, ()))
    page = "https://c.example/connect?token=t"
    assert links.link("t", "", ["GOVERNMENT"]) == f"{page}&providers=sss_ph%2Cgsis_ph"
    assert links.link("t", "", ["EMPLOYER"]) == page


@pytest.mark.parametrize("types", [["government"], [""], ["GIG"] * 11, ["GIG", "x&y"]])
def test_words_that_can_be_no_types_are_refused(types: list[str]) -> None:
    """At most ten, in the vendor's capital letters."""
    problems = Problems()
    LINKS.check(problems, "", types)
    with pytest.raises(FieldInvalid, match="provider_types"):
        problems.raise_if_any()


@pytest.mark.parametrize(
    "address",
    ["", "https://lender.example", "https://LENDER.example/a?b#c", "http://127.0.0.1:9000/x"],
)
def test_an_allowed_origin_is_taken(address: str) -> None:
    """Path, query and fragment are free, and none at all is no way back."""
    problems = Problems()
    LINKS.check(problems, address, ())
    problems.raise_if_any()


@pytest.mark.parametrize(
    "address",
    [
        "http://lender.example/",
        "https://lender.example.evil.test/",
        "https://lender.example@evil.test/",
        "https://evil.test\\@lender.example/",
        "https:lender.example",
        "//lender.example/",
        "javascript:alert(1)",
        "https://lender.example/ x",
        "https://lender.example\t/",
        "https://[::",
        "https://lender.example/" + "x" * 1000,
    ],
)
def test_any_other_way_back_is_refused(address: str) -> None:
    """No look-alike of an allowed origin leads an applicant elsewhere."""
    problems = Problems()
    LINKS.check(problems, address, ())
    with pytest.raises(FieldInvalid, match="DECISION_CONNECT_RETURN_ORIGINS"):
        problems.raise_if_any()
