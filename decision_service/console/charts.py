"""What pages show of a decision: factors next to thresholds, stages of rules, months of income."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.server.transport.wire import amount_text, enum_name

HEIGHT = 110
"""Of the highest bar, in units of the picture."""


@dataclass(slots=True)
class FactorRow:
    """A factor, or a derived value without one, next to what rules ask of it.

    `actual` is the value as comparisons show it; `asked` has the rules by a comparison and its
    truth; `decided` says that a reason names it, or that a rule with a reason compared it.
    """

    name: str
    factor: pb.FactorValue | None
    actual: str = ""
    asked: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    required: list[str] = field(default_factory=list)
    decided: bool = False


def factor_rows(decision: pb.Decision) -> list[FactorRow]:
    """Those that decided first, each part in the order of names."""
    rows = {one.name: FactorRow(one.name, one) for one in decision.factor_values}
    for trace in decision.rule_traces:
        for one in trace.comparisons:
            row = rows.setdefault(one.left, FactorRow(one.left, None))
            row.actual = one.actual
            # A cell of a table that takes anything asks nothing.
            if one.right not in {"", "-"}:
                truth = enum_name(pb.Truth.DESCRIPTOR, one.truth)
                row.asked.setdefault((_asked(one), truth), []).append(trace.rule)
                row.decided |= bool(trace.effect and trace.reason) and truth != "FALSE"
    for reason in decision.reasons:
        if named := rows.get(reason.factor):
            needs = f" needs {reason.required}" if reason.required else ""
            named.required.append(f"{reason.code}{needs}")
            named.decided = True
    return sorted(rows.values(), key=_decided_first)


def _decided_first(row: FactorRow) -> tuple[bool, str]:
    return not row.decided, row.name


def _asked(one: pb.ComparisonTrace) -> str:
    """`< params.min_age (18)`: the operator, the right side as written, and its value."""
    words = one.right if one.operator == "in" else f"{one.operator or 'is'} {one.right}"
    is_plain = not one.required or one.required.strip('"') == one.right.strip('"')
    return words if is_plain else f"{words} ({one.required})"


def stages(decision: pb.Decision) -> Iterator[tuple[pb.RuleTrace, Sequence[pb.RuleTrace]]]:
    """The rules of each stage, next to the first of them, which says what the stage is."""
    # Not sorted: traces come in the order in which the stages ran.
    for _, found in groupby(decision.rule_traces, key=_stage_of):
        rules = [*found]
        yield rules[0], rules


def _stage_of(trace: pb.RuleTrace) -> tuple[str, int]:
    return trace.stage, trace.component


Bar = tuple[pb.IncomeMonth, Sequence[tuple[int, int, int]]]


def strip(months: Sequence[pb.IncomeMonth]) -> tuple[list[str], pb.IncomeMonth, list[Bar]]:
    """Months of income as bars of stacked sources: the sources, the highest month, and the bars.

    Of each month there are the source's number, the upper edge and the height of its parts.
    """
    sources = sorted({_source(part) for month in months for part in month.parts})
    highest = max(months, key=_earned)
    # Heights are divided by it, also where no month has any income.
    top = _earned(highest) or Decimal(1)
    return sources, highest, [(one, [*_stacked(one, sources, top)]) for one in months]


def _earned(month: pb.IncomeMonth) -> Decimal:
    return Decimal(amount_text(month.amount))


def _stacked(
    month: pb.IncomeMonth, sources: Sequence[str], top: Decimal
) -> Iterator[tuple[int, int, int]]:
    upper = HEIGHT
    for part in month.parts:
        # What was taken back is negative, and no bar is.
        height = max(0, round(Decimal(amount_text(part.amount)) / top * HEIGHT))
        upper -= height
        yield sources.index(_source(part)), upper, height


def _source(part: pb.IncomePart) -> str:
    return f"{part.provider_id} {part.data_kind}"
