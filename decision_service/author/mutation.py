"""Runs a version's cases against every small change of its constants, and says what became of
each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from decision_service.author.case_text import first_difference
from decision_service.author.made_up_facts import Sampler, figures_near
from decision_service.author.mutants import (
    EditRefused,
    Fate,
    FigureChange,
    RuleTree,
    Tried,
    VerdictDifference,
    find_changes,
)
from decision_service.domain.decision import Verdict
from decision_service.domain.factor import FactorSpec, ValueType
from decision_service.rules.cells import Cell, CellKind
from decision_service.rules.compile import canonical, content, finish, run_checks
from decision_service.rules.draft import RulesetDraft
from decision_service.rules.evaluate import Facts, evaluate
from decision_service.rules.language import types as tree
from decision_service.rules.language.diagnostics import Diagnostic, problem_at
from decision_service.rules.language.types import ORDERED, Symbol
from decision_service.rules.program import CompiledRuleset, RulesetFiles
from decision_service.rules.ranges import ValueRange, meet, stepped, whole
from decision_service.rules.scorecard import Characteristic
from decision_service.rules.table import Grid
from decision_service.rules.tests import CaseResult
from decision_service.rules.tests_file import FigureMark

SAMPLES = 2_000
"""On how many made-up facts a change that is set aside is tried."""

MOST_MARKED = 5
"""How many changes of a hundred may be marked; that two values are never equal may be for all."""

_STRICT = ("<", "<=", ">", ">=")
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}


def normal_form(draft: RulesetDraft) -> Any:
    """The content of a draft without errors, as JSON can hold it."""
    currency = draft.names.currency

    def simplify(value: Any) -> Any:
        if isinstance(value, tree.Compare):
            return _comparison(value, currency)
        if isinstance(value, Characteristic):
            return _characteristic(value, currency)
        return _grid(value, currency) if isinstance(value, Grid) else value

    return canonical(content(draft), simplify)


def _comparison(node: tree.Compare, currency: str) -> Any:
    operator = node.operator
    left = node.left
    right = node.right
    if isinstance(left, tree.Constant):
        operator = _MIRRORED.get(operator, "")
        left, right = right, left
    if not isinstance(right, tree.Constant) or operator not in _MIRRORED:
        return node
    if left.type not in ORDERED:
        return node
    satisfying = _span(operator, right.value)
    if isinstance(left, tree.NameRead):
        return ["values", left.symbol.name, *_values(satisfying, left.symbol, currency)]
    return _or_else(left, satisfying, currency) or node


def _or_else(node: tree.Node, satisfying: ValueRange, currency: str) -> list[Any] | None:
    """`coalesce(name, figure)` compared: the name's values, and the truth where it is absent."""
    if not (isinstance(node, tree.FunctionCall) and node.function == "coalesce"):
        return None
    match node.arguments:
        case (tree.NameRead() as name, tree.Constant() as default):
            values = _values(satisfying, name.symbol, currency)
            return ["or else", name.symbol.name, values, satisfying.has(default.value)]
    return None


def _span(operator: str, value: Any) -> ValueRange:
    if operator == "==":
        return ValueRange(value, value)
    if operator in ("<", "<="):
        return ValueRange(None, value, open_high=operator == "<")
    return ValueRange(value, None, open_low=operator == ">")


def _values(span: ValueRange, symbol: Symbol, currency: str) -> list[Any]:
    least = whole(symbol, currency)
    kept = stepped(meet(span, least), symbol.type)
    if kept.empty:
        return []
    opened = () if symbol.type is not ValueType.NUMBER else (kept.open_low, kept.open_high)
    return [kept.low, kept.high, *opened]


def _cell(cell: Cell, symbol: Symbol, currency: str) -> Any:
    if cell.sort is CellKind.SPANS:
        return ["spans", *(_values(span, symbol, currency) for span in cell.spans)]
    if cell.sort is CellKind.LABELS:
        return ["labels", frozenset(cell.labels)]
    return cell


def _characteristic(one: Characteristic, currency: str) -> Any:
    symbol = one.name.symbol
    bins = [[_cell(b.cell, symbol, currency), b.points] for b in one.bins]
    return [symbol, bins, one.reason, one.fixed, one.because]


def _grid(grid: Grid, currency: str) -> Any:
    names = [name.symbol for name in grid.names]
    rows: list[Any] = []
    for row in grid.rows:
        cells = [_cell(c, name, currency) for c, name in zip(row.cells, names, strict=True)]
        rows.append([cells, row.gives])
    return [grid.id, grid.hit, grid.names, grid.outputs, rows]


