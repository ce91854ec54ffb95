"""Runs a table: finds the rows that match and sets the outputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from decision_service.domain.verdict import (
    ComparisonTrace,
    Component,
    Outcome,
    ReferKind,
    RuleTrace,
    Truth,
)
from decision_service.language.diagnostics import Place
from decision_service.language.evaluation.emitter import Evaluate, compile_trees
from decision_service.language.evaluation.kleene import (
    Gap,
    Unknown,
    rule_error,
    union,
)
from decision_service.language.expressions import tree
from decision_service.ruleset.constructs.cell_trees import cell_tree
from decision_service.ruleset.constructs.cells import Cell, CellKind
from decision_service.ruleset.constructs.table.columns import Column, Matches, bits, column
from decision_service.ruleset.constructs.table.joining import joined
from decision_service.ruleset.constructs.table.model import OUTCOME, Grid, Hit, Row
from decision_service.ruleset.program.findings import Conclusion, Finding, data_finding
from decision_service.ruleset.program.part import Effect, PartView
from decision_service.ruleset.program.state import State


class MatchedRows(msgspec.Struct, frozen=True):
    """The result of a lookup: the rows that count, or the Unknown that hides them."""

    rows: tuple[int, ...]
    gone: Unknown | None = None


class _Give:
    """A row's values: constants where it can be, else functions."""

    def __init__(self, nodes: Sequence[tree.Node], evaluated: Iterator[Evaluate]) -> None:
        constants = tuple(n.value for n in nodes if isinstance(n, tree.Constant))
        self.constant = constants if _constant(nodes) else None
        self.computed = [] if self.constant is not None else [next(evaluated) for _ in nodes]
        self.slots = frozenset(s.slot for n in nodes for s in tree.reads(n))

    def values(self, values: Sequence[Any]) -> tuple[Any, ...]:
        if self.constant is not None:
            return self.constant
        return tuple([evaluate(values) for evaluate in self.computed])


