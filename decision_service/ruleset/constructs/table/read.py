"""A table: rows of condition cells with the values they give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from decision_service.domain.factor import ValueType
from decision_service.domain.verdict import Component, Outcome
from decision_service.language.diagnostics import Place
from decision_service.language.expressions import tree
from decision_service.language.expressions.tree import Node as Tree
from decision_service.language.types import Symbol
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import MapEntry, MapNode, Scalar, YamlNode
from decision_service.language.yaml.readers import as_choice, as_scalar, check_identifier
from decision_service.ruleset.constructs.cells import CellReader
from decision_service.ruleset.constructs.table.model import (
    OUTCOME,
    REASON,
    Aggregate,
    Grid,
    Hit,
    Row,
)
from decision_service.ruleset.constructs.table.rows import RawRow, read_rows, table_file
from decision_service.ruleset.constructs.table.run import TableRunner
from decision_service.ruleset.program.part import Conclusive, Written
from decision_service.ruleset.reading.draft import RulesetDraft
from decision_service.ruleset.reading.literals import as_literal

MOST_COLUMNS = 12
MOST_ROWS = 2_000
_TYPES = [t.value for t in ValueType]
_COMPUTED = frozenset({ValueType.INTEGER, ValueType.NUMBER, ValueType.MONEY})
_OUTCOMES = ("APPROVE", "REFER", "DECLINE", "-")


@dataclass(frozen=True, slots=True)
class TablePart:
    """A table as it was read; `complete` says that all its rows could be."""

    grid: Grid
    place: Place = field(compare=False)
    complete: bool = field(default=True, compare=False)
    component: Component = Component.TABLE

    def written(self) -> Iterable[Written]:
        """The columns' names and the rows' expressions."""
        for name in self.grid.names:
            yield Written(name, name.place, f"column `{name.text}`")
        for row in self.grid.rows:
            for output, node in row.gives.items():
                yield Written(node, node.place, f"cell `{output}`")

    def conclusive(self) -> Iterable[Conclusive]:
        """Each row with an outcome."""
        return [
            Conclusive(row.outcome, row.place, "row", has_reason=bool(row.reason))
            for row in self.grid.rows
            if row.outcome is not None
        ]

    def unexcused(self) -> Iterable[tuple[Place, str]]:
        """Nothing: `missing` cells say openly what missing data gives."""
        return ()

    def outputs(self) -> Sequence[Symbol]:
        """Its outputs, but for outcome and reason."""
        return tuple(self.grid.outputs.values())

    def runner(self) -> TableRunner:
        """The table with an index for each column."""
        return TableRunner(self.grid)


def announces(node: YamlNode) -> set[str]:
    """`<id>.<output>` for each output."""
    if not isinstance(node, MapNode):
        return set()
    id_, give = node.get("id"), node.get("give")
    if not isinstance(id_, Scalar) or not isinstance(give, MapNode):
        return set()
    return {f"{id_.text}.{entry.key}" for entry in give.entries}


def read_table(node: YamlNode, _component: Component, draft: RulesetDraft) -> TablePart | None:
    """The table of a stage; defines its outputs."""
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
        word = as_choice(entry.value, f"`{entry.key}`", _options(entry), draft.report)
        if named and word is not None:
            types[entry.key] = ValueType.TEXT if word in (OUTCOME, REASON) else ValueType(word)
    return types


def _options(entry: MapEntry) -> Sequence[str]:
    return (entry.key, "text") if entry.key in (OUTCOME, REASON) else _TYPES


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
            found[entry.key] = Aggregate(word)
            _check_aggregate(entry, Aggregate(word), type_, draft)
    return found


def _check_aggregate(
    entry: MapEntry, how: Aggregate, type_: ValueType, draft: RulesetDraft
) -> None:
    fits = {ValueType.INTEGER} if how is Aggregate.COUNT else _COMPUTED
    if type_ not in fits:
        message = f"`{how}` cannot make one value of {type_} `{entry.key}`"
        draft.report.error("R304", entry.value.place, message)


def _raw_rows(
    fields: Fields,
    names: Sequence[tree.NameRead | None],
    types: Mapping[str, ValueType],
    draft: RulesetDraft,
) -> list[RawRow | None]:
    node, when = fields.get("rows"), fields.items("when")
    if node is None or not when or not types:
        return []
    columns = [_column_name(item, name) for item, name in zip(when, names, strict=True)]
    rows = read_rows(node, [*columns, *types], draft.files, draft.report)
    draft.used_tables.update(filter(None, [table_file(node, draft.files)]))
    if len(rows) > MOST_ROWS:
        message = f"{len(rows):,} rows; {MOST_ROWS:,} are allowed"
        draft.report.error("R123", node.place, message, "split the table")
        rows = []
    draft.unread = draft.unread or not rows
    return rows


def _column_name(node: YamlNode, name: tree.NameRead | None) -> str:
    return name.text if name is not None else node.text if isinstance(node, Scalar) else ""


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
        word = outcome and as_choice(outcome, "an outcome", _OUTCOMES, self.draft.report)
        code = self.reason
        if reason is not None and reason.text != "-" and not reason.torn:
            self.draft.use_reason(reason)
            code = reason.text
        return (Outcome(word) if word and word != "-" else None), code

    def _give(self, name: str, type_: ValueType, scalar: Scalar) -> Tree | None:
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
