"""From a rule file's text to a compiled ruleset, or to everything that is wrong with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

import msgspec

from decision_service.domain.factor import Better, FactorSpec, ValueType
from decision_service.domain.needs import DataPolicy, Needs
from decision_service.domain.snapshot import Provider
from decision_service.rules.checks import CHECKS, Check
from decision_service.rules.construct import Runner
from decision_service.rules.data import read_data
from decision_service.rules.draft import NamedPart, Names, RulesetDraft, with_shared
from decision_service.rules.inputs import list_names, read_inputs, read_lists
from decision_service.rules.keys import RULESET
from decision_service.rules.language.diagnostics import Diagnostic, Report
from decision_service.rules.language.evaluation import compile_trees
from decision_service.rules.language.types import FLAG, Node, Symbol, reads
from decision_service.rules.language.values import rule_error
from decision_service.rules.language.yaml import YamlNode, read
from decision_service.rules.offer import Terms
from decision_service.rules.program import (
    AnswerEntry,
    ByLabel,
    CompiledRuleset,
    DerivedValue,
    InputEntry,
    InputSpec,
    Intake,
    LabelledParam,
    ParamPeriod,
    ParamSpec,
    Program,
    RulesetFiles,
    Stage,
    Step,
    TagSpec,
    Timeline,
)
from decision_service.rules.sections import (
    read_guarantees,
    read_header,
    read_params,
    read_reasons,
    read_recourse,
    read_segments,
    read_tags,
)
from decision_service.rules.stages import (
    ConditionalRunner,
    announce,
    read_closing,
    read_derived,
    read_stages,
)
from decision_service.rules.wording import Wording

FORM = "ruleset-1"
# They guard a file against slips, or explain it: to reword them makes no other version of one
# that has decided.
_UNCOUNTED: Mapping[type, frozenset[str]] = {
    ParamSpec: frozenset({"lower", "upper", "unit"}),
    InputSpec: frozenset({"source"}),
    # The name is for letters.
    Provider: frozenset({"name"}),
    TagSpec: frozenset({"means"}),
}

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

# They came later: left out where None, a version without them keeps the digest that it had.
_UNLESS_WRITTEN: Mapping[type, frozenset[str]] = {
    Terms: frozenset({"price"}),
    DataPolicy: frozenset({"fee_shares"}),
    InputSpec: frozenset({"max_age"}),
}


def digest(draft: RulesetDraft) -> str:
    # Part by part, since no other thread runs while one call encodes.
    parts = [_ENCODER.encode(canonical(part)) for part in content(draft)]
    return hashlib.sha256(f"[{','.join(parts)}]".encode()).hexdigest()


def content(draft: RulesetDraft) -> list[Any]:
    # Guarantees and lists are left out: the ones decide nothing, the others change without a
    # version, and their answers are recorded.
    return [
        FORM,
        draft.ruleset,
        draft.version,
        draft.title,
        draft.names.currency,
        str(draft.zone),
        draft.policy,
        draft.valid_for,
        draft.inputs,
        draft.params,
        draft.reasons,
        {d.name: d.tree for d in draft.derived},
        [[p.name, p.component, p.part, p.condition and p.condition.when] for p in draft.parts()],
        [*draft.tags.values()],
        draft.tell,
    ]


def canonical(value: Any, simplify: Callable[[Any], Any] = lambda value: value) -> Any:
    """The value as JSON can hold it; fields that equality ignores are left out.

    `simplify` may put another value in the place of any part before that is looked at.
    """
    value = simplify(value)
    if value is None or type(value) in (str, int, bool):
        return value
    if isinstance(value, Symbol):
        # The slot moves with every further name of the file; the meaning does not.
        return ["name", value.name]
    uncounted = _UNCOUNTED.get(type(value), frozenset())
    later = _UNLESS_WRITTEN.get(type(value), frozenset())
    uncounted |= {name for name in later if getattr(value, name) is None}
    names = [name for name in _fields(value) if name not in uncounted]
    if names:
        counted = {name: getattr(value, name) for name in names}
        return [type(value).__name__, canonical(counted, simplify)]
    if isinstance(value, Mapping):
        # In which order entries are written changes no decision, and so no digest.
        return {str(key): canonical(value[key], simplify) for key in sorted(value)}
    if isinstance(value, tuple | list):
        return [canonical(item, simplify) for item in value]
    if isinstance(value, frozenset | set):
        return sorted(str(canonical(item, simplify)) for item in value)
    return _leaf(value)


def _leaf(value: Any) -> Any:
    if isinstance(value, Decimal):
        # 0.5 and 0.50 are one figure.
        return f"{value.normalize():f}"
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.0f}s"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    return value


def _fields(value: Any) -> tuple[str, ...]:
    if isinstance(value, msgspec.Struct):
        return value.__struct_fields__
    if is_dataclass(value) and not isinstance(value, type):
        return tuple(f.name for f in fields(value) if f.compare)
    return ()


class Compilation(msgspec.Struct, frozen=True):
    """The outcome of compiling; `ruleset` is None exactly when a diagnostic is an error.

    `tables` are the keys of the table files that the version reads, `lists` the names of the lists
    that it asks, `shared` what it uses of shared files, each as path and name (`reasons.X`).
    """

    ruleset: CompiledRuleset | None
    diagnostics: tuple[Diagnostic, ...]
    tables: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()
    shared: frozenset[tuple[str, str]] = frozenset()


def compile_ruleset(
    files: RulesetFiles,
    catalogue: Mapping[str, FactorSpec],
    blocked: frozenset[str] = frozenset(),
    now: datetime | None = None,
    checks: Sequence[Check] = CHECKS,
) -> Compilation:
    """Compile one version's files against the catalogue of factors.

    `blocked` are factors (`identity.age_years`) and inputs (`inputs.gender`) that no rule may use.
    Parameters must have a value `now`, where that is given. What has decided before is compiled
    without `checks`, since it passed those of its time.
    Never raises on a bad text: all problems come back at once, sorted by place.
    """
    report = Report()
    node = read(files.path, files.text, report)
    # Joined before anything is read, so that readers need not know of shared files.
    node = node and with_shared(node, files, report)
    draft = read_draft(node, files, Names(catalogue, blocked), report=report) if node else None
    if draft is not None:
        draft.now = now
        run_checks(draft, checks)
    if draft is None or report.failed:
        return Compilation(None, report.diagnostics())
    compiled = finish(draft, digest(draft))
    asked = frozenset(question.list for question in compiled.questions)
    used = frozenset(draft.used_tables), asked, draft.shared
    return Compilation(compiled, report.diagnostics(), *used)


def run_checks(draft: RulesetDraft, checks: Sequence[Check] = CHECKS) -> None:
    for check in checks:
        check(draft)


def read_draft(
    node: YamlNode, files: RulesetFiles, names: Names, report: Report
) -> RulesetDraft | None:
    """The draft of a tree with its shared entries, unchecked; None where it is no map."""
    root = RULESET.open(node, report)
    if not root:
        return None
    names.lists = list_names(files)
    draft = RulesetDraft(files, report, names, root=root)
    read_header(draft)
    read_data(draft)
    draft.valid_for = root.duration("valid_for")
    # Names from further down are known first: a use above is then R209, and not an unknown name.
    announce(draft)
    # Each section names what those before it define: parameters have values by segment.
    for section in (read_inputs, read_segments, read_params, read_reasons, read_tags, read_derived):
        section(draft)
    # Once more, for the segments that are derived names, which are read only now.
    read_segments(draft, derived=True)
    read_stages(draft)
    read_closing(draft)
    # After all that decides, since these may name only what the rules use.
    read_guarantees(draft)
    read_recourse(draft)
    draft.shared = _leave_unused(draft)
    draft.lists = read_lists({question.list for question in names.answers}, files, report)
    return draft


def _leave_unused(draft: RulesetDraft) -> frozenset[tuple[str, str]]:
    """Leave out shared entries that nothing uses; the others by file and name."""
    found: set[tuple[str, str]] = set()
    for name, place in draft.places.items():
        family, _, rest = name.partition(".")
        # Other products' entries may change under this version only where they are no part of it.
        if place.file == draft.files.path:
            continue
        if name in draft.names.used or (family == "reasons" and rest in draft.used_reasons):
            found.add((place.file, name))
        elif family == "params":
            draft.params.pop(rest, None)
        else:
            draft.reasons.pop(rest, None)
    return frozenset(found)


def finish(draft: RulesetDraft, content: str) -> CompiledRuleset:
    if draft.zone is None:
        raise AssertionError("a draft without errors has a zone")
    return CompiledRuleset(
        ruleset=draft.ruleset,
        version=draft.version,
        title=draft.title,
        currency=draft.names.currency,
        zone=draft.zone,
        digest=content,
        needs=Needs(draft.names.factors, draft.policy),
        inputs=draft.inputs,
        params=draft.params,
        reasons=draft.reasons,
        valid_for=draft.valid_for,
        program=assemble(draft),
        derived={f"derived.{each.name}": each.tree for each in draft.derived},
        places=draft.places,
        unused_reasons=frozenset(draft.reasons) - draft.used_reasons,
        tags=draft.tags,
        questions=tuple(draft.names.answers),
        lists=draft.lists,
        guarantees=tuple(draft.guarantees),
        tell=draft.tell,
        # Amounts of which more lifts the offer: a reason names them before other gaps.
        lifting=frozenset(
            symbol.name
            for each in draft.derived
            for symbol in reads(each.tree)
            if (spec := draft.names.catalogue.get(symbol.name))
            and spec.type is ValueType.MONEY
            and spec.better is Better.UP
        ),
    )


def assemble(draft: RulesetDraft) -> Program:
    symbols = draft.names.symbols
    return Program(
        timeline=_timeline(draft),
        intake=_intake(draft),
        labelled=tuple(
            LabelledParam(p.name, symbols[f"params.{p.name}"].slot, symbols[p.by].slot)
            for p in draft.params.values()
            if p.by
        ),
        derived=_derived(draft, 0),
        stages=tuple(
            _stage(part, _derived(draft, number)) for number, part in enumerate(draft.stages, 1)
        ),
        closing=tuple(_stage(part) for part in draft.closing),
        wording=Wording(draft.names.currency),
        read=frozenset(symbols[name].slot for name in draft.names.used if name in symbols),
    )


def _intake(draft: RulesetDraft) -> Intake:
    names = draft.names
    factors = tuple(names.symbols[name] for name in names.used if name in names.catalogue)
    inputs = [
        InputEntry.of(name, names.symbols[f"inputs.{name}"], spec.max_age)
        for name, spec in draft.inputs.items()
    ]
    answers = [
        AnswerEntry(question, symbol.slot, names.symbols[f"inputs.{question.input}"].slot)
        for question, symbol in names.answers.items()
    ]
    return Intake.of(names.currency, factors, inputs, answers=answers)


def _derived(draft: RulesetDraft, after: int) -> tuple[DerivedValue, ...]:
    found = [each for each in draft.derived if each.after == after]
    slots = [draft.names.symbols[f"derived.{each.name}"].slot for each in found]
    evaluated = compile_trees([each.tree for each in found])
    reading = [_slots_read(each.tree) for each in found]
    return tuple(map(DerivedValue, slots, evaluated, reading))


def _slots_read(tree: Node) -> frozenset[int]:
    return frozenset(symbol.slot for symbol in reads(tree))


def _stage(part: NamedPart, derived: tuple[DerivedValue, ...] = ()) -> Stage:
    runner: Runner = part.part.runner()
    if part.condition is not None:
        runner = ConditionalRunner(part.condition, runner, part.part.outputs())
    return Stage(part.name, part.component, runner, derived=derived)


def _timeline(draft: RulesetDraft) -> Timeline:
    starts = sorted({s.start for p in draft.params.values() for s in p.every_step if s.start})
    # One more than there are starts: the first is of the days before all of them.
    periods = [_period(draft, start) for start in [None, *starts]]
    return Timeline(tuple(starts), tuple(periods))


def _period(draft: RulesetDraft, start: date | None) -> ParamPeriod:
    values: list[Any] = [None] * draft.names.size
    for param in draft.params.values():
        symbol = draft.names.symbols[f"params.{param.name}"]
        values[symbol.slot] = _value_of(param, symbol, start, draft=draft)
    return ParamPeriod(start, tuple(values), _next_change(draft, start))


def _value_of(param: ParamSpec, symbol: Symbol, start: date | None, draft: RulesetDraft) -> Any:
    found = {each.label: _value_from(each.steps, symbol, start) for each in param.series}
    if not param.by:
        return found[""]
    other = found.pop("", rule_error(symbol.name, "the label has no value"))
    if draft.names.symbols[param.by].type is FLAG:
        # The labels of a flag are words in the file, and truths when it is evaluated.
        return ByLabel({label == "true": value for label, value in found.items()}, other)
    return ByLabel(found, other)


def _value_from(steps: Sequence[Step], symbol: Symbol, start: date | None) -> Any:
    # Steps are in the order of their days: the last that has begun counts.
    in_force = [s.value for s in steps if s.start is None or (start and s.start <= start)]
    none = "no value is in force on this date"
    return in_force[-1] if in_force else rule_error(symbol.name, none)


def _next_change(draft: RulesetDraft, start: date | None) -> date | None:
    later = [
        step.start
        for param in draft.params.values()
        # A figure that nothing uses ends no decision early.
        if f"params.{param.name}" in draft.names.used
        for step in param.every_step
        if step.start is not None and (start is None or step.start > start)
    ]
    return min(later, default=None)
