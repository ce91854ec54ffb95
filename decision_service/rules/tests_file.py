"""A file of rule tests (`rules/<product>/tests/*.yaml`), read: cases, given lists and marks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from decision_service.domain.decision import Component
from decision_service.domain.factor import FactorSpec, FactorValue, Input, Value, ValueType
from decision_service.domain.values import (
    OF_FACTORS,
    AsOf,
    Cause,
    DataReason,
    Missing,
    Money,
    noon,
    to_minor,
)
from decision_service.rules.draft import factor_fault
from decision_service.rules.expectations import Expectation, read_expectation
from decision_service.rules.inputs import bind_made_up, too_old
from decision_service.rules.knockouts import Rule, RulesRunner
from decision_service.rules.language.diagnostics import Diagnostic, Place, Report, did_you_mean
from decision_service.rules.language.fields import Fields, as_list, as_map, as_scalar, as_text
from decision_service.rules.language.yaml import ListNode, MapEntry, MapNode, Scalar, YamlNode, read
from decision_service.rules.literals import as_amount, as_literal, bounds_text
from decision_service.rules.program import CompiledRuleset, KeyList, folded

T = TypeVar("T")

# Keys that a case gives are no file, of which there would be a digest.
_DIGEST = "given"
_CAUSES = [cause.value for cause in OF_FACTORS]
# NO_RULE_APPROVED is a verdict's reason, and never that of missing data.
_CODES = [code.value for code in DataReason if code is not DataReason.NO_RULE_APPROVED]
_UNSENT = f"missing {Cause.NOT_SENT}"
_TOO_OLD = f"missing {Cause.STALE}"
_VALUES = ("inputs", "factors", "lists")
GIVEN = (*_VALUES, "as_of")


def read_given_lists(
    node: MapNode | None, ruleset: CompiledRuleset, report: Report
) -> dict[str, KeyList]:
    """Lists by name, each with the plain keys that are written; R809 for one that no rule asks."""
    asked = {question.list for question in ruleset.questions}
    found: dict[str, KeyList] = {}
    for entry in node.entries if node is not None else ():
        if entry.key not in asked:
            message = f"no rule asks a list `{entry.key}`"
            report.error("R809", entry.key_place, message, did_you_mean(entry.key, asked))
        else:
            items = as_list(entry.value, f"`{entry.key}`", report)
            keys = [as_text(item, "a key", report) for item in items]
            found[entry.key] = given_list(entry.key, filter(None, keys))
    return found


def given_list(name: str, keys: Iterable[str]) -> KeyList:
    """A list of these plain keys, each of which counts always."""
    return KeyList(name, _DIGEST, {folded(key): None for key in keys})


class Incomplete:
    """Errors that many cases share, since what they have in common is at fault."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], list[Place]] = {}

    def add(self, code: str, place: Place, message: str, hint: str = "") -> None:
        self._found.setdefault((code, message, hint), []).append(place)

    def add_to(self, report: Report) -> None:
        for (code, message, hint), places in self._found.items():
            several = f"{len(places)} cases: say it once for all of them, under `defaults`"
            parts = [hint, several if len(places) > 1 else ""]
            report.error(code, places[0], message, "; ".join(filter(None, parts)))


class FigureMark(msgspec.Struct, frozen=True):
    """A change of the figure named `at`, and why nothing comes of it."""

    at: str
    before: str
    after: str
    because: str
    place: Place


class LegalMark(msgspec.Struct, frozen=True):
    """A legal check that no figure of today can break, and why it is kept."""

    rule: Rule
    stage: str
    because: str
    place: Place

    @property
    def goals(self) -> frozenset[tuple[str, str]]:
        named = {(self.rule.what, which) for which in ("true", "unknown")}
        return frozenset({*named, ("reason", self.rule.reason)})


