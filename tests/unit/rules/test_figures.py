"""Figures moved a little: which moves there are, which are noticed, and which may go unnoticed."""

from __future__ import annotations

import pytest

from decision_service.author import mutation as figures_run
from decision_service.author.mutants import Fate, figures, next_to, operators
from decision_service.author.mutation import FiguresRun, report_on
from decision_service.rules.program import RulesetFiles
from decision_service.rules.tests import run_cases
from decision_service.rules.tests_file import parse_cases
from tests.kits.cases import cases
from tests.unit.rules.kit import CATALOGUE, HEAD, compiled, rules, stages

PATH = "rules/test-loan/v1.yaml"

PARAMS = "params:\n  least: {type: integer, value: 4}\n"

CARD = """\
  - name: score
    component: SCORECARD
    scorecard:
      id: card
      points: 100
      characteristics:
        - factor: income.months_12m
          reason: GAPS
          bins:
            - {in: "[0, 6)", points: 0}
            - {in: "[6, 12]", points: 50}
      bands:
        - {name: A, from: 150, then: APPROVE}
        - {name: B, then: DECLINE}
"""

TABLE = """\
  - name: limit
    component: TABLE
    table:
      id: limit
      hit: first
      when: [income.months_12m]
      give: {most: money}
      rows: tables/limit.csv
"""

GATE = rules("id: short, when: income.months_12m < params.least, then: DECLINE, reason: SHORT")

FINE = rules("id: fine, when: income.months_12m >= 1, then: APPROVE", name="fine")

CASES = """\
ruleset: test-loan
version: 1
as_of: 2026-11-15
cases:
"""


@pytest.fixture(autouse=True)
def _few_samples(monkeypatch):
    """A fifth of the made-up facts shows as much of so small a version."""
    monkeypatch.setattr(figures_run, "SAMPLES", 400)


def case(months, expect="outcome: APPROVE"):
    """A case about so many months of income."""
    return (
        f"  - name: {months} months\n    factors: {{income.months_12m: {months}}}\n"
        f"    expect: {{{expect}}}\n"
    )


def tried(text, *cases, marks="", **files):
    """The report on a ruleset's figures against these cases."""
    source = RulesetFiles("test-loan", PATH, text, **files)
    ruleset = compiled(text, **files)
    file = parse_cases("tests/v1.yaml", CASES + "".join(cases) + marks, ruleset, CATALOGUE)
    results = run_cases(ruleset, file.cases)
    assert all(result.passed for result in results), results
    return report_on(FiguresRun(source, ruleset, CATALOGUE, results), file.marks)


def fates(report, at):
    """What became of the changes of one figure, by the new value."""
    return {t.change.after: t.fate for t in report.tried if t.change.at == at}


@pytest.mark.parametrize(("figure", "moved"), cases("ruleset/figures")["moves"])
def test_a_figure_moves_a_little_both_ways(figure, moved):
    """Small whole numbers move by one, others by a tenth, dates by a day, flags to the other."""
    assert next_to(figure) == tuple(moved)


def test_the_figures_of_an_expression_are_no_parts_of_names():
    """Numbers, days, flags and labels in either quotes; digits within names and labels are none."""
    text = "income.months_24m < 6 or x.y in ('T1', \"2026-03-01\") and known == true"
    found = [(token.text, token.label) for token in figures(text)]
    assert found == [("6", False), ("T1", True), ("2026-03-01", False), ("true", False)]


def test_a_change_that_no_case_notices_is_named_with_its_place():
    """A parameter's other value is found by its line."""
    text = stages(GATE, FINE, head=HEAD + PARAMS)
    report = tried(text, case(12), case(3, "outcome: DECLINE"))
    (found,) = [t for t in report.unnoticed if t.change.at == "params.least"]
    assert (found.change.before, found.change.after) == ("4", "5")
    assert text.splitlines()[found.change.place.line - 1].strip().startswith("least:")


def test_a_case_at_the_figure_notices_both_ways():
    """Cases just beside a threshold leave no change of it unnoticed."""
    text = stages(GATE, FINE, head=HEAD + PARAMS)
    report = tried(text, case(4), case(3, "outcome: DECLINE"))
    assert fates(report, "params.least") == {"5": Fate.NOTICED, "3": Fate.NOTICED}


def test_an_edge_that_two_bins_share_moves_in_both():
    """Moved alone it would leave a gap; moved together it goes unnoticed without a case there."""
    report = tried(stages(CARD), case(12), case(0, "outcome: DECLINE"))
    edges = fates(report, "score.income.months_12m.bins")
    assert edges["7"] is Fate.UNNOTICED
    assert edges["5"] is Fate.UNNOTICED


def test_an_edge_beyond_what_a_factor_can_be_makes_no_difference():
    """Of twelve months there are no thirteen, so that a bin up to 13 is the same bin."""
    report = tried(stages(CARD), case(11), case(0, "outcome: DECLINE"))
    edges = fates(report, "score.income.months_12m.bins")
    assert edges["13"] is Fate.NO_DIFFERENCE
    assert edges["11"] is Fate.REFUSED


