"""A rule file while it is read: its names, its sections so far, and what it uses of `_shared`."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from decision_service.domain.decision import Component
from decision_service.domain.factor import FactorSpec, ValueType
from decision_service.domain.needs import DataPolicy
from decision_service.rules.construct import Part, StageCondition, Written
from decision_service.rules.language.diagnostics import Place, Report, did_you_mean, nearest
from decision_service.rules.language.expressions import read_expression
from decision_service.rules.language.fields import Fields, as_list, as_text
from decision_service.rules.language.keys import Read
from decision_service.rules.language.types import NameFault, NameRead, Node, Symbol, phrase
from decision_service.rules.language.yaml import ListNode, MapEntry, MapNode, Scalar, YamlNode, read
from decision_service.rules.program import (
    CompiledRuleset,
    Guarantee,
    InputSpec,
    KeyList,
    ListQuestion,
    ParamSpec,
    ReasonSpec,
    RulesetFiles,
    TagSpec,
)
from decision_service.runtime import gone

NO_CURRENCY = "XXX"
"""ISO 4217's code for no currency, until the ruleset's own is read."""

USES = "uses"
SECTIONS = ("params", "reasons")
RESERVED_FAMILIES = frozenset({"inputs", "params", "derived", "offer", "lists"})

_INSTEAD = dict(ChainMap(*gone.FACTORS.values()))
_NAME = re.compile(r"[a-z]\w*\.[a-z]\w*", re.ASCII)
_UNKNOWN = {
    "inputs": ("R202", "unknown input"),
    "params": ("R203", "unknown parameter"),
    "derived": ("R205", "unknown derived name"),
    "offer": ("R206", "unknown offer line"),
}
_UPCOMING = {
    "derived": "names are defined from top to bottom; move the definition up",
    "offer": "the offer is made last, line by line: name what that line is made of, or ask in a "
    "line below it or in a stage of component LEGAL",
}


def names_in(text: str) -> list[str]:
    """What has the form of a name in a text that need not be an expression, in its order."""
    return _NAME.findall(text)


class Names:
    """The scope of a rule file, filled section by section; each symbol has a slot of its own.

    `upcoming` are names that the file defines further down; `broken` those whose definition is
    reported already, so that their use is not; `cycles` has each derived name that needs itself
    (`derived.a → derived.b → derived.a`); `waiting` are derived names, each with all that it
    rests on and that stages are to give; `below` those under the derived name that is read.
    `lists` are those that rules may ask, None where any may be; `answers` are the symbols of what
    they were asked.
    """

    def __init__(
        self, catalogue: Mapping[str, FactorSpec], blocked: frozenset[str] = frozenset()
    ) -> None:
        self.currency = NO_CURRENCY
        self.catalogue = catalogue
        self.blocked = blocked
        self.symbols: dict[str, Symbol] = {}
        self.upcoming: set[str] = set()
        self.cycles: dict[str, str] = {}
        self.waiting: dict[str, frozenset[str]] = {}
        self.below: frozenset[str] = frozenset()
        self.broken: set[str] = set()
        self.used: dict[str, None] = {}
        self.claims = False
        self.lists: frozenset[str] | None = frozenset()
        self.answers: dict[ListQuestion, Symbol] = {}

    @property
    def size(self) -> int:
        return len(self.symbols)

    @property
    def families(self) -> frozenset[str]:
        return RESERVED_FAMILIES | {spec.family for spec in self.catalogue.values()}

    @property
    def factors(self) -> tuple[str, ...]:
        return tuple(sorted(n for n in self.used if n in self.catalogue and n in self.symbols))

    def define(
        self,
        name: str,
        type_: ValueType,
        lower: Decimal | None = None,
        upper: Decimal | None = None,
        labels: tuple[str, ...] = (),
        *,
        constant: bool = False,
    ) -> Symbol:
        """Give a name a slot; a name that is there already keeps its slot."""
        # A score is defined twice, the second time with its bounds, and stays one name.
        slot = self.symbols[name].slot if name in self.symbols else self.size
        symbol = Symbol(
            name, type_, slot, lower=lower, upper=upper, labels=labels, constant=constant
        )
        self.symbols[name] = symbol
        return symbol

    def find(self, name: str) -> Symbol | NameFault:
        """The symbol of a name, noting its use; a factor gets its slot at its first use."""
        # Asked first: a forbidden input is declared like any other.
        if name in self.blocked:
            hint = "the configuration forbids it; remove it"
            return NameFault("R220", f"`{name}` may not be used in a decision", hint)
        spec = self.catalogue.get(name)
        # Only factors that rules name have a slot, and only these are fetched.
        if spec is not None and name not in self.symbols:
            self.define(name, spec.type, spec.lower, upper=spec.upper, labels=spec.labels)
        # A line that waits for a stage sees the lines above it alone, as if it were read in its
        # place.
        if name in self.symbols and name not in self.below:
            self.used[name] = None
            return self.symbols[name]
        return self._fault(name)

    def listed(self, operand: Symbol, name: str) -> Symbol | NameFault:
        # Of a version from the store the lists of its time are not known, so that any name is
        # taken.
        if self.lists is not None and name not in self.lists:
            hint = did_you_mean(name, self.lists) or f"put the keys into lists/{name}.csv"
            return NameFault("R213", f"unknown list `{name}`", hint)
        question = ListQuestion(name, operand.name.removeprefix("inputs."))
        symbol = self.define(f"{operand.name} in lists.{name}", ValueType.FLAG)
        self.answers[question] = symbol
        self.used[symbol.name] = None
        return symbol

    def touch(self, text: str) -> None:
        for name in names_in(text):
            if name in self.symbols:
                self.used[name] = None

    def _fault(self, name: str) -> NameFault:
        family, _, rest = name.partition(".")
        if name in self.broken:
            self.used[name] = None
            # Its definition is at fault and reported: a use is neither a second mistake nor
            # missing.
            return NameFault("", "")
        if name in self.cycles:
            return NameFault("R208", f"`{name}` needs itself: {self.cycles[name]}")
        if name in self.waiting:
            self.used[name] = None
            given = " and ".join(f"`{n}`" for n in sorted(self.waiting[name] - self.symbols.keys()))
            hint = f"it rests on {given}: use it in a stage below what gives {given}"
            return NameFault("R209", f"`{name}` is used before it is defined", hint)
        if name in self.upcoming:
            hint = _UPCOMING.get(family, "a stage gives it: use it below that stage")
            return NameFault("R209", f"`{name}` is used before it is defined", hint)
        if family == "lists":
            hint = f"it is written after `in`: inputs.NAME in {name}"
            return NameFault("R213", f"the list `{rest}` cannot be here", hint)
        if name in _INSTEAD:
            return NameFault("R204", *factor_fault(name, self.catalogue))
        # A list's answer is a symbol whose name nobody could write.
        own = set(self.symbols) - {symbol.name for symbol in self.answers.values()}
        everything = own | self.upcoming | set(self.catalogue)
        if not rest or "." in rest:
            hint = did_you_mean(name, everything) or _as_text(name)
            return NameFault("R201", f"`{name}` is no name of the rule language", hint)
        kin = {n for n in everything if n.startswith(f"{family}.")}
        code, what = _UNKNOWN.get(family, ("R204", "unknown factor"))
        if kin and family not in _UNKNOWN and not kin & set(self.catalogue):
            code = "R206"
            what = "unknown output"
        hint = self._hint(name, kin or everything)
        return NameFault(code, f"{what} `{name}`", hint)

    def _hint(self, name: str, known: set[str]) -> str:
        match = nearest(name, known)
        spec = self.catalogue.get(match or "")
        if match is not None:
            # Most likely it is meant, and then it must not be called unused, too.
            self.used[match] = None
        if spec is None:
            return did_you_mean(name, known)
        return f"did you mean `{match}` ({_described(spec)})?"


def factor_fault(name: str, known: Collection[str]) -> tuple[str, str]:
    """What is wrong with a name that is no factor, and what to write instead."""
    if name in _INSTEAD:
        message = f"there is no factor `{name}` any more"
        return message, f"use `{_INSTEAD[name]}`; docs/factors.md says what it means"
    return f"unknown factor `{name}`", did_you_mean(name, known)


def _described(spec: FactorSpec) -> str:
    if spec.labels:
        return " | ".join(spec.labels)
    if spec.lower is not None and spec.upper is not None:
        return f"{spec.type}, {spec.lower:f} to {spec.upper:f}"
    if spec.lower is not None:
        return f"{spec.type}, {spec.lower:f} or more"
    return phrase(spec.type).removeprefix("an ").removeprefix("a ")


def _as_text(name: str) -> str:
    """The likely meaning of a single unknown word: most often a label."""
    if name.isupper():
        return f'a label is in quotes: "{name}"'
    return f'names look like `family.factor`; a text is in quotes: "{name}"'


class Derived(msgspec.Struct, frozen=True):
    name: str
    place: Place
    tree: Node
    after: int = 0


class Waiting(msgspec.Struct, frozen=True):
    entry: MapEntry
    needs: set[str]
    below: frozenset[str]


class NamedPart(msgspec.Struct, frozen=True):
    """A stage (for all where it has no condition), or a section that follows the stages."""

    name: str
    component: Component
    part: Part
    place: Place
    condition: StageCondition | None = None

    def written(self) -> Iterator[Written]:
        if self.condition is not None:
            yield self.condition.written()
        yield from self.part.written()


class RulesetDraft(msgspec.Struct):
    """Everything read from one rule file; unreadable sections are absent.

    `places` remembers where each `inputs.x`, `params.x`, `derived.x`, `reasons.X` and `tags.x` is
    declared; `ids` the place of each id. `unread` says that a table's rows could not be read, so
    that what they use is not known. `segments` are labels, each with the name that has it.
    `now` is when it is to decide, None where that does not matter.
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
    segments: dict[str, NameRead] = msgspec.field(default_factory=dict)
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

    def expression(self, scalar: Scalar | None, expected: ValueType | None = None) -> Node | None:
        if scalar is None:
            return None
        node = read_expression(scalar, self.names, self.report, expected=expected)
        if node is None:
            # What an unreadable expression names counts as used: it is not known to be unused.
            self.names.touch(scalar.text)
        return node

    def reason(self, fields: Fields, key: str) -> str | None:
        scalar = fields.scalar(key)
        if scalar is None:
            return None
        self.use_reason(scalar)
        return scalar.text

    def use_reason(self, scalar: Scalar) -> bool:
        """Whether a code is declared under `reasons`; notes its use."""
        return self._use(scalar, "reason", "R207", known=self.reasons, used=self.used_reasons)

    def use_tag(self, scalar: Scalar) -> bool:
        """Whether a tag is declared under `tags`; notes its use."""
        return self._use(scalar, "tag", "R212", known=self.tags, used=self.used_tags)

    def _use(
        self, scalar: Scalar, word: str, code: str, known: Collection[str], used: set[str]
    ) -> bool:
        name = scalar.text
        used.add(name)
        # One that is declared wrongly has a place alone; its own fault is reported.
        if name in known or f"{word}s.{name}" in self.places:
            return True
        hint = did_you_mean(name, known) or f"declare it under `{word}s:`"
        # Most likely it is meant, and then it must not be called unused, too.
        used.add(nearest(name, known) or "")
        self.report.error(code, scalar.place, f"unknown {word} `{name}`", hint)
        return False

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

    def not_empty(self, fields: Fields | Read, key: str) -> None:
        node = fields.node.get(key)
        if isinstance(node, ListNode) and not node.items:
            self.report.error("R123", node.place, f"`{key}` is empty", "write at least one")

    def touch(self, node: YamlNode) -> None:
        if isinstance(node, Scalar):
            self.names.touch(node.text)
            # Any text may be a reason: a warning of one that is unused would be a guess here.
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
        hint = f"it is on line {first.line} already"
        self.report.error("R124", place, f"the {what} id `{name}` is repeated", hint)
        return False

    def parts(self) -> list[NamedPart]:
        return [*self.stages, *self.closing]

    def trees(self) -> Iterator[Node]:
        yield from (each.tree for each in self.derived)
        yield from (written.tree for part in self.parts() for written in part.written())


