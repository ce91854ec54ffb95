"""Runs a table: finds the rows that match and sets the outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from typing import Any, NamedTuple

from decision_service.domain.missing import Cause
from decision_service.domain.verdict import (
    ComparisonTrace,
    Component,
    Outcome,
    ReferKind,
    RuleTrace,
    Truth,
)
from decision_service.language import tree
from decision_service.language.generated import Batch, compile_batch
from decision_service.language.threevalued import Gap, Unknown, rule_error, union, unknown
from decision_service.language.types import ORDERED
from decision_service.ruleset.constructs.cell_trees import cell_tree
from decision_service.ruleset.constructs.cells import Cell, Sort
from decision_service.ruleset.constructs.columns import Column, Matches, bits, column
from decision_service.ruleset.constructs.grid import OUTCOME, Aggregate, Grid, Hit, Row
from decision_service.ruleset.findings import Conclusion, Finding, State, data_finding
from decision_service.ruleset.part import View


class Found(NamedTuple):
    """What a lookup came to: the rows that count, or the Unknown that hides them."""

    rows: tuple[int, ...]
    gone: Unknown | None = None


class _Give:
    """A row's values: constants where it can be, else one function."""

    def __init__(self, row: Row, outputs: Sequence[str]) -> None:
        nodes = [row.gives[name] for name in outputs]
        constants = [n.value for n in nodes if isinstance(n, tree.Constant)]
        self.constant = tuple(constants) if len(constants) == len(nodes) else None
        self.batch: Batch | None = None if self.constant is not None else compile_batch(nodes)
        self.slots = frozenset(s.slot for n in nodes for s in tree.reads(n))

    def values(self, values: Sequence[Any], gone: set[int]) -> tuple[Any, ...]:
        if self.batch is None:
            return self.constant or ()
        return self.batch.run(values, gone)


