"""A decision as a rule test, its chain, what a replay changes, and an export of an applicant."""

from __future__ import annotations

import json

import pytest
from google.type.money_pb2 import Money
from google.type.money_pb2 import Money as MoneyMessage

from decision_service.api.v1 import applicant_service_pb2 as applicants_pb
from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.api.v1 import values_pb2
from decision_service.cli.cases import Exported, case
from decision_service.cli.commands import json_export
from decision_service.cli.decisions import chain_of, differences

RULES = rules_pb.Ruleset(
    ref=pb.RulesetRef(ruleset="test-loan", version=1, digest="ab" * 32),
    inputs=[rules_pb.RulesetInput(name="kind", type="text", one_of=["new", "existing"])],
    source="when: inputs.branch == \"Cebu\" or inputs.shop == 'Davao'\n",
)


def _decision(**fields):
    return pb.Decision(
        decision_id="dec_01K", user_id="u-1", product="test-loan", as_of_date="2026-11-15",
        outcome=pb.OUTCOME_REFER, refer_kind=pb.REFER_KIND_DATA, ruleset_ref=RULES.ref, **fields,
    )  # fmt: skip


def _text(**words):
    inputs = {name: values_pb2.InputValue(text=word) for name, word in words.items()}
    return case(Exported(_decision(inputs=inputs), RULES))


def test_words_of_the_rules_stay():
    """A text that the ruleset declares or compares with is kept, as it decides."""
    text = _text(kind="existing", branch="Cebu", shop="Davao")
    assert '      branch: "Cebu"\n      kind: "existing"\n      shop: "Davao"\n' in text


def test_other_texts_get_a_stand_in_of_their_own():
    """A free text is replaced, the same text by the same stand-in, wherever it stands."""
    text = _text(employer="Acme Corp", boss="Juan: #1", former="Acme Corp")
    assert '      boss: "text-1"\n      employer: "text-2"\n      former: "text-2"\n' in text
    assert "Acme" not in text
    assert "Juan" not in text


def test_lists_answer_as_they_did_then():
    """A list that was asked is written with the stand-in of what was on it, or empty."""
    inputs = {name: values_pb2.InputValue(text=name.upper()) for name in ("branch", "employer")}
    answers = [
        pb.ListAnswer(list="partners", input="employer", listed=True),
        pb.ListAnswer(list="blocked", input="employer", listed=False),
        pb.ListAnswer(list="blocked", input="branch", listed=False),
    ]
    text = case(Exported(_decision(inputs=inputs, list_answers=answers), RULES))
    assert '      branch: "text-1"\n      employer: "text-2"\n' in text
    assert '    lists:\n      blocked: []\n      partners: ["text-2"]\n' in text
    assert "lists:" not in case(Exported(_decision(), RULES))


def test_tags_are_expected_also_those_told_to_nobody():
    """A case expects every tag; one without tags says nothing of them."""
    text = case(Exported(_decision(tags=["desk"], withheld_tags=["signal"]), RULES))
    assert "      tags: [desk, signal]\n" in text
    assert "tags:" not in case(Exported(_decision(), RULES))


def test_values_are_written_as_rule_tests_take_them():
    """Amounts in major units, flags, dates and numbers as they are."""
    values = {
        "amount": values_pb2.InputValue(money=MoneyMessage(units=-12, nanos=-500_000_000)),
        "on": values_pb2.InputValue(date="2026-02-28"),
        "rate": values_pb2.InputValue(number="0.05"),
        "yes": values_pb2.InputValue(flag=True),
    }
    text = case(Exported(_decision(inputs=values), RULES))
    assert "      amount: -12.5\n      on: 2026-02-28\n      rate: 0.05\n      yes: true\n" in text


def test_a_gap_keeps_the_cause_that_is_shown_and_its_own_reason():
    """Of several causes the failure is written, with a reason that its cause does not imply."""
    absent = values_pb2.MissingCause(cause="NO_DATA", reason="DATA_MISSING")
    own = values_pb2.MissingCause(cause="SOURCE_FAILED", tainted=True, reason="UPSTREAM_TIMEOUT")
    stale = values_pb2.MissingCause(cause="STALE", tainted=True, reason="STALE_DATA")
    factors = [
        pb.FactorValue(name="a.both", missing=[absent, own]),
        pb.FactorValue(name="a.stale", missing=[stale]),
        pb.FactorValue(name="a.nothing", missing=[absent]),
    ]
    text = case(Exported(_decision(factor_values=factors), RULES))
    assert "      a.both: missing SOURCE_FAILED UPSTREAM_TIMEOUT\n" in text
    assert "      a.stale: missing STALE\n      a.nothing: missing NO_DATA\n" in text


