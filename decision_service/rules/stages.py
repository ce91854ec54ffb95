"""`derived:`, `stages:` with `segment:`, and what follows them, read by their constructs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec.structs import replace

from decision_service.domain.decision import Component, Outcome, RuleTrace, Truth
from decision_service.domain.values import Cause, DataReason, Missing, exponent
from decision_service.rules import knockouts, offer, scorecard, table
from decision_service.rules.cells import CellReader, cell_tree
from decision_service.rules.construct import (
    SEGMENT,
    Conclusion,
    Effect,
    Part,
    PartView,
    Runner,
    StageCondition,
    State,
    data_finding,
)
from decision_service.rules.draft import Derived, NamedPart, RulesetDraft, Waiting
from decision_service.rules.keys import COMPONENTS, STAGE
from decision_service.rules.language import types as tree
from decision_service.rules.language.diagnostics import Place, did_you_mean
from decision_service.rules.language.evaluation import compile_conditions
from decision_service.rules.language.fields import Fields, as_list, as_scalar, check_identifier
from decision_service.rules.language.values import Gap, Unknown
from decision_service.rules.language.yaml import ListNode, MapEntry, MapNode, Scalar, YamlNode
from decision_service.rules.ranges import span_of
from decision_service.rules.wording import truth_of

_COMPONENTS = [c.value for c in Component]
_ELSE = "does not apply"
_USE = re.compile(r"\bderived\.([A-Za-z_]\w*)", re.ASCII)
_NAME = re.compile(r"\b[a-z]\w*\.[a-z]\w*", re.ASCII)
_NOT_GIVEN = ("derived.", "offer.")
"""What is defined below, but by no stage."""


def read_derived(draft: RulesetDraft) -> None:
    node = draft.root.map("derived")
    if node is None:
        return
    draft.names.cycles.update(_cycles(node))
    given = draft.names.upcoming - {n for n in draft.names.upcoming if n.startswith(_NOT_GIVEN)}
    for index, entry in enumerate(node.entries):
        draft.places[f"derived.{entry.key}"] = entry.key_place
        text = entry.value.text if isinstance(entry.value, Scalar) else ""
        # By its text: it cannot be read before what it names has a type.
        needs = set(_NAME.findall(text)) & (given | draft.names.waiting.keys())
        if needs:
            below = frozenset(f"derived.{e.key}" for e in node.entries[index + 1 :])
            draft.waiting.append(Waiting(entry, needs, below))
            given_by = (draft.names.waiting.get(name, frozenset({name})) for name in needs)
            draft.names.waiting[f"derived.{entry.key}"] = frozenset().union(*given_by)
        else:
            _define(entry, draft)


def read_waiting(draft: RulesetDraft, *, last: bool = False) -> None:
    """Read the expressions that rest on nothing to come any more; after the last stage, all."""
    names = draft.names
    left = []
    for each in draft.waiting:
        if last or all(n in names.symbols or n in names.broken for n in each.needs):
            names.waiting.pop(f"derived.{each.entry.key}", None)
            # Lines run from top to bottom, among those that wait, too.
            names.below = each.below
            _define(each.entry, draft)
            names.below = frozenset()
        else:
            left.append(each)
    draft.waiting = left


def _define(entry: MapEntry, draft: RulesetDraft) -> None:
    named = check_identifier(entry.key, entry.key_place, "the derived name", report=draft.report)
    scalar = as_scalar(entry.value, f"`{entry.key}`", draft.report)
    node = draft.expression(scalar)
    if node is None or not named:
        draft.names.broken.add(f"derived.{entry.key}")
        return
    # Evaluated after the stages so far: the last of them is one that it rests on.
    draft.derived.append(Derived(entry.key, entry.key_place, node, after=len(draft.stages)))
    draft.names.define(f"derived.{entry.key}", node.type, *_bounds(node, draft), _labels(node))


def _bounds(node: tree.Node, draft: RulesetDraft) -> tuple[Decimal | None, Decimal | None]:
    """What the bounds of its names say about an expression's own, in major units."""
    if node.type not in (tree.INTEGER, tree.NUMBER, tree.MONEY):
        return None, None
    currency = draft.names.currency
    scale = -exponent(currency) if node.type is tree.MONEY else 0
    span = span_of(node, {}, currency)
    low = None if span.low is None else Decimal(span.low).scaleb(scale)
    high = None if span.high is None else Decimal(span.high).scaleb(scale)
    return low, high


