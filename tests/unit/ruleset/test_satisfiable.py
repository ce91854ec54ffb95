"""What can hold together, against trying every value."""

from __future__ import annotations

from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.domain.factor import ValueType
from decision_service.rules.language.diagnostics import Place, Report
from decision_service.rules.language.evaluation import compile_tree
from decision_service.rules.language.expressions import read_expression
from decision_service.rules.language.types import DeclaredNames
from decision_service.rules.language.values import Unknown, exactly
from decision_service.rules.language.yaml import Scalar
from decision_service.rules.program import InputSpec
from decision_service.rules.ranges import can_hold, span_of
from tests.fakes.examples import examples
from tests.kits.cases import cases

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
