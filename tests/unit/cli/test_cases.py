"""Decisions as rule tests: which texts stay, how values and gaps are written."""

from __future__ import annotations

from google.type.money_pb2 import Money as MoneyMessage

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.api.v1 import values_pb2
from decision_service.cli.cases import Exported, case

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
