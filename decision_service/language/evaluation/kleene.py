"""Kleene's three values at run time: True, False, and UNKNOWN with the gaps that made it so.

UNKNOWN is an object that comparisons, `&`, `|` and `^` accept beside ordinary values, so that one
piece of Python serves complete and incomplete applicants. Gaps with an absent cause can be handled
by `known`, `missing` and `coalesce`; nothing looks past a tainted one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any as Anything

import msgspec

from decision_service.domain.missing import ABSENT, Cause, DataReason, Missing
from decision_service.language.evaluation.arithmetic import Undefined


class Gap(msgspec.Struct, frozen=True, gc=False):
    """A name without a value, and why."""

    name: str
    missing: Missing


class Unknown:
    """No value: made of one gap, or of other unknown values in `parts`.

    Its `gaps` are listed when somebody asks: most unknown values only travel through conditions.
    """

    __slots__ = ("gaps", "parts", "shown")

    gaps: tuple[Gap, ...]  # in text order, each name once
    shown: Gap  # the one that is shown of several: the first tainted one, else the first

    def __init__(self, parts: Sequence[Unknown], gap: Gap | None = None) -> None:
        self.parts = parts
        if gap is not None:
            self.gaps = (gap,)
            self.shown = gap

    def __getattr__(self, name: str) -> Anything:
        """List the gaps of the parts, when `gaps` or `shown` is first asked for."""
        if name not in Unknown.__slots__:
            raise AttributeError(name)
        self.gaps = gaps = _listed(self.parts)
        failures = [gap for gap in gaps if gap.missing.cause not in ABSENT]
        self.shown = failures[0] if failures else gaps[0]
        return gaps if name == "gaps" else self.shown

    @property
    def tainted(self) -> bool:
        """Whether any gap is a failure."""
        return self.shown.missing.cause not in ABSENT

    def __repr__(self) -> str:
        names = ", ".join(f"{g.name} {g.missing.cause}" for g in self.gaps)
        return f"Unknown({names})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unknown) and self.gaps == other.gaps

    def __hash__(self) -> int:
        return hash(self.gaps)

    def _compared(self, other: Anything) -> Unknown:
        """An order with an unknown side is unknown; `==` stays the equality of objects."""
        return _both(self, other) if other.__class__ is Unknown else self

    __lt__ = __le__ = __gt__ = __ge__ = _compared

    def __and__(self, other: Anything) -> Anything:
        if other is False:
            return False
        return _both(self, other) if other.__class__ is Unknown else self

    def __rand__(self, other: bool) -> Anything:
        return self if other else False

    def __or__(self, other: Anything) -> Anything:
        if other is True:
            return True
        return _both(self, other) if other.__class__ is Unknown else self

    def __ror__(self, other: bool) -> Anything:
        return True if other else self

    def __xor__(self, _other: bool) -> Unknown:
        """`flag ^ True` is the contrary of a flag."""
        return self


def unknown(name: str, cause: Cause, **details: Anything) -> Unknown:
    """UNKNOWN for one cause."""
    return Unknown((), Gap(name, Missing(cause, **details)))


def rule_error(name: str, detail: str) -> Unknown:
    """UNKNOWN because the rule has no result; no rule may skip it."""
    return unknown(name, Cause.BAD_DATA, code=DataReason.RULE_ERROR, detail=detail)


def union(values: Iterable[Anything]) -> Unknown | None:
    """UNKNOWN with the gaps of all unknown values, None where every value is there."""
    found = [v for v in values if v.__class__ is Unknown]
    if not found:
        return None
    return found[0] if len(found) == 1 else Unknown(found)


def strict(function: Callable[..., Anything], name: str, text: str) -> Callable[..., Anything]:
    """A function that is UNKNOWN as soon as one argument is, and where it has no result.

    Division by zero and a function where it has no value are a missing value of `name`, everything
    else is an error of the rule's `text`.
    """

    def apply(*given: Anything) -> Anything:
        for value in given:
            if value.__class__ is Unknown:
                return equal(*given) if len(given) == 2 else union(given)
        try:
            return function(*given)
        except ZeroDivisionError:
            return unknown(name, Cause.DIVISION_BY_ZERO, detail=text)
        except Undefined:
            return unknown(name, Cause.UNDEFINED, detail=text)
        except (ArithmeticError, TypeError, ValueError):
            return rule_error(text, "the result has no exact number")

    return apply


def equal(left: Anything, right: Anything) -> Anything:
    """Whether two values are equal."""
    if left.__class__ is Unknown:
        return _both(left, right) if right.__class__ is Unknown else left
    return right if right.__class__ is Unknown else left == right


def coalesce(*values: Anything) -> Anything:
    """The first present value; UNKNOWN where there is none, or a tainted one comes first."""
    for value in values:
        if value.__class__ is not Unknown or value.tainted:
            return value
    return union(values)


def known(value: Anything) -> Anything:
    """Whether a value is present."""
    if value.__class__ is not Unknown:
        return True
    return value if value.tainted else False


def tainted(value: Anything) -> bool:
    """Whether a failure hides a value."""
    return value.__class__ is Unknown and value.tainted


def missing(value: Anything) -> Anything:
    """Whether a value is absent."""
    if value.__class__ is not Unknown:
        return False
    return value if value.tainted else True


def _both(left: Unknown, right: Unknown) -> Unknown:
    return left if left is right else Unknown((left, right))


def _listed(parts: Sequence[Unknown]) -> tuple[Gap, ...]:
    """All gaps below, first to last; what several share is looked into once, without recursion."""
    found: dict[str, Gap] = {}
    seen: set[int] = set()
    left = list(parts[::-1])
    while left:
        part = left.pop()
        if not part.parts:
            gap = part.shown
            if gap.name not in found:
                found[gap.name] = gap
        elif id(part) not in seen:
            seen.add(id(part))
            left += part.parts[::-1]
    return tuple(found.values())
