"""From an expression's text to its checked, typed tree, with every fault reported."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import msgspec

from decision_service.domain.factor import ValueType
from decision_service.domain.values import LARGEST_AMOUNT, exponent
from decision_service.rules.language import types as tree
from decision_service.rules.language.diagnostics import Place, Report, did_you_mean
from decision_service.rules.language.fields import day_hint, parse_day
from decision_service.rules.language.syntax import Parsed, parse
from decision_service.rules.language.yaml import MOST_DIGITS, Scalar, few_digits

LISTS = "lists."

_GOES_ON = re.compile(r"(and|or|not|in|if|else)\b|[-+*/<>=!]")
_TELLING = re.compile(r"[0-9<>]|[=!]=|[a-z]\.[a-z]")
_LONGEST_SHOWN = 60
_INPUTS = "inputs."
_SAME_TYPE = frozenset({"min", "max", "abs", "round", "floor", "coalesce"})
_DIVIDED = "divide it by an amount, such as a parameter of type money: `x / params.smallest_income`"
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
}
_TYPE_OF = {"+": tree.sum_type, "-": tree.sum_type, "*": tree.product_type, "/": tree.quotient_type}
_VERBS = {"+": "added to", "-": "reduced by", "*": "multiplied by", "/": "divided by"}


def warn_of_comment(scalar: Scalar, report: Report) -> None:
    """R313 where the comment after an expression reads like a part of it, or like another one."""
    # YAML ends a value at ` #`: a condition that goes on behind it would be cut without a word.
    comment = scalar.comment
    if comment is None or not (_continues(scalar, comment.text) or _compares(scalar, comment.text)):
        return
    shown = comment.text[:_LONGEST_SHOWN]
    message = f"the comment reads like an expression, and nothing of it counts: `{shown}`"
    hint = "remove the `#` if it belongs to the expression; else say it in words"
    report.warning("R313", comment.place, message, hint)


def _continues(scalar: Scalar, comment: str) -> bool:
    telling = _GOES_ON.match(comment) and _TELLING.search(comment)
    return bool(telling) and _parsed(scalar, f"{scalar.text} {comment}") is not None


def _compares(scalar: Scalar, comment: str) -> bool:
    parsed = _parsed(scalar, comment)
    return parsed is not None and any(
        isinstance(node, ast.Compare)
        or (isinstance(node, ast.Call) and parsed.source(node.func) in tree.SIGNATURES)
        for node in ast.walk(parsed.body)
    )


def _parsed(scalar: Scalar, text: str) -> Parsed | None:
    return parse(Scalar(text, plain=True, place=scalar.place, verbatim=False), Report())


def to_money(node: tree.Node, currency: str, report: Report) -> tree.Node | None:
    """Bare numbers as money in minor units, also `5000 if … else 500`; one too fine is refused."""
    # Literals alone: what is computed of names has a unit, and months must not become pesos.
    if node.type not in tree.NUMERIC or not _is_bare(node):
        return node
    if isinstance(node, tree.Constant):
        return _constant_to_money(node, currency, report)
    found = [to_money(part, currency, report) for part in _values(node)]
    parts = [part for part in found if part is not None]
    return _rebuilt(node, parts) if len(parts) == len(found) else None


def _values(node: tree.Node) -> tuple[tree.Node, ...]:
    """The parts that a value can come from unchanged."""
    match node:
        case tree.Choice():
            return (node.then, node.otherwise)
        case tree.Negative():
            return (node.operand,)
        case tree.FunctionCall() if node.function in _SAME_TYPE:
            return node.arguments
    return ()


def _is_bare(node: tree.Node) -> bool:
    if isinstance(node, tree.Constant):
        return True
    parts = _values(node)
    return bool(parts) and all(map(_is_bare, parts))


def _rebuilt(node: tree.Node, parts: Sequence[tree.Node]) -> tree.Node:
    match node:
        case tree.Choice():
            return replace(node, type=tree.MONEY, then=parts[0], otherwise=parts[1])
        case tree.Negative():
            return replace(node, type=tree.MONEY, operand=parts[0])
        case tree.FunctionCall():
            return replace(node, type=tree.MONEY, arguments=tuple(parts))
    raise AssertionError(node)


def _constant_to_money(
    constant: tree.Constant, currency: str, report: Report
) -> tree.Constant | None:
    if not isinstance(constant.value, int | Decimal):
        return constant
    minor = money_minor(Decimal(constant.value), currency)
    if minor is None:
        digits = exponent(currency)
        message = f"{constant.text} is no amount in {currency}"
        hint = f"at most 10^12, with at most {digits} digits after the point"
        report.error("R309", constant.place, message, hint)
        return None
    return replace(constant, type=tree.MONEY, value=minor)


def money_minor(amount: Decimal, currency: str) -> int | None:
    """An exact amount in major units as minor units; None where it is too large or too fine."""
    if abs(amount) > LARGEST_AMOUNT:
        return None
    minor = amount.scaleb(exponent(currency))
    return int(minor) if minor == minor.to_integral_value() else None


def to_date(node: tree.Node, _currency: str, report: Report) -> tree.Node | None:
    """A quoted `yyyy-mm-dd` as a date; other nodes stay, another text is refused."""
    if not isinstance(node, tree.Constant) or node.type is not tree.TEXT:
        return node
    day = parse_day(str(node.value))
    if day is None:
        report.error("R310", node.place, f"{node.text} is no date", day_hint(str(node.value)))
        return None
    return replace(node, type=tree.DATE, value=day)


_CONVERSIONS = {tree.MONEY: to_money, tree.DATE: to_date}


def fit_together(
    nodes: Sequence[tree.Node | None], currency: str, report: Report
) -> list[tree.Node | None]:
    """The nodes with bare literals as money or dates where one of the others is; None stays None.

    A literal that cannot be converted is reported and None.
    """
    types = {node.type for node in nodes if node is not None}
    for wanted in _CONVERSIONS:
        if wanted in types:
            return [fit(node, wanted, currency, report=report) for node in nodes]
    return list(nodes)


def fit(
    node: tree.Node | None, wanted: ValueType, currency: str, report: Report
) -> tree.Node | None:
    """The node with bare literals as the wanted type; other types stay."""
    convert = _CONVERSIONS.get(wanted)
    return node if convert is None or node is None else convert(node, currency, report)


def expect(node: tree.Node, expected: ValueType, currency: str, report: Report) -> tree.Node | None:
    """The node as the expected type; reported where it cannot be. An integer is a number too."""
    fitted = fit(node, expected, currency, report=report)
    if fitted is None:
        return None
    if fitted.type is expected or (expected is tree.NUMBER and fitted.type is tree.INTEGER):
        return fitted
    message = f"`{node.text}` is {tree.phrase(node.type)}; {tree.phrase(expected)} is needed here"
    money = node.type is tree.MONEY and expected is tree.NUMBER
    report.error("R305", node.place, message, _DIVIDED if money else "")
    return None


def compared(
    left: tree.Node, operator: str, right: tree.Node, place: Place, currency: str, report: Report
) -> tree.Node | None:
    """The comparison of two sides; None where they cannot be compared, reported at `place`."""
    words = f"`{left.text} {operator} {right.text}`"
    mixed = f"{tree.phrase(left.type)} cannot be compared with {tree.phrase(right.type)}: {words}"
    first, second = fit_together([left, right], currency, report)
    if first is None or second is None:
        return None
    shared = tree.joint((first.type, second.type))
    if shared is None:
        flag = {first.type, second.type} == {tree.FLAG, tree.TEXT}
        report.error("R304", place, mixed, "use true/false or the bare flag" if flag else "")
        return None
    if operator not in ("==", "!=") and shared not in tree.ORDERED:
        report.error("R304", place, f"{shared} has no order: {words}", "use `==` or `in`")
        return None
    if not (is_label(first, second, report) and is_label(second, first, report)):
        return None
    here = Place(left.place.file, left.place.line, left.place.column, end=right.place.end)
    return tree.Compare(operator, first, second, text=words[1:-1], place=here)


def options_of(
    operand: tree.Node, options: Sequence[tree.Node], place: Place, currency: str, report: Report
) -> tuple[tree.Literal, ...] | None:
    """The values after `in`, in the operand's type; None where they are not literals of it."""
    fitted = fit_together([operand, *options], currency, report)[1:]
    if None in fitted:
        return None
    constants = [o for o in fitted if isinstance(o, tree.Constant)]
    if not constants or len(constants) != len(options):
        message = "`in` takes literals in parentheses"
        hint = 'as in ("A", "B")'
        report.error("R303", place, message, hint)
        return None
    if tree.joint([operand.type, *(c.type for c in constants)]) is None:
        what = f"`{operand.text}` is {tree.phrase(operand.type)}"
        report.error("R304", place, f"{what}; not all of what follows `in` are")
        return None
    if [c for c in constants if not is_label(operand, c, report)]:
        return None
    return tuple(dict.fromkeys(c.value for c in constants))


