"""Sets of values, what can hold together, and what one count of months says of another."""

from __future__ import annotations

from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.domain.factor import ValueType
from decision_service.domain.values import Cause
from decision_service.rules.cells import Cell, CellKind, bits, column, finder
from decision_service.rules.language.diagnostics import Place, Report
from decision_service.rules.language.evaluation import compile_tree
from decision_service.rules.language.expressions import read_expression
from decision_service.rules.language.types import DeclaredNames
from decision_service.rules.language.values import Unknown, exactly, unknown
from decision_service.rules.language.yaml import Scalar
from decision_service.rules.program import InputSpec
from decision_service.rules.ranges import (
    ValueRange,
    can_hold,
    gaps,
    meet,
    overlap,
    span_of,
    stepped,
)
from decision_service.rules.reach import implied, in_a_first_job
from tests.fakes.examples import examples
from tests.kits.cases import cases

LAWS = settings(max_examples=examples(300), deadline=None)

ends = st.one_of(st.none(), st.integers(0, 12))

spans = st.builds(ValueRange, ends, ends, st.booleans(), st.booleans())

WHOLE = ValueRange(0, 12)


@LAWS
@given(st.lists(spans, max_size=4))
def test_integer_gaps_are_the_values_that_no_span_has(chosen):
    """The gaps of integer spans hold exactly the whole values that no span has."""
    found = gaps(
        WHOLE, [s for s in chosen if not stepped(s, ValueType.INTEGER).empty], ValueType.INTEGER
    )
    uncovered = {v for v in range(13) if not any(s.has(v) for s in chosen)}
    assert {v for v in range(13) if any(s.has(v) for s in found)} == uncovered


@LAWS
@given(st.lists(spans, max_size=4))
def test_number_gaps_are_the_values_that_no_span_has(chosen):
    """The gaps of number spans hold exactly the values, halves among them, that no span has."""
    halves = [Decimal(n) / 2 for n in range(25)]
    found = gaps(WHOLE, [s for s in chosen if not s.empty], ValueType.NUMBER)
    uncovered = {v for v in halves if not any(s.has(v) for s in chosen)}
    assert {v for v in halves if any(s.has(v) for s in found)} == uncovered


@LAWS
@given(spans, spans)
def test_what_spans_share_is_what_both_have(left, right):
    """The meeting of two spans has exactly the values that both have."""
    for value in range(-1, 14):
        assert meet(left, right).has(value) == (left.has(value) and right.has(value))


@LAWS
@given(spans, spans)
def test_integer_spans_overlap_when_they_share_a_value(left, right):
    """Two integer spans within bounds overlap exactly when some whole value is in both."""
    left, right = meet(left, WHOLE), meet(right, WHOLE)
    shared = [v for v in range(13) if left.has(v) and right.has(v)]
    assert (overlap(left, right, ValueType.INTEGER) is not None) == bool(shared)


@st.composite
def bins(draw):
    """Cells of single spans, adjoining each other or not, in any order."""
    edges = sorted(draw(st.sets(st.integers(0, 12), min_size=1, max_size=4)))
    closed = [draw(st.booleans()) for _ in edges]
    lows = [None, *zip(edges, closed, strict=True)]
    highs = [*zip(edges, closed, strict=True), None]
    found = [
        ValueRange(
            low and low[0],
            high and high[0],
            open_low=bool(low and low[1]),
            open_high=bool(high and not high[1]),
        )
        for low, high in zip(lows, highs, strict=True)
    ]
    kept = draw(st.permutations(found))[draw(st.integers(0, 1)) :]
    return [Cell(CellKind.SPANS, (span,)) for span in kept or found]


@LAWS
@given(bins(), st.integers(-4, 28))
def test_the_index_of_a_bin_is_that_of_the_cell_with_the_value(chosen, twice):
    """A value finds the bin whose cell has it, in whatever order the bins stand, or none."""
    value = Decimal(twice) / 2
    wanted = [i for i, cell in enumerate(chosen) if cell.has(value)]
    types = [ValueType.NUMBER] if twice % 2 else [ValueType.NUMBER, ValueType.INTEGER]
    for type_ in types:
        given = int(value) if type_ is ValueType.INTEGER else value
        found = finder(chosen, type_, range(len(chosen)))(given)
        assert found == (wanted[0] if wanted else None)


