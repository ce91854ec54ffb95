"""Guarantees: how they are read, proved and refuted, and those of the shipped products."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml

from decision_service.domain.factor import Better
from decision_service.factors.registry import catalogue
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.language.diagnostics import Severity
from decision_service.rules.program import RulesetFiles
from decision_service.workbench.proofs.report import guarantee_problems
from decision_service.workbench.proofs.search import Counterexample
from tests.kits.cases import cases
from tests.unit.proofs.versions import (
    MONTHS,
    OFFER,
    TODAY,
    kept,
    loosely,
    proved,
    rewritten,
    shipped,
)
from tests.unit.rules.kit import rules, stages

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
    """Nothing is told of it."""
    assert told(line) == []


@pytest.mark.parametrize("line", cases("proofs/guarantees")["refuted"])
def test_a_guarantee_that_does_not_hold_is_an_error_with_a_person(line):
    """R521 at its line has somebody of whom it is not so, as the evaluator decides."""
    found = [*guarantee_problems([loosely(text(line))], TODAY, time.monotonic, SECONDS)]
    assert [(d.code, d.severity) for d in found] == [("R521", Severity.ERROR)]
    assert found[0].hint.startswith("a typical person")
    assert found[0].line == len(text().splitlines()) + 1


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


REFUTED = yaml.safe_load(Path(__file__).with_name("refuted.yaml").read_text())


@pytest.mark.long
@pytest.mark.parametrize("edit", REFUTED, ids=lambda edit: edit["guarantee"])
def test_seeded_edits_refute_guarantees_of_shipped_products(edit):
    """Rules that break a guarantee have somebody of whom it is not so."""
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
