"""A table: rows of condition cells with the values they give; it concludes nothing itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from decision_service.domain.decision import ComparisonTrace, Component, RuleTrace, Truth
from decision_service.domain.factor import ValueType
from decision_service.rules.cells import (
    Cell,
    CellKind,
    CellReader,
    RawRow,
    cell_tree,
    column,
    read_rows,
    table_file,
)
from decision_service.rules.construct import (
    Column,
    Conclusion,
    Conclusive,
    Effect,
    Matches,
    PartView,
    State,
    Written,
)
from decision_service.rules.draft import RulesetDraft
from decision_service.rules.keys import MOST_COLUMNS, MOST_ROWS, TABLE, Hit
from decision_service.rules.language import types as tree
from decision_service.rules.language.diagnostics import Place
from decision_service.rules.language.evaluation import Evaluate, compile_trees
from decision_service.rules.language.fields import (
    Fields,
    as_choice,
    as_scalar,
    check_identifier,
    replaced_by,
)
from decision_service.rules.language.types import FunctionCall, Node, Symbol, walk
from decision_service.rules.language.values import Gap, Unknown, rule_error, union
from decision_service.rules.language.yaml import MapNode, Scalar, YamlNode
from decision_service.rules.literals import as_literal

_TYPES = [t.value for t in ValueType]
_COMPUTED = frozenset({ValueType.INTEGER, ValueType.NUMBER, ValueType.MONEY})
MOST_SHOWN = 50
"""Rows that a trace shows before the one that counted: the last of them."""


@dataclass(frozen=True, slots=True)
class Row:
    cells: tuple[Cell, ...]
    gives: Mapping[str, Node]
    place: Place = field(compare=False)


class Grid(msgspec.Struct, frozen=True):
    id: str
    hit: Hit
    names: tuple[tree.NameRead, ...]
    outputs: Mapping[str, Symbol]
    rows: tuple[Row, ...]


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
        self.gives = _gives([self._nodes(row) for row in grid.rows])
        self.reads = frozenset(c.slot for c in self.columns).union(*(g.slots for g in self.gives))
        self.every = (1 << len(grid.rows)) - 1

    def _nodes(self, row: Row) -> list[tree.Node]:
        return [row.gives[name] for name in self.names]

    def _column(self, index: int) -> Column:
        name = self.grid.names[index]
        cells = [row.cells[index] for row in self.grid.rows]
        return column(name.symbol.slot, cells, name.type)

    def run(self, state: State) -> Conclusion:
        matches = self._matches(state.values)
        found = self._found(matches, state.values)
        given = self._given(found, state.values)
        state.put(self.outputs, given)
        behind = state.behind(self.reads)
        if behind:
            self._look_up_everywhere(behind, state)
        missing = found if isinstance(found, Unknown) else union(given)
        return Conclusion((), (found, given, matches), () if missing is None else missing.gaps)

    def _matches(self, values: Sequence[Any]) -> tuple[Matches, ...]:
        return tuple([each.matches(values[each.slot]) for each in self.columns])

    def _found(self, matches: Sequence[Matches], values: Sequence[Any]) -> int | Unknown:
        sure = possible = self.every
        for each in matches:
            sure &= each.sure
            possible &= each.sure | each.open
        if self.grid.hit is Hit.FIRST:
            # The lowest bit is the first row of the file.
            first = possible & -possible
            if sure & first:
                return first.bit_length() - 1
            # A row that may match is above the one that does: which one counts is not known.
            sure = 0
            possible = first
        if possible & ~sure:
            return self._unknown(possible & ~sure, values)
        if sure and not sure & (sure - 1):
            return sure.bit_length() - 1
        return rule_error(self.grid.id, "several rows match" if sure else "no row matches")

    def _unknown(self, rows: int, values: Sequence[Any]) -> Unknown:
        cells = self.grid.rows[(rows & -rows).bit_length() - 1].cells
        asked = [values[each.slot] for each in self.columns]
        open_ = [
            value
            for cell, value in zip(cells, asked, strict=True)
            if value.__class__ is Unknown and _is_open(cell, value)
        ]
        return union(open_) or rule_error(self.grid.id, "no row matches")

    def _given(self, found: int | Unknown, values: Sequence[Any]) -> tuple[Any, ...]:
        if isinstance(found, Unknown):
            return (found,) * len(self.names)
        return self.gives[found].values(values)

    def _look_up_everywhere(self, behind: tuple[Gap, ...], state: State) -> None:
        state.marks.update(dict.fromkeys(self.outputs, behind))
        for world in state.worlds:
            found = self._found(self._matches(world), world)
            for slot, value in zip(self.outputs, self._given(found, world), strict=True):
                world[slot] = value

    def trees(self) -> Iterable[tree.Node]:
        for row in self.grid.rows:
            yield from map(cell_tree, row.cells, self.grid.names)
            yield from row.gives.values()

    def note(self, record: tuple[Any, ...]) -> str:
        found = record[0]
        if isinstance(found, Unknown):
            return f"no row: {found.shown.name} is missing: {found.shown.missing.cause}"
        return f"row {found + 1}"

    def _shown(self, given: Sequence[Any], view: PartView) -> str:
        return ", ".join(
            f"{name} {view.wording.value(value, symbol.type)}"
            for (name, symbol), value in zip(self.grid.outputs.items(), given, strict=True)
        )

    def effects(self, found: Conclusion, view: PartView) -> Iterable[Effect]:
        row, given, _ = found.record
        trees = () if isinstance(row, Unknown) else self.grid.rows[row].gives.values()
        yield Effect(
            "row",
            self._shown(given, view),
            (*self.grid.names, *trees),
            gives=tuple(symbol.name for symbol in self.grid.outputs.values()),
            name=self.note(found.record).partition(":")[0],
        )

    def describe(self, record: tuple[Any, ...], view: PartView) -> tuple[RuleTrace, ...]:
        """The rows before the one that counted, which alone is TRUE; where none did, all rows."""
        found, given, matches = record
        effect = self._shown(given, view)
        if isinstance(found, Unknown):
            end = len(self.grid.rows)
            last = RuleTrace(view.stage, self.grid.id, Truth.UNKNOWN, effect=effect)
        else:
            end = found
            every = range(len(matches))
            last = self._row_trace(found, Truth.TRUE, every, view=view, effect=effect)
        shown = range(max(0, end - MOST_SHOWN), end)
        return (*[self._row_trace(row, *_miss(row, matches), view) for row in shown], last)

    def _row_trace(
        self, index: int, truth: Truth, columns: Sequence[int], view: PartView, effect: str = ""
    ) -> RuleTrace:
        cells = self.grid.rows[index].cells
        seen = []
        for name, cell in ((self.grid.names[i], cells[i].text) for i in columns):
            actual = view.wording.value(view.values[name.symbol.slot], name.type)
            seen.append(
                ComparisonTrace(name.text, "in", cell, actual=actual, required=cell, truth=truth)
            )
        id_ = f"{self.grid.id} row {index + 1}"
        note = "" if seen else "it matches, others may too"
        return RuleTrace(view.stage, id_, truth, effect=effect, comparisons=tuple(seen), note=note)

    def coverage(self, record: tuple[Any, ...]) -> Iterable[tuple[str, str]]:
        if not isinstance(record[0], Unknown):
            yield f"table {self.grid.id}", f"row {record[0] + 1}"

    def goals(self) -> Iterable[tuple[str, str, Place]]:
        what = f"table {self.grid.id}"
        rows = enumerate(self.grid.rows, 1)
        return [(what, f"row {number}", row.place) for number, row in rows]


def _gives(rows: Sequence[Sequence[tree.Node]]) -> list[_Give]:
    computed = [n for nodes in rows if not _constant(nodes) for n in nodes]
    evaluated = iter(compile_trees(computed))
    return [_Give(nodes, evaluated) for nodes in rows]


def _constant(nodes: Sequence[tree.Node]) -> bool:
    return all(isinstance(node, tree.Constant) for node in nodes)


def _miss(row: int, matches: Sequence[Matches]) -> tuple[Truth, Sequence[int]]:
    """A row's first cell that is false, else the first that is UNKNOWN; none where it matches."""
    false = [i for i, each in enumerate(matches) if not (each.sure | each.open) >> row & 1]
    if false:
        return Truth.FALSE, false[:1]
    return Truth.UNKNOWN, [i for i, each in enumerate(matches) if each.open >> row & 1][:1]


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
        return ()

    def unexcused(self) -> Iterable[tuple[Place, str]]:
        return ()

    def outputs(self) -> Sequence[Symbol]:
        return tuple(self.grid.outputs.values())

    def runner(self) -> TableRunner:
        return TableRunner(self.grid)