def _labels(node: tree.Node) -> tuple[str, ...]:
    """The labels that a text can be, in order; none where some part of it can be any text."""
    match node:
        case tree.NameRead():
            return node.symbol.labels
        case tree.Constant(value=str(label)):
            return (label,)
        case tree.Choice():
            # Joined bands keep their labels, so that a table over them is checked for gaps.
            parts = [_labels(node.then), _labels(node.otherwise)]
        case tree.FunctionCall(function="coalesce"):
            parts = [_labels(argument) for argument in node.arguments]
        case _:
            return ()
    return tuple(dict.fromkeys(x for part in parts for x in part)) if all(parts) else ()


def _cycles(node: MapNode) -> dict[str, str]:
    """For each derived name that needs itself, the way round in words."""
    texts = {e.key: e.value.text for e in node.entries if isinstance(e.value, Scalar)}
    uses = {key: _USE.findall(text) for key, text in texts.items()}
    found: dict[str, str] = {}
    for name in uses:
        way = _way_back(name, uses)
        if way:
            found[f"derived.{name}"] = " → ".join(f"derived.{n}" for n in way)
    return found


def _way_back(name: str, uses: Mapping[str, list[str]]) -> list[str]:
    """The shortest chain of uses from a name back to itself, breadth first; empty if none."""
    ways = [[name]]
    # A name that was met has a shorter way already.
    seen = {name}
    while ways:
        way = ways.pop(0)
        for used in uses.get(way[-1], ()):
            if used == name:
                return [*way, name]
            if used not in seen:
                seen.add(used)
                ways.append([*way, used])
    return []


class Construct(msgspec.Struct, frozen=True):
    """A key of the rule file, the components it may have, its reader, and names it will define."""

    key: str
    read: Callable[[YamlNode, Component, RulesetDraft], Part | None]
    announces: Callable[[YamlNode], set[str]] = lambda _node: set()
    components: tuple[Component, ...] = ()


def _by_key(*constructs: Construct) -> Mapping[str, Construct]:
    return {one.key: replace(one, components=COMPONENTS[one.key]) for one in constructs}


STAGES = _by_key(
    Construct("rules", knockouts.read_rules),
    Construct("scorecard", scorecard.read_scorecard, scorecard.announces),
    Construct("table", table.read_table, table.announces),
)

CLOSING = _by_key(
    Construct("offer", offer.read_offer, offer.announces),
    Construct("conditions", knockouts.read_conditions),
)


def announce(draft: RulesetDraft) -> None:
    derived = draft.root.get("derived")
    if isinstance(derived, MapNode):
        draft.names.upcoming |= {f"derived.{e.key}" for e in derived.entries}
    stages = draft.root.get("stages")
    items = stages.items if isinstance(stages, ListNode) else ()
    for stage in (item for item in items if isinstance(item, MapNode)):
        for key, construct in STAGES.items():
            body = stage.get(key)
            if body is not None:
                draft.names.upcoming |= construct.announces(body)
    for key, construct in CLOSING.items():
        body = draft.root.get(key)
        if body is not None:
            draft.names.upcoming |= construct.announces(body)


def read_stages(draft: RulesetDraft) -> None:
    node = draft.root.get("stages")
    items = as_list(node, "`stages`", draft.report) if node is not None else ()
    if isinstance(node, ListNode) and not items:
        draft.report.error("R123", node.place, "`stages` is empty", "write at least one stage")
    for item in items:
        # Legal rules are read after the offer, whose lines they name.
        if not _sees_the_offer(item):
            _read_stage(item, draft)
            read_waiting(draft)
    read_waiting(draft, last=True)