def read_marks(
    fields: Fields, ruleset: CompiledRuleset
) -> tuple[tuple[FigureMark, ...], tuple[LegalMark, ...]]:
    """The changes that no case has to notice, and the legal checks, which have no `from`."""
    rules = {
        ready.rule.id: (ready.rule, stage.name)
        for stage in ruleset.program.closing
        if stage.component is Component.LEGAL and isinstance(stage.runner, RulesRunner)
        for ready in stage.runner.ready
    }
    marks: list[FigureMark] = []
    legal: list[LegalMark] = []
    for item in fields.items("unnoticed"):
        keys = {"required": ("at", "because"), "optional": ("from", "to")}
        one = Fields.of(item, "a mark", fields.report, **keys)
        if one and (one.has("from") or one.has("to")):
            marks.extend(_marks(one))
        elif one:
            check = one.choice("at", rules)
            because = one.text("because")
            legal += [LegalMark(*rules[check], because, item.place)] if check and because else []
    return tuple(marks), tuple(legal)


def _marks(fields: Fields) -> Iterator[FigureMark]:
    for key in ("from", "to"):
        if not fields.has(key):
            message = f"a mark on a change has no `{key}`"
            fields.report.error("R121", fields.node.place, message, f"add `{key}:`")
    at = fields.scalar("at")
    before = fields.scalar("from")
    because = fields.text("because")
    if at is None or before is None or because is None:
        return
    values = fields.items("to")
    if not values and fields.has("to"):
        hint = "write the changed values: [1]"
        fields.report.error("R123", fields.place("to"), "`to` is empty", hint)
    for item in values:
        after = as_scalar(item, "a changed value", fields.report)
        if after is not None:
            yield FigureMark(at.text, before.text, after.text, because=because, place=after.place)


def check_possible(node: YamlNode, spec: FactorSpec, value: Value, report: Report) -> None:
    """R807 for a value beyond the factor's bounds, or a label that it never has."""
    written = node.text if isinstance(node, Scalar) else ""
    if spec.type is ValueType.TEXT:
        if spec.labels and value not in spec.labels:
            hint = did_you_mean(written, spec.labels)
            report.error("R807", node.place, f"`{spec.name}` is never `{written}`", hint)
        return
    number = value.major if isinstance(value, Money) else value
    if isinstance(number, bool) or not isinstance(number, int | Decimal):
        return
    below = spec.lower is not None and number < spec.lower
    if below or (spec.upper is not None and number > spec.upper):
        hint = f"it is {bounds_text(spec.lower, spec.upper)}"
        report.error("R807", node.place, f"`{spec.name}` is never {written}", hint)


class Given(msgspec.Struct, frozen=True):
    """Inputs, factors and lists that a file names; `unsent` are inputs that it takes back.

    An input that a source outside observes is of the day of the case, or too old (missing STALE).
    """

    inputs: Mapping[str, Input] = msgspec.field(default_factory=dict)
    factors: Mapping[str, FactorValue] = msgspec.field(default_factory=dict)
    unsent: frozenset[str] = frozenset()
    lists: Mapping[str, KeyList] = msgspec.field(default_factory=dict)

    def over(self, other: Given) -> Given:
        """The union; this one's values, and inputs not sent, where both have a name."""
        # A case may send again what its defaults took back.
        unsent = self.unsent | (other.unsent - set(self.inputs))
        inputs = {**other.inputs, **self.inputs}
        sent = {name: value for name, value in inputs.items() if name not in unsent}
        factors = {**other.factors, **self.factors}
        lists = {**other.lists, **self.lists}
        return Given(sent, factors, unsent, lists=lists)


class RuleTestCase(msgspec.Struct, frozen=True):
    """One test; a story names its file in `snapshot` and rests on the facts of its accounts.

    `as_of` is None where a day is missing, which is reported. `defaults` are those of its file, and
    `usual` is the day of the file.
    """

    name: str
    place: Place
    expectation: Expectation
    given: Given
    as_of: AsOf | None
    snapshot: str = ""
    defaults: Given = Given()
    usual: AsOf | None = None


class CaseFile(msgspec.Struct, frozen=True):
    """The cases of one file; `marks` and `unreached` need not be noticed.

    There is no case after an error, except after those of marks alone, which are `wrong_marks`.
    """

    path: str
    cases: tuple[RuleTestCase, ...]
    diagnostics: tuple[Diagnostic, ...]
    marks: tuple[FigureMark, ...] = ()
    unreached: tuple[LegalMark, ...] = ()
    wrong_marks: tuple[Diagnostic, ...] = ()


class Target(msgspec.Struct, frozen=True):
    ruleset: str
    version: int
    cases: int = 0