def announces(node: YamlNode) -> set[str]:
    if not isinstance(node, MapNode):
        return set()
    id_ = node.get("id")
    give = node.get("give")
    if not isinstance(id_, Scalar) or not isinstance(give, MapNode):
        return set()
    return {f"{id_.text}.{entry.key}" for entry in give.entries}


def read_table(node: YamlNode, _component: Component, draft: RulesetDraft) -> TablePart | None:
    fields = TABLE.open(node, draft.report)
    if fields is None:
        return None
    id_ = draft.family(fields)
    names = _names(fields, draft)
    types = _types(fields, draft)
    hit = fields.choice("hit", Hit)
    draft.not_empty(fields, "rows")
    raw = _raw_rows(fields, names, types, draft=draft)
    if id_ is None or not types or any(name is None for name in names):
        return None
    reading = _Rows([n for n in names if n is not None], types, draft)
    rows = [None if r is None else reading.row(r) for r in raw]
    grid = Grid(
        id=id_,
        hit=Hit(hit or Hit.FIRST),
        names=tuple(reading.names),
        outputs=_define(id_, types, reading, draft=draft),
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
        named = check_identifier(entry.key, entry.key_place, "the output", report=draft.report)
        hint = replaced_by("`give`", entry.key)
        if hint:
            message = f"a table does not give `{entry.key}`: it concludes nothing"
            draft.report.error("R120", entry.key_place, message, hint)
        word = as_choice(entry.value, f"`{entry.key}`", _TYPES, report=draft.report)
        if named and word is not None:
            types[entry.key] = ValueType(word)
    return types


def _raw_rows(
    fields: Fields,
    names: Sequence[tree.NameRead | None],
    types: Mapping[str, ValueType],
    draft: RulesetDraft,
) -> list[RawRow | None]:
    node = fields.get("rows")
    when = fields.items("when")
    if node is None or not when or not types:
        return []
    columns = [
        # A column whose name is unknown is in the header of a CSV all the same.
        name.text if name is not None else item.text if isinstance(item, Scalar) else ""
        for item, name in zip(when, names, strict=True)
    ]
    rows = read_rows(node, [*columns, *types], draft.files, report=draft.report)
    draft.used_tables.update(filter(None, [table_file(node, draft.files)]))
    if len(rows) > MOST_ROWS:
        message = f"{len(rows):,} rows; {MOST_ROWS:,} are allowed"
        draft.report.error("R123", node.place, message, "split the table")
        rows = []
    # What the rows would name is not known: then nothing may be called unused.
    draft.unread = draft.unread or not rows
    return rows


class _Rows:
    """Reads rows and remembers the texts that each output can have."""

    def __init__(
        self,
        names: list[tree.NameRead],
        types: Mapping[str, ValueType],
        draft: RulesetDraft,
    ) -> None:
        self.names = names
        self.types = types
        self.draft = draft
        self.readers = [CellReader(n.symbol, draft.names.currency, draft.report) for n in names]
        self.texts: dict[str, list[str]] = {name: [] for name in types}

    def row(self, raw: RawRow) -> Row | None:
        width = len(self.names)
        cells = [r.read(c) for r, c in zip(self.readers, raw.cells[:width], strict=True)]
        given = dict(zip(self.types, raw.cells[width:], strict=True))
        gives = {name: self._give(name, type_, given[name]) for name, type_ in self.types.items()}
        if any(c is None for c in cells) or any(g is None for g in gives.values()):
            return None
        return Row(
            cells=tuple(c for c in cells if c is not None),
            gives={name: node for name, node in gives.items() if node is not None},
            place=raw.place,
        )

    def _give(self, name: str, type_: ValueType, scalar: Scalar) -> Node | None:
        if type_ in _COMPUTED:
            return self.draft.expression(scalar, type_)
        currency = self.draft.names.currency
        report = self.draft.report
        value = (
            None
            if scalar.torn
            else as_literal(scalar, type_, f"`{name}`", currency=currency, report=report)
        )
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
        # Conditions further down are held to the texts that rows give.
        labels = tuple(dict.fromkeys(rows.texts[name]))
        outputs[name] = draft.names.define(f"{id_}.{name}", type_, labels=labels)
    return outputs


MOST_STEPS = 10_000
_CURVE = 20
_CURVES = ("annuity", "annuity_amount", "exp", "ln", "power")


def check_cost(draft: RulesetDraft) -> None:
    """R320 above 10,000 steps of all expressions; nothing loops, so no evaluation has more."""
    rows = [len(p.part.grid.rows) for p in draft.stages if isinstance(p.part, TablePart)]
    steps = sum(map(_steps, draft.trees())) + sum(rows)
    if steps > MOST_STEPS:
        message = f"the ruleset takes {steps:,} steps; {MOST_STEPS:,} are allowed"
        hint = "share expressions under `derived:`, or split the product"
        draft.report.error("R320", draft.root.node.place, message, hint)


def _steps(node: Node) -> int:
    return sum(
        _CURVE if isinstance(part, FunctionCall) and part.function in _CURVES else 1
        for part in walk(node)
    )
