"""How a repeated request is recognised, and what of a person can be told from what is stored."""

from __future__ import annotations

from datetime import date
from itertools import combinations

import pytest
from google.protobuf import duration_pb2
from google.type import money_pb2
from msgspec.structs import replace

from decision_service.api.v1 import decision_pb2 as decision_pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import values_pb2
from decision_service.decide.application import (
    NOT_COUNTED,
    Application,
    EarlierDecision,
    IdentityKey,
    is_recorded_in_full,
    is_same_request,
    request_content,
)
from decision_service.domain.errors import RequestIdReused
from decision_service.domain.factor import Observed
from decision_service.domain.person import GivenApplicant
from decision_service.domain.ports import ReplyStyle
from decision_service.domain.values import Money
from decision_service.server.decisions import application_from
from tests.fakes.world import World, application
from tests.kits.decision_entries import NOON

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


EVERY = Application(
    "r-1",
    "user-1",
    "personal-loan-ph",
    "APP-1",
    "C-1",
    inputs={
        "requested_amount": Money("PHP", 2_000_000),
        "requested_term_months": 12,
        "purpose": "rent",
    },
)
DIGEST = "1c4214510e17a3c263b5d519cc42d1b4c99dfe6fceab6908b2b1d6f255199ab7"
DIGEST_IN_FULL = "27b7cb5654a91013bcd2a1b8befb5bb138e31b6e966bd3d8022910df31e5bf50"
"""What release 0.3.0 stored of it; the second in FULL view, with an applicant."""

OTHERWISE: dict[str, object] = {
    "request_id": "r-2",
    "user_id": "user-2",
    "product": "gig-advance-ph",
    "application_id": "APP-2",
    "customer_ref": "C-2",
    "inputs": {"purpose": "rent"},
    "style": ReplyStyle(full=True),
    "wait_timeout": 3.0,
    "applicant": JUAN,
    "earlier": EarlierDecision("dec_1", "dec_1"),
}
"""Another value of each field of a request: a new field needs a line."""

SENT = service_pb.CreateDecisionRequest(
    user_id="user-1", product="personal-loan-ph", request_id="r-1"
)
SENT_OTHERWISE: dict[str, service_pb.CreateDecisionRequest] = {
    "request_id": service_pb.CreateDecisionRequest(request_id="r-2"),
    "user_id": service_pb.CreateDecisionRequest(user_id="user-2"),
    "product": service_pb.CreateDecisionRequest(product="gig-advance-ph"),
    "application_id": service_pb.CreateDecisionRequest(application_id="APP-2"),
    "customer_ref": service_pb.CreateDecisionRequest(customer_ref="C-2"),
    "requested_amount": service_pb.CreateDecisionRequest(
        requested_amount=money_pb2.Money(currency_code="PHP", units=5)
    ),
    "requested_term_months": service_pb.CreateDecisionRequest(requested_term_months=6),
    "inputs": service_pb.CreateDecisionRequest(
        inputs={"purpose": values_pb2.InputValue(text="rent")}
    ),
    "wait_timeout": service_pb.CreateDecisionRequest(wait_timeout=duration_pb2.Duration(seconds=3)),
    "view": service_pb.CreateDecisionRequest(view=decision_pb.DECISION_VIEW_FULL),
    "applicant": service_pb.CreateDecisionRequest(
        applicant=service_pb.ApplicantDetails(name="Juan Cruz")
    ),
}
"""Each field of the message with another value: a new field needs a line."""


def test_a_request_of_0_3_0_keeps_its_digest() -> None:
    """It is repeated after an upgrade, and is recognised."""
    in_full = replace(EVERY, style=ReplyStyle(full=True), applicant=JUAN)
    assert EVERY.content().hex() == DIGEST
    assert in_full.content().hex() == DIGEST_IN_FULL


@pytest.mark.parametrize("name", Application.__struct_fields__)
def test_a_field_counts_unless_it_is_named(name: str) -> None:
    """Two requests that differ in it are not the same; a field without another value fails."""
    other = replace(EVERY, **{name: OTHERWISE[name]})
    assert (other.content() == EVERY.content()) is (name in NOT_COUNTED)


@pytest.mark.parametrize("name", sorted(service_pb.CreateDecisionRequest.DESCRIPTOR.fields_by_name))
def test_a_field_of_the_message_reaches_the_digest(name: str) -> None:
    """No field that a caller sends is lost on its way to the request that is compared."""
    changed = service_pb.CreateDecisionRequest()
    changed.CopyFrom(SENT)
    changed.MergeFrom(SENT_OTHERWISE[name])
    sent, other = (application_from(one, (), NOON) for one in (SENT, changed))
    assert (other.content() == sent.content()) is (name in NOT_COUNTED)


def test_a_later_field_counts_only_where_it_is_set() -> None:
    """A request without it has the digest of before, one with it another."""

    class Later(Application, frozen=True):
        renewal_of: str = ""
        holders: tuple[str, ...] = ()

    fields = {name: getattr(EVERY, name) for name in Application.__struct_fields__}
    later = Later(**fields)
    assert later.content() == EVERY.content()
    found = {later.content(), replace(later, renewal_of="x").content()}
    found |= {replace(later, holders=("x",)).content(), replace(later, renewal_of="y").content()}
    assert len(found) == 4


def test_the_day_and_the_consent_of_an_observation_count() -> None:
    """Each makes another request; without a day it is the request that it was."""
    day = date(2026, 11, 20)
    sent = [700, Observed(700, day), Observed(700, day, "C-1"), Observed(700, day, "C-2")]
    sent += [Observed(700, date(2026, 11, 21)), Observed(701, day)]
    made = [replace(WITHOUT, inputs={"bureau_score": one}).content() for one in sent]
    assert len({*made}) == len(made)
