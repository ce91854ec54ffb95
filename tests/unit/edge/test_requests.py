"""Requests are checked on the wire, field by field."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from google.protobuf.duration_pb2 import Duration
from google.type.money_pb2 import Money as MoneyMessage

from decision_service.api.v1 import decision_service_pb2 as pb
from decision_service.api.v1 import values_pb2
from decision_service.domain.errors import FieldInvalid
from decision_service.domain.factor import Observed
from decision_service.domain.person import GivenApplicant
from decision_service.domain.values import Money
from decision_service.server.decisions import application_from
from decision_service.server.wire import Problems, check_texts

NOW = datetime(2026, 11, 27, 14, tzinfo=UTC)
"""Where the day begins first, on Kiritimati, November 28 has begun."""


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
        NOW,
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
            NOW,
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


@pytest.mark.parametrize(
    ("name", "phone", "email"),
    [
        ("Juan P. Dela Cruz, Jr.", "0917 555 1234", "Juan@example.ph"),
        ("  田中 太郎 ", "(045) 455-1234", " juan+loans@example.ph "),
        ("Niño\u00a0O’Brien", "455 1234", "ñ@example.ph"),
        ("Ng", "+639175551234", "juan@localhost"),
    ],
)
def test_an_applicant_is_taken_as_sent(name: str, phone: str, email: str) -> None:
    """Whatever can be compared; one that is not sent is none, and what is empty is no fault."""
    sent = {"name": name, "birth_date": "1990-03-12", "phone": phone, "email": email}
    taken = application_from(request(applicant=sent), (), NOW).applicant
    assert taken == GivenApplicant(name, date(1990, 3, 12), phone, email)
    assert application_from(request(), (), NOW).applicant is None
    assert application_from(request(applicant={}), (), NOW).applicant == GivenApplicant()


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
        ("birth_date", "2026-11-29"),
        ("name", "\x01\x02"),
        ("name", "Juan\x00 Cruz"),
        ("name", "Juan\u202ezurC"),
        ("name", "Cr\u200buz, Juan"),
        ("name", "  "),
        ("name", "12345"),
        ("name", "., -"),
        ("phone", "abc"),
        ("phone", "none"),
        ("phone", "12345"),
        ("phone", "000 000 0000"),
        ("phone", "+63917*****34"),
        ("phone", "9" * 21),
        ("email", "n/a"),
        ("email", "juan.example.ph"),
        ("email", "juan@"),
        ("email", "@example.ph"),
        ("email", "ju an@example.ph"),
        ("email", "juan@exa\x07mple.ph"),
    ],
)
def test_what_is_wrong_with_an_applicant_is_named_and_not_repeated(name: str, value: str) -> None:
    """A name of ten thousand characters is refused before anything is done with it."""
    with pytest.raises(FieldInvalid) as error:
        application_from(request(applicant={name: value}), (), NOW)
    assert fields_of(error) == [f"applicant.{name}"]
    assert value not in error.value.message
    assert len(error.value.message) < 200


def test_a_birth_date_may_be_of_today_wherever_that_is() -> None:
    """A day that has begun in some zone lies in no future."""
    born = {"birth_date": "2026-11-28"}
    taken = application_from(request(applicant=born), (), NOW).applicant
    assert taken == GivenApplicant(birth_date=date(2026, 11, 28))


@pytest.mark.parametrize("user_id", ["", "a" * 201, "ana lisa", "ü", "a/b", "a\n", "a%2f"])
def test_user_ids_are_letters_digits_underscore_and_hyphen(user_id: str) -> None:
    """Nothing that could steer a URL is a userId."""
    with pytest.raises(FieldInvalid) as error:
        application_from(request(user_id=user_id), (), NOW)
    assert fields_of(error) == ["user_id"]


def observed(**changes: object) -> dict[str, values_pb2.InputValue]:
    """A bureau's score of a day, changed."""
    fields: dict[str, object] = {"number": "700", "observed_on": "2026-11-20"}
    return {"bureau_score": values_pb2.InputValue(**(fields | changes))}


def test_an_input_comes_with_its_day_and_the_consent() -> None:
    """They are kept as they are sent; without a day it is the value alone."""
    sent = observed(consent_reference="C-2026/17 <b>")
    application = application_from(request(inputs=sent), (), NOW)
    day = date(2026, 11, 20)
    assert application.inputs == {"bureau_score": Observed(Decimal(700), day, "C-2026/17 <b>")}
    plain = application_from(request(inputs=observed(observed_on="")), (), NOW)
    assert plain.inputs == {"bureau_score": Decimal(700)}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"observed_on": "20-11-2026"}, "inputs.bureau_score.observed_on"),
        ({"observed_on": "2026-02-30"}, "inputs.bureau_score.observed_on"),
        ({"observed_on": "2026-11-20T08:00"}, "inputs.bureau_score.observed_on"),
        ({"observed_on": "", "consent_reference": "C-1"}, "inputs.bureau_score.observed_on"),
        ({"consent_reference": "C" * 201}, "inputs.bureau_score.consent_reference"),
        ({"number": "7OO"}, "inputs.bureau_score"),
    ],
)
def test_a_malformed_observation_is_named_by_its_field(
    changes: dict[str, object], field: str
) -> None:
    """A day that is none, a consent without a day, and one that is too long."""
    with pytest.raises(FieldInvalid) as error:
        application_from(request(inputs=observed(**changes)), (), NOW)
    assert fields_of(error) == [field]


def test_a_consent_has_no_character_that_rules_a_screen() -> None:
    """It is shown to whoever reads the decision."""
    with pytest.raises(FieldInvalid) as error, Problems() as problems:
        check_texts(problems, request(inputs=observed(consent_reference="C\u202e1")))
    assert fields_of(error) == ["inputs.bureau_score.consent_reference"]
