"""A table: rows of condition cells with the values they give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import reduce
from typing import Any

import msgspec

from decision_service.domain.decision import (
    ComparisonTrace,
    Component,
    Outcome,
    ReferKind,
    RuleTrace,
    Truth,
)
from decision_service.domain.factor import ValueType
from decision_service.domain.values import Cause
from decision_service.rules.cells import (
    Cell,
    CellKind,
    CellReader,
    bits,
    cell_tree,
    column,
)
from decision_service.rules.construct import (
    OUTCOME_WORDS,
    Column,
    Conclusion,
    Conclusive,
    Effect,
    Finding,
    Matches,
    PartView,
    State,
    Written,
    data_finding,
)
from decision_service.rules.draft import RulesetDraft
from decision_service.rules.language import types as tree
from decision_service.rules.language.diagnostics import Place
from decision_service.rules.language.evaluation import Evaluate, compile_trees
from decision_service.rules.language.fields import Fields, as_choice, as_scalar, check_identifier
from decision_service.rules.language.types import Node, Symbol
from decision_service.rules.language.values import Gap, Unknown, rule_error, union, unknown
from decision_service.rules.language.yaml import MapNode, Scalar, YamlNode
from decision_service.rules.literals import as_literal
from decision_service.rules.table_rows import RawRow, read_rows, table_file

OUTCOME, REASON = "outcome", "reason"
MOST_COLUMNS = 12
MOST_ROWS = 2_000

_TYPES = [t.value for t in ValueType]
_COMPUTED = frozenset({ValueType.INTEGER, ValueType.NUMBER, ValueType.MONEY})


class Hit(StrEnum):
    FIRST = "first"
    UNIQUE = "unique"
    COLLECT = "collect"


class Aggregate(StrEnum):
    """How `collect` makes one value of several."""

    SUM = "sum"
    MIN = "min"
    MAX = "max"
    COUNT = "count"


@dataclass(frozen=True, slots=True)
class Row:
    cells: tuple[Cell, ...]
    gives: Mapping[str, Node]
    outcome: Outcome | None
    reason: str
    place: Place = field(compare=False)


class Grid(msgspec.Struct, frozen=True):
    """A table; `outputs` have slots of their own, `concludes` says that rows have outcomes."""

    id: str
    hit: Hit
    aggregates: Mapping[str, Aggregate]
    names: tuple[tree.NameRead, ...]
    outputs: Mapping[str, Symbol]
    concludes: bool
    rows: tuple[Row, ...]


_JOIN: dict[Aggregate, Callable[[Sequence[Any]], Any]] = {
    Aggregate.SUM: lambda values: reduce(lambda a, b: a + b, values, 0),
    Aggregate.MIN: min,
    Aggregate.MAX: max,
}


def joined(how: Aggregate, name: str, values: Sequence[Any]) -> Any:
    """An output's aggregated value; UNKNOWN where a value is missing or there is none."""
    if how is Aggregate.COUNT:
        return len(values)
    missing = union(values)
    if missing is not None:
        return missing
    if not values and how is not Aggregate.SUM:
        return unknown(name, Cause.NO_EVIDENCE, detail="no row matches")
    try:
        return _JOIN[how](values)
    except ArithmeticError:
        return rule_error(name, "the sum has no exact value")


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
        how, id_ = self.grid.aggregates, self.grid.id
        each = enumerate(self.names)
        return tuple(joined(how[n], f"{id_}.{n}", [row[i] for row in rows]) for i, n in each)

    def _finding(self, found: MatchedRows) -> Finding | None:
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
        for row in self.grid.rows:
            yield from map(cell_tree, row.cells, self.grid.names)
            yield from row.gives.values()

    def note(self, record: tuple[Any, ...]) -> str:
        found = record[0]
        if found.gone is not None:
            shown = found.gone.shown
            return f"no row: {shown.name} is missing: {shown.missing.cause}"
        rows = ", ".join(str(i + 1) for i in found.rows)
        return f"row {rows}" if rows else "no row"

    def _shown(self, given: Sequence[Any], view: PartView) -> str:
        return ", ".join(
            f"{name} {view.wording.value(value, symbol.type)}"
            for (name, symbol), value in zip(self.grid.outputs.items(), given, strict=True)
        )

    def effects(self, found: Conclusion, view: PartView) -> Iterable[Effect]:
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
        return [(f"table {self.grid.id}", f"row {i + 1}") for i in record[0].rows]

    def goals(self) -> Iterable[tuple[str, str, Place]]:
        what, rows = f"table {self.grid.id}", enumerate(self.grid.rows, 1)
        return [(what, f"row {number}", row.place) for number, row in rows]


