"""Requests are checked on the wire, field by field."""

from datetime import date

import pytest
from google.protobuf.duration_pb2 import Duration
from google.type.money_pb2 import Money as MoneyMessage

from decision_service.api.v1 import decision_service_pb2 as pb
from decision_service.api.v1 import values_pb2
from decision_service.domain.errors import FieldInvalid
from decision_service.domain.money import Money
from decision_service.domain.person import GivenApplicant
from decision_service.edge.rpc.mapping.decisions.requests import application_from, decision_id_from


def request(**changes: object) -> pb.CreateDecisionRequest:
    """A good request, changed."""
    fields: dict[str, object] = {"user_id": "tenant-1f", "product": "personal-loan-ph"}
    return pb.CreateDecisionRequest(**(fields | changes))


def fields_of(error: pytest.ExceptionInfo[FieldInvalid]) -> list[str]:
    """The fields that an error names."""
    return [problem.field for problem in error.value.problems]


def test_a_good_request_becomes_an_application() -> None:
    """Amount and term join the inputs under their own names."""
    application = application_from(
        request(
            requested_amount=MoneyMessage(currency_code="PHP", units=20000),
            requested_term_months=6,
            inputs={"customer_type": values_pb2.InputValue(text="new")},
            wait_timeout=Duration(seconds=3),
        ),
        ("fil",),
    )
    assert application.inputs == {
        "requested_amount": Money("PHP", 2_000_000),
        "requested_term_months": 6,
        "customer_type": "new",
    }
    assert application.wait_timeout == 3.0
    assert application.style.languages == ("fil",)


def test_every_malformed_field_is_named_at_once() -> None:
    """One answer lists all that is wrong."""
    with pytest.raises(FieldInvalid) as error:
        application_from(
            request(
                user_id="../admin",
                product="",
                request_id="a\x00b",
                requested_amount=MoneyMessage(currency_code="php"),
                wait_timeout=Duration(seconds=-1),
                view=9,
                inputs={
                    "requested_amount": values_pb2.InputValue(number="1"),
                    "x": values_pb2.InputValue(),
                },
            ),
            (),
        )
    assert sorted(fields_of(error)) == sorted(
        [
            "user_id",
            "product",
            "request_id",
            "requested_amount",
            "wait_timeout",
            "view",
            "inputs.requested_amount",
            "inputs.x",
        ]
    )
    assert "\x00" not in error.value.message


def test_an_applicant_is_taken_as_sent() -> None:
    """Whatever is in it; one that is not sent is none."""
    sent = {"name": "Juan\x00 Cruz", "birth_date": "1990-03-12", "phone": "none", "email": "n/a"}
    taken = application_from(request(applicant=sent), ()).applicant
    assert taken == GivenApplicant("Juan\x00 Cruz", date(1990, 3, 12), "none", "n/a")
    assert application_from(request(), ()).applicant is None
    assert application_from(request(applicant={}), ()).applicant == GivenApplicant()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "Canary " * 1500),
        ("name", "n" * 201),
        ("phone", "0" * 41),
        ("email", "a" * 255),
        ("birth_date", "12.03.1990"),
        ("birth_date", "1990-02-30"),
        ("birth_date", "1990-03-12T00:00:00Z"),
        ("birth_date", "1899-12-31"),
    ],
)
def test_what_is_wrong_with_an_applicant_is_named_and_not_repeated(name: str, value: str) -> None:
    """A name of ten thousand characters is refused before anything is done with it."""
    with pytest.raises(FieldInvalid) as error:
        application_from(request(applicant={name: value}), ())
    assert fields_of(error) == [f"applicant.{name}"]
    assert value not in error.value.message
    assert len(error.value.message) < 200


@pytest.mark.parametrize("user_id", ["", "a" * 201, "ana lisa", "ü", "a/b", "a\n", "a%2f"])
def test_user_ids_are_letters_digits_underscore_and_hyphen(user_id: str) -> None:
    """Nothing that could steer a URL is a userId."""
    with pytest.raises(FieldInvalid) as error:
        application_from(request(user_id=user_id), ())
    assert fields_of(error) == ["user_id"]


@pytest.mark.parametrize(
    "decision_id", ["", "dec_", "dec_01ARZ3NDEKTSV4RRFFQ69G5FAVX", "x", "dec_" + "I" * 26]
)
def test_decision_ids_have_one_form(decision_id: str) -> None:
    """A decision id is `dec_` and a ULID, nothing else."""
    with pytest.raises(FieldInvalid):
        decision_id_from(decision_id)