cells = st.one_of(
    st.just(Cell(CellKind.ANYTHING)),
    st.just(Cell(CellKind.MISSING)),
    st.lists(spans, min_size=1, max_size=2).map(lambda s: Cell(CellKind.SPANS, tuple(s))),
)

label_cells = st.one_of(
    st.just(Cell(CellKind.ANYTHING)),
    st.just(Cell(CellKind.MISSING)),
    st.lists(st.sampled_from("ABC"), min_size=1, unique=True).map(
        lambda labels: Cell(CellKind.LABELS, labels=tuple(labels))
    ),
)


@LAWS
@given(st.lists(cells, min_size=1, max_size=6), st.integers(-4, 28))
def test_a_column_of_spans_finds_the_rows_its_cells_have(rows, twice):
    """An ordered column gives exactly the rows whose cell has the value."""
    value = Decimal(twice) / 2
    found = column(0, rows, ValueType.NUMBER).matches(value)
    wanted = [i for i, c in enumerate(rows) if c.sort is not CellKind.MISSING and c.has(value)]
    assert (bits(found.sure), found.open) == (wanted, 0)


@LAWS
@given(st.lists(label_cells, min_size=1, max_size=6), st.sampled_from("ABCD"))
def test_a_column_of_labels_finds_the_rows_its_cells_have(rows, label):
    """A column of labels gives exactly the rows whose cell has the label."""
    found = column(0, rows, ValueType.TEXT).matches(label)
    wanted = [i for i, c in enumerate(rows) if c.sort is not CellKind.MISSING and c.has(label)]
    assert (bits(found.sure), found.open) == (wanted, 0)


@LAWS
@given(st.lists(label_cells, min_size=1, max_size=6), st.sampled_from(list(Cause)))
def test_a_column_leaves_rows_open_for_missing_values(rows, cause):
    """A missing value satisfies `-`, and `missing` when absent; it leaves all other rows open."""
    found = column(0, rows, ValueType.TEXT).matches(unknown("x", cause))
    taking = (CellKind.ANYTHING,) if cause.tainted else (CellKind.ANYTHING, CellKind.MISSING)
    assert bits(found.sure) == [i for i, c in enumerate(rows) if c.sort in taking]
    assert bits(found.open) == [i for i, c in enumerate(rows) if c.sort not in taking]


NAMES = DeclaredNames(
    "PHP",
    [
        InputSpec("a.n", ValueType.INTEGER, lower=Decimal(0), upper=Decimal(4)),
        InputSpec("b.n", ValueType.INTEGER, lower=Decimal(1), upper=Decimal(3)),
        InputSpec("c.label", ValueType.TEXT, labels=("x", "y", "z")),
        InputSpec("d.flag", ValueType.FLAG),
        InputSpec("e.free", ValueType.TEXT),
    ],
)

WORLDS = list(product(range(5), range(1, 4), "xyz", (True, False), "pq"))


def _tree(text):
    report = Report()
    tree = read_expression(Scalar(text, True, Place("f", 1, 1, 2)), NAMES, report)
    assert tree is not None, report.diagnostics()
    return tree


comparisons = st.one_of(
    st.builds(
        "a.n {} {}".format, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), st.integers(-1, 5)
    ),
    st.builds("{} {} b.n".format, st.integers(0, 4), st.sampled_from(["<", ">=", "=="])),
    st.builds("a.n {} b.n".format, st.sampled_from(["<", ">=", "==", "!="])),
    st.builds("a.n + b.n {} {}".format, st.sampled_from(["<", ">"]), st.integers(0, 8)),
    st.builds("c.label {} '{}'".format, st.sampled_from(["==", "!="]), st.sampled_from("xyz")),
    st.sampled_from(["c.label in ('x', 'y')", "c.label not in ('z')", "a.n in (1, 4)", "d.flag"]),
    st.sampled_from(["e.free == 'p'", "e.free != 'p'", "a.n not in (0, 1, 2)", "not d.flag"]),
)