def test_other_rules_of_the_same_number_are_told():
    """Where the version has other content by now, a comment says so."""
    changed = rules_pb.Ruleset(ref=pb.RulesetRef(ruleset="test-loan", version=1, digest="cd" * 32))
    note = "# Decided under other rules of that number (digest abababababab)."
    assert note in case(Exported(_decision(), changed))
    assert note not in case(Exported(_decision(), RULES))


def _decided(outcome: pb.Outcome, **rest: object) -> pb.Decision:
    return pb.Decision(outcome=outcome, **rest)  # type: ignore[arg-type]  # fields by name


def _months(count: int) -> pb.FactorValue:
    value = values_pb2.InputValue(number=str(count))
    return pb.FactorValue(name="income.months_24m", value=value)


def test_each_part_that_differs_is_there_as_it_was_and_as_it_is_now() -> None:
    """Outcome, reasons, offer, rules and factor values; what is the same is left out."""
    low = pb.RuleTrace(stage="eligibility", rule="low_income", truth=pb.TRUTH_FALSE)
    true = pb.RuleTrace(
        stage="eligibility", rule="low_income", truth=pb.TRUTH_TRUE, effect="DECLINE"
    )
    offer = pb.Offer(approved_amount=Money(currency_code="PHP", units=20_000), tier="T1")
    was = _decided(pb.OUTCOME_APPROVE, offer=offer, rule_traces=[low], factor_values=[_months(24)])
    now = _decided(
        pb.OUTCOME_DECLINE,
        reasons=[pb.Reason(code="INCOME_TOO_LOW")],
        rule_traces=[true],
        tags=["desk"],
        withheld_tags=["signal"],
        factor_values=[_months(24)],
    )
    assert list(differences(was, now)) == [
        ("outcome", "APPROVE", "DECLINE"),
        ("reasons", "–", "INCOME_TOO_LOW"),
        ("offer approved_amount", "20,000 PHP", "–"),
        ("offer tier", "T1", "–"),
        ("tags", "–", "desk, signal"),
        ("rule eligibility.low_income", "false", "true → DECLINE"),
    ]
    assert list(differences(was, was)) == []


def decision(number: int, *, again: bool) -> pb.Decision:
    """The so-manieth decision on an application; `again` where another one followed."""
    review = pb.DecisionReview(decided_again_as=f"dec_{number + 1}") if again else None
    first = "dec_1" if number > 1 else ""
    return pb.Decision(decision_id=f"dec_{number}", first_decision_id=first, review=review)


EVERY = {f"dec_{n}": decision(n, again=n < 3) for n in (1, 2, 3)}


@pytest.mark.parametrize("asked", EVERY)
def test_every_decision_of_an_application_leads_to_all(asked: str) -> None:
    """Three decisions, oldest first, whichever of them is named."""
    found = chain_of(EVERY[asked], EVERY.get)
    assert [one.decision_id for one in found] == [*EVERY]


def test_a_chain_begins_with_what_is_left_of_it() -> None:
    """Where the first decision was deleted, the one that was named begins."""
    left = {name: one for name, one in EVERY.items() if name != "dec_1"}
    found = chain_of(EVERY["dec_2"], left.get)
    assert [one.decision_id for one in found] == ["dec_2", "dec_3"]


def record(kind: str, content: object) -> applicants_pb.StoredRecord:
    """A record as it comes over the wire."""
    return applicants_pb.StoredRecord(
        kind=kind, id="1", content=json.dumps(content, ensure_ascii=False)
    )


def written(*pages: list[applicants_pb.StoredRecord]) -> str:
    """All that an export of these pages writes."""
    read = (applicants_pb.ExportApplicantResponse(records=page) for page in pages)
    return "".join(json_export("user-1", read))


def test_an_export_is_one_object_with_a_record_on_each_line() -> None:
    """Records of all pages are in order, exact, and no character of them moves a cursor."""
    content = {"text": "paid \x9b2J \u202eon time", "left_out": [{"what": "a <b>"}]}
    text = written([record("about", content)], [], [record("decision", {"letters": ["a\nb"]})])
    assert json.loads(text) == {
        "user_id": "user-1",
        "records": [
            {"kind": "about", "id": "1", "content": content},
            {"kind": "decision", "id": "1", "content": {"letters": ["a\nb"]}},
        ],
    }
    assert len(text.splitlines()) == 4
    assert not {"\x9b", "\u202e"} & {*text}
    assert json.loads(written())["records"] == []
