"""What pages of reviews, rules and rollouts say."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from google.type.money_pb2 import Money

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import rollout_figures_pb2 as figures_pb
from decision_service.api.v1 import ruleset_service_pb2 as rulesets_pb
from decision_service.api.v1.values_pb2 import InputValue, MissingCause
from decision_service.console.reviews import next_to_field
from decision_service.console.rollouts import picture
from decision_service.console.rules import LONGEST, ROWS, compared_with, read_evidence
from decision_service.console.text import environment, meaning
from decision_service.rulebook.differences import compare_texts
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


LOAN = Path("rules/personal-loan-ph")

PROOF = {
    "claim": "every approval of v2 is one of v1 too",
    "result": "PROVED",
    "from": "2026-11-30",
    "digests": {"old": "a" * 64, "new": "b" * 64},
    "added_later": [1],
}

TESTED = {
    "ruleset": "loan",
    "version": 1,
    "passed": 3,
    "failed": [],
    "coverage": 90,
    "missed": [{"goal": "rule: young", "file": "v1.yaml", "line": 9}],
    "figures": None,
}


def shown(document: Any) -> tuple[str, Any]:
    return read_evidence(msgspec.json.encode(document))


def test_a_file_is_known_by_what_it_says_and_further_fields_are_no_fault() -> None:
    assert shown(PROOF)[0] == "proofs"
    assert shown([TESTED])[0] == "tests"


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"subject": 1}, r"\$.subject"),
        (7, "Expected `object`"),
    ],
)
def test_what_no_command_wrote_is_refused_with_its_place(document: Any, place: str) -> None:
    with pytest.raises(msgspec.DecodeError, match=place):
        shown(document)


def test_no_file_fills_more_than_a_page() -> None:
    """Rows and texts are cut; what is too much even so is refused."""
    missed = [{"goal": "x" * 9_000, "file": "v1.yaml", "line": 1}] * 9_000
    _, (found,) = shown([{**TESTED, "missed": missed[:9]}])
    assert len(found["missed"][0]["goal"]) == LONGEST + 1
    _, (found,) = shown([{**TESTED, "missed": [{"goal": "x"}] * 9_000}])
    assert len(found["missed"]) == ROWS
    with pytest.raises(msgspec.DecodeError, match="more than a page"):
        shown([{**TESTED, "missed": missed}])


def test_two_versions_are_compared_by_their_files_alone() -> None:
    """Without their tables, which the service does not give, and without compiling."""
    old, new = ((LOAN / name).read_text() for name in ("v1.yaml", "v2.yaml"))
    said = {(one.subject, one.words) for one in compare_texts(old, new)}
    assert ("maximum debt to income (max_debt_to_income)", "from 0.35 to 0.30") in said
    assert compare_texts(old, old) == ()


def test_a_version_is_compared_with_the_champion_and_the_champion_with_the_one_before() -> None:
    versions = {n: rulesets_pb.Ruleset(role="champion" if n == 2 else "") for n in (1, 2, 3)}
    found = [compared_with(n, versions, asked) for n, asked in ((3, ""), (2, ""), (3, "1"))]
    assert found == [2, 1, 1]
    assert compared_with(1, {1: rulesets_pb.Ruleset(role="champion")}, "7") == 0


def guardrail(*values: str, low: str = "", high: str = "") -> figures_pb.GuardrailFigures:
    points = [figures_pb.GuardrailPoint(value=one, low=one, high=one) for one in values]
    return figures_pb.GuardrailFigures(allowed_low=low, allowed_high=high, points=points)


def test_a_gap_of_time_parts_the_line() -> None:
    found = picture(guardrail("10", "20", "", "30"))
    assert found
    lines = [line.split() for line, _ in found.runs]
    assert [len(set(line)) for line in lines] == [2, 1]
    assert "the 3 of 4 spans" in found.words


def test_a_share_outside_what_is_allowed_is_marked_and_counted() -> None:
    """At a bound it is allowed; a bound on one side alone leaves the other side open."""
    assert _outside(guardrail("5", "10", "40", "40.5", low="10", high="40")) == 2
    assert _outside(guardrail("5", "41", high="40")) == 1
    assert _outside(guardrail("-8.5", "-2", low="-9", high="-3")) == 1


def _outside(one: figures_pb.GuardrailFigures) -> int:
    found = picture(one)
    assert found
    assert f"Spans outside: {len(found.outside)}." in found.words
    return len(found.outside)


def test_shares_that_are_all_alike_have_a_picture_and_none_have_none() -> None:
    assert picture(guardrail("0.00", "0.00")) is not None
    assert picture(guardrail("", "")) is None
