"""Lines of exported decisions, read back for a judgement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from decision_service.author.backtest.case_files import (
    LONGEST,
    CaseFile,
    LineBroken,
    entry_of,
    parsed,
)
from decision_service.decide.codec import decode_facts, factors_from_wire
from decision_service.domain.decision import Outcome, ReferKind
from decision_service.rollout.impact import Side
from decision_service.rules.program import CompiledRuleset
from tests.fakes.cases import changed_rules, version
from tests.kits.cases import cases

OFFER = {
    "offer_kind": "REDUCED",
    "approved_amount": "20000.5",
    "currency": "PHP",
    "outputs": {"instalment": {"amount": "3940.34", "currency": "PHP"}},
}


def line(**fields: Any) -> bytes:
    """An approval of P 20,000.50."""
    told = {
        "decision": "a1",
        "unit": "u1",
        "product": "personal-loan-ph",
        "decided": "2026-10-31T16:30:00.5Z",
        "outcome": "APPROVE",
        "inputs": {"requested_amount": {"amount": 20000, "currency": "PHP"}},
        "offer": OFFER,
    }
    return msgspec.json.encode({**told, **fields})


@pytest.fixture(scope="module")
def ruleset() -> CompiledRuleset:
    """The shipped version."""
    return version(changed_rules(9), 9)


def values(ruleset: CompiledRuleset) -> dict[str, Any]:
    """Each factor that the version reads, missing."""
    gone = {"missing": [{"cause": "SOURCE_FAILED", "reason": "UPSTREAM_TIMEOUT"}]}
    return dict.fromkeys(ruleset.needs.factors, gone)


@pytest.mark.parametrize(
    ("fields", "side"),
    [
        ({}, Side(Outcome.APPROVE, None, 2_000_050, 394_034, reduced=True)),
        (
            {"override": {"outcome": "DECLINE", "reasons": ["SCORE_TOO_LOW"]}},
            Side(Outcome.DECLINE, codes=("SCORE_TOO_LOW",)),
        ),
        (
            {"outcome": "REFER", "refer_kind": "POLICY", "override": {"outcome": "APPROVE"}},
            Side(Outcome.APPROVE, None, 2_000_050, 394_034, reduced=True),
        ),
        (
            {"outcome": "REFER", "refer_kind": "POLICY", "reasons": ["X"]},
            Side(Outcome.REFER, ReferKind.POLICY, codes=("X",)),
        ),
    ],
)
def test_a_line_tells_what_the_rules_concluded(fields: dict[str, Any], side: Side) -> None:
    """Where a cap or a control group decided otherwise, the rules' own conclusion counts."""
    assert parsed(line(**fields)).side == side


def test_values_come_back_as_they_were_typed(ruleset: CompiledRuleset) -> None:
    """By the catalogue and the inputs' declarations; causes keep the reason that is shown."""
    told = {**values(ruleset), "income.months_12m": 7}
    inputs = {"requested_amount": {"amount": 20000, "currency": "PHP"}, "requested_term_months": 6}
    facts = decode_facts(entry_of(parsed(line(factors=told, inputs=inputs)), ruleset).facts)
    assert facts.as_of.date.isoformat() == "2026-11-01"
    assert facts.inputs["requested_term_months"] == ["i", "6"]
    assert facts.factors is not None
    found = factors_from_wire(facts.factors).values
    assert found["income.months_12m"].value == 7
    [missing] = found["identity.age_years"].missing
    assert (missing.cause, missing.reason) == ("SOURCE_FAILED", "UPSTREAM_TIMEOUT")


@pytest.mark.parametrize("changed", cases("author/case_line"))
def test_what_cannot_be_read_is_judged_by_nobody(
    changed: dict[str, Any], ruleset: CompiledRuleset
) -> None:
    """The record has no values then, so that it is counted as not readable."""
    inputs = {"requested_amount": {"amount": 20000, "currency": "PHP"}, "requested_term_months": 6}
    told = line(factors={**values(ruleset), **changed}, inputs=inputs)
    assert entry_of(parsed(told), ruleset).facts == b""
    assert entry_of(parsed(line()), ruleset).facts == b""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"[]", "no exported decision"),
        (b'{"decision": "a"', "no exported decision"),
        (b"\xff", "no exported decision"),
        (line(decided="2026-10-31T16:30:00"), "names no time zone"),
    ],
)
def test_a_broken_line_says_why(text: bytes, why: str) -> None:
    """In one sentence."""
    with pytest.raises(LineBroken, match=why):
        parsed(text)


def test_an_endless_line_is_one_broken_line(tmp_path: Path) -> None:
    """And the lines after it are counted."""
    file = tmp_path / "cases.jsonl"
    file.write_bytes(b"x" * (3 * LONGEST) + b"\n" + line() + b"\n\n" + line(decision="a2"))
    told = CaseFile(file, "personal-loan-ph")
    assert (len(told.positions), [one.number for one in told.broken]) == (2, [1])