def _sees_the_offer(stage: YamlNode) -> bool:
    """Whether a stage is read after the offer: legal rules look at what would be paid out."""
    component = stage.get("component") if isinstance(stage, MapNode) else None
    return isinstance(component, Scalar) and component.text == Component.LEGAL


def _read_stage(node: YamlNode, draft: RulesetDraft) -> None:
    fields = STAGE.open(node, draft.report)
    if fields is None:
        return
    name = fields.identifier("name")
    if name is not None:
        draft.claim(name, fields.place("name"), "stage")
    component = fields.choice("component", _COMPONENTS)
    condition = _condition(name or "?", fields, draft)
    construct = _only_construct(fields, draft)
    if construct is None:
        draft.touch(node)
        return
    fitting = _component(fields, component, construct, draft=draft)
    body = fields.get(construct.key)
    part = construct.read(body, fitting, draft) if body is not None else None
    if part is None:
        draft.touch(node)
        # What reads its outputs further down is not reported, too.
        draft.names.broken |= construct.announces(body) if body is not None else set()
        return
    stages = draft.closing if fitting is Component.LEGAL else draft.stages
    stages.append(
        NamedPart(name or "?", fitting, part, place=fields.place("name"), condition=condition)
    )


def _condition(name: str, fields: Fields, draft: RulesetDraft) -> StageCondition | None:
    scalar = fields.scalar(SEGMENT)
    if scalar is None:
        return None
    # One label is enough to find the name, since each is of one name only.
    label = scalar.text.partition("|")[0].removeprefix("!=").strip()
    by = draft.segments.get(label)
    if by is None:
        hint = did_you_mean(label, draft.segments) or "name what has it under `segments:`"
        draft.report.error("R214", scalar.place, f"there is no segment `{label}`", hint)
        return None
    cell = CellReader(by.symbol, draft.names.currency, draft.report).read(scalar)
    if cell is None:
        return None
    return StageCondition(name, cell_tree(cell, by), fields.node.key_place(SEGMENT))


def _only_construct(fields: Fields, draft: RulesetDraft) -> Construct | None:
    given = [key for key in STAGES if fields.has(key)]
    if len(given) == 1:
        return STAGES[given[0]]
    keys = ", ".join(f"`{key}`" for key in STAGES)
    found = " and ".join(f"`{key}`" for key in given) or "none"
    message = f"a stage holds one of {keys}; this one holds {found}"
    draft.report.error("R121", fields.node.place, message, "make it two stages" if given else "")
    return None


def _component(
    fields: Fields, written: str | None, construct: Construct, draft: RulesetDraft
) -> Component:
    fits = construct.components
    if written is None or Component(written) in fits:
        return Component(written) if written else fits[0]
    words = " or ".join(c.value for c in fits)
    message = f"a stage with `{construct.key}` has the component {words}, not {written}"
    draft.report.error("R123", fields.place("component"), message)
    return fits[0]


def read_closing(draft: RulesetDraft) -> None:
    for key, construct in CLOSING.items():
        body = draft.root.get(key)
        if body is None:
            continue
        component = construct.components[0]
        part = construct.read(body, component, draft)
        if part is not None:
            place = draft.root.node.key_place(key)
            draft.closing.append(NamedPart(key, component, part, place=place))
    stages = draft.root.get("stages")
    for stage in stages.items if isinstance(stages, ListNode) else ():
        if _sees_the_offer(stage):
            _read_stage(stage, draft)


class ConditionalRecord(msgspec.Struct, frozen=True):
    """What a condition came to: its truths, and the stage's own record where it was run."""

    noted: tuple[Any, ...]
    inner: tuple[Any, ...] | None

    @property
    def truth(self) -> Truth:
        return truth_of(self.noted[0][0])

    @property
    def gap(self) -> Gap | None:
        truth = self.noted[0][0]
        return truth.shown if isinstance(truth, Unknown) else None