class TableRunner:
    """Looks up a table by the masks of its columns."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.outputs = tuple(grid.outputs)
        self.slots = tuple(symbol.slot for symbol in grid.outputs.values())
        self.columns = [self._column(i) for i in range(len(grid.names))]
        self.gives = [_Give(row, self.outputs) for row in grid.rows]
        self.reads = frozenset(c.slot for c in self.columns).union(*(g.slots for g in self.gives))
        self.every = (1 << len(grid.rows)) - 1
        self.conditions = (
            {id(row): self._condition(row) for row in grid.rows} if grid.concludes else {}
        )

    def _column(self, index: int) -> Column:
        name = self.grid.names[index]
        cells = [row.cells[index] for row in self.grid.rows]
        return column(name.symbol.slot, cells, ordered=name.type in ORDERED)

    def run(self, state: State) -> Conclusion:
        """Set every output, and conclude where rows have outcomes."""
        found = self.find(state.values)
        given = self._given(found, state.values, state.gone)
        gaps = found.gone.gaps if found.gone is not None else ()
        for slot, value in zip(self.slots, given, strict=True):
            state.values[slot] = value
            if value.__class__ is Unknown:
                state.gone.add(slot)
                gaps = gaps or _gaps(given)
        finding = self._finding(found) if self.grid.concludes else None
        behind = state.behind(self.reads)
        if behind:
            finding = self._marked(finding, behind, state)
        if finding is None:
            return Conclusion(None, (), (found, given), gaps)
        return Conclusion(finding.outcome, (finding,), (found, given), gaps)

    def find(self, values: Sequence[Any]) -> Found:
        """The rows that count under the table's hit policy."""
        sure = possible = self.every
        for each in self.columns:
            matches: Matches = each.matches(values[each.slot])
            sure &= matches.sure
            possible &= matches.sure | matches.open
        if self.grid.hit is Hit.FIRST:
            first = possible & -possible
            if sure & first:
                return Found((first.bit_length() - 1,))
            sure, possible = 0, first
        if possible & ~sure:
            return Found((), self._unknown(possible & ~sure, values))
        rows = bits(sure)
        if self.grid.hit is Hit.COLLECT or len(rows) == 1:
            return Found(tuple(rows))
        what = "no row matches" if not rows else "several rows match"
        return Found((), rule_error(f"{self.grid.id}", what))

    def _unknown(self, rows: int, values: Sequence[Any]) -> Unknown:
        cells = self.grid.rows[bits(rows)[0]].cells
        asked = zip(cells, [values[each.slot] for each in self.columns], strict=True)
        return union(value for cell, value in asked if _is_open(cell, value)) or rule_error(
            self.grid.id, "no row matches"
        )

    def _given(self, found: Found, values: Sequence[Any], gone: set[int]) -> tuple[Any, ...]:
        if found.gone is not None:
            return tuple(found.gone for _ in self.outputs)
        rows = [self.gives[i].values(values, gone) for i in found.rows]
        if self.grid.hit is not Hit.COLLECT:
            return rows[0]
        return tuple(self._joined(i, [row[i] for row in rows]) for i in range(len(self.outputs)))

    def _joined(self, index: int, values: Sequence[Any]) -> Any:
        how = self.grid.aggregates[self.outputs[index]]
        if how is Aggregate.COUNT:
            return len(values)
        missing = union(values)
        if missing is not None:
            return missing
        if not values and how is not Aggregate.SUM:
            name = f"{self.grid.id}.{self.outputs[index]}"
            return unknown(name, Cause.NO_EVIDENCE, detail="no row matches")
        try:
            return _JOIN[how](values)
        except ArithmeticError:
            return rule_error(f"{self.grid.id}.{self.outputs[index]}", "the sum has no exact value")

    def _finding(self, found: Found) -> Finding | None:
        if not self.grid.concludes:
            return None
        if found.gone is not None:
            return data_finding(found.gone.shown)
        row = self._worst_row(found)
        if row is None or row.outcome is None:
            return None
        kind = ReferKind.POLICY if row.outcome is Outcome.REFER else None
        because = self.conditions[id(row)]
        code = "" if row.outcome is Outcome.APPROVE else row.reason
        name = self.grid.id
        return Finding(row.outcome, code, Component.TABLE, kind, because=because, name=name)

    def _worst_row(self, found: Found) -> Row | None:
        order = [None, Outcome.APPROVE, Outcome.REFER, Outcome.DECLINE]
        rows = [self.grid.rows[i] for i in found.rows]
        return max(rows, key=lambda row: order.index(row.outcome)) if rows else None

    def _condition(self, row: Row) -> tree.Node | None:
        asked = [
            cell_tree(cell, name)
            for cell, name in zip(row.cells, self.grid.names, strict=True)
            if cell.sort is not Sort.ANYTHING
        ]
        if not asked:
            return None
        if len(asked) == 1:
            return asked[0]
        return tree.All(tuple(asked), text=asked[0].text, place=row.place)

    def _marked(
        self, finding: Finding | None, behind: tuple[Gap, ...], state: State
    ) -> Finding | None:
        """Look up in every world; where the worlds differ, or one declines, refer."""
        state.mark(self.slots, behind)
        outcomes = [finding.outcome if finding is not None else None]
        for world in state.worlds:
            values = state.in_world(world)
            found = self.find(values)
            every = set(range(len(values)))  # any of them may be missing in this world
            world.update(zip(self.slots, self._given(found, values, every), strict=True))
            other = self._finding(found)
            outcomes.append(other.outcome if other is not None else None)
        if not self.grid.concludes:
            return None
        certain = len(set(outcomes)) == 1 and not state.crowded
        if certain and outcomes[0] is not Outcome.DECLINE:
            return finding
        return data_finding(behind[0])

    def note(self, record: tuple[Any, ...]) -> str:
        """`row 2`, or why there is none."""
        found = record[0]
        if found.gone is not None:
            shown = found.gone.shown
            return f"no row: {shown.name} is missing: {shown.missing.cause}"
        rows = ", ".join(str(i + 1) for i in found.rows)
        return f"row {rows}" if rows else "no row"

    def describe(self, record: tuple[Any, ...], view: View) -> tuple[RuleTrace, ...]:
        """The rows that matched, with their cells and what they gave."""
        found, given = record
        effect = ", ".join(
            f"{name} {view.wording.value(value, symbol.type)}"
            for (name, symbol), value in zip(self.grid.outputs.items(), given, strict=True)
        )
        if not found.rows:
            return (RuleTrace(view.stage, self.grid.id, Truth.UNKNOWN, effect),)
        return tuple(self._row_trace(i, effect, view) for i in found.rows)

    def _row_trace(self, index: int, effect: str, view: View) -> RuleTrace:
        row = self.grid.rows[index]
        seen = tuple(
            ComparisonTrace(
                name.text,
                "in",
                cell.text,
                view.wording.value(view.values[name.symbol.slot], name.type),
                cell.text,
                Truth.TRUE,
            )
            for name, cell in zip(self.grid.names, row.cells, strict=True)
        )
        reason = row.reason if row.outcome not in (None, Outcome.APPROVE) else ""
        effect = f"{effect}, {OUTCOME} {row.outcome}" if row.outcome is not None else effect
        id_ = f"{self.grid.id} row {index + 1}"
        return RuleTrace(view.stage, id_, Truth.TRUE, effect, reason, seen)

    def coverage(self, record: tuple[Any, ...]) -> Iterable[tuple[str, str]]:
        """The rows that counted."""
        return [(f"table {self.grid.id}", f"row {i + 1}") for i in record[0].rows]

    def goals(self) -> Iterable[tuple[str, str]]:
        """Every row."""
        return [(f"table {self.grid.id}", f"row {i + 1}") for i in range(len(self.grid.rows))]


_JOIN: dict[Aggregate, Callable[[Sequence[Any]], Any]] = {
    Aggregate.SUM: lambda values: reduce(lambda a, b: a + b, values, 0),
    Aggregate.MIN: min,
    Aggregate.MAX: max,
}


def _is_open(cell: Cell, value: Any) -> bool:
    """Whether a value that is not there leaves a cell UNKNOWN: `missing` takes what is absent."""
    if value.__class__ is not Unknown or cell.sort is Sort.ANYTHING:
        return False
    return cell.sort is not Sort.MISSING or bool(value.tainted)


def _gaps(given: Sequence[Any]) -> tuple[Gap, ...]:
    missing = union(given)
    return () if missing is None else missing.gaps
