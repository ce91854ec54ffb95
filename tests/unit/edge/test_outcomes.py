"""Reports of loans are checked on the wire, field by field."""

from datetime import date

import pytest
from google.type.money_pb2 import Money as MoneyMessage

from decision_service.api.v1 import outcome_service_pb2 as pb
from decision_service.casework.outcomes import LoanOutcome, LoanStatus
from decision_service.domain.errors import FieldInvalid
from decision_service.domain.values import Money
from decision_service.server.outcomes import outcome_from

DECISION = "dec_01ARZ3NDEKTSV4RRFFQ69G5FAV"


def php(units: int) -> MoneyMessage:
    return MoneyMessage(currency_code="PHP", units=units)


def report(**changes: object) -> pb.LoanOutcome:
    """A good report of a booked loan, changed."""
    fields: dict[str, object] = {
        "decision_id": DECISION,
        "loan_id": "LN-1",
        "as_of_date": "2026-12-31",
        "status": pb.LOAN_STATUS_BOOKED,
        "disbursed_amount": php(50_000),
        "disburse_date": "2026-12-01",
        "instalment": php(9_000),
        "repaid_amount": php(25_000),
        "overdue_days": 3,
    }
    return pb.LoanOutcome(**(fields | changes))  # type: ignore[arg-type]  # fields of any type, by name


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
    bare = pb.LoanOutcome(
        decision_id=DECISION,
        loan_id="LN-1",
        as_of_date="2026-12-31",
        status=pb.LoanStatus.Value(f"LOAN_STATUS_{status}"),
    )
    if status is not LoanStatus.BOOKED:
        assert outcome_from(bare).status is status
        return
    assert fields_of(bare) == ["disbursed_amount", "disburse_date", "instalment"]


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
        ({"status": pb.LOAN_STATUS_REPAID, "overdue_days": 0}, ["repaid_amount"]),
        ({"disburse_date": "2027-01-01"}, ["disburse_date"]),
        ({"overdue_days": -1}, ["overdue_days"]),
        ({"overdue_days": 40_000}, ["overdue_days"]),
        ({"status": pb.LOAN_STATUS_REPAID}, ["overdue_days", "repaid_amount"]),
        (
            {"status": pb.LOAN_STATUS_NOT_TAKEN_UP},
            ["disbursed_amount", "disburse_date", "instalment", "repaid_amount", "overdue_days"],
        ),
    ],
)
def test_what_cannot_be_true_is_named_by_its_field(
    changes: dict[str, object], fields: list[str]
) -> None:
    """Each field under its path in the request."""
    assert fields_of(report(**changes)) == fields


def test_what_is_repaid_has_no_instalment_to_come() -> None:
    """Whether interest or fees are still open or the loan is closed."""
    whole = {"repaid_amount": php(50_000), "instalment": php(0), "overdue_days": 0}
    assert outcome_from(report(**whole)).instalment == Money("PHP", 0)
    closed = outcome_from(report(**whole, status=pb.LOAN_STATUS_REPAID))
    assert closed.status is LoanStatus.REPAID


def fields_of(message: pb.LoanOutcome) -> list[str]:
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