class ConditionalRunner:
    """A stage for those to whom it applies; not knowing refers, and its outputs are missing."""

    def __init__(
        self, condition: StageCondition, inner: Runner, outputs: Sequence[tree.Symbol]
    ) -> None:
        self.condition = condition
        self.inner = inner
        self.outputs = outputs
        self.weigh = compile_conditions([condition.when])

    def run(self, state: State) -> Conclusion:
        noted = self.weigh(state.values)
        truth = noted[0][0]
        if truth is True:
            found = self.inner.run(state)
            record = (ConditionalRecord(noted, found.record),)
            return Conclusion(found.findings, record, found.gaps)
        record = (ConditionalRecord(noted, None),)
        if truth is False:
            self._put_nothing(state)
            return Conclusion((), record)
        # It refers: whoever leaves out a datum must not leave out a knock-out. The reason is that
        # datum's, so that missing data raises no alarm of broken rules.
        self._put_nothing(state, truth.shown.missing.reason)
        gaps = tuple(dict.fromkeys((truth.shown, *truth.gaps)))
        return Conclusion((data_finding(truth.shown),), record, gaps)

    def _put_nothing(self, state: State, reason: DataReason | None = None) -> None:
        # Tainted: with an absent cause `coalesce(card.score, 0)` would make a decline of it.
        missing = Missing(Cause.NOT_APPLIED, code=reason, detail=self.condition.stage)
        gone = [Unknown((), Gap(symbol.name, missing)) for symbol in self.outputs]
        state.put([symbol.slot for symbol in self.outputs], gone)

    def trees(self) -> Iterable[tree.Node]:
        return (self.condition.when, *self.inner.trees())

    def note(self, record: tuple[Any, ...]) -> str:
        inner = record[0].inner
        return "" if inner is None else self.inner.note(inner)

    def describe(self, record: tuple[Any, ...], view: PartView) -> tuple[RuleTrace, ...]:
        found: ConditionalRecord = record[0]
        weighed = found.noted[1]
        gap = found.gap
        row = RuleTrace(
            stage=view.stage,
            id=SEGMENT,
            truth=found.truth,
            effect=_effect(found),
            reason=str(gap.missing.reason) if gap else "",
            comparisons=view.wording.comparisons(self.condition.when, view.values, weighed),
            note=f"{gap.name} is missing: {gap.missing.cause}" if gap else "",
        )
        inner = () if found.inner is None else self.inner.describe(found.inner, view)
        return (row, *inner)

    def effects(self, found: Conclusion, view: PartView) -> Iterable[Effect]:
        record: ConditionalRecord = found.record[0]
        names = tuple(symbol.name for symbol in self.outputs)
        when = (self.condition.when,)
        open_ = record.gap is not None
        # The key is empty, since a rule may be called segment.
        yield Effect("", _effect(record), when, gives=names, decides=open_, name=SEGMENT)
        if record.inner is not None:
            yield from self.inner.effects(replace(found, record=record.inner), view)

    def coverage(self, record: tuple[Any, ...]) -> Iterable[tuple[str, str]]:
        found: ConditionalRecord = record[0]
        words = {Truth.TRUE: "applies", Truth.FALSE: _ELSE, Truth.UNKNOWN: "unknown"}
        yield self.condition.what, words[found.truth]
        yield from () if found.inner is None else self.inner.coverage(found.inner)

    def goals(self) -> Iterable[tuple[str, str, Place]]:
        for which in ("applies", _ELSE, "unknown"):
            yield self.condition.what, which, self.condition.place
        yield from self.inner.goals()


def unconditional(runner: Runner) -> Runner:
    return runner.inner if isinstance(runner, ConditionalRunner) else runner


def _effect(found: ConditionalRecord) -> str:
    if found.gap is not None:
        return str(Outcome.REFER)
    return "" if found.inner is not None else _ELSE
