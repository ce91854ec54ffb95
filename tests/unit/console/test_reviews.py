"""What the page of a case says in words."""

from __future__ import annotations

import pytest
from google.type.money_pb2 import Money

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1.values_pb2 import InputValue, MissingCause
from decision_service.console.reviews import meaning, next_to_field, remedies

AMOUNT = Money(currency_code="PHP", units=16_000)


def test_waiting_says_from_which_day_on_the_rules_approve_which_amount() -> None:
    recourse = pb.Recourse(kind="WAIT", decide_again_on="2027-05-30", approved_amount=AMOUNT)

    (said,) = remedies(pb.Decision(recourse=recourse))

    assert said.startswith("Waiting: the rules would approve 16,000 PHP from 2027-05-30 on, if")


def test_a_change_says_what_each_factor_is_and_both_of_its_values() -> None:
    change = pb.FactorChange(
        factor="income.gap_months_12m", value=InputValue(number="4"), needed=InputValue(number="2")
    )
    said = (
        "months without income among the observed ones of the last 12 months, 2 in the place of 4"
    )
    recourse = pb.Recourse(kind="CHANGE", changes=[change, change])

    assert remedies(pb.Decision(recourse=recourse)) == [
        f"The rules would approve it, if all of this were different: {said}; {said}."
    ]


def test_missing_data_says_what_would_help_and_what_is_missing() -> None:
    request = pb.DataRequest(
        factor="inputs.other_charges",
        cause=MissingCause(cause="NOT_SENT"),
        help="send it with the application",
    )
    connect = pb.Connect(provider_types=["GOVERNMENT", "PAYROLL"])

    assert remedies(pb.Decision(data_requests=[request], connect=connect)) == [
        "Send it with the application. Missing: inputs.other_charges.",
        "An account of the type GOVERNMENT, PAYROLL would complete the data.",
    ]


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        (pb.Decision(override=pb.Override(kind="CAPPED")), "on a day on which the cap has room"),
        (pb.Decision(override=pb.Override(kind="CLOCK_DOUBTFUL")), "once the clock is right"),
        (pb.Decision(recourse=pb.Recourse(kind="NOTHING")), "Nothing of what the rules look at"),
        (pb.Decision(refer_kind=pb.REFER_KIND_LEGAL), "Another amount may pass the check"),
        (pb.Decision(refer_kind=pb.REFER_KIND_POLICY), "a person's judgement decides"),
    ],
)
def test_every_case_has_an_answer_to_what_would_change_it(
    decision: pb.Decision, words: str
) -> None:
    (said,) = remedies(decision)

    assert words in said


def test_what_is_no_factor_is_called_by_its_name() -> None:
    assert meaning("derived.affordable") == "derived.affordable"
    assert meaning("history.exposure").startswith("what this lender has granted")


@pytest.mark.parametrize(
    ("name", "words", "shown"),
    [
        ("data_kinds", "data_kinds is empty", ("data_kinds", "It is empty")),
        ("approved_amount", "approved_amount is malformed", ("amount", "It is malformed")),
        (
            "amount",
            "the amount '1,0' is not written",
            ("amount", "the amount '1,0' is not written"),
        ),
    ],
)
def test_words_next_to_a_field_need_not_name_it(
    name: str, words: str, shown: tuple[str, str]
) -> None:
    assert next_to_field(name, words) == shown
