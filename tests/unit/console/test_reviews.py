"""What the page of a case says in words."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest
from google.type.money_pb2 import Money

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1.values_pb2 import InputValue, MissingCause
from decision_service.console.reviews import next_to_field
from decision_service.console.text import environment, meaning
from decision_service.runtime.clock import SystemClock

AMOUNT = Money(currency_code="PHP", units=16_000)


@cache
def parts() -> Any:
    """The macros of the pages, compiled once."""
    return environment(SystemClock().now).get_template("parts.html").module


def said(macro: str, decision: pb.Decision) -> str:
    """What a part of a page says of a decision, without its tags."""
    return " ".join(re.sub(r"<[^>]*>", "", getattr(parts(), macro)(decision)).split())


def test_waiting_says_from_which_day_on_the_rules_approve_which_amount() -> None:
    recourse = pb.Recourse(kind="WAIT", decide_again_on="2027-05-30", approved_amount=AMOUNT)

    assert said("recourse", pb.Decision(recourse=recourse)).startswith(
        "The rules would approve 16,000 PHP from 2027-05-30 on, if income and contributions go on"
    )


def test_a_change_says_what_each_factor_is_and_both_of_its_values() -> None:
    change = pb.FactorChange(
        factor="income.gap_months_12m", value=InputValue(number="4"), needed=InputValue(number="2")
    )
    recourse = pb.Recourse(kind="CHANGE", changes=[change])

    assert (
        "would approve it, if all of this were different: months without income among the observed "
        "ones of the last 12 months: 2 in the place of 4"
    ) in said("recourse", pb.Decision(recourse=recourse))


def test_missing_data_says_what_would_help_and_from_where_it_is_missing() -> None:
    not_sent = MissingCause(cause="NOT_SENT")
    asked = pb.DataRequest(factor="inputs.other_charges", cause=not_sent, help="send it")
    stale = MissingCause(cause="STALE", data_kind="incomes", source_id="acc_1")
    aged = pb.DataRequest(factor="income.months", cause=stale, help="sync it again")
    account = pb.AccountUse(account_id="acc_1", provider_id="sss_ph", status="CONNECTED")
    quality = pb.DataQuality(accounts=[account])

    none = pb.DataRequest(cause=MissingCause(cause="NO_DATA", data_kind="liabilities"))
    sent = pb.Decision(data_requests=[asked, none, aged], data_quality=quality)
    words = said("data_requests", sent)

    assert "Send it. inputs.other_charges is missing" in words
    assert re.search("from the loan system .*, liabilities Sync it again. income.months", words)
    assert words.endswith("incomes from sss_ph (connected, account acc_1)")


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        (pb.Decision(override=pb.Override(kind="CAPPED")), "on a day on which the cap has room"),
        (pb.Decision(override=pb.Override(kind="CLOCK_DOUBTFUL")), "once the clock is right"),
        (pb.Decision(outcome=pb.OUTCOME_REFER, refer_kind=pb.REFER_KIND_DATA), "that is missing"),
        (pb.Decision(outcome=pb.OUTCOME_REFER, refer_kind=pb.REFER_KIND_LEGAL), "Another amount"),
        (pb.Decision(outcome=pb.OUTCOME_REFER, refer_kind=pb.REFER_KIND_SCORE), "smallest change"),
        (pb.Decision(outcome=pb.OUTCOME_DECLINE), "smallest change"),
        (pb.Decision(outcome=pb.OUTCOME_APPROVE), "the rules approved all of it"),
        (pb.Decision(outcome=pb.OUTCOME_NOT_ENROLLED), "no rules were asked"),
    ],
)
def test_every_case_has_an_answer_to_what_would_change_it(
    decision: pb.Decision, words: str
) -> None:
    assert words in said("would_change", decision)


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
