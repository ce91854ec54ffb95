"""Applications: how a repeated one is recognised, and where the gate puts each."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from typing import TYPE_CHECKING

import pytest
from google.protobuf import duration_pb2
from google.type import money_pb2
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.api.v1 import decision_pb2 as decision_pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import values_pb2
from decision_service.decide.admit import Admission, admit, place
from decision_service.decide.application import (
    NOT_COUNTED,
    Application,
    EarlierDecision,
    IdentityKey,
    is_recorded_in_full,
    is_same_request,
    request_content,
)
from decision_service.decide.codec import decode_facts
from decision_service.domain.decision import Arm, ArmReason, Assignment, EnrolmentReason
from decision_service.domain.errors import (
    InputInvalid,
    RequestIdReused,
    ServiceError,
    StoreUnavailable,
    UpstreamUnavailable,
)
from decision_service.domain.factor import Observed
from decision_service.domain.person import GivenApplicant
from decision_service.domain.ports import ReplyStyle
from decision_service.domain.values import AsOf, Money
from decision_service.rollout.assign import Pin, Subject, choose, enters_comparison, unit_of
from decision_service.rollout.state import RolloutState, kill
from decision_service.rules.inputs import bind_inputs
from decision_service.server.services.decisions import application_from
from tests.fakes.examples import examples
from tests.fakes.in_memory import InMemoryDecisionLog
from tests.fakes.plans import CHALLENGED, book_under
from tests.fakes.shipped import CHAMPION
from tests.fakes.world import NOW, PRODUCT, ScriptedSource, World, application, rulebook
from tests.kits.decision_log import NOON
from tests.unit.rollout.plans import edited

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from decision_service.decide.decide import DecideApplication
    from decision_service.rulebook.rulebook import Product

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


LIVE = edited(CHALLENGED, (CHALLENGED[CHALLENGED.index("challenger:") :], ""))

SEGMENT = """deny: []
  segments: [{name: big, percent: 100, when: inputs.requested_amount > 300}]"""

PLANS = (
    LIVE,
    edited(LIVE, ("deny: []", "deny: [u-1]")),
    edited(LIVE, ("salt: personal-loan-ph", 'salt: "ñ, a longer salt than twenty-four bytes"')),
    edited(LIVE, ("unit: user_id", "unit: customer_ref")),
    edited(LIVE, ("deny: []", SEGMENT)),
    CHALLENGED,
    CHALLENGED + "caps: [{name: trial, arm: challenger, amount_per_day: 900}]\n",
)


def products(text: str) -> list[Product]:
    """The product of a plan: at each stage, killed, and with a version that decided before."""
    made = book_under(text).product(PRODUCT)
    stages = [step.name for step in made.plan.go_live.stages.steps]
    tracks = [replace(made.state.go_live, stage=stage) for stage in [None, *stages]]
    states = [replace(made.state, go_live=track) for track in tracks]
    killed = kill(made.state, None)
    assert isinstance(killed, RolloutState)
    states += [killed, replace(made.state, decided_by=(1, 2))]
    return [replace(made, state=state) for state in states]


ANY_PRODUCT = st.deferred(
    lambda: st.sampled_from([one for text in PLANS for one in products(text)])
)

applications = st.builds(
    application,
    user_id=st.sampled_from(["u-1", "staff-1"]) | st.text("uñ-1", min_size=1, max_size=60),
    customer_ref=st.sampled_from(["", "c-1", "staff-1"]),
    inputs=st.fixed_dictionaries(
        {"requested_term_months": st.sampled_from([0, 6, 12])},
        optional={
            "requested_amount": st.sampled_from([Money("PHP", 2_000_000), Money("USD", 1), 3]),
            "other_charges": st.sampled_from([Money("PHP", 1), "much"]),
            "unheard_of": st.just("x"),
        },
    ),
)

instants = st.timedeltas(timedelta(days=-40), timedelta(days=40)).map(lambda by: NOW + by)


class Heard:
    """Notes the assignments that it is told."""

    def __init__(self) -> None:
        self.assignments: list[Assignment] = []

    def __call__(self, assignment: Assignment) -> None:
        self.assignments.append(assignment)


def _run(coroutine: Coroutine[None, None, Admission]) -> Admission:
    """What a coroutine returns that waits for nobody but itself."""
    while True:
        try:
            coroutine.send(None)
        except StopIteration as end:
            admission: Admission = end.value
            return admission


def _by_hand(asked: Application, product: Product, now: datetime) -> Admission:
    """Who is admitted how, where nothing is looked up in the store."""
    amount = asked.inputs.get("requested_amount")
    subject = Subject(
        unit_of(product.plan, asked.user_id, asked.customer_ref),
        now,
        asked.inputs,
        requested_amount=amount if isinstance(amount, Money) else None,
    )
    assignment = choose(product.plan, product.state, subject)
    if assignment.version is None:
        as_of = AsOf.at(now, product.champion.zone)
        return Admission(asked, as_of, assignment, dict(asked.inputs), None, subject.unit)
    ruleset = product.versions[assignment.version]
    bound = bind_inputs(ruleset, asked.inputs, None, product.input_names)
    if bound.problems:
        raise InputInvalid("; ".join(p.description for p in bound.problems), bound.problems)
    compared = enters_comparison(product.plan, subject, assignment)
    as_of = AsOf.at(now, ruleset.zone)
    return Admission(asked, as_of, assignment, dict(bound.values), ruleset, subject.unit, compared)


def _or_error(admitted: Callable[[], Admission]) -> Admission | str:
    """An admission, or the kind and words of the error in its place."""
    try:
        return admitted()
    except ServiceError as error:
        return f"{type(error).__name__}: {error}"


@settings(deadline=None, max_examples=examples(200))
@given(applications, ANY_PRODUCT, instants)
def test_who_is_admitted_is_what_the_gate_and_the_ruleset_say(asked, product, now):
    """With a store that knows nothing: the gate's choice and the bound inputs, or the error."""
    heard = Heard()
    expected = _or_error(lambda: _by_hand(asked, product, now))
    found = _or_error(lambda: _run(admit(asked, product, InMemoryDecisionLog(), now, heard)))
    assert found == expected
    if isinstance(expected, Admission):
        assert heard.assignments == [expected.assignment]
        assert list(found.inputs) == list(expected.inputs)


