"""Expressions interpreted node by node, with truth tables for holes: what is not there, and why."""

from __future__ import annotations

import ast
import operator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal, Overflow, localcontext
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

ABSENT = frozenset(
    {
        "NO_DATA",
        "SHORT_HISTORY",
        "NOT_CONNECTED",
        "NO_EVIDENCE",
        "UNKNOWN_PROVIDER",
        "DIVISION_BY_ZERO",
        "UNDEFINED",
        "NOT_SENT",
    }
)

FAILURE = {
    "SOURCE_FAILED": "SOURCE_FAILED",
    "PARTIAL": "PARTIAL_DATA",
    "STALE": "STALE_DATA",
    "BAD_DATA": "SOURCE_FAILED",
    "MIXED_CURRENCY": "MIXED_CURRENCY",
    "UNCLASSIFIED": "UNCLASSIFIED_TRANSACTIONS",
    "EXPIRED": "DATA_EXPIRED",
    "NOT_FETCHED": "SOURCE_FAILED",
    "NOT_YET_POSTED": "NOT_YET_POSTED",
    "CHANGED_WHILE_READING": "DATA_CHANGED_DURING_READ",
    "NOT_APPLIED": "RULE_ERROR",
}

T, F, U = "TRUE", "FALSE", "UNKNOWN"

AND = {
    (T, T): T, (T, F): F, (T, U): U,
    (F, T): F, (F, F): F, (F, U): F,
    (U, T): U, (U, F): F, (U, U): U,
}  # fmt: skip

OR = {
    (T, T): T, (T, F): T, (T, U): T,
    (F, T): T, (F, F): F, (F, U): U,
    (U, T): T, (U, F): U, (U, U): U,
}  # fmt: skip


@dataclass(frozen=True)
class Hole:
    """One name without a value; `code` is the failure's own reason, where it has one."""

    name: str
    cause: str
    code: str = ""

    @property
    def tainted(self) -> bool:
        return self.cause not in ABSENT

    @property
    def reason(self) -> str:
        return self.code or FAILURE.get(self.cause, "DATA_MISSING")


@dataclass(frozen=True)
class Gone:
    """No value, because of one hole or more, in the order in which they are read."""

    holes: tuple[Hole, ...]

    @property
    def tainted(self) -> bool:
        return any(hole.tainted for hole in self.holes)

    @property
    def shown(self) -> Hole:
        """A failure is shown before what is absent, as its remedy is the one that helps."""
        return ([h for h in self.holes if h.tainted] or list(self.holes))[0]


def gone(name: str, cause: str, code: str = "") -> Gone:
    return Gone((Hole(name, cause, code),))


def no_result(name: str) -> Gone:
    """The rule itself has no result; nothing looks past that."""
    return gone(name, "BAD_DATA", "RULE_ERROR")


def together(values: Iterable[Any]) -> Gone | None:
    """All the holes of several values, each name once; None where every value is there."""
    holes: dict[str, Hole] = {}
    for value in values:
        if isinstance(value, Gone):
            for hole in value.holes:
                holes[hole.name] = hole
    return Gone(tuple(holes.values())) if holes else None


def truth(value: Any) -> str:
    """The third value is everything that is not there."""
    return U if isinstance(value, Gone) else (T if value else F)


def joined(values: list[Any], table: dict[tuple[str, str], str]) -> Any:
    """Several flags by a truth table, with the holes of all that are open where it is."""
    word = truth(values[0])
    for value in values[1:]:
        word = table[(word, truth(value))]
    return together(values) if word == U else word == T


DIGITS = Context(prec=34, rounding=ROUND_HALF_EVEN)

COMPARE = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip

Env = dict[str, Any]


@dataclass(frozen=True)
class Expression:
    """A text and what Python's parser makes of it."""

    text: str
    body: ast.expr

    def part(self, node: ast.expr) -> str:
        return ast.get_source_segment(self.text, node) or ""


@cache
def expression(text: str) -> Expression:
    return Expression(text.strip(), ast.parse(text.strip(), mode="eval").body)


