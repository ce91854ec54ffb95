"""Guarantees of rules and of a law: how they are read, proved and refuted."""

from __future__ import annotations

import sys
import time
from datetime import date
from decimal import Decimal

import pytest
from msgspec.structs import replace

from decision_service.author.proofs.constructs import encode_part
from decision_service.author.proofs.report import guarantee_problems
from decision_service.author.proofs.search import Counterexample
from decision_service.author.proofs.solver import SolverMissing
from decision_service.author.proofs.state import EncodedState
from decision_service.domain.decision import Outcome
from decision_service.domain.factor import Better
from decision_service.factors.registry import catalogue
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.construct import Conclusion
from decision_service.rules.language.diagnostics import Severity
from decision_service.rules.law import Step
from decision_service.rules.offer import OfferRunner
from decision_service.rules.program import RulesetFiles
from tests.kits.cases import cases
from tests.unit.author.proofs import (
    MONTHS,
    OFFER,
    TODAY,
    kept,
    loosely,
    priced_text,
    proved,
    rewritten,
    shipped,
    small_text,
)
from tests.unit.rules.kit import rules, stages
from tests.unit.rules.test_params import LAW, LINES, PRICE

LOAN, GIG = "personal-loan-ph@1", "gig-advance-ph@1"
SECONDS = 500.0
"""Far more than any of them needs, however busy the machine is."""


def text(*guarantees):
    """A version's text with guarantees, each a flow map without its braces."""
    gate = rules(MONTHS.format(least=6), "id: rest, when: income.months_24m >= 0, then: APPROVE")
    written = "".join(f"  - {{{line}}}\n" for line in guarantees)
    return stages(gate, tail=OFFER.format(share="1.5")) + f"guarantees:\n{written}"


def told(*guarantees):
    """Code and severity of what is wrong with each, proved of everybody."""
    found = guarantee_problems([loosely(text(*guarantees))], TODAY, time.monotonic, SECONDS)
    return [(d.code, d.severity) for d in found]


def refused(*guarantees):
    """The codes of errors of reading."""
    files = RulesetFiles("test-loan", "rules/test-loan/v1.yaml", text(*guarantees))
    found = compile_ruleset(files, catalogue(), checks=()).diagnostics
    return [d.code for d in found if d.severity is Severity.ERROR]


@pytest.mark.parametrize("line", cases("proofs/guarantees")["proved"])
def test_a_guarantee_that_holds_is_proved(line):
    assert told(line) == []


@pytest.mark.parametrize("line", cases("proofs/guarantees")["refuted"])
def test_a_guarantee_that_does_not_hold_is_an_error_with_a_person(line):
    """R521 at its line has somebody of whom it is not so, as the evaluator decides."""
    found = [*guarantee_problems([loosely(text(line))], TODAY, time.monotonic, SECONDS)]
    assert [(d.code, d.severity) for d in found] == [("R521", Severity.ERROR)]
    assert found[0].hint.startswith("a typical person")
    assert found[0].line == len(text().splitlines()) + 1


@pytest.mark.parametrize("line", cases("proofs/guarantees")["priced"])
def test_a_guarantee_about_cells_and_products_is_proved(line):
    """The rows of a table are cases, and what two values make is multiplied by the solver."""
    ruleset = loosely(priced_text(line))
    assert [*guarantee_problems([ruleset], TODAY, time.monotonic, SECONDS)] == []


@pytest.mark.parametrize("line", cases("proofs/guarantees")["mispriced"])
def test_a_wrong_guarantee_about_cells_and_products_shows_a_person(line):
    """The person is one whom the evaluator has decided on."""
    ruleset = loosely(priced_text(line))
    found = [*guarantee_problems([ruleset], TODAY, time.monotonic, SECONDS)]
    assert [(d.code, d.hint.startswith("a typical person")) for d in found] == [("R521", True)]


def test_the_sign_of_a_factor_is_known_where_it_is_a_choice():
    """A product rises with a value where the other one is the larger of something and nought."""
    share = "max(1 - max(income.volatility_6m, 0), 0) * min(income.latest_month, income.median_6m)"
    line = "guarantees:\n  - {name: a, monotone: {income.latest_month: up}}\n"
    text = small_text(share).replace(" * income.conservative_6m", "")
    ruleset = loosely(f"{text}{line}")
    solved = [*guarantee_problems([ruleset], TODAY, time.process_time, SECONDS)]
    assert solved == []


def test_a_guarantee_about_nobody_is_warned_of():
    """A condition that nobody can meet proves nothing."""
    line = "name: a, never: APPROVE, when: income.months_24m < 3 and income.months_24m > 5"
    assert told(line) == [("R523", Severity.WARNING)]


@pytest.mark.parametrize(
    ("must", "severity"),
    [("", Severity.WARNING), (", must_prove: false", Severity.WARNING),
     (", must_prove: true", Severity.ERROR)],
)  # fmt: skip
def test_without_time_a_guarantee_is_not_decided(must, severity):
    """R522 is a finding of its own, and an error of a guarantee that must be proved."""
    ruleset = loosely(text(f"name: a, monotone: {{income.months_24m: up}}{must}"))
    found = [*guarantee_problems([ruleset], TODAY, time.monotonic, 0.0)]
    assert [(d.code, d.severity) for d in found] == [("R522", severity)]