def is_label(name: tree.Node, label: tree.Node, report: Report) -> bool:
    """Whether a literal is one of the labels that the name can have; reported where it is not."""
    if not (isinstance(name, tree.NameRead) and isinstance(label, tree.Constant)):
        return True
    labels = name.symbol.labels
    # A misspelt label is never equal, and a rule that never holds says nothing.
    if not labels or label.value in labels:
        return True
    message = f"`{name.text}` is never {label.text}"
    report.error("R308", label.place, message, did_you_mean(str(label.value), labels))
    return False


def listed(
    operand: tree.Node,
    right: Place,
    name: str,
    text: str,
    place: Place,
    scope: tree.Scope,
    report: Report,
) -> tree.Listed | None:
    """The question of a text input to a list; None where there is none, reported at its place."""
    # Inputs are known before anything is read, so that lists are asked when a decision begins.
    if not isinstance(operand, tree.NameRead) or not operand.symbol.name.startswith(_INPUTS):
        message = f"`{operand.text}` is no input, and lists are asked about inputs only"
        report.error("R319", operand.place, message, "write `inputs.NAME in lists.NAME`")
        return None
    if operand.type is not tree.TEXT:
        message = (
            f"the keys of lists are texts, and `{operand.text}` is {tree.phrase(operand.type)}"
        )
        report.error("R319", operand.place, message, "declare the input with `type: text`")
        return None
    answer = scope.listed(operand.symbol, name.removeprefix(LISTS))
    if isinstance(answer, tree.NameFault):
        report.error(answer.code, right, answer.message, answer.hint)
        return None
    list_ = name.removeprefix(LISTS)
    return tree.Listed(operand, list_, answer, text=text, place=place)