conditions = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.builds("({}) and ({})".format, inner, inner),
        st.builds("({}) or ({})".format, inner, inner),
        st.builds("not ({})".format, inner),
    ),
    max_leaves=4,
)

terms = st.recursive(
    st.sampled_from(["a.n", "b.n", "2", "0.5", "-1"]),
    lambda inner: st.one_of(
        st.builds("exp({})".format, inner),
        st.builds("ln({})".format, inner),
        st.builds("({} - {})".format, inner, inner),
        st.builds("1 / (1 + {})".format, inner),
    ),
    max_leaves=4,
)


@settings(max_examples=examples(300), deadline=None)
@given(terms)
def test_the_span_of_a_curve_holds_all_of_its_values(text):
    """Exponentials and logarithms stay within their span for every combination."""
    tree = _tree(text)
    span, evaluate = span_of(tree, {}, "PHP"), compile_tree(tree)
    with exactly():
        values = [evaluate(world) for world in WORLDS]
    outside = [v for v in values if not isinstance(v, Unknown) and not span.has(v)]
    assert outside == []


@settings(max_examples=examples(400), deadline=None)
@given(conditions, conditions)
def test_a_no_is_certain(first, second):
    """What is said to be impossible holds for no combination of values."""
    trees = [_tree(first), _tree(second)]
    evaluated = [compile_tree(tree) for tree in trees]
    for wanted in product((True, False), repeat=2):
        holds = any([e(world) for e in evaluated] == list(wanted) for world in WORLDS)
        possible = can_hold(list(zip(trees, wanted, strict=True)), "PHP")
        assert possible or not holds


@pytest.mark.parametrize("text", cases("ruleset/satisfiable")["contradictions"])
def test_contradictions_are_found(text):
    """Bounds, labels and contradictions rule a condition out."""
    assert can_hold([(_tree(text), True)], "PHP") is False


@pytest.mark.parametrize(("text", "low", "high"), cases("ruleset/satisfiable")["ranges"])
def test_ranges_follow_the_bounds(text, low, high):
    """The range of an expression follows from the bounds of its names."""
    span = span_of(_tree(text), {}, "PHP")
    assert (span.low, span.high) == (low, high)


def _span(low, high):
    return ValueRange(Decimal(low), None if high is None else Decimal(high))


@pytest.mark.parametrize(
    ("name", "value", "other", "span"),
    [
        ("income.months_24m", 4, "income.months_12m", _span(0, 4)),
        ("income.months_24m", 20, "income.months_12m", _span(8, 20)),
        ("income.months_12m", 4, "income.months_24m", _span(4, 16)),
        ("income.months_12m", 4, "income.months_total", _span(4, 10_000 - 12 + 4)),
        ("income.months_total", 4, "income.months_12m", _span(0, 4)),
        ("income.months_12m", 4, "income.backed_months_12m", _span(0, 4)),
        ("income.backed_months_12m", 4, "income.months_12m", _span(4, None)),
        ("contributions.months_24m", 4, "contributions.months_3m", _span(0, 4)),
    ],
)
def test_a_count_bounds_counts_of_other_windows(name, value, other, span):
    """Of fewer months there are at most as many, of more at most as many more as it is longer."""
    assert implied(name, Decimal(value), other) == span


@pytest.mark.parametrize(
    "other", ["contributions.months_12m", "income.average_6m", "income.months_since_first"]
)
def test_other_factors_are_not_bounded(other):
    """Another family, an amount or a distance in time follows from no count of months."""
    assert implied("income.months_24m", Decimal(4), other) is None


def test_in_a_first_job_every_count_is_small():
    """Whoever earns for the first time has no older income and no older contributions."""
    asked = ("contributions.months_12m", "income.months_since_first", "income.months_12m")
    found = [in_a_first_job("income.months_24m", Decimal(4), other) for other in asked]
    assert found == [_span(0, 4)] * 3
    assert in_a_first_job("contributions.months_24m", Decimal(4), "income.months_12m") is None
    assert in_a_first_job("income.months_24m", Decimal(4), "income.volatility_6m") is None