def worth(text: str, env: Env) -> Any:
    """What an expression comes to: a value, or Gone."""
    written = expression(text)
    return _worth(written, written.body, env)


def _worth(e: Expression, node: ast.expr, env: Env) -> Any:
    match node:
        case ast.Constant(value=str()):
            return node.value
        case ast.Constant():
            return Decimal(e.part(node))
        case ast.Name(id=word):
            return word == "true"
        case ast.Attribute():
            return env[e.part(node)]
        case ast.UnaryOp():
            return _unary(e, node, env)
        case ast.BinOp():
            return _arithmetic(e, node, env)
        case ast.Call():
            return _call(e, node, env)
    return _condition(e, node, env)


def _condition(e: Expression, node: ast.expr, env: Env) -> Any:
    match node:
        case ast.BoolOp():
            values = [_worth(e, v, env) for v in node.values]
            return joined(values, AND if isinstance(node.op, ast.And) else OR)
        case ast.Compare():
            return joined([pair.holds(e, env) for pair in pairs(node)], AND)
        case ast.IfExp():
            chosen = _worth(e, node.test, env)
            if isinstance(chosen, Gone):
                return chosen
            return _worth(e, node.body if chosen else node.orelse, env)
    raise AssertionError(ast.dump(node))


def _unary(e: Expression, node: ast.UnaryOp, env: Env) -> Any:
    value = _worth(e, node.operand, env)
    if isinstance(value, Gone):
        return value
    return not value if isinstance(node.op, ast.Not) else -value


@dataclass(frozen=True)
class Pair:
    """One link of a chain of comparisons."""

    left: ast.expr
    op: ast.cmpop
    right: ast.expr

    def holds(self, e: Expression, env: Env) -> Any:
        """True, False or Gone."""
        left = _worth(e, self.left, env)
        if isinstance(self.op, ast.In | ast.NotIn):
            if isinstance(left, Gone):
                return left
            items = self.right.elts if isinstance(self.right, ast.Tuple) else [self.right]
            among = [alike(left, _worth(e, item, env))[1] for item in items]
            return (left in among) is isinstance(self.op, ast.In)
        right = _worth(e, self.right, env)
        missing = together([left, right])
        if missing is not None:
            return missing
        return COMPARE[type(self.op)](*alike(left, right))


def pairs(node: ast.Compare) -> list[Pair]:
    """`3 <= x < 6` is `3 <= x` and `x < 6`."""
    sides = [node.left, *node.comparators]
    return [Pair(a, op, b) for a, op, b in zip(sides, node.ops, sides[1:], strict=False)]


def alike(left: Any, right: Any) -> tuple[Any, Any]:
    """Quoted text beside a date is a date."""
    if isinstance(left, date) and isinstance(right, str):
        return left, date.fromisoformat(right)
    if isinstance(right, date) and isinstance(left, str):
        return date.fromisoformat(left), right
    return left, right


def _arithmetic(e: Expression, node: ast.BinOp, env: Env) -> Any:
    left, right = _worth(e, node.left, env), _worth(e, node.right, env)
    missing = together([left, right])
    if missing is not None:
        return missing
    with localcontext(DIGITS):
        match node.op:
            case ast.Add():
                return left + right
            case ast.Sub():
                return left - right
            case ast.Mult():
                return left * right
        return left / right if right else gone(e.part(node.right), "DIVISION_BY_ZERO")


def _call(e: Expression, node: ast.Call, env: Env) -> Any:
    name = e.part(node.func)
    if name == "coalesce":
        return _coalesce(e, node.args, env)
    values = [_worth(e, argument, env) for argument in node.args]
    if name in ("known", "missing"):
        if isinstance(values[0], Gone):
            return values[0] if values[0].tainted else name == "missing"
        return name == "known"
    missing = together(values)
    if missing is not None:
        return missing
    with localcontext(DIGITS):
        try:
            return FUNCTIONS[name](*values)
        except ZeroDivisionError:
            return gone(e.part(node.args[-1]), "DIVISION_BY_ZERO")
        except Nowhere:
            return gone(e.part(node.args[0]), "UNDEFINED")
        except Overflow:
            return no_result(e.part(node))