def with_shared(
    node: YamlNode, files: RulesetFiles, report: Report, kept: Collection[str] | None = None
) -> YamlNode:
    """A rule file's tree with the shared entries that it uses after its own, or `kept` alone."""
    uses = node.get(USES) if isinstance(node, MapNode) else None
    if uses is None or not isinstance(node, MapNode):
        return node
    for section in [each for path in _used(uses, files, report) for each in path]:
        node = _joined(node, section, uses.place, report=report, kept=kept)
    return node


def names_of(ruleset: CompiledRuleset | RulesetDraft) -> frozenset[str]:
    """The parameters and reasons of a version, as `kept` takes them."""
    params = {f"params.{name}" for name in ruleset.params}
    reasons = {f"reasons.{code}" for code in ruleset.reasons}
    return frozenset(params | reasons)


def shared_sections(path: str, text: str, report: Report) -> tuple[MapEntry, ...]:
    """The sections of a shared file that are maps; `path` is as messages show it."""
    node = read(path, text, report)
    what = f"`{PurePosixPath(path).name}`"
    fields = node and Fields.of(node, what, report, optional=SECTIONS)
    entries = fields.node.entries if fields else ()
    found = [entry for entry in entries if entry.key in SECTIONS]
    return tuple(entry for entry in found if fields and fields.map(entry.key) is not None)


