"""What pages show of a decision: factors next to thresholds, stages of rules, months of income."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby

from google.type.money_pb2 import Money

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.cli.export import amount_text
from decision_service.cli.views import money_text
from decision_service.server.wire import enum_name

HEIGHT = 110
"""Of the highest bar, in units of the picture."""

STEP = 30
"""From one bar to the next."""


@dataclass(slots=True)
class Bound:
    """A comparison of a factor, with the rules that make it and those that it made act."""

    words: str
    truth: str
    rules: list[str] = field(default_factory=list)
    acted: list[pb.RuleTrace] = field(default_factory=list)


@dataclass(slots=True)
class FactorRow:
    """A factor or a derived value next to what rules compare it with.

    `factor` is None of a derived value. `actual` is the value as comparisons show it.
    """

    name: str
    factor: pb.FactorValue | None
    actual: str = ""
    bounds: dict[tuple[str, str], Bound] = field(default_factory=dict)
    required: list[str] = field(default_factory=list)

    @property
    def decided(self) -> bool:
        """Whether a reason names it, or a rule that compares it acted."""
        return bool(self.required) or any(bound.acted for bound in self.bounds.values())


def factor_rows(decision: pb.Decision) -> list[FactorRow]:
    """Those that decided first, each part in the order of names."""
    rows = {one.name: FactorRow(one.name, one) for one in decision.factor_values}
    for trace in decision.rule_traces:
        for one in trace.comparisons:
            row = rows.setdefault(one.left, FactorRow(one.left, None))
            row.actual = one.actual
            if not one.right or one.right == "-":  # a cell of a table that takes anything
                continue
            truth = enum_name(pb.Truth.DESCRIPTOR, one.truth)
            words = bound_text(one)
            bound = row.bounds.setdefault((words, truth), Bound(words, truth))
            bound.rules.append(trace.rule)
            if trace.effect and trace.reason and truth != "FALSE":
                bound.acted.append(trace)
    for reason in decision.reasons:
        if reason.required and reason.factor in rows:
            rows[reason.factor].required.append(f"{reason.code} needs {reason.required}")
    return sorted(rows.values(), key=lambda row: (not row.decided, row.name))


def bound_text(one: pb.ComparisonTrace) -> str:
    """`< params.min_age (18)`: the operator, the right side as written, and its value."""
    words = one.right if one.operator == "in" else f"{one.operator or 'is'} {one.right}"
    is_plain = not one.required or one.required.strip('"') == one.right.strip('"')
    return words if is_plain else f"{words} ({one.required})"


def stages(decision: pb.Decision) -> Iterator[tuple[pb.RuleTrace, Sequence[pb.RuleTrace]]]:
    """The rules of each stage, next to the first of them, which says what the stage is."""
    for _, found in groupby(decision.rule_traces, key=lambda one: (one.stage, one.component)):
        rules = [*found]
        yield rules[0], rules


@dataclass(frozen=True, slots=True)
class Bar:
    """A month; `parts` are the source's number, the upper edge and the height of each part."""

    month: pb.IncomeMonth
    state: str
    x: int
    parts: Sequence[tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class Strip:
    """Months as bars of stacked sources; `highest` is the amount of the highest one."""

    sources: Sequence[str]
    bars: Sequence[Bar]
    highest: str


def strip(months: Iterable[pb.IncomeMonth]) -> Strip:
    found = [*months]
    sources = sorted({source_of(part) for month in found for part in month.parts})
    amounts = [sum(_amount(part.amount) for part in month.parts) for month in found]
    top = max(amounts, default=0) or 1
    bars = [
        Bar(
            month,
            enum_name(pb.MonthState.DESCRIPTOR, month.state).lower(),
            number * STEP,
            [*_stacked(month, sources, top)],
        )
        for number, month in enumerate(found)
    ]
    highest = found[amounts.index(top)] if top in amounts else None
    return Strip(sources, bars, money_text(highest.amount) if highest else "")


def _stacked(
    month: pb.IncomeMonth, sources: Sequence[str], top: Decimal | int
) -> Iterator[tuple[int, int, int]]:
    upper = HEIGHT
    for part in month.parts:
        height = max(0, round(_amount(part.amount) / top * HEIGHT))
        upper -= height
        yield sources.index(source_of(part)), upper, height


def source_of(part: pb.IncomePart) -> str:
    """`sss_ph incomes`."""
    return f"{part.provider_id} {part.data_kind}"


def _amount(money: Money) -> Decimal:
    return Decimal(amount_text(money))
