"""Guarantees of a law: each ceiling is proved of every offer, or an offer is shown beyond it."""

from __future__ import annotations

import sys
import time
from datetime import date
from decimal import Decimal

import pytest
from msgspec.structs import replace

from decision_service.rules.language.diagnostics import Severity
from decision_service.rules.law import Step
from decision_service.workbench.proofs.report import guarantee_problems
from decision_service.workbench.proofs.solver import SolverMissing
from tests.kits.cases import cases
from tests.unit.proofs.versions import TODAY, loosely
from tests.unit.rules.kit import rules, stages
from tests.unit.rules.test_params import LAW, LINES, PRICE

SECONDS = 500.0
"""Far more than any of them needs, however busy the machine is."""


def text(lines, legal="", when=""):
    """A version's text that approves everybody, with a legal check where there is one."""
    base = {**LINES, **PRICE}
    price = base.pop("price")
    # Lines are read from top to bottom, so that the price comes last
    every = {**base, **lines, "price": price}
    written = "".join(f"  {key}: {value}\n" for key, value in every.items())
    approve = rules("id: all, when: income.months_24m >= 0, then: APPROVE")
    check = ()
    if legal:
        rule = f"      - {{id: cap, when: {legal}, then: REFER, reason: LEGAL}}\n"
        check = (f"  - name: legal\n    component: LEGAL\n    rules:\n{rule}",)
    asked = f", when: {when}" if when else ""
    promise = f"guarantees:\n  - {{name: ceilings, law: ph-prices{asked}}}\n"
    return stages(approve, *check, tail=f"offer:\n{written}{promise}")


def found_in(written, day=TODAY, law=LAW, seconds=SECONDS):
    """What is found wrong with the guarantee."""
    laws = {} if law is None else {"ph-prices": law}
    ruleset = loosely(written)
    return [*guarantee_problems([ruleset], day, time.process_time, seconds, laws=laws)]


@pytest.mark.parametrize("case", cases("proofs/law"), ids=lambda case: case["what"])
def test_each_ceiling_is_proved_or_an_offer_is_shown_beyond_it(case):
    """R521 says which price, on what loan, and what the law allows, with a person."""
    found = found_in(text(case["lines"], case.get("legal", ""), case.get("when", "")))
    if case.get("vacuous"):
        assert [d.code for d in found] == ["R523"]
        return
    assert [d.code for d in found] == ["R521"] * len(case["broken"])
    for words, one in zip(case["broken"], found, strict=True):
        assert words in one.message
        assert one.hint.startswith("a typical person")
        assert one.severity is Severity.ERROR


def test_the_day_before_april_knows_one_ceiling():
    """On 2026-03-31 an effective 15 % counts, until the day on which all four begin."""
    dear = text({"nominal_rate": "0.08", "effective_rate": "0.14"})
    only = replace(LAW, ceilings={"effective_rate": (Step(date(2022, 3, 3), Decimal("0.15")),)})
    assert found_in(dear, date(2026, 3, 1), only) == []
    # The claim changes in April, so that it is asked of both times
    late = found_in(dear, date(2026, 3, 1))
    assert sorted(d.code for d in late) == ["R521", "R521"]
    assert found_in(text({"effective_rate": "0.151"}), date(2026, 3, 1), only) != []


def test_without_time_or_law_nothing_is_proved():
    """R522 is an error of a law's guarantee: what is not proved may be against it."""
    assert {(d.code, d.severity) for d in found_in(text({}), seconds=0.0)} == {
        ("R522", Severity.ERROR)
    }
    assert [d.code for d in found_in(text({}), law=None)] == ["R522"]


def test_a_guarantee_needs_to_be_proved_by_a_solver(monkeypatch):
    """Without the solver's library nothing passes: whoever asks is told that it is not there."""
    monkeypatch.setitem(sys.modules, "z3", None)
    with pytest.raises(SolverMissing):
        found_in(text({}))
