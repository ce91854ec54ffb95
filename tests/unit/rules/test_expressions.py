"""Expressions: syntax, types, exact arithmetic, three-valued logic, and their Python source."""

from __future__ import annotations

import io
import re
import token
import tokenize
from datetime import date
from decimal import Decimal, Overflow, getcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.domain.factor import ValueType
from decision_service.domain.values import ABSENT, Cause, DataReason, Money
from decision_service.rules.language.diagnostics import Place, Report
from decision_service.rules.language.evaluation import (
    Emitter,
    FormulaUnfit,
    compile_tree,
    compile_trees,
    parse_formula,
    read_formula,
)
from decision_service.rules.language.types import DeclaredNames
from decision_service.rules.language.values import (
    EXACT,
    Undefined,
    Unknown,
    add_days,
    annuity,
    annuity_amount,
    exactly,
    exponential,
    floor_to,
    logarithm,
    quotient,
    round_to,
    unknown,
)
from decision_service.rules.language.yaml import Scalar
from decision_service.rules.program import InputSpec
from tests.fakes.examples import examples
from tests.kits.cases import cases
from tests.unit.rules.texts import checked, sound, values

INTEGER, NUMBER, MONEY = ValueType.INTEGER, ValueType.NUMBER, ValueType.MONEY

TEXT, FLAG, DATE = ValueType.TEXT, ValueType.FLAG, ValueType.DATE


@pytest.mark.parametrize(("text", "type_"), cases("language/expression")["types"])
def test_every_legal_operation_has_its_type(text, type_):
    """Operators and functions give the types of the language's table."""
    assert sound(text).type == type_


@pytest.mark.parametrize(
    ("text", "code", "column", "message"), cases("language/expression")["syntax"]
)
def test_syntax_errors_have_own_words(text, code, column, message):
    """A syntax error is located and told in the language's own words."""
    node, (found,) = checked(text)
    assert (node, found.code) == (None, code)
    assert message in found.message
    assert column is None or found.column == column


@pytest.mark.parametrize(("text", "code", "hint"), cases("language/expression")["words"])
def test_words_of_other_languages_get_a_hint(text, code, hint):
    """A word in capitals or of a spreadsheet is answered with the word that is meant here."""
    _, (found,) = checked(text)
    assert (found.code, found.hint) == (code, hint)


@pytest.mark.parametrize(("text", "code", "message"), cases("language/expression")["mismatches"])
def test_type_errors_name_both_types(text, code, message):
    """A type error is located and names what does not go together."""
    node, found = checked(text)
    assert node is None
    assert [d.code for d in found] == [code]
    assert message in found[0].message


def test_all_faults_of_an_expression_are_found():
    """A fault in one part of an expression does not hide one in another."""
    _, found = checked("a.itn < 3 and d.label == 'X' and c.pay < 0.001")
    assert [d.code for d in found] == ["R202", "R308", "R309"]


@pytest.mark.parametrize(
    "text",
    [
        "-" * 30 + "a.int < 3",
        "not " * 30 + "e.flag",
        "+".join(["a.int"] * 30) + " > 1",
        "(" * 60 + "a.int" + ")" * 60,
        "1 if e.flag else " * 30 + "2",
        "a.int < 3 or " * 90 + "e.flag",
        "min(" + ", ".join(["a.int"] * 190) + ") > 1",
    ],
)
def test_limits_are_measured_before_anything_recurses(text):
    """Too long, too deep or too large an expression is one diagnostic, never a recursion error."""
    node, found = checked(text)
    assert node is None
    assert [d.code for d in found] in (["R302"], ["R301"])


def test_a_condition_must_be_a_flag():
    """Where a condition is expected anything else is a type error."""
    node, (found,) = checked("a.int", FLAG)
    assert (node, found.code) == (None, "R305")


def test_positions_are_those_of_characters():
    """Columns count characters, whatever bytes a text before them takes."""
    _, (found,) = checked("d.label == 'GIG' or d.label == 'ñandú'")
    assert (found.column, found.end) == (32, 39)


def test_trees_of_equal_meaning_are_equal():
    """Blanks and parentheses make no difference to a tree."""
    assert sound("(a.int)  <  3") == sound("a.int < 3")
    assert sound("a.int < 3") != sound("a.int <= 3")
    assert sound("c.pay < 3") != sound("a.int < 300")


@settings(max_examples=examples(500), deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [*"abcde.123 ()<>=!+-*/,'\"_éñ\\&|#:\n", " and ", " or ", " not ", " in ", "a.int"]
        ),
        max_size=20,
    ).map("".join)
)
def test_no_expression_is_a_traceback(text):
    """Any text is a tree or a located diagnostic, never an exception."""
    node, found = checked(text)
    assert (node is None) == bool(found)
    assert all(d.line >= 1 and d.column >= 1 for d in found)