class FiguresRun:
    """The figures of a version that compiles, tried against those of its cases that pass."""

    def __init__(
        self,
        files: RulesetFiles,
        ruleset: CompiledRuleset,
        catalogue: Mapping[str, FactorSpec],
        results: Sequence[CaseResult],
    ) -> None:
        self.ruleset = ruleset
        self.results = [r for r in results if r.passed and r.facts is not None]
        self.tree = RuleTree(files, ruleset, catalogue)
        self.draft = self.tree.draft()
        self.content = normal_form(self.draft)
        self.catalogue = catalogue
        self.bases = [r.facts for r in self.results if r.facts is not None]
        self.near = figures_near(self.tree.root, self.draft.params, ruleset.currency)
        self.sampled: list[tuple[Facts, Verdict]] = []

    def sampler_of(self, bases: Sequence[Facts] | None = None) -> Sampler:
        """Of facts near to those of the cases, or to others."""
        return Sampler(self.ruleset, self.catalogue, bases or self.bases, near=self.near)

    def tried(self) -> Iterator[Tried]:
        for change in find_changes(self.tree.root, self.draft.names.symbols, operators=True):
            yield self._try(change)

    def _try(self, change: FigureChange) -> Tried:
        try:
            draft = self.tree.draft(change.edits)
        except EditRefused:
            return Tried(change, Fate.REFUSED)
        changed = finish(draft, self.ruleset.digest)
        if self._noticed(changed):
            return Tried(change, Fate.NOTICED)
        run_checks(draft)
        if draft.report.failed:
            return Tried(change, Fate.REFUSED)
        if normal_form(draft) == self.content:
            return Tried(change, Fate.NO_DIFFERENCE)
        return Tried(change, Fate.UNNOTICED)

    def _noticed(self, changed: CompiledRuleset) -> bool:
        """Whether any case comes out otherwise than expected; the next change asks it first."""
        for index, result in enumerate(self.results):
            assert result.facts is not None  # noqa: S101  only such are kept
            if result.case.expectation.differences(evaluate(changed, result.facts)):
                self.results.insert(0, self.results.pop(index))
                return True
        return False

    def difference(self, change: FigureChange) -> VerdictDifference | None:
        """What the change decides otherwise of made-up facts; None where it is nothing."""
        changed = finish(self.tree.draft(change.edits), self.ruleset.digest)
        if not self.sampled:
            drawn = self.sampler_of().samples(SAMPLES)
            self.sampled = [(facts, evaluate(self.ruleset, facts)) for facts in drawn]
        for facts, before in self.sampled:
            found = first_difference(before, evaluate(changed, facts))
            if found is not None:
                return found
        return None


class FiguresReport(msgspec.Struct, frozen=True):
    tried: tuple[Tried, ...]
    problems: tuple[Diagnostic, ...] = ()

    @property
    def unnoticed(self) -> tuple[Tried, ...]:
        return tuple(t for t in self.tried if t.fate is Fate.UNNOTICED)

    @property
    def percent(self) -> int:
        """Whole percent of changes that do not go unnoticed, rounded down; 100 of none."""
        total = len(self.tried)
        return (total - len(self.unnoticed)) * 100 // total if total else 100

    def count(self, fate: Fate) -> int:
        return sum(t.fate is fate for t in self.tried)


def report_on(
    run: FiguresRun,
    marks: Sequence[FigureMark],
    excused: Callable[[FigureChange], bool] | None = None,
) -> FiguresReport:
    """The changes; a mark excuses one that neither a case nor made-up facts notice."""
    by_key = {(mark.at, mark.before, mark.after): mark for mark in marks}
    judged: list[Tried] = []
    problems: list[Diagnostic] = []
    used = Counter[FigureMark]()
    for one in run.tried():
        change = one.change
        unnoticed = one.fate is Fate.UNNOTICED
        mark = by_key.get((change.at, change.before, change.after))
        aside = mark is None and unnoticed and excused is not None and excused(change)
        if unnoticed and (mark is not None or aside):
            one = replace(one, difference=run.difference(change))
        if aside and one.difference is None:
            continue
        if mark is not None:
            used[mark] += 1
            problems.extend(_wrongly_marked(one, mark))
            if unnoticed and one.difference is None:
                one = replace(one, fate=Fate.MARKED)
        judged.append(one)
    problems.extend(_unknown(mark) for mark in marks if not used[mark])
    report = FiguresReport(tuple(judged))
    problems.extend(_too_many(report, marks))
    return replace(report, problems=tuple(sorted(problems, key=lambda p: p.order)))


def _wrongly_marked(one: Tried, mark: FigureMark) -> Iterator[Diagnostic]:
    what = f"{mark.at} from {mark.before} to {mark.after}"
    if one.fate is not Fate.UNNOTICED:
        why = {Fate.NOTICED: "a case notices it", Fate.REFUSED: "`rules check` refuses it"}
        reason = why.get(one.fate, "it is found to make no difference anyway")
        yield problem_at(
            "T011", mark.place, f"{what} needs no mark: {reason}", hint="remove the mark"
        )
    elif (found := one.difference) is not None:
        message = f"{what} is marked, and it matters: {found.before} becomes {found.after}"
        yield problem_at(
            "T010", mark.place, message, hint="remove the mark, and write a case of it"
        )


def _unknown(mark: FigureMark) -> Diagnostic:
    what = f"{mark.at} from {mark.before} to {mark.after}"
    hint = "copy it from what `rules test --figures` prints"
    return problem_at("T011", mark.place, f"there is no change of {what}", hint=hint)


def _too_many(report: FiguresReport, marks: Sequence[FigureMark]) -> Iterator[Diagnostic]:
    excused = [t for t in report.tried if t.fate is Fate.MARKED]
    marked = sum(t.change.before not in _STRICT for t in excused)
    total = len(report.tried)
    if marked * 100 > MOST_MARKED * total:
        message = f"{marked} of {total} changes are marked; {MOST_MARKED} % may be"
        yield problem_at(
            "T012", marks[0].place, message, hint="write cases that notice some of them"
        )