def test_points_bands_and_outcomes_move_too():
    """Each figure of a scorecard is tried: base, points, bands and what bands conclude."""
    report = tried(stages(CARD), case(12, "outcome: APPROVE, scores: {card: 150}"))
    names = {t.change.at for t in report.tried}
    assert {"score.points", "score.income.months_12m.bins.[6, 12].points"} <= names
    assert {"score.bands.A.from", "score.bands.A.then", "score.bands.B.then"} <= names
    assert fates(report, "score.points") == {"110": Fate.NOTICED, "90": Fate.NOTICED}


def test_cells_of_a_table_file_are_named_by_their_place_in_it():
    """A CSV's cells move like those of the rule file, and errors name the CSV's line."""
    tables = {"tables/limit.csv": "income.months_12m,most\n>= 6,50000\n-,1000\n"}
    text = stages(FINE, TABLE, tail="offer:\n  approved_amount: limit.most\n")
    report = tried(
        text, case(6, "outcome: APPROVE, offer: {approved_amount: 50000}"), tables=tables
    )
    assert fates(report, "limit.rows.1.most") == {"55000": Fate.NOTICED, "45000": Fate.NOTICED}
    (missed, _) = [t for t in report.unnoticed if t.change.at == "limit.rows.2.most"]
    assert (missed.change.place.file, missed.change.place.line) == (
        "rules/test-loan/tables/limit.csv",
        3,
    )


def test_a_label_moves_to_its_neighbour():
    """A label of an expression becomes the next one of the name beside it."""
    gate = rules(
        'id: known, when: \'coalesce(inputs.customer_type, "new") == "existing"\', then: APPROVE',
        "id: other, when: income.months_12m >= 1, then: REFER, reason: GAPS",
    )
    report = tried(stages(gate), case(6, "outcome: REFER"))
    found = fates(report, "gate.known.when")
    assert found == dict.fromkeys(("existing", "new", "!="), Fate.UNNOTICED)


@pytest.mark.parametrize(("text", "changes"), cases("ruleset/figures")["operators"])
def test_the_operators_of_an_expression(text, changes):
    """Signs of one value are none, nor is what is within labels, dates and names."""
    assert " ".join(token.text for token, _ in operators(text)) == changes


@pytest.mark.parametrize(
    ("rule", "after", "months", "outcome"), cases("ruleset/figures")["unnoticed"]
)
def test_an_operator_that_no_case_notices_is_named(rule, after, months, outcome):
    """A debt that is added where it should be subtracted needs a case that shows it."""
    gate = rules(f"id: short, when: '{rule}', then: DECLINE, reason: SHORT")
    text = stages(gate, FINE, head=HEAD + PARAMS)
    assert fates(tried(text, case(12)), "gate.short.when")[after] is Fate.UNNOTICED
    report = tried(text, case(12), case(months, f"outcome: {outcome}"))
    assert fates(report, "gate.short.when")[after] is Fate.NOTICED


def test_a_mark_excuses_a_change_that_nothing_comes_of():
    """A zero below which nothing is lent may be another small figure."""
    derived = "derived:\n  room: max(income.months_12m - 6, 0)\n"
    gate = rules("id: none, when: derived.room < 3, then: DECLINE, reason: SHORT")
    text = stages(gate, FINE, head=HEAD + derived)
    marks = "unnoticed:\n  - {at: derived.room, from: 0, to: [1, -1], because: it is below 3}\n"
    cases = (case(9), case(8, "outcome: DECLINE, reasons: [SHORT]"))
    report = tried(text, *cases, marks=marks)
    assert fates(report, "derived.room")["1"] is Fate.MARKED
    assert fates(report, "derived.room")["-1"] is Fate.MARKED
    assert [p.code for p in report.problems] == ["T012"], "two of so few are more than 5 %"


def test_a_mark_on_a_change_that_matters_is_an_error():
    """What any made-up facts show cannot be marked as of no consequence."""
    text = stages(GATE, FINE, head=HEAD + PARAMS)
    marks = "unnoticed:\n  - {at: params.least, from: 4, to: [5], because: nobody minds}\n"
    report = tried(text, case(12), case(3, "outcome: DECLINE"), marks=marks)
    (problem,) = report.problems
    assert problem.code == "T010"
    assert "outcome APPROVE becomes outcome DECLINE" in problem.message
    assert fates(report, "params.least")["5"] is Fate.UNNOTICED


@pytest.mark.parametrize(
    ("mark", "why"),
    [
        ("at: params.least, from: 4, to: [3]", "a case notices it"),
        ("at: params.most, from: 4, to: [3]", "there is no change of params.most"),
    ],
)
def test_a_mark_that_nothing_needs_is_an_error(mark, why):
    """Marks that are left over would hide the next change of that figure."""
    text = stages(GATE, FINE, head=HEAD + PARAMS)
    marks = f"unnoticed:\n  - {{{mark}, because: so}}\n"
    report = tried(text, case(4), case(3, "outcome: DECLINE"), marks=marks)
    assert [p.code for p in report.problems] == ["T011"]
    assert why in report.problems[0].message
