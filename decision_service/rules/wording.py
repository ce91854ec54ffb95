"""Values and comparisons in words, in the ruleset's currency."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from functools import partial
from math import ceil, floor
from typing import Any

import msgspec

from decision_service.domain.decision import ComparisonTrace, Truth
from decision_service.domain.factor import Value, ValueType
from decision_service.domain.values import currency_sign, exponent
from decision_service.rules.language import types as tree
from decision_service.rules.language.evaluation import Evaluate, Values, compile_tree, leaves
from decision_service.rules.language.types import Node
from decision_service.rules.language.values import EXACT, Unknown, from_runtime
from decision_service.rules.ranges import ValueRange

STEP = Decimal("0.0001")
"""What numbers are rounded to in words."""

# Numbers from 10 to this power on are not rounded: with STEP they might not fit in 34 digits.
_WHOLE = 28

_LONGEST = 40
_BEYOND = 10**_LONGEST
_MOST_CLOSURES = 20_000


def apart(one: Any, other: Any, *, money: bool) -> tuple[Any, Any] | None:
    """Both rounded apart, minor units whole, numbers to STEP; None if equal or no number."""
    if not (_is_number(one) and _is_number(other)) or one == other:
        return None
    # 0.12341 against 0.1234 would else be shown as a value that equals what it fails.
    modes = (ROUND_CEILING, ROUND_FLOOR) if one > other else (ROUND_FLOOR, ROUND_CEILING)
    return _rounded(one, modes[0], money=money), _rounded(other, modes[1], money=money)


def _is_number(value: Any) -> bool:
    if isinstance(value, Decimal):
        return value.is_finite() and value.adjusted() < _WHOLE
    return isinstance(value, int) and not isinstance(value, bool)


def _rounded(value: Decimal | int, mode: str, *, money: bool) -> Decimal | int:
    if isinstance(value, int) or money:
        return floor(value) if mode == ROUND_FLOOR else ceil(value)
    return value.quantize(STEP, mode, EXACT)


Seen = tuple[str, str, str, Value | None, Value | None]
"""A name, its value and the required one in words, and both as values, where they have one."""
Explain = Callable[[Values], Seen]
Find = Callable[[Values], Seen | None]
Tracer = Callable[[Values, Any], ComparisonTrace]


class WordedComparison(msgspec.Struct, frozen=True):
    """A comparison in words; `sides` are both values of the type, where two are compared."""

    type: ValueType
    subject: str
    operator: str
    against: str
    right: str
    actual: str
    sides: tuple[Any, Any] = (None, None)


Compare = Callable[[Values], WordedComparison]


@dataclass(frozen=True, slots=True)
class Wording:
    """Prints in one currency: `₱ 412.20`, `3`, `0.35`, `2026-11-24`, `GIG`, `true`."""

    currency: str
    _closures: dict[int, tuple[Node, Evaluate]] = field(
        default_factory=dict, compare=False, repr=False
    )
    _explained: dict[tuple[int, str], tuple[Node, Explain]] = field(
        default_factory=dict, compare=False, repr=False
    )

    _tracing: dict[int, tuple[Node, Sequence[Tracer]]] = field(
        default_factory=dict, compare=False, repr=False
    )

    def evaluated(self, node: Node, values: Values) -> Any:
        """The value of a part of the ruleset; call it inside `exactly()`."""
        found = self._closures.get(id(node))
        if found is None:
            if len(self._closures) >= _MOST_CLOSURES:
                self._closures.clear()
            # The node is kept, too: else another one might come to have its id.
            found = self._closures[id(node)] = (node, compile_tree(node))
        return found[1](values)

    def value(self, value: Any, type_: ValueType) -> str:
        # Most values are small counts, and need none of the questions below.
        if value.__class__ is int and type_ is not ValueType.MONEY and -_BEYOND < value < _BEYOND:
            return str(value)
        if value.__class__ is Unknown:
            return f"missing {value.shown.missing.cause}"
        if type_ is ValueType.MONEY:
            return self.money(value)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, Decimal):
            return _number(value)
        if isinstance(value, int) and not -_BEYOND < value < _BEYOND:
            return _number(Decimal(value))
        return str(value)

    def typed(self, value: Any, type_: ValueType) -> Value | None:
        """A value in its outside form; None where there is none."""
        if value is None or value.__class__ is Unknown:
            return None
        found = from_runtime("", value, type_, currency=self.currency)
        return None if isinstance(found, Unknown) else found

    def money(self, minor: Decimal | int) -> str:
        """An amount in minor units, rounded down, with its decimals only where there are any."""
        digits = exponent(self.currency)
        sign = currency_sign(self.currency)
        if isinstance(minor, Decimal) and minor.adjusted() > _LONGEST:
            return f"{sign} {minor.scaleb(-digits):.6E}"
        whole, rest = divmod(abs(floor(minor)), 10**digits)
        decimals = f".{rest:0{digits}d}" if rest else ""
        return f"{'-' if minor < 0 else ''}{sign} {whole:,}{decimals}"

    def span(self, span: ValueRange, type_: ValueType) -> str:
        """A span of values in words: `6 to 7`, `₱ 100 or more`."""
        low = None if span.low is None else self.value(span.low, type_)
        high = None if span.high is None else self.value(span.high, type_)
        if low is None or high is None:
            only = f"{low} or more" if low is not None else f"{high} or less"
            return only if low is not None or high is not None else "everything"
        if low == high:
            return low
        before = " (excluded)" if span.open_low else ""
        after = " (excluded)" if span.open_high else ""
        return f"{low}{before} to {high}{after}"

    def cell(self, span: ValueRange, type_: ValueType) -> str:
        """A span as a cell of a bin or table: `[6, 8)`, `>= 13`."""
        low = self._literal(span.low, type_)
        high = self._literal(span.high, type_)
        if high is None:
            return "-" if low is None else f"{'>' if span.open_low else '>='} {low}"
        if low is None:
            return f"{'<' if span.open_high else '<='} {high}"
        if low == high:
            return f"== {low}"
        return f"{'(' if span.open_low else '['}{low}, {high}{')' if span.open_high else ']'}"

    def _literal(self, value: Any, type_: ValueType) -> str | None:
        if type_ is ValueType.MONEY and value is not None:
            return _number(Decimal(value).scaleb(-exponent(self.currency)))
        return None if value is None else self.value(value, type_)

    def decisive(self, node: Node, values: Values, about: str = "") -> Seen:
        """Name, actual and required of the first comparison that made a condition true.

        Where one that is `about` a name did, it is that one. `required` is the comparison's
        contrary: what would have had to be so. Call it inside `exactly()`.
        """
        found = self._explained.get((id(node), about))
        if found is None:
            explain = self._explaining(node, truth=True)
            if about:
                # If the named one did not help to make it true, a reason that shows it would be
                # untrue.
                explain = _either(self._finding(node, about, truth=True), explain)
            found = self._explained[(id(node), about)] = (node, explain)
        return found[1](values)

    def _finding(self, node: Node, about: str, *, truth: bool) -> Find:
        """A function from values to the comparison about a name that gave a condition its truth."""
        match node:
            case tree.Not():
                return self._finding(node.operand, about, truth=not truth)
            case tree.All() | tree.Any():
                parts = [(o, self._finding(o, about, truth=truth)) for o in node.operands]
                return self._found_among([p for p in parts if _reads(p[0], about)], truth=truth)
            case tree.Compare() if not _reads(node.left, about):
                # Named on the right, it is still the subject of the sentence.
                return self._explaining(_turned(node), truth=truth)
        return self._explaining(node, truth=truth)

    def _found_among(self, parts: Sequence[tuple[Node, Find]], *, truth: bool) -> Find:
        def find(values: Values) -> Seen | None:
            holding = (each for node, each in parts if self.evaluated(node, values) is truth)
            return next((found for each in holding if (found := each(values))), None)

        return find

    def _explaining(self, node: Node, *, truth: bool) -> Explain:
        """A function from values to the comparison that gave a condition its truth."""
        match node:
            case tree.Not():
                return self._explaining(node.operand, truth=not truth)
            case tree.All() | tree.Any():
                parts = [(o, self._explaining(o, truth=truth)) for o in node.operands]
                # A true `and` and a false `or` need each operand, of which the first is shown.
                every = isinstance(node, tree.All) is truth
                return parts[0][1] if every else self._first(parts, truth=truth)
            case tree.Compare(left=tree.NameRead() as name, right=tree.Constant() as against):
                return self._read_against_constant(node, name, against, truth=truth)
        return self._any_leaf(node, truth=truth)

    def _first(self, parts: Sequence[tuple[Node, Explain]], *, truth: bool) -> Explain:
        def explain(values: Values) -> Seen:
            for node, explaining in parts:
                if self.evaluated(node, values) is truth:
                    return explaining(values)
            return parts[0][1](values)

        return explain

    def _read_against_constant(
        self, leaf: tree.Compare, name: tree.NameRead, against: tree.Constant, *, truth: bool
    ) -> Explain:
        operator = _contrary(leaf.operator) if truth else leaf.operator
        required = self.value(against.value, against.type)
        slot = name.symbol.slot
        type_ = name.type
        text = name.text
        limit = self.typed(against.value, against.type)

        def explain(values: Values) -> Seen:
            actual = self.value(values[slot], type_)
            other = required
            # In print a value must not equal the bound that it misses.
            if actual == required:
                actual, other = self._apart(values[slot], against.value, type_, shown=required)
            return text, actual, f"{operator} {other}", self.typed(values[slot], type_), limit

        return explain

    def _any_leaf(self, leaf: Node, *, truth: bool) -> Explain:
        compared = self._comparing(leaf)

        def explain(values: Values) -> Seen:
            comparison = compared(values)
            operator = _contrary(comparison.operator) if truth else comparison.operator
            sides = [self.typed(side, comparison.type) for side in comparison.sides]
            required = f"{operator} {comparison.against}".strip()
            return comparison.subject, comparison.actual, required, sides[0], sides[1]

        return explain

    def _comparing(self, leaf: Node) -> Compare:
        """A function from values to one comparison of them; it is called inside `exactly()`."""
        match leaf:
            case tree.Compare():
                return self._two_sides(leaf)
            case tree.Within():
                return partial(self._among, leaf)
            case tree.Listed():
                return partial(self._listed, leaf, "in")
            case tree.Not(operand=tree.Listed() as asked):
                return partial(self._listed, asked, "not in")
            case tree.FunctionCall(function="known" | "missing"):
                return partial(self._known, leaf)
        return partial(self._flag, leaf)

    def _flag(self, leaf: Node, values: Values) -> WordedComparison:
        shown = self._shown(leaf, values)
        return WordedComparison(
            leaf.type, leaf.text, "", against="true", right="true", actual=shown
        )

    def _known(self, leaf: tree.FunctionCall, values: Values) -> WordedComparison:
        asked = leaf.arguments[0]
        word = leaf.function
        gone = isinstance(self.evaluated(asked, values), Unknown)
        actual = "missing" if gone else "known"
        return WordedComparison(asked.type, asked.text, "", against=word, right=word, actual=actual)

    def _listed(self, leaf: tree.Listed, word: str, values: Values) -> WordedComparison:
        name = f"lists.{leaf.list}"
        actual = self._shown(leaf.operand, values)
        return WordedComparison(
            leaf.operand.type, leaf.operand.text, word, against=name, right=name, actual=actual
        )

    def _among(self, leaf: tree.Within, values: Values) -> WordedComparison:
        type_ = leaf.operand.type
        options = [self.value(option, type_) for option in leaf.options]
        word = "not in" if leaf.negated else "in"
        shown = f"({', '.join(options)})"
        value = self.evaluated(leaf.operand, values)
        actual = self.value(value, type_)
        for option, text in zip(leaf.options, options, strict=True):
            if text == actual and value not in leaf.options:
                actual, _ = self._apart(value, option, type_, shown=actual)
        sides = (value, None)
        text = leaf.operand.text
        return WordedComparison(
            type_, text, word, against=shown, right=shown, actual=actual, sides=sides
        )

    def _apart(self, one: Any, other: Any, type_: ValueType, shown: str) -> tuple[str, str]:
        both = apart(one, other, money=type_ is ValueType.MONEY)
        return (
            (shown, shown)
            if both is None
            else (self.value(both[0], type_), self.value(both[1], type_))
        )

    def _two_sides(self, leaf: tree.Compare) -> Compare:
        # A figure says nothing of the applicant: the side with a name is the subject.
        only_right = tree.reads(leaf.right) and not tree.reads(leaf.left)
        turned = _turned(leaf) if only_right else leaf
        left = turned.left
        operator = turned.operator
        right = turned.right
        left_type = left.type
        right_type = right.type
        fixed = partial(WordedComparison, left_type, left.text, operator)

        def compared(values: Values) -> WordedComparison:
            one = self.evaluated(left, values)
            other = self.evaluated(right, values)
            actual = self.value(one, left_type)
            against = self.value(other, right_type)
            if actual == against:
                actual, against = self._apart(one, other, left_type, shown=actual)
            return fixed(against, right.text, actual, (one, other))

        return compared

    def _shown(self, node: Node, values: Values) -> str:
        return self.value(self.evaluated(node, values), node.type)

    def comparisons(
        self, node: Node, values: Values, weighed: Sequence[Any]
    ) -> tuple[ComparisonTrace, ...]:
        """Every comparison of a condition, weighed already; call it inside `exactly()`."""
        found = self._tracing.get(id(node))
        if found is None:
            found = self._tracing[id(node)] = (node, [self._tracer(leaf) for leaf in leaves(node)])
        pairs = zip(found[1], weighed, strict=True)
        return tuple([trace(values, truth) for trace, truth in pairs])

    def _tracer(self, leaf: Node) -> Tracer:
        """A function from values and a truth to one comparison; its constants are printed once."""
        match leaf:
            case tree.Compare(left=tree.NameRead() as name, right=tree.Constant() as against):
                required = self.value(against.value, against.type)
                slot = name.symbol.slot
                type_ = name.type
                fixed = partial(ComparisonTrace, name.text, leaf.operator, against.text)

                def trace(values: Values, truth: Any) -> ComparisonTrace:
                    actual = self.value(values[slot], type_)
                    if actual != required:
                        return fixed(actual, required, truth_of(truth))
                    both = self._apart(values[slot], against.value, type_, shown=required)
                    return fixed(*both, truth_of(truth))

                return trace
        return partial(self._traced, self._comparing(leaf))

    def _traced(self, compared: Compare, values: Values, truth: Any) -> ComparisonTrace:
        found = compared(values)
        left = found.subject
        actual = found.actual
        required = found.against
        return ComparisonTrace(
            left,
            found.operator,
            found.right,
            actual=actual,
            required=required,
            truth=truth_of(truth),
        )


def _either(find: Find, otherwise: Explain) -> Explain:
    def explain(values: Values) -> Seen:
        return find(values) or otherwise(values)

    return explain


def _reads(node: Node, name: str) -> bool:
    return any(symbol.name == name for symbol in tree.reads(node))


def _turned(leaf: tree.Compare) -> tree.Compare:
    operator = tree.MIRRORED[leaf.operator]
    return tree.Compare(operator, leaf.right, leaf.left, text=leaf.text, place=leaf.place)


def truth_of(value: Any) -> Truth:
    """TRUE and FALSE for flags, UNKNOWN for everything else."""
    if value is True:
        return Truth.TRUE
    return Truth.FALSE if value is False else Truth.UNKNOWN


def _contrary(operator: str) -> str:
    if operator in ("in", "not in"):
        return "not in" if operator == "in" else "in"
    return tree.CONTRARY.get(operator, "not")


def _number(value: Decimal) -> str:
    if value.adjusted() > _LONGEST or not value.is_finite():
        return f"{value:.6E}"
    rounded = value.quantize(STEP, ROUND_HALF_EVEN, EXACT) if value.adjusted() < _WHOLE else value
    return f"{rounded.normalize(EXACT):f}"
