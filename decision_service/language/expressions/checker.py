"""From an expression's text to its checked, typed tree, with every fault reported."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from decision_service.domain.factor import ValueType
from decision_service.language.diagnostics import Report, did_you_mean
from decision_service.language.expressions import tree
from decision_service.language.expressions.comments import warn_of_comment
from decision_service.language.expressions.comparisons import compared, options_of
from decision_service.language.expressions.fitting import expect, fit_together
from decision_service.language.expressions.lists import LISTS, listed
from decision_service.language.expressions.parser import Parsed, parse
from decision_service.language.expressions.signatures import (
    ELSEWHERE,
    ONLY_IN_CLAIMS,
    SIGNATURES,
    Signature,
)
from decision_service.language.expressions.tree import Node
from decision_service.language.types import (
    FLAG,
    INTEGER,
    MONEY,
    NUMBER,
    NUMERIC,
    TEXT,
    NameFault,
    Scope,
    joint,
    phrase,
    product_type,
    quotient_type,
    sum_type,
)
from decision_service.language.yaml.nodes import MOST_DIGITS, Scalar, few_digits

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
_TYPE_OF = {"+": sum_type, "-": sum_type, "*": product_type, "/": quotient_type}
_VERBS = {"+": "added to", "-": "reduced by", "*": "multiplied by", "/": "divided by"}


def read_expression(
    scalar: Scalar, scope: Scope, report: Report, expected: ValueType | None = None
) -> Node | None:
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
    return expect(node, expected, scope.currency, report)


class _Checking(msgspec.Struct):
    parsed: Parsed
    scope: Scope
    report: Report

    def check(self, node: ast.expr) -> Node | None:
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

    def _compound(self, node: ast.expr) -> Node | None:
        match node:
            case ast.IfExp():
                return self._choice(node)
            case ast.Call():
                return self._call(node)
        hint = "labels in parentheses follow `in` or `not in`"
        self._error("R303", node, f"`{self._source(node)}` cannot stand here", hint)
        return None

    # Leaves

    def _constant(self, node: ast.Constant) -> Node | None:
        place, source = self.parsed.place(node), self._source(node)
        if isinstance(node.value, str):
            return tree.Constant(TEXT, node.value, text=source, place=place)
        text = self.parsed.numbers.get(self.parsed.span(node)[0], source)
        if not few_digits(text):
            self._error("R303", node, f"a number has at most {MOST_DIGITS} digits")
            return None
        if "." in text:
            return tree.Constant(NUMBER, Decimal(text), text=source, place=place)
        return tree.Constant(INTEGER, int(text), text=source, place=place)

    def _name(self, node: ast.Name | ast.Attribute) -> Node | None:
        name, place = self._source(node), self.parsed.place(node)
        if name in ("true", "false"):
            return tree.Constant(FLAG, name == "true", text=name, place=place)
        if name in SIGNATURES:
            self._error("R210", node, f"the function `{name}` stands without its arguments")
            return None
        found = self.scope.find(name)
        if isinstance(found, NameFault):
            if found.code:
                self.report.error(found.code, place, found.message, found.hint)
            return None
        return tree.NameRead(found, text=name, place=place)

    # Operators

    def _unary(self, node: ast.UnaryOp) -> Node | None:
        operand = self.check(node.operand)
        if operand is None:
            return None
        source, place = self._source(node), self.parsed.place(node)
        if isinstance(node.op, ast.Not):
            flag = self._flag(operand, "`not`")
            return flag and tree.Not(flag, text=source, place=place)
        if operand.type not in NUMERIC and operand.type is not MONEY:
            self._error("R304", node, f"{phrase(operand.type)} has no minus: `{source}`")
            return None
        if isinstance(operand, tree.Constant) and isinstance(operand.value, int | Decimal):
            return tree.Constant(operand.type, -operand.value, text=source, place=place)
        return tree.Negative(operand.type, operand, text=source, place=place)

    def _boolean(self, node: ast.BoolOp) -> Node | None:
        word = "`and`" if isinstance(node.op, ast.And) else "`or`"
        checked = [self.check(value) for value in node.values]
        flags = [c and self._flag(c, word) for c in checked]
        operands = tuple(f for f in flags if f is not None)
        if len(operands) != len(node.values):
            return None
        made = tree.All if isinstance(node.op, ast.And) else tree.Any
        return made(operands, text=self._source(node), place=self.parsed.place(node))

    def _flag(self, node: Node, where: str) -> Node | None:
        if node.type is FLAG:
            return node
        hint = "compare it with something"
        message = f"{where} joins flags; `{node.text}` is {phrase(node.type)}"
        self.report.error("R304", node.place, message, hint)
        return None

    def _arithmetic(self, node: ast.BinOp) -> Node | None:
        left, right = self.check(node.left), self.check(node.right)
        if left is None or right is None:
            return None
        operator = _ARITHMETIC[type(node.op)]
        if operator in "+-":
            left, right = self._fit_together([left, right])
            if left is None or right is None:
                return None
        type_ = _TYPE_OF[operator](left.type, right.type)
        if type_ is None:
            words = f"{phrase(left.type)} cannot be {_VERBS[operator]} {phrase(right.type)}"
            self._error("R304", node, f"{words}: `{self._source(node)}`")
            return None
        place = self.parsed.place(node)
        return tree.Arithmetic(type_, operator, left, right, text=self._source(node), place=place)

    def _choice(self, node: ast.IfExp) -> Node | None:
        then, condition = self.check(node.body), self.check(node.test)
        otherwise = self.check(node.orelse)
        flag = condition and self._flag(condition, "`if`")
        if then is None or flag is None or otherwise is None:
            return None
        then, otherwise = self._fit_together([then, otherwise])
        if then is None or otherwise is None:
            return None
        type_ = joint((then.type, otherwise.type))
        if type_ is None:
            words = f"{phrase(then.type)} and {phrase(otherwise.type)}"
            self._error("R304", node, f"the two sides of `if` differ: {words}")
            return None
        place = self.parsed.place(node)
        return tree.Choice(type_, flag, then, otherwise, text=self._source(node), place=place)

    # Comparisons

    def _comparison(self, node: ast.Compare) -> Node | None:
        left = self.check(node.left)
        links: list[Node | None] = []
        for op, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(op, ast.In | ast.NotIn):
                links.append(self._within(node, left, right, negated=isinstance(op, ast.NotIn)))
                left = None
            else:
                second = self.check(right)
                links.append(self._pair(node, left, _COMPARISONS[type(op)], second))
                left = second
        made = tuple(link for link in links if link is not None)
        if len(made) != len(links):
            return None
        place = self.parsed.place(node)
        return made[0] if len(made) == 1 else tree.All(made, text=self._source(node), place=place)

    def _pair(
        self, node: ast.Compare, left: Node | None, operator: str, right: Node | None
    ) -> Node | None:
        if left is None or right is None:
            return None
        place = self.parsed.place(node)
        return compared(left, operator, right, place, self.scope.currency, self.report)

    def _within(
        self, node: ast.Compare, operand: Node | None, right: ast.expr, *, negated: bool
    ) -> Node | None:
        if self._source(right).startswith(LISTS):
            return self._listed(node, operand, right, negated=negated)
        elements = right.elts if isinstance(right, ast.Tuple) else [right]
        checked = [self.check(element) for element in elements]
        options = [option for option in checked if option is not None]
        if operand is None or len(options) != len(checked):
            return None
        place, currency = self.parsed.place(right), self.scope.currency
        values = options_of(operand, options, place, currency, self.report)
        if values is None:
            return None
        text, place = self._source(node), self.parsed.place(node)
        return tree.Within(operand, values, negated, text=text, place=place)

    def _listed(
        self, node: ast.Compare, operand: Node | None, right: ast.expr, *, negated: bool
    ) -> Node | None:
        place, text = self.parsed.place(node), self._source(node)
        where = (self.parsed.place(right), self._source(right))
        found = operand and listed(operand, *where, text, place, self.scope, self.report)
        return tree.Not(found, text=text, place=place) if found and negated else found

    # Functions

    def _call(self, node: ast.Call) -> Node | None:
        name = self._source(node.func)
        signature = SIGNATURES.get(name)
        arguments = [self.check(a) for a in node.args]
        if signature is None:
            hint = ELSEWHERE.get(name.lower()) or did_you_mean(name, SIGNATURES)
            self._error("R210", node.func, f"there is no function `{name}`", hint)
            return None
        if name in ONLY_IN_CLAIMS and not self.scope.claims:
            message = f"`{name}` stands in guarantees alone: no rule looks past a failure"
            self._error("R210", node.func, message, "a failure refers by itself")
            return None
        if not signature.fewest <= len(arguments) <= signature.most:
            message = f"`{name}` takes {signature.arguments}, not {len(arguments)}"
            self._error("R307", node, message, f"write `{signature.usage}`")
            return None
        known = [a for a in arguments if a is not None]
        if len(known) != len(arguments):
            return None
        return self._typed_call(node, signature, known)

    def _typed_call(
        self, node: ast.Call, signature: Signature, arguments: list[Node]
    ) -> Node | None:
        if signature.fixed:
            pairs = zip(arguments, signature.fixed, strict=True)
            currency, report = self.scope.currency, self.report
            fitted = [expect(argument, type_, currency, report) for argument, type_ in pairs]
        else:
            fitted = self._fit_together(arguments)
        made = tuple(a for a in fitted if a is not None)
        if len(made) != len(arguments):
            return None
        type_ = signature.result(made)
        if type_ is None:
            given = ", ".join(phrase(a.type) for a in arguments)
            message = f"`{signature.name}` cannot take {given}"
            self._error("R304", node, message, f"write `{signature.usage}`")
            return None
        place = self.parsed.place(node)
        return tree.FunctionCall(type_, signature.name, made, text=self._source(node), place=place)

    def _fit_together(self, nodes: Sequence[Node | None]) -> list[Node | None]:
        return fit_together(nodes, self.scope.currency, self.report)

    def _source(self, node: ast.expr) -> str:
        return self.parsed.source(node)

    def _error(self, code: str, node: ast.expr, message: str, hint: str = "") -> None:
        self.report.error(code, self.parsed.place(node), message, hint)
