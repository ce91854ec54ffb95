"""The catalogue of factors, and the context of one computation."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache, partial, wraps
from types import MappingProxyType
from typing import Any, TypeVar, TypeVarTuple

import msgspec
from msgspec.structs import replace

from decision_service.domain.accounts import Kind
from decision_service.domain.factor import Action, Better, FactorSpec, Mover, ValueType
from decision_service.domain.needs import DataPolicy, Needs
from decision_service.domain.person import NO_OWN_FACTS, OwnFacts
from decision_service.domain.snapshot import Snapshot
from decision_service.domain.values import AsOf, Cause, Missing
from decision_service.factors.answer import Answer
from decision_service.runtime import gone

_APPLICANT = (
    r"accounts\.(connected_count|providers_count|error_count|disconnected_count)",
    r"accounts\.(newest|oldest)_sync_age_days",
    r"history\.(exposure|exposure_instalments|overdue_loans)",
    r"income\.(conservative|calendar_average|average|median|sum)_\w+",
    r"income\.(latest_month|latest_payroll_month|latest_share)",
    r"liabilities\.(overdue|outstanding)_\w+",
    r"liabilities\.(matured_unpaid_total|monthly_amortization)",
    r"transactions\.(earnings|net|active_days|count)_\d+[md]",
    r"transactions\.days_since_last",
)
_WAITING = (
    r"accounts\.oldest_connection_days",
    r"contributions\.months_\w+",
    r"employment\.\w+_tenure_months",
    r"employment\.months_since_last_end",
    r"history\.(applications|declines)_\d+d",
    r"history\.(days_since_last_decline|last_decline_date|today)",
    r"identity\.age_\w+",
    r"income\.(months_\d+m|months_total|months_since_\w+)",
    r"income\.(backed_months_12m|gap_months_\d+m|longest_gap_\d+m)",
)
_STEPS = {ValueType.INTEGER: Decimal(1), ValueType.NUMBER: Decimal("0.05")}


READ_CAUSES = frozenset({
    Cause.NO_DATA, Cause.NOT_CONNECTED, Cause.NOT_FETCHED, Cause.SOURCE_FAILED, Cause.PARTIAL,
    Cause.STALE, Cause.BAD_DATA, Cause.EXPIRED, Cause.CHANGED_WHILE_READING,
})  # fmt: skip
"""Why any factor that rests on fetched records can be missing."""

Bound = int | Callable[[int], int] | None
"""A bound or a number of months, fixed or following from the window's length."""

Reach = Callable[[int, DataPolicy, AsOf], date]
"""The first day of transactions that a factor may look at, given its window's length."""

FactorFunction = Callable[..., Answer]
"""`(context)`, or `(context, length)` for a parametric family."""

WHOLE = 12 * 10_000
"""Months of a window longer than any history."""
_FACTORS: dict[str, Factor] = {}
Result = TypeVar("Result")
Rest = TypeVarTuple("Rest")


def action_of(name: str, type_: ValueType, better: Better) -> Action:
    """Who moves a factor, and its step: one, 0.05, or for money a tenth of its value (None)."""
    if _any(_WAITING, name):
        return Action(Mover.WAITING, Decimal(1))
    if better is not Better.NONE and _any(_APPLICANT, name):
        return Action(Mover.APPLICANT, _STEPS.get(type_))
    return Action()


def _any(patterns: tuple[str, ...], name: str) -> bool:
    return any(re.fullmatch(pattern, name) for pattern in patterns)


class FactorContext:
    """The snapshot, the own facts, the ruleset's data policy and the instant, for one `compute`."""

    def __init__(
        self, snapshot: Snapshot, needs: Needs, as_of: AsOf, own: OwnFacts = NO_OWN_FACTS
    ) -> None:
        self.snapshot = snapshot
        self.own = own
        self.policy: DataPolicy = needs.policy
        self.currency = needs.policy.currency
        self.term_months = needs.term_months
        self.as_of = as_of
        self.done: dict[Hashable, Any] = {}


