"""Links to the connect page, and the ways back from it."""

from typing import Any

import pytest

from decision_service.api.v1 import applicant_service_pb2 as pb
from decision_service.domain.errors import FieldInvalid
from decision_service.server.applicants import ConnectLinks
from decision_service.server.connect import language_of
from decision_service.server.wire import Problems

LINKS = ConnectLinks("https://connect.example", ("https://lender.example", "http://127.0.0.1:9000"))


def asked(**fields: Any) -> pb.CreateLinkTokenRequest:
    """A request for a link."""
    return pb.CreateLinkTokenRequest(user_id="u-1", **fields)


def test_a_link_holds_the_token_and_the_way_back() -> None:
    """Both are quoted; without a base there is no link."""
    link = LINKS.link("a+b", asked(return_url="https://lender.example/done?id=1&x=2"))
    assert link == (
        "https://connect.example/connect?token=a%2Bb"
        "&return_url=https%3A%2F%2Flender.example%2Fdone%3Fid%3D1%26x%3D2"
    )
    assert LINKS.link("t", asked()) == "https://connect.example/connect?token=t"
    assert ConnectLinks("", ()).link("t", asked()) == ""


def test_a_link_names_the_providers_of_the_types_that_are_asked_for() -> None:
    """Where none of them is known the page offers all, as without types."""
    known = {"GOVERNMENT": ("sss_ph", "gsis_ph")}
    links = ConnectLinks("https://c.example", (), lambda types: known.get(*types, ()))
    page = "https://c.example/connect?token=t"
    government = asked(provider_types=["GOVERNMENT"])
    assert links.link("t", government) == f"{page}&providers=sss_ph%2Cgsis_ph"
    assert links.link("t", asked(provider_types=["EMPLOYER"])) == page


@pytest.mark.parametrize(
    ("language", "lang"),
    [("fil", "fil"), ("fil-PH", "fil"), ("tl", "fil"), ("en-US", "en"), ("de", ""), ("", "")],
)
def test_a_link_names_who_is_offered_first_in_a_language_of_the_page(
    language: str, lang: str
) -> None:
    """Without those that the page does not offer; of another language the phone chooses."""
    links = ConnectLinks(
        "https://c.example",
        (),
        offered=lambda ids: [one for one in ids if one != "gsis_ph"],
        language_of=language_of,
    )
    first = asked(first_provider_ids=["sss_ph", "gsis_ph", "pagibig_ph"], language=language)
    page = "https://c.example/connect?token=t&first=sss_ph%2Cpagibig_ph"
    assert links.link("t", first) == page + (f"&lang={lang}" if lang else "")


@pytest.mark.parametrize("types", [["government"], [""], ["GIG"] * 11, ["GIG", "x&y"]])
def test_words_that_can_be_no_types_are_refused(types: list[str]) -> None:
    """At most ten, in the vendor's capital letters."""
    problems = Problems()
    LINKS.check(problems, asked(provider_types=types))
    with pytest.raises(FieldInvalid, match="provider_types"):
        problems.raise_if_any()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("first_provider_ids", ["sss ph"]),
        ("first_provider_ids", [""]),
        ("first_provider_ids", ["sss_ph,x"]),
        ("first_provider_ids", ["a"] * 11),
        ("first_provider_ids", ["a" * 65]),
        ("language", "Filipino!"),
        ("language", "f"),
    ],
)
def test_what_can_be_no_provider_or_language_is_refused(field: str, value: Any) -> None:
    """The field is named."""
    problems = Problems()
    LINKS.check(problems, asked(**{field: value}))
    with pytest.raises(FieldInvalid, match=field):
        problems.raise_if_any()


@pytest.mark.parametrize(
    "address",
    ["", "https://lender.example", "https://LENDER.example/a?b#c", "http://127.0.0.1:9000/x"],
)
def test_an_allowed_origin_is_taken(address: str) -> None:
    """Path, query and fragment are free, and none at all is no way back."""
    problems = Problems()
    LINKS.check(problems, asked(return_url=address))
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
    LINKS.check(problems, asked(return_url=address))
    with pytest.raises(FieldInvalid, match="DECISION_CONNECT_RETURN_ORIGINS"):
        problems.raise_if_any()
