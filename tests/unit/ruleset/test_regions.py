"""Sets of values: gaps and overlaps against plain counting, columns against their cells."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.domain.factor import ValueType
from decision_service.domain.values import Cause
from decision_service.rules.cells import Cell, CellKind, bits, column, finder
from decision_service.rules.language.values import unknown
from decision_service.rules.ranges import ValueRange, gaps, meet, overlap, stepped
from tests.fakes.examples import examples

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