def _gives(rows: Sequence[Sequence[tree.Node]]) -> list[_Give]:
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


@dataclass(frozen=True, slots=True)
class TablePart:
    grid: Grid
    place: Place = field(compare=False)
    complete: bool = field(default=True, compare=False)
    component: Component = Component.TABLE

    def written(self) -> Iterable[Written]:
        for name in self.grid.names:
            yield Written(name, name.place, f"column `{name.text}`")
        for row in self.grid.rows:
            for output, node in row.gives.items():
                yield Written(node, node.place, f"cell `{output}`")

    def conclusive(self) -> Iterable[Conclusive]:
        return [
            Conclusive(row.outcome, row.place, "row", has_reason=bool(row.reason))
            for row in self.grid.rows
            if row.outcome is not None
        ]

    def unexcused(self) -> Iterable[tuple[Place, str]]:
        return ()

    def outputs(self) -> Sequence[Symbol]:
        return tuple(self.grid.outputs.values())

    def runner(self) -> TableRunner:
        return TableRunner(self.grid)


def announces(node: YamlNode) -> set[str]:
    if not isinstance(node, MapNode):
        return set()
    id_, give = node.get("id"), node.get("give")
    if not isinstance(id_, Scalar) or not isinstance(give, MapNode):
        return set()
    return {f"{id_.text}.{entry.key}" for entry in give.entries}


def read_table(node: YamlNode, _component: Component, draft: RulesetDraft) -> TablePart | None:
    fields = Fields.of(
        node, "a table", draft.report, required=("id", "hit", "when", "give", "rows"),
        optional=(REASON,),
    )  # fmt: skip
    if fields is None:
        return None
    id_ = draft.family(fields)
    names = _names(fields, draft)
    types = _types(fields, draft)
    hit, aggregates = _hit(fields, types, draft)
    reason = draft.reason(fields, REASON) or ""
    draft.not_empty(fields, "rows")
    raw = _raw_rows(fields, names, types, draft)
    if id_ is None or not types or any(name is None for name in names):
        return None
    reading = _Rows([n for n in names if n is not None], types, reason, draft)
    rows = [None if r is None else reading.row(r) for r in raw]
    grid = Grid(
        id=id_,
        hit=hit,
        aggregates=aggregates,
        names=tuple(reading.names),
        outputs=_define(id_, types, reading, draft),
        concludes=OUTCOME in types,
        rows=tuple(row for row in rows if row is not None),
    )
    return TablePart(grid, fields.place("id"), complete=None not in rows)


def _names(fields: Fields, draft: RulesetDraft) -> list[tree.NameRead | None]:
    items = fields.items("when")
    draft.not_empty(fields, "when")
    if len(items) > MOST_COLUMNS:
        message = f"{len(items)} columns; {MOST_COLUMNS} are allowed"
        draft.report.error("R123", fields.place("when"), message)
    return [draft.name(as_scalar(item, "a column", draft.report)) for item in items]


def _types(fields: Fields, draft: RulesetDraft) -> dict[str, ValueType]:
    node = fields.map("give")
    types: dict[str, ValueType] = {}
    for entry in node.entries if node is not None else ():
        named = check_identifier(entry.key, entry.key_place, "the output", draft.report)
        options = (entry.key, "text") if entry.key in (OUTCOME, REASON) else _TYPES
        word = as_choice(entry.value, f"`{entry.key}`", options, draft.report)
        if named and word is not None:
            types[entry.key] = ValueType.TEXT if word in (OUTCOME, REASON) else ValueType(word)
    return types


def _hit(
    fields: Fields, types: Mapping[str, ValueType], draft: RulesetDraft
) -> tuple[Hit, dict[str, Aggregate]]:
    node = fields.get("hit")
    if not isinstance(node, MapNode):
        word = fields.choice("hit", ("first", "unique"))
        return Hit(word or "first"), {}
    collect = Fields(node, "`hit`", draft.report, required=("collect",)).map("collect")
    aggregates = _aggregates(collect, types, draft)
    for output in types:
        joined = output in (OUTCOME, REASON)  # the worst outcome counts, as among rules
        if collect is not None and not joined and collect.get(output) is None:
            message = f"`collect` does not say how to join `{output}`"
            draft.report.error("R121", collect.place, message, f"write `{output}: sum`")
    return Hit.COLLECT, aggregates