def _coalesce(e: Expression, arguments: list[ast.expr], env: Env) -> Any:
    """The first that is not absent; a failure ends the search."""
    seen = []
    for argument in arguments:
        value = _worth(e, argument, env)
        if not isinstance(value, Gone) or value.tainted:
            return value
        seen.append(value)
    return together(seen)


def _floor(x: Decimal, step: Decimal) -> Decimal:
    if step == 0:
        raise ZeroDivisionError
    return _steps(x, step).to_integral_value(ROUND_FLOOR) * abs(step)


def _round(x: Decimal, step: Decimal) -> Decimal:
    if step == 0:
        raise ZeroDivisionError
    return _steps(x, step).to_integral_value(ROUND_HALF_EVEN) * abs(step)


def _steps(x: Decimal, step: Decimal) -> Decimal:
    """How many steps a value is; more than 34 digits of them cannot be told apart."""
    steps = x / abs(step)
    if abs(steps) >= Decimal(10) ** DIGITS.prec:
        raise Overflow
    return steps


def _discount(rate: Decimal, months: Decimal) -> Decimal:
    return 1 - (1 + rate) ** -months


def _annuity(amount: Decimal, rate: Decimal, months: Decimal) -> Decimal:
    if months == 0:
        raise ZeroDivisionError
    return amount / months if rate == 0 else amount * rate / _discount(rate, months)


def _annuity_amount(payment: Decimal, rate: Decimal, months: Decimal) -> Decimal:
    return payment * months if rate == 0 else payment * _discount(rate, months) / rate


class Nowhere(Exception):
    """A function is asked for a value where it has none."""


def _precisely(function: Callable[..., Decimal], *arguments: Decimal) -> Decimal:
    """A result of a hundred digits, cut to those of the language."""
    with localcontext(Context(prec=100, rounding=ROUND_HALF_EVEN, Emax=6144, Emin=-6143)):
        result = function(*arguments)
    return +result


def _exp(x: Decimal) -> Decimal:
    """The series of a small share of x, squared back up."""
    halvings = max(0, x.adjusted() + 1) * 4 + 8
    share = x / 2**halvings
    term = total = Decimal(1)
    for n in range(1, 60):
        term *= share / n
        total += term
    for _ in range(halvings):
        total *= total
    return total


def _ln(x: Decimal) -> Decimal:
    if x <= 0:
        raise Nowhere
    return x.ln()


FUNCTIONS = {
    "exp": lambda x: _precisely(_exp, x),
    "ln": lambda x: _precisely(_ln, x),
    "min": min, "max": max, "abs": abs, "floor": _floor, "round": _round,
    "annuity": _annuity, "annuity_amount": _annuity_amount,
    "add_days": lambda day, days: day + timedelta(days=int(days)),
}  # fmt: skip


def names(text: str) -> set[str]:
    """The names that an expression reads."""
    e = expression(text)
    return {e.part(node) for node in ast.walk(e.body) if isinstance(node, ast.Attribute)}


def operands(text: str) -> list[str]:
    """The conditions that an `and` joins; of another text itself."""
    e = expression(text)
    joins = isinstance(e.body, ast.BoolOp) and isinstance(e.body.op, ast.And)
    return [e.part(part) for part in (e.body.values if joins else [e.body])]


def is_money(text: str, kinds: dict[str, str]) -> bool:
    e = expression(text)
    return _is_money(e, e.body, kinds)