def shared_names(path: str, text: str, report: Report) -> Iterator[tuple[str, Place]]:
    for section in shared_sections(path, text, report):
        if isinstance(section.value, MapNode):
            for entry in section.value.entries:
                yield f"{section.key}.{entry.key}", entry.key_place


def _used(uses: YamlNode, files: RulesetFiles, report: Report) -> Iterator[tuple[MapEntry, ...]]:
    seen: set[str] = set()
    items = as_list(uses, f"`{USES}`", report)
    if isinstance(uses, ListNode) and not uses.items:
        report.error("R123", uses.place, f"`{USES}` is empty", "name a file of `_shared`")
    for item in items or ():
        name = as_text(item, "a shared file", report)
        if name is None:
            continue
        if name in seen:
            report.error("R124", item.place, f"`{name}` is used twice", "write it once")
        # That it cannot be read is reported for the folder.
        elif name in files.unreadable:
            continue
        elif name not in files.shared:
            hint = did_you_mean(name, files.shared) or "as in `uses: [_shared/reasons.yaml]`"
            report.error("R139", item.place, f"there is no shared file `{name}`", hint)
        else:
            root = PurePosixPath(files.path).parent.parent
            yield shared_sections(str(root / name), files.shared[name], report)
        seen.add(name)


def _joined(
    node: MapNode, section: MapEntry, place: Place, report: Report, kept: Collection[str] | None
) -> MapNode:
    own = node.get(section.key)
    if own is None:
        # A version may have all its reasons from shared files, and no section of its own.
        own = MapNode((), place)
        node = replace(node, entries=(*node.entries, MapEntry(section.key, place, own)))
    if not isinstance(own, MapNode) or not isinstance(section.value, MapNode):
        return node
    added: list[MapEntry] = []
    for entry in section.value.entries:
        # Nothing overrides: two readers would see two values under one name.
        if own.get(entry.key) is not None:
            what = section.key.removesuffix("s").replace("param", "parameter")
            other = entry.key_place
            message = f"the {what} `{entry.key}` is in {other.file}, line {other.line}, too"
            hint = "rename one of them, or remove it"
            report.error("R128", own.key_place(entry.key), message, hint)
        elif kept is None or f"{section.key}.{entry.key}" in kept:
            added.append(entry)
    whole = replace(own, entries=(*own.entries, *added))
    entries = (replace(e, value=whole) if e.key == section.key else e for e in node.entries)
    return replace(node, entries=tuple(entries))
