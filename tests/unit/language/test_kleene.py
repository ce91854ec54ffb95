"""Three-valued evaluation: Kleene's laws, causes, and the quick way beside the careful one."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.domain.values import ABSENT, Cause, DataReason
from decision_service.rules.language.evaluation import compile_tree, compile_trees
from decision_service.rules.language.values import Unknown, exactly, unknown
from tests.fakes.examples import examples
from tests.kits.cases import cases
from tests.unit.language.texts import NAMES, sound, values

LAWS = settings(max_examples=examples(200), deadline=None)


def evaluated(text, given=None):
    """The value of an expression."""
    with exactly():
        return compile_tree(sound(text))(given if given is not None else values())


def truth(text, given):
    """True, False, or None for UNKNOWN."""
    found = evaluated(text, given)
    return None if isinstance(found, Unknown) else found


# Kleene's tables over three flags: a.int < 5, g.int < 5, c.pay < 1, each true, false or unknown.
names = ("a.int < 5", "g.int < 5", "c.pay < 1")
slots = (0, 6, 2)
kleene = st.sampled_from([True, False, None])
worlds = st.tuples(kleene, kleene, kleene)


def _world(truths):
    given = values()
    for slot, name, wanted in zip(slots, ("a.int", "g.int", "c.pay"), truths, strict=True):
        given[slot] = unknown(name, Cause.NO_DATA) if wanted is None else (0 if wanted else 9000)
    return given


formulas = st.recursive(
    st.sampled_from(names),
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("(not {})".format, inner),
    ),
    max_leaves=5,
)


@LAWS
@given(worlds)
def test_the_connectives_are_kleenes(truths):
    """`and` is the least, `or` the greatest of false < unknown < true, `not` mirrors them."""
    first, second, _ = truths
    order = {False: 0, None: 1, True: 2}
    back = {rank: value for value, rank in order.items()}
    world = _world(truths)
    a, b = names[0], names[1]
    assert truth(f"{a} and {b}", world) is back[min(order[first], order[second])]
    assert truth(f"{a} or {b}", world) is back[max(order[first], order[second])]
    assert truth(f"not ({a})", world) is back[2 - order[first]]


@LAWS
@given(formulas, formulas, worlds)
def test_de_morgan_and_commutation(left, right, truths):
    """De Morgan's laws and commutation hold for all three values."""
    world = _world(truths)
    assert truth(f"not ({left} and {right})", world) is truth(
        f"(not {left}) or (not {right})", world
    )
    assert truth(f"{left} or {right}", world) is truth(f"{right} or {left}", world)
    assert truth(f"{left} and ({left} or {right})", world) is truth(left, world) or (
        truth(left, world) is None
    )


@LAWS
@given(formulas, worlds, st.tuples(st.booleans(), st.booleans(), st.booleans()))
def test_what_is_known_stays_when_more_becomes_known(formula, truths, filled):
    """A truth that is known with gaps is the same however the gaps are filled."""
    before = truth(formula, _world(truths))
    after = truth(
        formula, _world([f if t is None else t for t, f in zip(truths, filled, strict=True)])
    )
    assert before is None or before is after


@pytest.mark.parametrize("text", cases("language/kleene"))
def test_nothing_is_computed_from_a_missing_value(text):
    """Arithmetic, comparison and functions with a missing value are UNKNOWN with its cause."""
    found = evaluated(text, values(a_int=Cause.SOURCE_FAILED))
    assert [(g.name, g.missing.cause) for g in found.gaps] == [("a.int", Cause.SOURCE_FAILED)]


@pytest.mark.parametrize("cause", list(Cause))
def test_presence_and_coalesce_see_absent_causes_only(cause):
    """known, missing and coalesce handle an absent value and are UNKNOWN for a tainted one."""
    given = values(a_int=cause)
    absent = cause in ABSENT
    assert truth("known(a.int)", given) is (False if absent else None)
    assert truth("missing(a.int)", given) is (True if absent else None)
    assert truth("coalesce(a.int, 7) == 7", given) is (True if absent else None)
    assert truth("coalesce(g.int, a.int) == 4", given) is True


def test_a_choice_takes_one_branch():
    """Only the branch that is taken can be missing; an unknown condition is UNKNOWN."""
    given = values(c_pay=Cause.NO_DATA)
    assert evaluated("5 if a.int == 3 else c.pay / c.pay", given) == 5
    assert truth("(1 if c.pay > 0 else 1) == 1", given) is None


def test_gaps_keep_the_order_of_the_text():
    """Several gaps are kept once each, in text order; the first tainted one is shown."""
    given = values(a_int=Cause.NO_DATA, g_int=Cause.STALE, b_num=Cause.PARTIAL)
    found = evaluated("a.int + g.int + b.num + a.int > 1", given)
    assert [g.name for g in found.gaps] == ["a.int", "g.int", "b.num"]
    assert (found.shown.name, found.tainted) == ("g.int", True)


def test_division_by_zero_is_absent_and_overflow_tainted():
    """Division by zero is a missing value, a result without an exact number a rule error."""
    by_zero = evaluated("a.int / (g.int - 4)")
    assert (by_zero.shown.name, by_zero.shown.missing.cause, by_zero.tainted) == (
        "(g.int - 4)"[1:-1],
        Cause.DIVISION_BY_ZERO,
        False,
    )
    overflow = evaluated("annuity(1000, 0 - 0.99, 100000 * a.int)")
    assert (overflow.shown.missing.reason, overflow.tainted) == (DataReason.RULE_ERROR, True)
    negative = evaluated("annuity_amount(1000, 0.05, 0 - a.int)")
    assert negative.shown.missing.reason is DataReason.RULE_ERROR


numbers = st.recursive(
    st.sampled_from(["a.int", "g.int", "b.num", "2", "0", "0.1", "1000000"]),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner),
        st.builds(
            "{}({}, {})".format, st.sampled_from(["min", "max", "round", "floor"]), inner, inner
        ),
        st.builds("(-{})".format, inner),
        st.builds("abs({})".format, inner),
        st.builds("coalesce(a.int, {})".format, inner),
        st.builds("({} if {} < {} else {})".format, inner, inner, inner, inner),
    ),
    max_leaves=6,
)
decimals = st.decimals(-(10**6), 10**6, places=3)
integers = st.integers(-(10**14), 10**14)


@settings(max_examples=examples(300), deadline=None)
@given(
    st.lists(numbers, min_size=1, max_size=3),
    integers,
    decimals,
    integers,
    st.sampled_from([None, Cause.NO_DATA, Cause.STALE]),
)
def test_arithmetic_never_raises_and_knows_no_float(texts, a, b, g, cause):
    """Whatever the values, each expression gives an exact number or says what is missing."""
    given = [a, b, 0, "GIG", True, None, g]
    if cause is not None:
        given[0] = unknown("a.int", cause)
    evaluated = compile_trees([sound(text) for text in texts])
    with exactly():
        found = [evaluate(given) for evaluate in evaluated]
    assert {type(value) for value in found} <= {int, Decimal, Unknown}


def test_results_keep_34_digits():
    """A quotient is rounded half-even to 34 digits, whatever the caller's context says."""
    assert evaluated("1 / 3 * b.num") == Decimal("0.1666666666666666666666666666666666")
    assert NAMES.currency == "PHP"
