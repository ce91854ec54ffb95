"""Requests and reports of loans are checked on the wire, field by field."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

import pytest
from google.protobuf.duration_pb2 import Duration
from google.type.money_pb2 import Money as MoneyMessage
from hypothesis import given
from hypothesis import strategies as st

from decision_service.api.v1 import decision_service_pb2 as pb
from decision_service.api.v1 import outcome_service_pb2 as outcome_pb
from decision_service.api.v1 import values_pb2
from decision_service.casework.outcomes import LoanOutcome, LoanStatus
from decision_service.domain.errors import FieldInvalid, FieldProblem
from decision_service.domain.factor import Observed
from decision_service.domain.person import GivenApplicant
from decision_service.domain.values import Money
from decision_service.server.services.decisions import application_from
from decision_service.server.services.outcomes import outcome_from
from decision_service.server.transport.wire import Problems, check_decision_id, check_texts

if TYPE_CHECKING:
    from collections.abc import Callable

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


NASTY = st.sampled_from(["", "\0", "a\nb", "../x", "a/b", "%2e%2e", "x" * 201, "né", "\u202e"])
TEXTS = st.text(max_size=250) | NASTY
GOOD_USER = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)
GOOD_REFERENCE = re.compile(r"([\x21-\x7e]([\x20-\x7e]{0,198}[\x21-\x7e])?)?", re.ASCII)


@given(TEXTS, TEXTS, TEXTS)
def test_a_malformed_id_is_refused_by_its_name(user: str, request_id: str, reference: str) -> None:
    """What is no id is named as a field, its value is not repeated, and good ids are taken."""
    sent = {"user_id": user, "request_id": request_id, "application_id": reference}
    request = pb.CreateDecisionRequest(product="personal-loan-ph", **sent)
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


DECISION = "dec_01ARZ3NDEKTSV4RRFFQ69G5FAV"


def php(units: int) -> MoneyMessage:
    return MoneyMessage(currency_code="PHP", units=units)


def report(**changes: object) -> outcome_pb.LoanOutcome:
    """A good report of a booked loan, changed."""
    fields: dict[str, object] = {
        "decision_id": DECISION,
        "loan_id": "LN-1",
        "as_of_date": "2026-12-31",
        "status": outcome_pb.LOAN_STATUS_BOOKED,
        "disbursed_amount": php(50_000),
        "disburse_date": "2026-12-01",
        "instalment": php(9_000),
        "repaid_amount": php(25_000),
        "overdue_days": 3,
    }
    return outcome_pb.LoanOutcome(**(fields | changes))  # type: ignore[arg-type]  # fields of any type, by name


def test_a_good_report_is_read_whole() -> None:
    """Amounts are minor units, days are days."""
    assert outcome_from(report()) == LoanOutcome(
        DECISION,
        "LN-1",
        date(2026, 12, 31),
        LoanStatus.BOOKED,
        Money("PHP", 5_000_000),
        date(2026, 12, 1),
        Money("PHP", 900_000),
        Money("PHP", 2_500_000),
        3,
    )


@pytest.mark.parametrize("status", LoanStatus)
def test_a_closed_loan_needs_no_amounts_and_a_booked_one_does(status: LoanStatus) -> None:
    """Only what is needed to know what is owed."""
    bare = outcome_pb.LoanOutcome(
        decision_id=DECISION,
        loan_id="LN-1",
        as_of_date="2026-12-31",
        status=outcome_pb.LoanStatus.Value(f"LOAN_STATUS_{status}"),
    )
    if status is not LoanStatus.BOOKED:
        assert outcome_from(bare).status is status
        return
    assert fields_of_report(bare) == ["disbursed_amount", "disburse_date", "instalment"]


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"decision_id": "dec_1"}, ["decision_id"]),
        ({"loan_id": ""}, ["loan_id"]),
        ({"loan_id": "x" * 10_000}, ["loan_id"]),
        ({"loan_id": "Ñ"}, ["loan_id"]),
        ({"as_of_date": "2026-02-30"}, ["as_of_date"]),
        ({"as_of_date": ""}, ["as_of_date"]),
        ({"status": 0}, ["status"]),
        ({"status": 9}, ["status"]),
        ({"disbursed_amount": php(0), "repaid_amount": None}, ["disbursed_amount"]),
        ({"disbursed_amount": php(-1), "repaid_amount": None}, ["disbursed_amount"]),
        ({"instalment": MoneyMessage(currency_code="peso")}, ["instalment"]),
        ({"instalment": MoneyMessage(currency_code="USD", units=9)}, [""]),
        ({"repaid_amount": php(50_001)}, ["repaid_amount"]),
        ({"instalment": php(0)}, ["instalment"]),
        ({"status": outcome_pb.LOAN_STATUS_REPAID, "overdue_days": 0}, ["repaid_amount"]),
        ({"disburse_date": "2027-01-01"}, ["disburse_date"]),
        ({"overdue_days": -1}, ["overdue_days"]),
        ({"overdue_days": 40_000}, ["overdue_days"]),
        ({"status": outcome_pb.LOAN_STATUS_REPAID}, ["overdue_days", "repaid_amount"]),
        (
            {"status": outcome_pb.LOAN_STATUS_NOT_TAKEN_UP},
            ["disbursed_amount", "disburse_date", "instalment", "repaid_amount", "overdue_days"],
        ),
    ],
)
def test_what_cannot_be_true_is_named_by_its_field(
    changes: dict[str, object], fields: list[str]
) -> None:
    """Each field under its path in the request."""
    assert fields_of_report(report(**changes)) == fields


def test_what_is_repaid_has_no_instalment_to_come() -> None:
    """Whether interest or fees are still open or the loan is closed."""
    whole = {"repaid_amount": php(50_000), "instalment": php(0), "overdue_days": 0}
    assert outcome_from(report(**whole)).instalment == Money("PHP", 0)
    closed = outcome_from(report(**whole, status=outcome_pb.LOAN_STATUS_REPAID))
    assert closed.status is LoanStatus.REPAID


def fields_of_report(message: outcome_pb.LoanOutcome) -> list[str]:
    """The fields that a report is refused for, below `outcome`."""
    with pytest.raises(FieldInvalid) as error:
        outcome_from(message)
    assert all(one.field.startswith("outcome") for one in error.value.problems)
    return [one.field.removeprefix("outcome").removeprefix(".") for one in error.value.problems]


def test_a_wrong_amount_is_told_once() -> None:
    """A negative payment is not also less than what was repaid; an empty day is not malformed."""
    for changes, said in (
        (
            {"disbursed_amount": php(-5), "repaid_amount": php(0)},
            "outcome.disbursed_amount is -5.00 PHP: it must not be negative",
        ),
        ({"as_of_date": ""}, "outcome.as_of_date is empty: it must be YYYY-MM-DD"),
    ):
        with pytest.raises(FieldInvalid) as refused:
            outcome_from(report(**changes))
        assert str(refused.value) == said