def test_who_is_outside_the_go_live_is_not_enrolled() -> None:
    """The denied are turned away whatever the stage."""
    denying = products(PLANS[1])[4]
    admission = _run(admit(application(), denying, InMemoryDecisionLog(), NOW, Heard()))
    assert admission.ruleset is None
    assert admission.assignment.enrolment_reason is EnrolmentReason.DENIED


def test_a_wrong_input_is_told_after_the_assignment() -> None:
    """An error counts under the arm that would have decided."""
    heard = Heard()
    with pytest.raises(InputInvalid, match="requested_term_months"):
        _run(admit(application(inputs={}), products(LIVE)[4], InMemoryDecisionLog(), NOW, heard))
    assert [one.version for one in heard.assignments] == [1]


LIMITED = CHALLENGED + "caps: [{name: trial, arm: challenger, amount_per_day: 50000}]\n"


@dataclass(slots=True)
class Arms:
    """What the store knows of one applicant and one day; notes what it is asked."""

    known: Pin | None = None
    total: int = 0
    down: bool = False
    asked: list[tuple[object, ...]] = field(default_factory=list)

    async def pin(self, product: str, unit: str, since: datetime) -> Pin | None:
        self._ask("pin", product, unit, since)
        return self.known

    async def approved(self, product: str, arm: Arm, since: datetime) -> int:
        self._ask("approved", product, arm, since)
        return self.total

    def _ask(self, *question: object) -> None:
        self.asked.append(question)
        if self.down:
            raise StoreUnavailable("the store is down")


def product(text: str, **state: object) -> Product:
    """The product under a plan, its go-live or state changed."""
    made = book_under(text).product(PRODUCT)
    stage = state.pop("stage", made.state.go_live.stage)
    go_live = replace(made.state.go_live, stage=stage)
    return replace(made, state=replace(made.state, go_live=go_live, **state))


async def put(made: Product, arms: Arms, now: datetime = NOW, **changes: object) -> Assignment:
    return (await place(application(**changes), made, arms, now)).assignment