def once(
    build: Callable[[FactorContext, *Rest], Result],
) -> Callable[[FactorContext, *Rest], Result]:
    """The function, worked out once for a context and each value of its further arguments."""

    @wraps(build)
    def found(context: FactorContext, *rest: *Rest) -> Result:
        key = (build, *rest)
        if key not in context.done:
            context.done[key] = build(context, *rest)
        result: Result = context.done[key]
        return result

    return found


class Window(msgspec.Struct, frozen=True):
    """`label` is for the factor's name, `period` for its sentences; `length` in months or days."""

    label: str
    length: int
    period: str


def months(*lengths: int) -> tuple[Window, ...]:
    return tuple(Window(f"{n}m", n, _plural(n, "month")) for n in lengths)


def days(*lengths: int) -> tuple[Window, ...]:
    return tuple(Window(f"{n}d", n, _plural(n, "day")) for n in lengths)


def _plural(count: int, noun: str) -> str:
    return f"last {noun}" if count == 1 else f"last {count} {noun}s"


def window_length(length: int) -> int:
    """The bound of a figure that cannot be more than its window's months or days."""
    return length


WHOLE_HISTORY = Window("all", WHOLE, "whole history")
CALENDAR = months(*(3, 6, 9, 12, 18, 24))
"""The windows of a family unless it states others."""


class Factor(msgspec.Struct, frozen=True):
    """`reach` only where it looks at transactions; `of_own_facts` needs nothing of the vendor."""

    spec: FactorSpec
    work: Callable[[FactorContext], Answer]
    reach: Callable[[DataPolicy, AsOf], date] | None = None
    of_own_facts: bool = False


class Family(msgspec.Struct, frozen=True):
    """What its factors share; those `of_own_facts` rest on a decision's own facts alone."""

    name: str
    kinds: frozenset[Kind]
    causes: frozenset[Cause]
    reach: Reach | None = None
    of_own_facts: bool = False

    def factor(
        self, name: str, type_: ValueType, sentence: str, formula: str, **options: Any
    ) -> Callable[[FactorFunction], FactorFunction]:
        """Register a function under a name; `{w}`, `{n}`, `{period}` are replaced by the window.

        Options: `unit` (of money its currency), `windows`, `lower` (of an integer 0), `upper`,
        `months` (a number, or a function of the window's length; of a window of months its length),
        `needs_months` (of the same form: how many of them must be observed), `labels`,
        `causes` and `kinds` (besides the family's), `parity`, `better` (which way helps an
        applicant), `derived_from` (names of factors that it is computed from), `knock_out_only`.
        """
        shape = Shape(name, type_, sentence, formula=formula, **options)

        def register(work: FactorFunction) -> FactorFunction:
            for window in shape.windows or (None,):
                _add(self, shape, window, work=work)
            return work

        return register


class Shape(msgspec.Struct, frozen=True):
    """A factor or parametric family as it was declared."""

    name: str
    type: ValueType
    sentence: str
    formula: str
    unit: str = ""
    windows: tuple[Window, ...] = ()
    lower: Bound = None
    upper: Bound = None
    months: Bound = None
    needs_months: Bound = None
    labels: tuple[str, ...] = ()
    causes: frozenset[Cause] = frozenset()
    kinds: frozenset[Kind] = frozenset()
    parity: bool = False
    better: Better = Better.NONE
    derived_from: tuple[str, ...] = ()
    knock_out_only: bool = False


@cache
def catalogue() -> Mapping[str, FactorSpec]:
    """Every factor's contract, sorted by name."""
    return MappingProxyType({name: _FACTORS[name].spec for name in sorted(_FACTORS)})


@cache
def known_factors() -> Mapping[str, FactorSpec]:
    """The catalogue with the factors that went: for versions and records of earlier releases."""
    went = {name: one.spec for name, one in _went().items()}
    return MappingProxyType({**catalogue(), **went})


