"""Errors as statuses: the table of the contract, one ErrorInfo each, nothing that leaks."""

import inspect

import pytest
from google.rpc import code_pb2
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo

from decision_service.domain import errors
from decision_service.server.interceptors import CODES, DOMAIN, internal, is_public, status_of
from decision_service.store.errors import ConnectionLost


def unpacked(status: object, kind: type) -> list:
    found = []
    for detail in status.details:
        message = kind()
        if detail.Unpack(message):
            found.append(message)
    return found


@pytest.mark.parametrize("kind", sorted(CODES, key=lambda kind: kind.__name__))
def test_every_error_has_exactly_one_error_info(kind: type[errors.ServiceError]) -> None:
    """Its reason and domain are the contract's, its values are in the metadata."""
    problems = (errors.FieldProblem("user_id", "user_id is empty"),)
    fields = inspect.signature(kind).parameters
    error = kind("a sentence", problems) if "problems" in fields else kind("a sentence", value=3)
    status = status_of(error)
    [info] = unpacked(status, ErrorInfo)
    assert (info.reason, info.domain) == (kind.reason, DOMAIN)
    bad = unpacked(status, BadRequest)
    assert bool(bad) == (status.code == code_pb2.INVALID_ARGUMENT)
    if bad:
        assert info.metadata["field"] == bad[0].field_violations[0].field
    if status.code in {code_pb2.UNAVAILABLE, code_pb2.RESOURCE_EXHAUSTED, code_pb2.ABORTED}:
        [retry] = unpacked(status, RetryInfo)
        assert retry.retry_delay.ToTimedelta().total_seconds() > 0


def test_the_alarm_of_a_foreign_users_data_is_no_public_error() -> None:
    """CrossTenant has no code of its own: it leaves as INTERNAL with an incident id."""
    assert not is_public(errors.CrossTenant("x"))


def test_a_special_kind_of_error_is_told_as_the_general_one() -> None:
    """A store's error that the table does not name has the code of the one above it."""
    error = ConnectionLost("x", retry_after=1.0)
    assert is_public(error)
    assert status_of(error).code == code_pb2.UNAVAILABLE


def test_a_bug_shows_nothing_but_its_incident() -> None:
    """INTERNAL carries an id and no words of the exception."""
    status = internal("abc123")
    assert status.code == code_pb2.INTERNAL
    [info] = unpacked(status, ErrorInfo)
    assert dict(info.metadata) == {"incident": "abc123"}


def test_a_retry_time_of_the_error_wins() -> None:
    """Where the error knows when to come back, that is what is told."""
    [retry] = unpacked(status_of(errors.UpstreamUnavailable("x", retry_after=2.5)), RetryInfo)
    assert retry.retry_delay.ToTimedelta().total_seconds() == 2.5


def test_a_status_fits_into_what_clients_take() -> None:
    """However many fields are wrong, the trailers stay far below 8 KiB, and cut texts say so."""
    problems = tuple(errors.FieldProblem(f"inputs.{n}", "x" * 5_000) for n in range(1_000))
    status = status_of(errors.FieldInvalid("y" * 100_000, problems, product="z" * 5_000))
    assert status.ByteSize() < 7_000
    [bad] = unpacked(status, BadRequest)
    assert bad.field_violations[0].field == "inputs.0"
    [info] = unpacked(status, ErrorInfo)
    shortened = (status.message, info.metadata["product"], bad.field_violations[0].description)
    assert all(text.endswith("…") for text in shortened)
