"""Requests checked on the wire: every malformed field is named, before anything else is done."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

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
_LONGEST = {"name": LONGEST_NAME, "phone": LONGEST_PHONE, "email": LONGEST_EMAIL}
_FIRST_BIRTH = 1900
_STYLES = {full: ReplyStyle(full=full) for full in (False, True)}
"""What a caller wants who names no languages."""

RESERVED = ("requested_amount", "requested_term_months")


def application_from(
    request: service_pb.CreateDecisionRequest, languages: tuple[str, ...]
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
    applicant = (
        applicant_from(request.applicant, problems) if request.HasField("applicant") else None
    )
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


def applicant_from(message: service_pb.ApplicantDetails, problems: Problems) -> GivenApplicant:
    """Who applies; what is too long or no date of birth is noted, and never repeated."""
    for name, most in _LONGEST.items():
        length = len(getattr(message, name))
        if length > most:
            problems.add(f"applicant.{name}", f"has {length:,} characters: send at most {most}")
    field, born = "applicant.birth_date", None
    if message.birth_date:
        born = problems.date(field, message.birth_date)
        if born is not None and born.year < _FIRST_BIRTH:
            problems.add(
                field, f"is before {_FIRST_BIRTH}: send the date of birth, or leave it out"
            )
    return GivenApplicant(message.name, born, message.phone, message.email)


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