@pytest.mark.parametrize(("lines", "codes"), cases("proofs/guarantees")["unread"])
def test_a_guarantee_that_cannot_be_read_is_an_error(lines, codes):
    """Types, names, directions, kinds, contraries and repetitions are told like any other."""
    assert refused(*lines) == codes


def test_what_decides_may_not_ask_for_taint():
    """`tainted` in a rule would look past a failure."""
    body = rules("id: a, when: tainted(income.months_24m), then: APPROVE")
    files = RulesetFiles("test-loan", "rules/test-loan/v1.yaml", stages(body))
    found = compile_ruleset(files, catalogue(), checks=()).diagnostics
    assert "R210" in [d.code for d in found]


def test_guarantees_decide_nothing():
    """With and without them the digest is the same, and so are the factors that are fetched."""
    with_, without = (
        loosely(text("name: a, never: DECLINE")),
        loosely(text().replace("guarantees:\n", "")),
    )
    assert with_.digest == without.digest
    assert with_.needs == without.needs


REFUTED = cases("proofs/refuted")


@pytest.mark.long
@pytest.mark.parametrize("edit", REFUTED, ids=lambda edit: edit["guarantee"])
def test_seeded_edits_refute_guarantees_of_shipped_products(edit):
    ruleset = rewritten(edit["product"], edit["replace"], edit["by"])
    assert isinstance(proved(kept(ruleset, edit["guarantee"])), Counterexample)


@pytest.mark.parametrize("word", [LOAN, "personal-loan-ph@2", GIG])
def test_shipped_products_have_guarantees_of_every_kind(word):
    """Each has ten and more, among them what hides, what moves, and what never and always is."""
    guarantees = shipped(word).ruleset.guarantees
    assert len(guarantees) >= 10
    for kind in ("never", "always", "monotone", "hidden"):
        assert any(getattr(g, kind) for g in guarantees), kind


DIRECTED = (Better.UP, Better.DOWN)


@pytest.mark.parametrize("word", [LOAN, "personal-loan-ph@2", GIG])
def test_every_factor_with_a_direction_has_its_guarantee(word):
    """What a shipped product reads, and a direction helps with, is promised never to hurt."""
    ruleset = shipped(word).ruleset
    moved = {symbol.name: way for g in ruleset.guarantees for symbol, way in g.monotone}
    read = {entry.symbol.name for entry in ruleset.program.intake.factors}
    for name in sorted(read):
        better = catalogue()[name].better
        if better in DIRECTED:
            assert moved.get(name) == (1 if better is Better.UP else -1), name


"""Far more than any of them needs, however busy the machine is."""


def priced(lines, legal="", when=""):
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
    found = found_in(priced(case["lines"], case.get("legal", ""), case.get("when", "")))
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
    dear = priced({"nominal_rate": "0.08", "effective_rate": "0.14"})
    only = replace(LAW, ceilings={"effective_rate": (Step(date(2022, 3, 3), Decimal("0.15")),)})
    assert found_in(dear, date(2026, 3, 1), only) == []
    # The claim changes in April, so that it is asked of both times
    late = found_in(dear, date(2026, 3, 1))
    assert sorted(d.code for d in late) == ["R521", "R521"]
    assert found_in(priced({"effective_rate": "0.151"}), date(2026, 3, 1), only) != []


def test_without_time_or_law_nothing_is_proved():
    """R522 is an error of a law's guarantee: what is not proved may be against it."""
    assert {(d.code, d.severity) for d in found_in(priced({}), seconds=0.0)} == {
        ("R522", Severity.ERROR)
    }
    assert [d.code for d in found_in(priced({}), law=None)] == ["R522"]


def test_a_guarantee_needs_to_be_proved_by_a_solver(monkeypatch):
    """Without the solver's library nothing passes: whoever asks is told that it is not there."""
    monkeypatch.setitem(sys.modules, "z3", None)
    with pytest.raises(SolverMissing):
        found_in(priced({}))


PROMISE = "less overdue never hurts"


@pytest.fixture
def _engine_of_before(monkeypatch):
    """Below the minimum an APPROVE becomes DECLINE, and a REFER stays one without an offer."""
    below, encode = OfferRunner._below, encode_part.dispatch(OfferRunner)

    def evaluated(runner, behind, state):
        stays = state.outcome is not Outcome.APPROVE
        return Conclusion((), ()) if stays else below(runner, behind, state)

    def encoded(runner, state):
        b, find = state.builder, EncodedState.find
        approved = b.and_(state.approves, b.not_(b.or_(state.declines, state.refers)))

        def found(one, outcome, when):
            declines = outcome is Outcome.DECLINE
            find(one, outcome, b.and_(when, approved) if declines else when)

        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(EncodedState, "find", found)
            encode(runner, state)

    monkeypatch.setattr(OfferRunner, "_below", evaluated)
    encode_part.register(OfferRunner, encoded)
    yield
    encode_part.register(OfferRunner, encode)


@pytest.mark.long
@pytest.mark.usefixtures("_engine_of_before")
def test_the_paradox_is_found_by_the_engine_of_before():
    """A loan overdue saved an applicant from a decline; `make prove-short` shows it gone."""
    found = proved(kept(shipped("personal-loan-ph@1").ruleset, PROMISE))
    assert isinstance(found, Counterexample)
    assert [v.outcome for v in found.verdicts] == [Outcome.REFER, Outcome.DECLINE]