def _is_money(e: Expression, node: ast.expr, kinds: dict[str, str]) -> bool:
    match node:
        case ast.Attribute():
            return kinds[e.part(node)] == "money"
        case ast.UnaryOp():
            return _is_money(e, node.operand, kinds)
        case ast.BinOp(op=ast.Div()):
            left, right = (_is_money(e, n, kinds) for n in (node.left, node.right))
            return left and not right
        case ast.BinOp():
            return any(_is_money(e, n, kinds) for n in (node.left, node.right))
        case ast.IfExp():
            return any(_is_money(e, n, kinds) for n in (node.body, node.orelse))
        case ast.Call(func=ast.Name(id="min" | "max" | "coalesce")):
            return any(_is_money(e, n, kinds) for n in node.args)
        case ast.Call(func=ast.Name(id="known" | "missing" | "add_days")):
            return False
        case ast.Call():
            return _is_money(e, node.args[0], kinds)
    return False


def deciding(text: str, env: Env, *, value: bool = True) -> str:
    """The left side of the first comparison that gave a condition its truth."""
    e = expression(text)
    return _deciding(e, e.body, env, value=value)


def _deciding(e: Expression, node: ast.expr, env: Env, *, value: bool) -> str:
    match node:
        case ast.UnaryOp(op=ast.Not()):
            return _deciding(e, node.operand, env, value=not value)
        case ast.BoolOp():
            found = [n for n in node.values if _worth(e, n, env) is value]
            return _deciding(e, found[0], env, value=value)
        case ast.Compare():
            pair = next(p for p in pairs(node) if p.holds(e, env) is value)
            return e.part(_judged(pair))
        case ast.Call(func=ast.Name(id="known" | "missing")):
            return e.part(node.args[0])
    return e.part(node)


def told(text: str, env: Env, about: str) -> str:
    """The side with a name of the first comparison with it that made a condition true.

    Where no such comparison did, what made it true.
    """
    e = expression(text)
    sides = _sides(e, e.body, env, about, value=True)
    return next((e.part(side) for side in sides), "") or deciding(text, env)


def _sides(
    e: Expression, node: ast.expr, env: Env, about: str, *, value: bool
) -> Iterator[ast.expr]:
    """The sides with a name of the comparisons that gave a condition its truth, in order."""
    match node:
        case ast.UnaryOp(op=ast.Not()):
            yield from _sides(e, node.operand, env, about, value=not value)
        case ast.BoolOp():
            for part in node.values:
                if _worth(e, part, env) is value:
                    yield from _sides(e, part, env, about, value=value)
        case ast.Compare():
            holding = [p for p in pairs(node) if p.holds(e, env) is value]
            sides = [side for p in holding for side in (p.left, p.right)]
            yield from (side for side in sides if about in names(e.part(side)))
        case ast.Call(func=ast.Name(id="known" | "missing")) if about in names(e.part(node)):
            yield node.args[0]
        case _ if about in names(e.part(node)):
            yield node


def _judged(pair: Pair) -> ast.expr:
    """The side that is judged: the left one, unless it is a figure held against a name."""
    reads = [
        any(isinstance(n, ast.Attribute) for n in ast.walk(s)) for s in (pair.left, pair.right)
    ]
    return pair.right if reads == [False, True] else pair.left


def limiting(text: str, env: Env, lines: dict[str, str]) -> str:
    """The innermost term that an amount comes from, followed through earlier offer lines."""
    e = expression(text)
    node: ast.expr | None = e.body
    while node is not None:
        name = e.part(node)
        if isinstance(node, ast.Attribute) and name in lines:
            return limiting(lines[name], env, lines)
        inner = _source_of(e, node, env)
        if inner is None:
            return name
        node = inner
    raise AssertionError(text)


def _source_of(e: Expression, node: ast.expr, env: Env) -> ast.expr | None:
    match node:
        case ast.IfExp():
            return node.body if _worth(e, node.test, env) is True else node.orelse
        case ast.Call(func=ast.Name(id="min" | "max")):
            value = _worth(e, node, env)
            return next((a for a in node.args if _worth(e, a, env) == value), None)
        case ast.Call(func=ast.Name(id="floor" | "round")):
            return node.args[0]
        case ast.Call(func=ast.Name(id="coalesce")):
            return next((a for a in node.args if not isinstance(_worth(e, a, env), Gone)), None)
    return None
