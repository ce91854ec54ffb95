"""Ids of any content: taken, or refused with the name of their field."""

import re
from collections.abc import Callable
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.domain.errors import FieldInvalid, FieldProblem
from decision_service.server.decisions import application_from
from decision_service.server.wire import Problems, check_decision_id
from tests.unit.edge.test_requests import NOW

NASTY = st.sampled_from(["", "\0", "a\nb", "../x", "a/b", "%2e%2e", "x" * 201, "né", "\u202e"])
TEXTS = st.text(max_size=250) | NASTY
GOOD_USER = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)
GOOD_REFERENCE = re.compile(r"([\x21-\x7e]([\x20-\x7e]{0,198}[\x21-\x7e])?)?", re.ASCII)


@given(TEXTS, TEXTS, TEXTS)
def test_a_malformed_id_is_refused_by_its_name(user: str, request_id: str, reference: str) -> None:
    """What is no id is named as a field, its value is not repeated, and good ids are taken."""
    sent = {"user_id": user, "request_id": request_id, "application_id": reference}
    request = service_pb.CreateDecisionRequest(product="personal-loan-ph", **sent)
    expected = {
        name
        for name, value in sent.items()
        if not (GOOD_USER if name == "user_id" else GOOD_REFERENCE).fullmatch(value)
    }
    refused = _problems(partial(application_from, request, (), NOW))
    assert {problem.field for problem in refused} == expected
    told = "; ".join(problem.description for problem in refused)
    assert all(len(sent[name]) < 5 or sent[name] not in told for name in expected)


@given(TEXTS)
def test_a_malformed_decision_id_never_reaches_the_store(decision_id: str) -> None:
    """Only `dec_` and a ULID is looked up."""
    problems = Problems()
    check_decision_id(problems, decision_id)
    refused = _problems(problems.raise_if_any)
    good = re.fullmatch("dec_[0-9A-HJKMNP-TV-Z]{26}", decision_id)
    assert [problem.field for problem in refused] == ([] if good else ["decision_id"])


def _problems(read: Callable[[], object]) -> tuple[FieldProblem, ...]:
    """What reading is refused for; nothing where it is not."""
    try:
        read()
    except FieldInvalid as error:
        return error.problems
    return ()