@lru_cache(64)
def case_target(path: str, text: str) -> Target | None:
    """Which ruleset version a file of cases is about; None where it does not say."""
    node = read(path, text, Report())
    if not isinstance(node, MapNode):
        return None
    name = node.get("ruleset")
    version = node.get("version")
    if not (isinstance(name, Scalar) and isinstance(version, Scalar) and version.is_integer):
        return None
    cases = node.get("cases")
    count = len(cases.items) if isinstance(cases, ListNode) else 0
    return Target(name.text, int(version.text), count)


def read_given(
    inputs: MapNode | None,
    factors: MapNode | None,
    ruleset: CompiledRuleset,
    catalogue: Mapping[str, FactorSpec],
    report: Report,
) -> Given:
    nodes = {"inputs": inputs, "factors": factors}
    entries = [MapEntry(key, node.place, node) for key, node in nodes.items() if node]
    place = entries[0].key_place if entries else Place("", 1, 1, end=2)
    fields = Fields(MapNode(tuple(entries), place), "the story", report, optional=GIVEN)
    return FactsReader(fields, ruleset, catalogue).given(fields)


def parse_cases(
    path: str, text: str, ruleset: CompiledRuleset, catalogue: Mapping[str, FactorSpec]
) -> CaseFile:
    """The cases of a file; a needed factor that neither case nor defaults name is an error."""
    report = Report()
    node = read(path, text, report)
    if isinstance(node, MapNode) and (plan := node.get("plan")) is not None:
        hint = "remove the file: `rollout explain` says how a plan places an applicant"
        report.error("R120", plan.place, "there are no tests of plans", hint)
        return CaseFile(path, (), report.diagnostics())
    fields = node and Fields.of(
        node,
        "a file of cases",
        report,
        required=("ruleset", "version", "cases"),
        optional=("as_of", "defaults", "unnoticed"),
    )
    cases = FactsReader(fields, ruleset, catalogue).cases() if fields else []
    read_cases = () if report.failed else tuple(cases)
    before = report.diagnostics()
    # After the cases were taken: a mark that fits no more keeps none of them from running.
    marks, legal = read_marks(fields, ruleset) if fields else ((), ())
    found = report.diagnostics()
    wrong = tuple(problem for problem in found if problem not in before)
    return CaseFile(path, read_cases, found, marks=marks, unreached=legal, wrong_marks=wrong)


def claim_name(name: str | None, place: Place, names: dict[str, Place], report: Report) -> None:
    """Add a case's name to those of its file; R124 where an earlier case has it."""
    first = names.setdefault(name, place) if name is not None else place
    if first != place:
        hint = f"it is on line {first.line} already"
        report.error("R124", place, "the name of the case is repeated", hint)