class TableRunner:
    """Looks up a table by the masks of its columns."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.names = tuple(grid.outputs)
        self.outputs = tuple(symbol.slot for symbol in grid.outputs.values())
        self.columns = [self._column(i) for i in range(len(grid.names))]
        self.gives = _gives([[row.gives[name] for name in self.names] for row in grid.rows])
        self.reads = frozenset(c.slot for c in self.columns).union(*(g.slots for g in self.gives))
        self.rows = [MatchedRows((index,)) for index in range(len(grid.rows))]
        self.every = (1 << len(grid.rows)) - 1
        self.concluded = [self._row_finding(row) for row in grid.rows]

    def _column(self, index: int) -> Column:
        name = self.grid.names[index]
        cells = [row.cells[index] for row in self.grid.rows]
        return column(name.symbol.slot, cells, name.type)

    def run(self, state: State) -> Conclusion:
        """Set every output, and conclude where rows have outcomes."""
        matches = self._matches(state.values)
        found = self._found(matches, state.values)
        given = self._given(found, state.values)
        missing = found.gone or union(given)
        state.put(self.outputs, given)
        finding = self._finding(found) if self.grid.concludes else None
        behind = state.behind(self.reads)
        if behind:
            finding = self._marked(finding, behind, state)
        gaps = () if missing is None else missing.gaps
        return Conclusion(() if finding is None else (finding,), (found, given, matches), gaps)

    def _matches(self, values: Sequence[Any]) -> tuple[Matches, ...]:
        return tuple([each.matches(values[each.slot]) for each in self.columns])

    def _found(self, matches: Sequence[Matches], values: Sequence[Any]) -> MatchedRows:
        """The rows that count under the table's hit policy."""
        sure = possible = self.every
        for each in matches:
            sure &= each.sure
            possible &= each.sure | each.open
        if self.grid.hit is Hit.FIRST:
            first = possible & -possible
            if sure & first:
                return self.rows[first.bit_length() - 1]
            sure, possible = 0, first
        if possible & ~sure:
            return MatchedRows((), self._unknown(possible & ~sure, values))
        rows = bits(sure)
        if self.grid.hit is Hit.COLLECT or len(rows) == 1:
            return MatchedRows(tuple(rows))
        what = "no row matches" if not rows else "several rows match"
        return MatchedRows((), rule_error(f"{self.grid.id}", what))

    def _unknown(self, rows: int, values: Sequence[Any]) -> Unknown:
        cells = self.grid.rows[(rows & -rows).bit_length() - 1].cells
        asked = [values[each.slot] for each in self.columns]
        open_ = [
            value
            for cell, value in zip(cells, asked, strict=True)
            if value.__class__ is Unknown and _is_open(cell, value)
        ]
        return union(open_) or rule_error(self.grid.id, "no row matches")

    def _given(self, found: MatchedRows, values: Sequence[Any]) -> tuple[Any, ...]:
        if found.gone is not None:
            return (found.gone,) * len(self.names)
        rows = [self.gives[i].values(values) for i in found.rows]
        if self.grid.hit is not Hit.COLLECT:
            return rows[0]
        return tuple(self._joined(i, [row[i] for row in rows]) for i in range(len(self.names)))

    def _joined(self, index: int, values: Sequence[Any]) -> Any:
        name = self.names[index]
        return joined(self.grid.aggregates[name], f"{self.grid.id}.{name}", values)

    def _finding(self, found: MatchedRows) -> Finding | None:
        """The worst outcome of the rows that count, in a table with outcomes."""
        if found.gone is not None:
            return data_finding(found.gone.shown)
        findings = [self.concluded[i] for i in found.rows]
        order = [None, Outcome.APPROVE, Outcome.REFER, Outcome.DECLINE]
        return max(findings, key=lambda f: order.index(f.outcome if f else None), default=None)

    def _row_finding(self, row: Row) -> Finding | None:
        if row.outcome is None:
            return None
        return Finding(
            row.outcome,
            "" if row.outcome is Outcome.APPROVE else row.reason,
            Component.TABLE,
            ReferKind.POLICY if row.outcome is Outcome.REFER else None,
            because=self._condition(row),
            name=self.grid.id,
        )

    def _condition(self, row: Row) -> tree.Node | None:
        asked = [
            cell_tree(cell, name)
            for cell, name in zip(row.cells, self.grid.names, strict=True)
            if cell.sort is not CellKind.ANYTHING
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
        state.marks.update(dict.fromkeys(self.outputs, behind))
        outcomes = {finding.outcome if finding is not None else None}
        for world in state.worlds:
            found = self._found(self._matches(world), world)
            for slot, value in zip(self.outputs, self._given(found, world), strict=True):
                world[slot] = value
            other = self._finding(found) if self.grid.concludes else None
            outcomes.add(other.outcome if other is not None else None)
        certain = len(outcomes) == 1 and not state.crowded
        if not self.grid.concludes or (certain and Outcome.DECLINE not in outcomes):
            return finding
        return data_finding(behind[0])

    def trees(self) -> Iterable[tree.Node]:
        """Every expression that its result follows from, cells as conditions."""
        for row in self.grid.rows:
            yield from map(cell_tree, row.cells, self.grid.names)
            yield from row.gives.values()

    def note(self, record: tuple[Any, ...]) -> str:
        """`row 2`, or why there is none."""
        found = record[0]
        if found.gone is not None:
            shown = found.gone.shown
            return f"no row: {shown.name} is missing: {shown.missing.cause}"
        rows = ", ".join(str(i + 1) for i in found.rows)
        return f"row {rows}" if rows else "no row"

    def _shown(self, given: Sequence[Any], view: PartView) -> str:
        """What the rows gave, in words."""
        return ", ".join(
            f"{name} {view.wording.value(value, symbol.type)}"
            for (name, symbol), value in zip(self.grid.outputs.items(), given, strict=True)
        )

    def effects(self, found: Conclusion, view: PartView) -> Iterable[Effect]:
        """What the rows gave and concluded, whichever they were."""
        rows, given, _ = found.record
        trees = [n for i in rows.rows for n in self.grid.rows[i].gives.values()]
        yield Effect(
            "row",
            f"{self._shown(given, view)} {found.outcome if self.grid.concludes else ''}",
            (*self.grid.names, *trees),
            tuple(symbol.name for symbol in self.grid.outputs.values()),
            self.grid.concludes,
            self.note(found.record).partition(":")[0],
        )

    def describe(self, record: tuple[Any, ...], view: PartView) -> tuple[RuleTrace, ...]:
        """The rows that matched, with their cells and what they gave."""
        found, given, _ = record
        effect = self._shown(given, view)
        if not found.rows:
            return (RuleTrace(view.stage, self.grid.id, Truth.UNKNOWN, effect),)
        return tuple(self._row_trace(i, effect, view) for i in found.rows)

    def _row_trace(self, index: int, effect: str, view: PartView) -> RuleTrace:
        row = self.grid.rows[index]
        comparison = tuple(
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
        return RuleTrace(view.stage, id_, Truth.TRUE, effect, reason, comparison)

    def coverage(self, record: tuple[Any, ...]) -> Iterable[tuple[str, str]]:
        """The rows that counted."""
        return [(f"table {self.grid.id}", f"row {i + 1}") for i in record[0].rows]

    def goals(self) -> Iterable[tuple[str, str, Place]]:
        """Every row."""
        what, rows = f"table {self.grid.id}", enumerate(self.grid.rows, 1)
        return [(what, f"row {number}", row.place) for number, row in rows]


def _gives(rows: Sequence[Sequence[tree.Node]]) -> list[_Give]:
    """What each row gives, all its expressions compiled together."""
    computed = [n for nodes in rows if not _constant(nodes) for n in nodes]
    evaluated = iter(compile_trees(computed))
    return [_Give(nodes, evaluated) for nodes in rows]


def _constant(nodes: Sequence[tree.Node]) -> bool:
    return all(isinstance(node, tree.Constant) for node in nodes)


def _is_open(cell: Cell, value: Unknown) -> bool:
    """Whether a value that is not there leaves a cell UNKNOWN: `missing` takes what is absent."""
    if cell.sort is CellKind.MISSING:
        return value.tainted
    return cell.sort is not CellKind.ANYTHING
