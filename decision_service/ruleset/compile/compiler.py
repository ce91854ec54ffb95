"""From a rule file's text to a compiled ruleset, or to everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from decision_service.domain.factor import Better, FactorSpec, ValueType
from decision_service.domain.needs import Needs
from decision_service.language.diagnostics import Diagnostic, Report
from decision_service.language.expressions.tree import reads
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import YamlNode
from decision_service.language.yaml.parser import read
from decision_service.ruleset.checks import CHECKS, Check
from decision_service.ruleset.compile.assembly import assemble
from decision_service.ruleset.compile.digest import digest
from decision_service.ruleset.compile.sections.data.section import read_data
from decision_service.ruleset.compile.sections.derived import read_derived
from decision_service.ruleset.compile.sections.guarantees import read_guarantees
from decision_service.ruleset.compile.sections.header import read_header
from decision_service.ruleset.compile.sections.inputs import read_inputs
from decision_service.ruleset.compile.sections.params import read_params
from decision_service.ruleset.compile.sections.reasons import read_reasons
from decision_service.ruleset.compile.sections.recourse import RECOURSE, read_recourse
from decision_service.ruleset.compile.sections.stages import announce, read_closing, read_stages
from decision_service.ruleset.compile.sections.tags import read_tags
from decision_service.ruleset.constructs.registry import CLOSING
from decision_service.ruleset.program.model import CompiledRuleset, RulesetFiles
from decision_service.ruleset.reading.draft import RulesetDraft
from decision_service.ruleset.reading.lists import list_names, read_lists
from decision_service.ruleset.reading.names import Names
from decision_service.ruleset.reading.shared import USES, with_shared

REQUIRED = (
    "ruleset",
    "version",
    "title",
    "currency",
    "time_zone",
    "inputs",
    "stages",
)
OPTIONAL = (
    USES,
    "reasons",
    "data",
    "params",
    "derived",
    "tags",
    *CLOSING,
    "valid_for",
    "guarantees",
    RECOURSE,
)


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
    node = node and with_shared(node, files, report)
    draft = read_draft(node, files, Names(catalogue, blocked), report) if node else None
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
    """Report everything that the checks find in a draft."""
    for check in checks:
        check(draft)


def read_draft(
    node: YamlNode, files: RulesetFiles, names: Names, report: Report
) -> RulesetDraft | None:
    """The draft of a rule file's tree; None where the tree is no map. No check has run on it.

    What it uses of shared files stands in the tree already.
    """
    root = Fields.of(node, "a rule file", report, required=REQUIRED, optional=OPTIONAL)
    if not root:
        return None
    names.lists = list_names(files)
    draft = RulesetDraft(files, report, names, root)
    read_header(draft)
    read_data(draft)
    draft.valid_for = root.duration("valid_for")
    announce(draft)
    for section in (read_inputs, read_params, read_reasons, read_tags, read_derived):
        section(draft)
    read_stages(draft)
    read_closing(draft)
    read_guarantees(draft)
    read_recourse(draft)
    draft.shared = _leave_unused(draft)
    draft.lists = read_lists({question.list for question in names.answers}, files, report)
    return draft


def _leave_unused(draft: RulesetDraft) -> frozenset[tuple[str, str]]:
    """Leave out shared reasons and parameters that nothing uses; the others by file and name.

    They belong to other products: an entry that a version does not use may change under it.
    """
    found: set[tuple[str, str]] = set()
    for name, place in draft.places.items():
        family, _, rest = name.partition(".")
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
    """The compiled ruleset of a draft without errors; `content` is its digest."""
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
        lifting=frozenset(
            symbol.name
            for each in draft.derived
            for symbol in reads(each.tree)
            if (spec := draft.names.catalogue.get(symbol.name))
            and spec.type is ValueType.MONEY
            and spec.better is Better.UP
        ),
    )