def that_went(names: Iterable[str]) -> tuple[str, ...]:
    """Those of the names that only a version which has decided may name."""
    return tuple(name for name in names if name in _went())


@cache
def _went() -> Mapping[str, Factor]:
    # The old contracts are not kept: the kinds of data, which a replay compares, and which way is
    # better are those of the factor to use instead.
    found = {}
    for type_, names in gone.FACTORS.items():
        for name, instead in names.items():
            like = _FACTORS[instead].spec
            spec = replace(
                like,
                name=name,
                type=ValueType(type_),
                unit="currency" if type_ == "money" else "",
                sentence=f"A factor of an earlier release; {instead} takes its place.",
                formula="What was recorded.",
                lower=None,
                upper=None,
                labels=(),
                derived_from=(),
                action=Action(),
            )
            found[name] = Factor(spec, _not_computed)
    return found


def _not_computed(_: FactorContext) -> Answer:
    return Answer(None, (Missing(Cause.NOT_FETCHED),))


def registered(name: str) -> Factor:
    """A factor by name, one that went too; raises KeyError for any other."""
    return _FACTORS.get(name) or _went()[name]


@lru_cache(256)
def depends_on_term(names: tuple[str, ...]) -> bool:
    """Whether one of the factors rests on the application's requested term."""
    return any(Cause.NOT_SENT in registered(name).spec.causes for name in names)


@lru_cache(256)
def own_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the factors that are computed from own facts; raises KeyError as `registered`."""
    return tuple(name for name in names if registered(name).of_own_facts)


@lru_cache(256)
def data_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the factors that are computed from a snapshot; raises KeyError as `registered`."""
    return tuple(name for name in names if not registered(name).of_own_facts)


@lru_cache(256)
def compares_people(names: tuple[str, ...]) -> bool:
    """Whether one of the factors compares persons, and not computes with what identities say."""
    factors = (registered(name) for name in names)
    return any(one.of_own_facts and Kind.IDENTITIES in one.spec.kinds for one in factors)


def _add(family: Family, shape: Shape, window: Window | None, work: FactorFunction) -> None:
    spec = _spec(family, shape, window)
    if spec.name in _FACTORS:
        raise ValueError(f"the factor {spec.name} is registered twice; rename one of them")
    length = window.length if window else 0
    bound = partial(work, length=length) if window else work
    reach = partial(family.reach, length) if family.reach else None
    _FACTORS[spec.name] = Factor(spec, bound, reach, of_own_facts=family.of_own_facts)


def _spec(family: Family, shape: Shape, window: Window | None) -> FactorSpec:
    length = window.length if window else 0
    words = {"w": window.label, "n": length, "period": window.period} if window else {}
    whole = window is not None and window.label == "all"
    name = f"{family.name}.{shape.name.format(**words)}"
    lower = shape.lower
    months_ = _bound(shape.months, length)
    if lower is None and shape.type is ValueType.INTEGER:
        lower = 0
    if months_ is None and window is not None and window.label.endswith("m"):
        months_ = length
    return FactorSpec(
        name=name,
        type=shape.type,
        unit="currency" if shape.type is ValueType.MONEY else shape.unit,
        sentence=shape.sentence.format(**words),
        formula=shape.formula.format(**words),
        kinds=family.kinds | shape.kinds,
        causes=family.causes | shape.causes,
        lower=_decimal(_bound(lower, length)),
        upper=None if whole else _decimal(_bound(shape.upper, length)),
        labels=shape.labels,
        months=None if whole else months_,
        parity=shape.parity,
        needs_months=_bound(shape.needs_months, length),
        better=shape.better,
        derived_from=tuple(name.format(**words) for name in shape.derived_from),
        knock_out_only=shape.knock_out_only,
        action=action_of(name, shape.type, shape.better),
    )


def _bound(bound: Bound, length: int) -> int | None:
    return bound(length) if callable(bound) else bound


def _decimal(bound: int | None) -> Decimal | None:
    return None if bound is None else Decimal(bound)