def _aggregates(
    node: MapNode | None, types: Mapping[str, ValueType], draft: RulesetDraft
) -> dict[str, Aggregate]:
    found: dict[str, Aggregate] = {}
    for entry in node.entries if node is not None else ():
        word = as_choice(entry.value, f"`{entry.key}`", list(Aggregate), draft.report)
        type_ = types.get(entry.key)
        if type_ is None:
            message = f"`{entry.key}` is no output of the table"
            draft.report.error("R206", entry.key_place, message)
        elif word is not None:
            how = found[entry.key] = Aggregate(word)
            if type_ not in ({ValueType.INTEGER} if how is Aggregate.COUNT else _COMPUTED):
                message = f"`{how}` cannot make one value of {type_} `{entry.key}`"
                draft.report.error("R304", entry.value.place, message)
    return found


def _raw_rows(
    fields: Fields,
    names: Sequence[tree.NameRead | None],
    types: Mapping[str, ValueType],
    draft: RulesetDraft,
) -> list[RawRow | None]:
    node, when = fields.get("rows"), fields.items("when")
    if node is None or not when or not types:
        return []
    columns = [
        name.text if name is not None else item.text if isinstance(item, Scalar) else ""
        for item, name in zip(when, names, strict=True)
    ]
    rows = read_rows(node, [*columns, *types], draft.files, draft.report)
    draft.used_tables.update(filter(None, [table_file(node, draft.files)]))
    if len(rows) > MOST_ROWS:
        message = f"{len(rows):,} rows; {MOST_ROWS:,} are allowed"
        draft.report.error("R123", node.place, message, "split the table")
        rows = []
    draft.unread = draft.unread or not rows
    return rows


class _Rows:
    """Reads rows and remembers the texts that each output can have."""

    def __init__(
        self,
        names: list[tree.NameRead],
        types: Mapping[str, ValueType],
        reason: str,
        draft: RulesetDraft,
    ) -> None:
        self.names, self.types, self.reason, self.draft = names, types, reason, draft
        self.readers = [CellReader(n.symbol, draft.names.currency, draft.report) for n in names]
        self.texts: dict[str, list[str]] = {name: [] for name in types}

    def row(self, raw: RawRow) -> Row | None:
        width = len(self.names)
        cells = [r.read(c) for r, c in zip(self.readers, raw.cells[:width], strict=True)]
        given = dict(zip(self.types, raw.cells[width:], strict=True))
        outcome, reason = self._conclusion(given)
        gives = {
            name: self._give(name, type_, given[name])
            for name, type_ in self.types.items()
            if name not in (OUTCOME, REASON)
        }
        if any(c is None for c in cells) or any(g is None for g in gives.values()):
            return None
        return Row(
            cells=tuple(c for c in cells if c is not None),
            gives={name: node for name, node in gives.items() if node is not None},
            outcome=outcome,
            reason=reason,
            place=raw.place,
        )

    def _conclusion(self, given: Mapping[str, Scalar]) -> tuple[Outcome | None, str]:
        outcome, reason = given.get(OUTCOME), given.get(REASON)
        words = (*OUTCOME_WORDS, "-")
        word = outcome and as_choice(outcome, "an outcome", words, self.draft.report)
        code = self.reason
        if reason is not None and reason.text != "-" and not reason.torn:
            self.draft.use_reason(reason)
            code = reason.text
        return (Outcome(word) if word and word != "-" else None), code

    def _give(self, name: str, type_: ValueType, scalar: Scalar) -> Node | None:
        if type_ in _COMPUTED:
            return self.draft.expression(scalar, type_)
        currency, report = self.draft.names.currency, self.draft.report
        value = None if scalar.torn else as_literal(scalar, type_, f"`{name}`", currency, report)
        if value is None:
            return None
        if isinstance(value, str):
            self.texts[name].append(value)
        return tree.Constant(type_, value, text=scalar.text, place=scalar.place)


def _define(
    id_: str, types: Mapping[str, ValueType], rows: _Rows, draft: RulesetDraft
) -> dict[str, Symbol]:
    outputs: dict[str, Symbol] = {}
    for name, type_ in types.items():
        if name not in (OUTCOME, REASON):
            labels = tuple(dict.fromkeys(rows.texts[name]))
            outputs[name] = draft.names.define(f"{id_}.{name}", type_, labels=labels)
    return outputs