NAMES = DeclaredNames(
    "PHP",
    [
        InputSpec("inputs.customer_type", ValueType.TEXT, labels=("new", "existing")),
        InputSpec("inputs.requested_amount", ValueType.MONEY),
    ],
)


def _condition(text):
    report = Report()
    place = Place("f", 1, 1, 2)
    condition = read_formula(Scalar(text, True, place), NAMES, report, ValueType.FLAG)
    return condition, [d.code for d in report.diagnostics()]


@pytest.mark.parametrize(
    ("values", "truth"),
    [
        ({"inputs.customer_type": "existing"}, True),
        ({"inputs.customer_type": "new"}, None),
        ({"inputs.customer_type": "new", "inputs.requested_amount": Money("PHP", 1)}, False),
        ({"inputs.requested_amount": Money("PHP", 5_000_001)}, True),
        ({"inputs.customer_type": 7, "inputs.requested_amount": Money("USD", 1)}, None),
        ({}, None),
    ],
)
def test_a_condition_is_true_false_or_unknown(values, truth):
    """A condition over what was sent is True, False, or Unknown where what is missing matters."""
    text = 'inputs.customer_type == "existing" or inputs.requested_amount > 50000'
    condition, codes = _condition(text)
    assert codes == []
    assert condition.names == ("inputs.customer_type", "inputs.requested_amount")
    found = condition.of_sent(values)
    assert (None if isinstance(found, Unknown) else found) is truth


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("inputs.customer_typ == 'new'", "R202"),
        ("inputs.customer_type == 'nwe'", "R308"),
        ("inputs.requested_amount", "R305"),
        ("inputs.requested_amount >", "R301"),
    ],
)
def test_a_faulty_condition_is_reported(text, code):
    """A condition with a fault is None with the fault's diagnostic."""
    assert _condition(text) == (None, [code])


def test_what_was_not_sent_can_be_asked_for():
    """An input that an applicant left out is missing; a value that evaluation lacks is lost."""
    condition, codes = _condition("missing(inputs.requested_amount)")
    assert codes == []
    assert condition.of_sent({}) is True
    assert condition.of_sent({"inputs.requested_amount": Money("PHP", 1)}) is False
    assert isinstance(condition.result({}), Unknown)


def test_a_text_that_cannot_be_read_raises_with_its_name():
    """The sentence says what is wrong and in what."""
    with pytest.raises(FormulaUnfit, match=r"a law:1:1: error R202: .*inputs\.customer_typ`"):
        parse_formula("inputs.customer_typ == 'new'", NAMES, ValueType.FLAG, "a law")


def test_nothing_that_an_author_wrote_is_printed_into_the_source():
    """The source holds fixed words, numbered names and slot numbers; no text, no literal."""
    hostile = (
        "d.label == 'GIG' or c.pay < 1234.56 or a.int * 77 == 3 or d.label in ('GIG', 'EMPLOYED')"
        " or (g.int if e.flag else 55) > 44 or not known(b.num) or round(b.num, 0.5) != 8"
    )
    emitter = Emitter()
    emitter.conditions([sound(hostile)])
    tokens = list(tokenize.generate_tokens(io.StringIO("\n".join(emitter.functions)).readline))
    names = {t.string for t in tokens if t.type == token.NAME}
    assert not [t for t in tokens if t.type == token.STRING]
    assert not [n for n in names if not re.fullmatch(r"[vctf]\d+|[A-Za-z_]+", n)]
    assert not names & {"GIG", "EMPLOYED", "a", "d", "label", "round"}
    assert {t.string for t in tokens if t.type == token.NUMBER} <= set("0123456")
    assert 123456 in emitter.bound.values()


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


OF_NUMBERS = settings(max_examples=examples(300), deadline=None)

amounts = st.decimals(-(10**9), 10**9, places=4)

steps = st.decimals("0.01", 1000, places=2)


@OF_NUMBERS
@given(amounts, steps)
def test_floor_is_the_multiple_below(value, step):
    """floor gives the largest multiple of the step that is not above the value."""
    with exactly():
        found = floor_to(value, step)
        assert found <= value < found + step
        assert found % step == 0


@OF_NUMBERS
@given(amounts, steps)
def test_round_is_the_nearest_multiple(value, step):
    """round gives a multiple that no other is nearer than."""
    with exactly():
        found = round_to(value, step)
        assert abs(found - value) * 2 <= step
        assert found % step == 0


