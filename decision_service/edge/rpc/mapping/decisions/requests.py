"""Requests checked on the wire: every malformed field is named, before anything else is done."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from unicodedata import category

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import rollout_service_pb2 as rollout_pb
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.api.v1 import values_pb2
from decision_service.domain.factor import Value
from decision_service.domain.person import (
    LONGEST_EMAIL,
    LONGEST_NAME,
    LONGEST_PHONE,
    TYPED_PHONE,
    GivenApplicant,
)
from decision_service.edge.rpc.mapping.problems import (
    Problems,
    check_decision_id,
    check_product,
    check_reference,
    check_user_id,
    request_id_in,
)
from decision_service.edge.rpc.mapping.values import (
    WireError,
    money_from_message,
    value_from_message,
)
from decision_service.pipeline.decide.application import Application
from decision_service.pipeline.ports import ReplyStyle
from decision_service.pipeline.records.replay import WhichRules

_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}", re.ASCII)
_MOST_WAIT = 300.0
_VIEWS = frozenset(pb.DecisionView.values())
_EMAIL = re.compile(r"\s*\S+@[^\s@]+\s*")
_PHONE_DIGITS = range(7, 21)
_TEXTS = {
    "name": (LONGEST_NAME, "a name in letters"),
    "phone": (LONGEST_PHONE, "a number of 7 to 20 digits, with + before a country code"),
    "email": (LONGEST_EMAIL, "an address with an @"),
}
_FIRST_BIRTH = 1900
_EARLIEST_ZONE = timedelta(hours=14)
"""How long before UTC a day begins somewhere."""
_STYLES = {full: ReplyStyle(full=full) for full in (False, True)}
"""What a caller wants who names no languages."""

RESERVED = ("requested_amount", "requested_term_months")


def application_from(
    request: service_pb.CreateDecisionRequest, languages: tuple[str, ...], now: datetime
) -> Application:
    """The application of a request; raises FieldInvalid with every malformed field."""
    problems = Problems()
    check_user_id(problems, request.user_id)
    check_product(problems, request.product)
    request_id, application_id = request_id_in(request.request_id), request.application_id
    customer_ref = request.customer_ref
    check_reference(problems, "request_id", request_id)
    check_reference(problems, "application_id", application_id)
    check_reference(problems, "customer_ref", customer_ref)
    wait = _wait_seconds(request, problems) if request.HasField("wait_timeout") else 0.0
    inputs = inputs_from(request, problems)
    applicant = None
    if request.HasField("applicant"):
        applicant = applicant_from(request.applicant, (now + _EARLIEST_ZONE).date(), problems)
    full = full_view(request.view, problems)
    problems.raise_if_any()
    return Application(
        request_id=request_id,
        user_id=request.user_id,
        product=request.product,
        application_id=application_id,
        customer_ref=customer_ref,
        inputs=inputs,
        wait_timeout=wait,
        applicant=applicant,
        style=ReplyStyle(full=full, languages=languages) if languages else _STYLES[full],
    )


def applicant_from(
    message: service_pb.ApplicantDetails, today: date, problems: Problems
) -> GivenApplicant:
    """Who applies; what cannot be compared is noted, and never repeated."""
    for name, (most, form) in _TEXTS.items():
        text: str = getattr(message, name)
        if len(text) > most:
            problems.add(f"applicant.{name}", f"has {len(text):,} characters: send at most {most}")
        elif text and not _can_be(name, text):
            problems.add(
                f"applicant.{name}",
                f"must be {form}, without control or hidden characters: leave it out where you do "
                "not know it",
            )
    field, born = "applicant.birth_date", None
    if message.birth_date:
        born = problems.date(field, message.birth_date)
        if born is not None and not date(_FIRST_BIRTH, 1, 1) <= born <= today:
            when = "in the future" if born > today else f"before {_FIRST_BIRTH}"
            problems.add(field, f"is {when}: send the date of birth, or leave it out")
    return GivenApplicant(message.name, born, message.phone, message.email)


def _can_be(name: str, text: str) -> bool:
    """Whether a text can be a name, a phone number or an address; zeros alone fill a field."""
    if any(category(one) in {"Cc", "Cf"} for one in text):
        return False
    if name == "name":
        return any(map(str.isalpha, text))
    if name == "email":
        return bool(_EMAIL.fullmatch(text))
    digits = [one for one in text if one.isdigit()]
    return bool(TYPED_PHONE.fullmatch(text)) and len(digits) in _PHONE_DIGITS and {*digits} != {"0"}


def decision_id_from(decision_id: str) -> str:
    """A well-formed decision id; raises FieldInvalid."""
    problems = Problems()
    check_decision_id(problems, decision_id)
    problems.raise_if_any()
    return decision_id


def replay_from(request: service_pb.ReplayDecisionRequest) -> tuple[str, WhichRules]:
    """Which decision to replay, by which rules; raises FieldInvalid with every malformed field."""
    problems, ref = Problems(), request.ruleset_ref
    check_decision_id(problems, request.decision_id)
    if ref.ruleset:
        check_product(problems, ref.ruleset, "ruleset_ref.ruleset")
    if ref.version < 0:
        problems.add("ruleset_ref.version", f"is {ref.version}: it must be a version, or 0")
    problems.raise_if_any()
    return request.decision_id, WhichRules(ref.ruleset, ref.version, ref.digest)


def full_view(view: int, problems: Problems | None = None) -> bool:
    """Whether the FULL view is asked for; an unknown view is a problem."""
    if view not in _VIEWS:
        own = problems or Problems()
        own.add("view", f"is {view}, which is no DecisionView")
        if problems is None:
            own.raise_if_any()
    return view == pb.DECISION_VIEW_FULL


def _wait_seconds(request: service_pb.CreateDecisionRequest, problems: Problems) -> float:
    wait = request.wait_timeout
    seconds = wait.seconds + wait.nanos / 1e9
    if not 0 <= seconds <= _MOST_WAIT or abs(wait.nanos) > 999_999_999:
        problems.add("wait_timeout", f"must lie within 0 and {_MOST_WAIT:.0f} seconds")
    return seconds


def inputs_from(
    request: service_pb.CreateDecisionRequest
    | rules_pb.EvaluateRulesetRequest
    | rollout_pb.ExplainAssignmentRequest,
    problems: Problems,
) -> dict[str, Value]:
    """The inputs sent, amount and term among them; malformed ones are noted."""
    inputs: dict[str, Value] = {}
    if request.HasField("requested_amount"):
        try:
            inputs["requested_amount"] = money_from_message(request.requested_amount)
        except WireError as error:
            problems.add("requested_amount", f"is malformed: {error}")
    if request.HasField("requested_term_months"):
        inputs["requested_term_months"] = request.requested_term_months
    if request.inputs:
        inputs.update(_named(request.inputs, problems))
    return inputs


def _named(
    sent: Mapping[str, values_pb2.InputValue], problems: Problems
) -> Iterator[tuple[str, Value]]:
    for name, message in sent.items():
        if not _NAME.fullmatch(name):
            problems.add("inputs", "has a name that is not lower-case letters, digits and _")
        elif name in RESERVED:
            problems.add(f"inputs.{name}", f"must be sent as the field {name} of the request")
        else:
            yield from read_value(f"inputs.{name}", message, problems)


def read_value(
    field: str, message: values_pb2.InputValue, problems: Problems
) -> Iterator[tuple[str, Value]]:
    """The name below the field's first point with its value, or nothing where it is malformed."""
    try:
        yield field.partition(".")[2] or field, value_from_message(message)
    except WireError as error:
        problems.add(field, f"is malformed: {error}")