async def test_the_shipped_products_never_ask_for_pins() -> None:
    """Fully live by one version, a decision costs no look at earlier ones."""
    for made in rulebook().products.values():
        arms = Arms(down=True)
        chosen = await put(made, arms, product=made.name)
        assert (chosen.enrolment_reason, chosen.version) == (EnrolmentReason.IN_STAGE, CHAMPION)
        assert arms.asked == []


async def test_below_a_hundred_percent_a_pin_enrols() -> None:
    """At a stage of a few percent an applicant who was decided before is decided again."""
    arms = Arms(known=Pin(Arm.CHAMPION, 1, NOW - timedelta(days=89)))
    chosen = await put(product(LIVE, stage="staff"), arms)
    assert (chosen.enrolment_reason, chosen.version) == (EnrolmentReason.PINNED, 1)
    assert arms.asked == [("pin", PRODUCT, "u-1", NOW - timedelta(days=90))]


async def test_the_days_limit_counts_from_midnight_where_the_lender_is() -> None:
    """What the challenger approved is asked for since 00:00 in Manila, and sends the rest away."""
    made, night = product(LIMITED), datetime(2026, 11, 24, 15, 59, tzinfo=UTC)
    arms = Arms(total=3_000_000)
    assert (await put(made, arms, night)).arm_reason is ArmReason.CHALLENGER
    midnight = datetime(2026, 11, 23, 16, tzinfo=UTC)
    assert arms.asked[-1] == ("approved", PRODUCT, Arm.CHALLENGER, midnight)
    arms.total = 3_000_001
    chosen = await put(made, arms, night + timedelta(minutes=1))
    assert (chosen.arm_reason, chosen.version) == (ArmReason.LIMIT_REACHED, 1)
    assert arms.asked[-1][-1] == midnight + timedelta(days=1)


async def test_a_customer_keeps_its_arm_under_another_user_id() -> None:
    """Where the lender's key is dealt, it is what is pinned and listed, and no request lacks it."""
    by_reference = edited(
        CHALLENGED, ("unit: user_id", "unit: customer_ref"), ("deny: []", "deny: [u-1]")
    )
    world = World(book=book_under(by_reference))
    decide = world.decide()
    first = await decide(application(customer_ref="c-1"), world.call())
    made = world.book.product(PRODUCT)
    again = application(user_id="u-2", customer_ref="c-1")
    chosen = (await place(again, made, world.log, NOW)).assignment
    assert decode_facts(first.facts).assignment.arm_reason is ArmReason.CHALLENGER
    assert chosen.arm_reason is ArmReason.PINNED
    with pytest.raises(InputInvalid, match="customer_ref is empty"):
        await decide(application(request_id="r-2"), world.call())


async def three_at_once(
    world: World, decide: DecideApplication, source: ScriptedSource
) -> list[asyncio.Task[object]]:
    """Three requests of 20,000 that all wait for the vendor."""
    calls = [
        asyncio.create_task(decide(application(request_id=f"r-{n}"), world.call()))
        for n in range(3)
    ]
    while source.asked < len(calls):
        await asyncio.sleep(0)
    return calls


async def by_arm(world: World) -> dict[Arm, int]:
    """How many decisions each arm recorded."""
    tallies = await world.log.tallies(PRODUCT, NOW - timedelta(days=1), hashed=False)
    return {tally.arm: tally.decisions for tally in tallies}


async def test_requests_that_come_together_share_the_days_limit() -> None:
    """Of three at once for 20,000 each, under 50,000 a day, one is the champion's."""
    source = ScriptedSource(gate=asyncio.Event())
    world = World(book=book_under(LIMITED), source=source)
    decide = world.decide()
    calls = await three_at_once(world, decide, source)
    source.gate.set()
    await asyncio.gather(*calls)
    assert await by_arm(world) == {Arm.CHAMPION: 1, Arm.CHALLENGER: 2}


async def test_an_amount_that_came_to_nothing_is_free_again() -> None:
    """Requests that fail take nothing of the day from those that follow."""
    source = ScriptedSource(gate=asyncio.Event(), error=UpstreamUnavailable("down"))
    world = World(book=book_under(LIMITED), source=source)
    decide = world.decide()
    calls = await three_at_once(world, decide, source)
    source.gate.set()
    await asyncio.gather(*calls, return_exceptions=True)
    source.error = None
    await decide(application(), world.call())
    assert await by_arm(world) == {Arm.CHALLENGER: 1}