class FactsReader:
    """Reads what a file gives of applicants: its cases, or their values alone."""

    def __init__(
        self, fields: Fields, ruleset: CompiledRuleset, catalogue: Mapping[str, FactorSpec]
    ) -> None:
        self.fields = fields
        self.ruleset = ruleset
        self.catalogue = catalogue
        self.report = fields.report
        self.names: dict[str, Place] = {}
        self.incomplete = Incomplete()
        self.as_of = self._as_of(fields)
        self.defaults = self._defaults()

    def cases(self) -> list[RuleTestCase]:
        self._check_target()
        items = self.fields.items("cases")
        if not items and self.fields.has("cases"):
            self.report.error("R801", self.fields.place("cases"), "there is no case here")
        cases = [self._case(one) for item in items for one in self._at_edges(item)]
        self.incomplete.add_to(self.report)
        return [case for case in cases if case is not None]

    def _check_target(self) -> None:
        name = self.fields.scalar("ruleset")
        version = self.fields.integer("version", 1)
        same = name is None or name.text == self.ruleset.ruleset
        if same and version in (None, self.ruleset.version):
            return
        own = self.ruleset.ruleset
        message = f"these cases are not about {own} v{self.ruleset.version}"
        hint = ""
        if name is not None and name.text != own:
            hint = f"move the file into {name.text}/tests, or write `ruleset: {own}`"
        self.report.error("R802", self.fields.place("ruleset"), message, hint)

    def _as_of(self, fields: Fields) -> AsOf | None:
        day = fields.day("as_of")
        return None if day is None else noon(day, self.ruleset.zone)

    def _defaults(self) -> Given:
        node = self.fields.get("defaults")
        fields = node and Fields.of(node, "`defaults`", self.report, optional=_VALUES)
        return self.given(fields) if fields else Given()

    def given(self, fields: Fields) -> Given:
        inputs = fields.map("inputs")
        factors = fields.map("factors")
        lists = read_given_lists(fields.map("lists"), self.ruleset, self.report)
        entries = inputs.entries if inputs is not None else ()
        unsent = frozenset(entry.key for entry in entries if _is(entry.value, _UNSENT))
        return Given(_each(inputs, self._input), _each(factors, self._factor), unsent, lists=lists)

    def _at_edges(self, node: YamlNode) -> Iterator[YamlNode]:
        """A case as it is; one with `edges` as a case for each value of each figure."""
        edges = node.get("edges") if isinstance(node, MapNode) else None
        if not isinstance(node, MapNode) or edges is None:
            yield node
            return
        figures = self._filled(edges, "edges")
        if node.get("expect") is not None:
            place = node.key_place("expect")
            hint = "write what is expected at each value"
            self.report.error("R120", place, "a case with `edges` has no `expect`", hint)
        for figure in figures:
            for value in self._filled(figure.value, figure.key):
                yield self._at_edge(node, figure, value)

    def _filled(self, node: YamlNode, key: str) -> tuple[MapEntry, ...]:
        found = as_map(node, f"`{key}`", self.report)
        if found is not None and not found.entries:
            hint = "write a figure with its values: links.connected_7d: {3: APPROVE, 4: REFER}"
            self.report.error("R123", found.place, f"`{key}` is empty", hint)
        return found.entries if found is not None else ()

    def _at_edge(self, node: MapNode, figure: MapEntry, value: MapEntry) -> MapNode:
        """A case with this value of the figure, which is named by both."""
        place = value.key_place
        key = figure.key.removeprefix("inputs.")
        section = "as_of" if key == "as_of" else "factors" if key == figure.key else "inputs"
        spec = self.ruleset.inputs.get(key) or self.catalogue.get(key)
        # A label may look like a number or a flag, and is a text all the same.
        text = spec is not None and spec.type is ValueType.TEXT
        plain = not text or value.key.startswith("missing ")
        # The place is the key's: within it the value has no columns of its own.
        given: YamlNode = Scalar(value.key, plain=plain, place=place, verbatim=False)
        if section != key:
            shared = node.get(section)
            others = shared.entries if isinstance(shared, MapNode) else ()
            entry = MapEntry(key, figure.key_place, given)
            given = MapNode((*(e for e in others if e.key != key), entry), place)
        own = {section: given, "expect": value.value}
        if isinstance(name := node.get("name"), Scalar):
            # Each value is a case of its own, whose name says which.
            own["name"] = replace(name, text=f"{name.text}: {figure.key} {value.key}", place=place)
        kept = (e for e in node.entries if e.key not in (*own, "edges"))
        return MapNode((*kept, *(MapEntry(k, place, v) for k, v in own.items())), node.place)

    def _case(self, node: YamlNode) -> RuleTestCase | None:
        optional = ("as_of", *_VALUES, "expect", "edges")
        fields = Fields.of(node, "a case", self.report, required=("name",), optional=optional)
        if fields is None:
            return None
        if not fields.has("expect"):
            hint = "add `expect:`, or `edges:` with the values of a figure"
            self.report.error("R121", fields.node.place, "a case has no `expect`", hint)
        name = fields.text("name")
        place = fields.place("name")
        claim_name(name, place, self.names, report=self.report)
        expect = fields.get("expect")
        expectation = read_expectation(expect, self.report, self.ruleset) if expect else None
        own = self.given(fields)
        as_of = self._as_of(fields) or self.as_of
        given = own.over(self.defaults)
        self._check_complete(own, given, place, as_of=as_of)
        if as_of is None and not fields.has("as_of") and not self.fields.has("as_of"):
            hint = "add it, or to the file"
            self.incomplete.add("R805", place, "the case has no `as_of`", hint)
        if name is None or expectation is None:
            return None
        return RuleTestCase(
            name,
            place,
            expectation,
            given=given,
            as_of=as_of,
            snapshot="",
            defaults=self.defaults,
            usual=self.as_of,
        )

    def _check_complete(self, own: Given, given: Given, place: Place, as_of: AsOf | None) -> None:
        """R803 for a factor, R804 for an input that is not as the ruleset asks for it."""
        for name in self.ruleset.needs.factors:
            if name not in given.factors:
                message = f"neither the case nor the defaults say what `{name}` is"
                hint = f"add `{name}: …`, or `{name}: missing NO_DATA`"
                self.incomplete.add("R803", place, message, hint)
        day = None if as_of is None else as_of.date
        for problem in bind_made_up(self.ruleset, given.inputs, day).problems:
            name = problem.field.removeprefix("inputs.").partition(".")[0]
            says = name in own.inputs or name in own.unsent
            # What the case does not say itself is the same in many: said once, for all of them.
            add = self.report.error if says else self.incomplete.add
            add("R804", place, problem.description)

    def _input(self, entry: MapEntry) -> Input | None:
        spec = self.ruleset.inputs.get(entry.key)
        if spec is None:
            hint = did_you_mean(entry.key, self.ruleset.inputs)
            self.report.error("R202", entry.key_place, f"unknown input `{entry.key}`", hint)
            return None
        # It takes back the value of the defaults (`unsent`).
        if _is(entry.value, _UNSENT):
            return None
        if spec.max_age is not None and _is(entry.value, _TOO_OLD):
            return too_old(spec, self.ruleset.currency)
        if _is_missing(entry.value):
            message = f"an input is sent or not, and `{entry.key}` has no other cause to be missing"
            self.report.error("R806", entry.value.place, message, f"write `{_UNSENT}`")
            return None
        return self._value(entry.value, spec.type, f"`{entry.key}`")

    def _factor(self, entry: MapEntry) -> FactorValue | None:
        name = entry.key
        spec = self.catalogue.get(entry.key)
        if spec is None:
            self.report.error("R204", entry.key_place, *factor_fault(name, self.catalogue))
            return None
        node = entry.value
        if isinstance(node, Scalar) and node.text.startswith("missing"):
            missing = self._missing(node)
            return None if missing is None else FactorValue(name, None, (missing,))
        value = self._value(node, spec.type, f"`{name}`")
        if value is None:
            return None
        check_possible(node, spec, value, report=self.report)
        return FactorValue(name, value)

    def _missing(self, scalar: Scalar) -> Missing | None:
        """`missing SOURCE_FAILED`, or with the failure's own reason: `… UPSTREAM_TIMEOUT`."""
        word, _, code = scalar.text.removeprefix("missing").strip().partition(" ")
        if word not in _CAUSES:
            hint = did_you_mean(word, _CAUSES) or "write `missing` and a cause: missing NO_DATA"
            self.report.error("R806", scalar.place, f"`{word}` is no cause", hint)
            return None
        if code and code not in _CODES:
            hint = did_you_mean(code, _CODES)
            self.report.error("R806", scalar.place, f"`{code}` is no reason for missing data", hint)
            return None
        return Missing(Cause(word), code=DataReason(code) if code else None)

    def _value(self, node: YamlNode, type_: ValueType, what: str) -> Value | None:
        currency = self.ruleset.currency
        if type_ is not ValueType.MONEY:
            return as_literal(node, type_, what, currency=currency, report=self.report)
        amount = as_amount(node, what, currency, report=self.report)
        return None if amount is None else Money(currency, to_minor(amount, currency))


def _is(node: YamlNode, words: str) -> bool:
    return isinstance(node, Scalar) and node.plain and node.text == words


def _is_missing(node: YamlNode) -> bool:
    """Whether a cause is written, as of a factor; a text in quotes is none."""
    words = node.text.split() if isinstance(node, Scalar) and node.plain else []
    return len(words) == 2 and words[0] == "missing" and words[1] in _CAUSES


def _each(node: MapNode | None, reader: Callable[[MapEntry], T | None]) -> dict[str, T]:
    found = {e.key: reader(e) for e in (node.entries if node is not None else ())}
    return {name: value for name, value in found.items() if value is not None}
