"""A rule file while it is read: its sections so far, for later sections and the checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from decision_service.domain.factor import ValueType
from decision_service.domain.needs import DataPolicy
from decision_service.domain.verdict import Component
from decision_service.language.diagnostics import Place, Report, did_you_mean, nearest
from decision_service.language.expressions.checker import read_expression
from decision_service.language.expressions.tree import NameRead
from decision_service.language.expressions.tree import Node as Tree
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import ListNode, MapEntry, Scalar, YamlNode
from decision_service.ruleset.program.guarantees import Guarantee
from decision_service.ruleset.program.lists import KeyList
from decision_service.ruleset.program.model import (
    InputSpec,
    ParamSpec,
    ReasonSpec,
    RulesetFiles,
    TagSpec,
)
from decision_service.ruleset.program.part import Part, StageCondition, Written
from decision_service.ruleset.reading.names import NO_CURRENCY, Names


class Derived(msgspec.Struct, frozen=True):
    """A named expression, evaluated after so many stages."""

    name: str
    place: Place
    tree: Tree
    after: int = 0


class Waiting(msgspec.Struct, frozen=True):
    """A derived expression that rests on names which stages give, and the derived names below."""

    entry: MapEntry
    needs: set[str]
    below: frozenset[str]


class NamedPart(msgspec.Struct, frozen=True):
    """A stage with its body, or a section that follows the stages.

    Without a condition a stage is evaluated for everybody.
    """

    name: str
    component: Component
    part: Part
    place: Place
    condition: StageCondition | None = None

    def written(self) -> Iterator[Written]:
        """Its expressions, with the condition of a stage that has one."""
        if self.condition is not None:
            yield self.condition.written()
        yield from self.part.written()


class RulesetDraft(msgspec.Struct):
    """Everything read from one rule file; unreadable sections are absent.

    `places` remembers where each `inputs.x`, `params.x`, `derived.x`, `reasons.X` and `tags.x` is
    declared; `ids` where each id stands. `unread` says that a table's rows could not be read, so
    that nobody knows what they use. `now` is when it is to decide, None where that does not matter.
    `lists` are those that its rules ask; `shared` is what it uses of shared files, by path and name
    (`reasons.X`).
    """

    files: RulesetFiles
    report: Report
    names: Names
    root: Fields
    ruleset: str = ""
    version: int = 0
    title: str = ""
    zone: ZoneInfo | None = None
    policy: DataPolicy = msgspec.field(default_factory=lambda: DataPolicy(NO_CURRENCY))
    inputs: dict[str, InputSpec] = msgspec.field(default_factory=dict)
    params: dict[str, ParamSpec] = msgspec.field(default_factory=dict)
    derived: list[Derived] = msgspec.field(default_factory=list)
    waiting: list[Waiting] = msgspec.field(default_factory=list)
    reasons: dict[str, ReasonSpec] = msgspec.field(default_factory=dict)
    tags: dict[str, TagSpec] = msgspec.field(default_factory=dict)
    tell: frozenset[str] = frozenset()
    stages: list[NamedPart] = msgspec.field(default_factory=list)
    closing: list[NamedPart] = msgspec.field(default_factory=list)
    valid_for: timedelta | None = None
    guarantees: list[Guarantee] = msgspec.field(default_factory=list)
    places: dict[str, Place] = msgspec.field(default_factory=dict)
    used_reasons: set[str] = msgspec.field(default_factory=set)
    used_tags: set[str] = msgspec.field(default_factory=set)
    unread: bool = False
    used_tables: set[str] = msgspec.field(default_factory=set)
    ids: dict[str, Place] = msgspec.field(default_factory=dict)
    now: datetime | None = None
    lists: Mapping[str, KeyList] = msgspec.field(default_factory=dict)
    shared: frozenset[tuple[str, str]] = frozenset()

    def expression(self, scalar: Scalar | None, expected: ValueType | None = None) -> Tree | None:
        """The checked tree of an expression in the scope so far."""
        if scalar is None:
            return None
        node = read_expression(scalar, self.names, self.report, expected)
        if node is None:
            self.names.touch(scalar.text)
        return node

    def reason(self, fields: Fields, key: str) -> str | None:
        """A declared reason code under a key; reported where it is not declared."""
        scalar = fields.scalar(key)
        if scalar is None:
            return None
        self.use_reason(scalar)
        return scalar.text

    def use_reason(self, scalar: Scalar) -> bool:
        """Whether a code is declared under `reasons`; notes its use."""
        self.used_reasons.add(scalar.text)
        declared = scalar.text in self.reasons or f"reasons.{scalar.text}" in self.places
        if not declared:
            hint = did_you_mean(scalar.text, self.reasons) or "declare it under `reasons:`"
            self.used_reasons.add(nearest(scalar.text, self.reasons) or "")
            self.report.error("R207", scalar.place, f"unknown reason `{scalar.text}`", hint)
        return declared

    def use_tag(self, scalar: Scalar) -> bool:
        """Whether a tag is declared under `tags`; notes its use."""
        self.used_tags.add(scalar.text)
        declared = f"tags.{scalar.text}" in self.places
        if not declared:
            hint = did_you_mean(scalar.text, self.tags) or "declare it under `tags:`"
            self.used_tags.add(nearest(scalar.text, self.tags) or "")
            self.report.error("R212", scalar.place, f"unknown tag `{scalar.text}`", hint)
        return declared

    def name(self, scalar: Scalar | None) -> NameRead | None:
        """A single name in the scope so far, such as a bin's factor or a table's column."""
        node = self.expression(scalar)
        if node is None or isinstance(node, NameRead):
            return node
        message = f"`{node.text}` is no name"
        self.report.error("R201", node.place, message, "give the expression one under `derived:`")
        return None

    def family(self, fields: Fields) -> str | None:
        """The id of a scorecard or table, which becomes a family of names."""
        name = fields.identifier("id")
        if name is None:
            return None
        place = fields.place("id")
        if name in self.names.families:
            message = f"`{name}` is a family of names already"
            self.report.error("R126", place, message, "choose another id")
            return None
        return name if self.claim(name, place, "scorecard or table") else None

    def not_empty(self, fields: Fields, key: str) -> None:
        """Report a list that was written but holds nothing."""
        node = fields.get(key)
        if isinstance(node, ListNode) and not node.items:
            message = f"`{key}` is empty"
            self.report.error("R123", node.place, message, "write at least one")

    def touch(self, node: YamlNode) -> None:
        """Count the names in an unreadable part as used."""
        if isinstance(node, Scalar):
            self.names.touch(node.text)
            self.used_reasons.add(node.text)
        elif isinstance(node, ListNode):
            for item in node.items:
                self.touch(item)
        else:
            for entry in node.entries:
                self.touch(entry.value)

    def claim(self, name: str, place: Place, what: str) -> bool:
        """Whether an id is still free; reported where it is taken."""
        first = self.ids.setdefault(f"{what} {name}", place)
        if first == place:
            return True
        hint = f"it stands on line {first.line} already"
        self.report.error("R124", place, f"the {what} id `{name}` is repeated", hint)
        return False

    def parts(self) -> list[NamedPart]:
        """All stages and closing parts, in order."""
        return [*self.stages, *self.closing]

    def trees(self) -> Iterator[Tree]:
        """Every expression: of `derived`, then of each part."""
        yield from (each.tree for each in self.derived)
        yield from (written.tree for part in self.parts() for written in part.written())
