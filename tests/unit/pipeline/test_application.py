"""How a repeated request is recognised, and what of a person can be told from what is stored."""

from __future__ import annotations

from datetime import date
from itertools import combinations

import pytest
from msgspec.structs import replace

from decision_service.decide.application import (
    IdentityKey,
    is_recorded_in_full,
    is_same_request,
    request_content,
)
from decision_service.domain.errors import RequestIdReused
from decision_service.domain.person import GivenApplicant
from decision_service.domain.ports import ReplyStyle
from tests.fakes.world import World, application

OLD, NEW = IdentityKey.of(b"o" * 32), IdentityKey.of(b"n" * 32)
JUAN = GivenApplicant("Juan Cruz", date(1990, 3, 12), "09171234567", "juan@example.ph")
CHANGED = (
    replace(JUAN, name="Pedro Cruz"),
    replace(JUAN, birth_date=date(1990, 3, 13)),
    replace(JUAN, phone=""),
    replace(JUAN, email="juan@example.com"),
)
WITHOUT = application()
WITH = replace(WITHOUT, applicant=JUAN)
AS_BEFORE = "9bce1f1a"


@pytest.mark.parametrize("changed", CHANGED)
def test_another_applicant_is_another_request(changed: GivenApplicant) -> None:
    """Each field counts, under a key."""
    stored = request_content(WITH, "los", (NEW,))
    assert is_same_request(stored, WITH, "los", (NEW,))
    assert not is_same_request(stored, replace(WITH, applicant=changed), "los", (NEW,))
    assert not is_same_request(stored, WITHOUT, "los", (NEW,))
    without = request_content(WITHOUT, "los", (NEW,))
    assert not is_same_request(without, WITH, "los", (NEW,))


def test_a_request_is_recognised_while_keys_change() -> None:
    """Under the old key while it is held, and by all but the applicant once it is gone."""
    stored = request_content(WITH, "los", (OLD,))
    other = replace(WITH, applicant=CHANGED[0])
    assert is_same_request(stored, WITH, "los", (NEW, OLD))
    assert not is_same_request(stored, other, "los", (NEW, OLD))
    for secrets in ((NEW,), ()):
        assert is_same_request(stored, WITH, "los", secrets)
        assert is_same_request(stored, other, "los", secrets)
        assert not is_same_request(stored, replace(WITH, customer_ref="c"), "los", secrets)


def test_without_a_key_nothing_of_an_applicant_is_in_what_is_stored() -> None:
    """Only that one was sent; without one the digest is what it always was."""
    alike = {request_content(replace(WITH, applicant=one), "los", ()) for one in (JUAN, *CHANGED)}
    assert alike == {WITH.content()}
    assert WITH.content() != WITHOUT.content()
    assert WITHOUT.content().hex().startswith(AS_BEFORE)


def test_equal_applicants_of_two_requests_have_unlike_hashes() -> None:
    """Who reads the store cannot link them by it."""
    requests = (WITH, replace(WITH, request_id="r-2"), replace(WITH, user_id="u-2"))
    found = [request_content(one, "los", (NEW,))[32:] for one in requests]
    found.append(request_content(WITH, "other", (NEW,))[32:])
    assert all(one != other for one, other in combinations(found, 2))


def test_a_request_in_another_view_is_the_same_and_the_recorded_view_is_known() -> None:
    """FULL after BASIC or BASIC after FULL; what else differs is another request."""
    full = replace(WITH, style=ReplyStyle(full=True))
    for recorded, view in ((WITH, False), (full, True)):
        stored = request_content(recorded, "los", (NEW,))
        for asked in (WITH, full):
            assert is_same_request(stored, asked, "los", (NEW,))
            assert is_recorded_in_full(stored, asked) is view
        other = replace(full, customer_ref="c")
        assert not is_same_request(stored, other, "los", (NEW,))
        assert is_recorded_in_full(stored, other) is None


async def test_a_recorded_request_with_another_applicant_is_refused() -> None:
    """And answered where the applicant is the same."""
    world = World(secrets=(NEW,))
    decide = world.decide()
    first = await decide(application(applicant=JUAN), world.call())
    again = await decide(application(applicant=JUAN), world.call())
    assert again.decision_id == first.decision_id
    with pytest.raises(RequestIdReused):
        await decide(application(applicant=CHANGED[0]), world.call())