def read_expression(
    scalar: Scalar, scope: tree.Scope, report: Report, expected: ValueType | None = None
) -> tree.Node | None:
    """The typed tree of an expression, of the expected type where one is given.

    A number stands in for an expected integer only when it is one; an integer is a number; a bare
    literal is money where money is expected. None where anything was wrong, all of it reported.
    """
    parsed = parse(scalar, report)
    if parsed is None:
        return None
    warn_of_comment(scalar, report)
    checking = _Checking(parsed, scope, report)
    node = checking.check(parsed.body)
    if node is None or expected is None:
        return node
    return expect(node, expected, scope.currency, report=report)


class _Checking(msgspec.Struct):
    parsed: Parsed
    scope: tree.Scope
    report: Report

    def check(self, node: ast.expr) -> tree.Node | None:
        match node:
            case ast.Constant():
                return self._constant(node)
            case ast.Name() | ast.Attribute():
                return self._name(node)
            case ast.UnaryOp():
                return self._unary(node)
            case ast.BinOp():
                return self._arithmetic(node)
            case ast.BoolOp():
                return self._boolean(node)
            case ast.Compare():
                return self._comparison(node)
        return self._compound(node)

    def _compound(self, node: ast.expr) -> tree.Node | None:
        match node:
            case ast.IfExp():
                return self._choice(node)
            case ast.Call():
                return self._call(node)
        hint = "labels in parentheses follow `in` or `not in`"
        self._error("R303", node, f"`{self._source(node)}` cannot be here", hint=hint)
        return None

    def _constant(self, node: ast.Constant) -> tree.Node | None:
        place = self.parsed.place(node)
        source = self._source(node)
        if isinstance(node.value, str):
            return tree.Constant(tree.TEXT, node.value, text=source, place=place)
        # From the text, since `ast` has read a binary fraction: 0.35 would not be 0.35.
        text = self.parsed.numbers.get(self.parsed.span(node)[0], source)
        if not few_digits(text):
            self._error("R303", node, f"a number has at most {MOST_DIGITS} digits")
            return None
        if "." in text:
            return tree.Constant(tree.NUMBER, Decimal(text), text=source, place=place)
        return tree.Constant(tree.INTEGER, int(text), text=source, place=place)

    def _name(self, node: ast.Name | ast.Attribute) -> tree.Node | None:
        name = self._source(node)
        place = self.parsed.place(node)
        if name in ("true", "false"):
            return tree.Constant(tree.FLAG, name == "true", text=name, place=place)
        if name in tree.SIGNATURES:
            self._error("R210", node, f"the function `{name}` is without its arguments")
            return None
        found = self.scope.find(name)
        if isinstance(found, tree.NameFault):
            if found.code:
                self.report.error(found.code, place, found.message, found.hint)
            return None
        return tree.NameRead(found, text=name, place=place)

    def _unary(self, node: ast.UnaryOp) -> tree.Node | None:
        operand = self.check(node.operand)
        if operand is None:
            return None
        source = self._source(node)
        place = self.parsed.place(node)
        if isinstance(node.op, ast.Not):
            flag = self._flag(operand, "`not`")
            return flag and tree.Not(flag, text=source, place=place)
        if operand.type not in tree.NUMERIC and operand.type is not tree.MONEY:
            self._error("R304", node, f"{tree.phrase(operand.type)} has no minus: `{source}`")
            return None
        # -1 is a literal, so that it may be an amount and follow `in`.
        if isinstance(operand, tree.Constant) and isinstance(operand.value, int | Decimal):
            return tree.Constant(operand.type, -operand.value, text=source, place=place)
        return tree.Negative(operand.type, operand, text=source, place=place)

    def _boolean(self, node: ast.BoolOp) -> tree.Node | None:
        word = "`and`" if isinstance(node.op, ast.And) else "`or`"
        checked = [self.check(value) for value in node.values]
        flags = [c and self._flag(c, word) for c in checked]
        operands = tuple(f for f in flags if f is not None)
        if len(operands) != len(node.values):
            return None
        made = tree.All if isinstance(node.op, ast.And) else tree.Any
        return made(operands, text=self._source(node), place=self.parsed.place(node))

    def _flag(self, node: tree.Node, where: str) -> tree.Node | None:
        if node.type is tree.FLAG:
            return node
        hint = "compare it with something"
        message = f"{where} joins flags; `{node.text}` is {tree.phrase(node.type)}"
        self.report.error("R304", node.place, message, hint)
        return None

    def _arithmetic(self, node: ast.BinOp) -> tree.Node | None:
        left = self.check(node.left)
        right = self.check(node.right)
        if left is None or right is None:
            return None
        operator = _ARITHMETIC[type(node.op)]
        if operator in "+-":
            left, right = self._fit_together([left, right])
            if left is None or right is None:
                return None
        type_ = _TYPE_OF[operator](left.type, right.type)
        if type_ is None:
            words = (
                f"{tree.phrase(left.type)} cannot be {_VERBS[operator]} {tree.phrase(right.type)}"
            )
            self._error("R304", node, f"{words}: `{self._source(node)}`")
            return None
        place = self.parsed.place(node)
        text = self._source(node)
        return tree.Arithmetic(type_, operator, left, right=right, text=text, place=place)

    def _choice(self, node: ast.IfExp) -> tree.Node | None:
        then = self.check(node.body)
        condition = self.check(node.test)
        otherwise = self.check(node.orelse)
        flag = condition and self._flag(condition, "`if`")
        if then is None or flag is None or otherwise is None:
            return None
        then, otherwise = self._fit_together([then, otherwise])
        if then is None or otherwise is None:
            return None
        type_ = tree.joint((then.type, otherwise.type))
        if type_ is None:
            words = f"{tree.phrase(then.type)} and {tree.phrase(otherwise.type)}"
            self._error("R304", node, f"the two sides of `if` differ: {words}")
            return None
        place = self.parsed.place(node)
        text = self._source(node)
        return tree.Choice(type_, flag, then, otherwise=otherwise, text=text, place=place)

    def _comparison(self, node: ast.Compare) -> tree.Node | None:
        left = self.check(node.left)
        links: list[tree.Node | None] = []
        for op, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(op, ast.In | ast.NotIn):
                links.append(self._within(node, left, right, negated=isinstance(op, ast.NotIn)))
                left = None
                # Without a word here the rest would be dropped, and a line of the offer with it.
                if right is not node.comparators[-1]:
                    self._error("R303", node, "a comparison goes on after `in`", hint="use `and`")
            else:
                second = self.check(right)
                place = self.parsed.place(node)
                if left is None or second is None:
                    links.append(None)
                else:
                    operator = _COMPARISONS[type(op)]
                    currency = self.scope.currency
                    links.append(
                        compared(
                            left,
                            operator,
                            second,
                            place=place,
                            currency=currency,
                            report=self.report,
                        )
                    )
                # `a < b < c` is `a < b and b < c`, as in Python.
                left = second
        made = tuple(link for link in links if link is not None)
        if len(made) != len(links):
            return None
        place = self.parsed.place(node)
        return made[0] if len(made) == 1 else tree.All(made, text=self._source(node), place=place)

    def _within(
        self, node: ast.Compare, operand: tree.Node | None, right: ast.expr, *, negated: bool
    ) -> tree.Node | None:
        if self._source(right).startswith(LISTS):
            return self._listed(node, operand, right, negated=negated)
        elements = right.elts if isinstance(right, ast.Tuple) else [right]
        checked = [self.check(element) for element in elements]
        options = [option for option in checked if option is not None]
        if operand is None or len(options) != len(checked):
            return None
        place = self.parsed.place(right)
        currency = self.scope.currency
        values = options_of(operand, options, place, currency=currency, report=self.report)
        if values is None:
            return None
        text = self._source(node)
        place = self.parsed.place(node)
        return tree.Within(operand, values, negated, text=text, place=place)

    def _listed(
        self, node: ast.Compare, operand: tree.Node | None, right: ast.expr, *, negated: bool
    ) -> tree.Node | None:
        place = self.parsed.place(node)
        text = self._source(node)
        found = operand and listed(
            operand,
            self.parsed.place(right),
            self._source(right),
            text=text,
            place=place,
            scope=self.scope,
            report=self.report,
        )
        return tree.Not(found, text=text, place=place) if found and negated else found

    def _call(self, node: ast.Call) -> tree.Node | None:
        name = self._source(node.func)
        signature = tree.SIGNATURES.get(name)
        arguments = [self.check(a) for a in node.args]
        if signature is None:
            hint = tree.ELSEWHERE.get(name.lower()) or did_you_mean(name, tree.SIGNATURES)
            self._error("R210", node.func, f"there is no function `{name}`", hint=hint)
            return None
        if name in tree.ONLY_IN_CLAIMS and not self.scope.claims:
            message = f"`{name}` is for guarantees alone: no rule looks past a failure"
            self._error("R210", node.func, message, hint="a failure refers by itself")
            return None
        if not signature.fewest <= len(arguments) <= signature.most:
            message = f"`{name}` takes {signature.arguments}, not {len(arguments)}"
            self._error("R307", node, message, hint=f"write `{signature.usage}`")
            return None
        known = [a for a in arguments if a is not None]
        if len(known) != len(arguments):
            return None
        return self._typed_call(node, signature, known)

    def _typed_call(
        self, node: ast.Call, signature: tree.Signature, arguments: list[tree.Node]
    ) -> tree.Node | None:
        if signature.fixed:
            pairs = zip(arguments, signature.fixed, strict=True)
            currency = self.scope.currency
            report = self.report
            fitted = [expect(argument, type_, currency, report=report) for argument, type_ in pairs]
        else:
            fitted = self._fit_together(arguments)
        made = tuple(a for a in fitted if a is not None)
        if len(made) != len(arguments):
            return None
        type_ = signature.result(made)
        if type_ is None:
            given = ", ".join(tree.phrase(a.type) for a in arguments)
            message = f"`{signature.name}` cannot take {given}"
            self._error("R304", node, message, hint=f"write `{signature.usage}`")
            return None
        place = self.parsed.place(node)
        return tree.FunctionCall(type_, signature.name, made, text=self._source(node), place=place)

    def _fit_together(self, nodes: Sequence[tree.Node | None]) -> list[tree.Node | None]:
        return fit_together(nodes, self.scope.currency, self.report)

    def _source(self, node: ast.expr) -> str:
        return self.parsed.source(node)

    def _error(self, code: str, node: ast.expr, message: str, hint: str = "") -> None:
        self.report.error(code, self.parsed.place(node), message, hint)