@pytest.mark.parametrize(
    ("value", "step", "rounded", "floored"),
    [
        (5, 2, 4, 4),
        (3, 2, 4, 2),
        (-5, 2, -4, -6),
        (Decimal("2.5"), 1, 2, 2),
        (Decimal("3.5"), 1, 4, 3),
        (7, -5, 5, 5),
        (0, 5, 0, 0),
    ],
)
def test_ties_go_to_the_even_multiple(value, step, rounded, floored):
    """A tie goes to the even multiple, and the sign of the step is ignored."""
    with exactly():
        assert (round_to(value, step), floor_to(value, step)) == (rounded, floored)


def test_a_step_of_zero_divides_by_zero():
    """A step of zero is a division by zero."""
    for function in (round_to, floor_to, quotient):
        with exactly(), pytest.raises(ZeroDivisionError):
            function(3, 0)


@OF_NUMBERS
@given(
    st.integers(1, 10**9),
    st.decimals("0.0001", "0.2", places=4),
    st.integers(1, 120),
)
def test_annuity_and_its_amount_are_inverse(amount, rate, months):
    """The amount that an annuity repays is the amount it was computed from."""
    with exactly():
        back = annuity_amount(annuity(amount, rate, months), rate, months)
    assert abs(back - amount) < Decimal("1e-18") * amount


def test_annuities_of_known_loans():
    """Annuities agree with the textbook's formula, at a rate of zero with plain division."""
    with exactly():
        assert round(annuity(20000, Decimal("0.05"), 6), 2) == Decimal("3940.35")
        assert annuity(600, 0, 6) == 100
        assert annuity_amount(100, 0, 6) == 600
        assert annuity_amount(100, Decimal("0.05"), 0) == 0


@pytest.mark.parametrize("function", [annuity, annuity_amount])
def test_annuities_that_have_no_value_raise(function):
    """Negative months and a rate of minus one have no value."""
    with exactly(), pytest.raises(ArithmeticError):
        function(1000, Decimal("0.05"), -1)
    with exactly(), pytest.raises(ArithmeticError):
        function(1000, Decimal(-1), 3)


def test_an_annuity_over_no_months_divides_by_zero():
    """A loan over no months has no payment."""
    for rate in (0, Decimal("0.05")):
        with exactly(), pytest.raises(ZeroDivisionError):
            annuity(1000, rate, 0)


@pytest.mark.parametrize(
    ("found", "digits"),
    [
        (lambda: exponential(0), "1"),
        (lambda: exponential(1), "2.718281828459045235360287471352662"),
        (lambda: exponential(Decimal("-2.4")), "0.09071795328941250337517222007969147"),
        (lambda: exponential(-20000), "0"),
        (lambda: logarithm(1), "0"),
        (lambda: logarithm(2), "0.6931471805599453094172321214581766"),
        (lambda: logarithm(Decimal("0.05")), "-2.995732273553990993435223576142541"),
    ],
)
def test_curves_have_the_digits_of_the_textbook(found, digits):
    """Exponentials and logarithms are right to the last of their 34 digits."""
    with exactly():
        assert found() == Decimal(digits)


@OF_NUMBERS
@given(st.decimals(-100, 100, places=6), st.decimals(-100, 100, places=6))
def test_curves_rise_with_their_argument(one, other):
    """A larger argument never has a smaller exponential or logarithm."""
    low, high = sorted((one, other))
    with exactly():
        assert exponential(low) <= exponential(high)
        if low > 0:
            assert logarithm(low) <= logarithm(high)


@pytest.mark.parametrize(
    ("function", "arguments", "error"),
    [
        (logarithm, (0,), Undefined),
        (logarithm, (-1,), Undefined),
        (exponential, (20000,), Overflow),
    ],
)
def test_curves_that_have_no_value_raise(function, arguments, error):
    """Outside of where a function has a value it raises, and so does a result too large."""
    with exactly(), pytest.raises(error):
        function(*arguments)


def test_the_callers_context_comes_back():
    """The language's context holds inside the block only, also after an error."""
    before = getcontext()
    with exactly():
        assert getcontext() is EXACT
    with pytest.raises(ZeroDivisionError), exactly():
        quotient(1, 0)
    assert getcontext() is before


@pytest.mark.parametrize("days", [366, Decimal(366), Decimal("3.66E+2")])
def test_a_product_of_integers_is_a_number_of_days(days):
    """Arithmetic of rules gives Decimals, also of integers, and they count as days."""
    assert add_days(date(2026, 11, 15), days) == date(2027, 11, 16)


def test_a_day_beyond_the_calendar_is_an_error_of_arithmetic():
    """The language makes a missing value of it."""
    with pytest.raises(OverflowError):
        add_days(date(2026, 11, 15), 10**8)
