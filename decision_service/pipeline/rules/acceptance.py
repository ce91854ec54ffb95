"""Acceptance: whether rules without errors may replace those that have decided before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime

import msgspec

from decision_service.factors.registry import catalogue
from decision_service.language.diagnostics import Diagnostic, Place, Report, Severity
from decision_service.language.yaml import parser as yaml
from decision_service.language.yaml.nodes import MapNode
from decision_service.pipeline.ports import DecisionLog, StoredText
from decision_service.pipeline.rules.folder import RuleFolder, TextFile
from decision_service.pipeline.rules.last_good import last_good_folder
from decision_service.pipeline.rules.policy import POLICY
from decision_service.pipeline.rules.publication import downgrades
from decision_service.pipeline.rules.publishing.approval import (
    Signers,
    approval_problems,
    evidence_problems,
)
from decision_service.pipeline.rules.publishing.manifest import MANIFEST, Measured, publication
from decision_service.pipeline.rules.rulebook import Rulebook
from decision_service.pipeline.rules.texts import files_from_body
from decision_service.pipeline.rules.used_versions import key_of, kind_of
from decision_service.ruleset.compile.compiler import compile_ruleset
from decision_service.ruleset.program.model import CompiledRuleset

_ALTERED = "R603"
ReadSigners = Callable[[], Signers]
"""The callers who may sign now."""


async def unacceptable(
    log: DecisionLog,
    folder: RuleFolder,
    rulebook: Rulebook,
    now: datetime,
    *,
    edits_used: bool,
    signers: ReadSigners | None = None,
) -> tuple[Diagnostic, ...]:
    """Problems of rules older than those that decide, or that change a version that has decided.

    The latter is allowed where `edits_used`, on made-up people. With `signers` two of them must
    have signed the publication.
    """
    last = await last_good_folder(log)
    unsigned = () if signers is None else unapproved(folder, rulebook, last, signers(), now.date())
    older = unsigned or await downgrades(log, folder, last)
    if older or edits_used:
        return older
    return await altered(log, folder, rulebook)


def unapproved(
    folder: RuleFolder,
    rulebook: Rulebook | None,
    last: RuleFolder | None,
    signers: Signers,
    today: date | None,
) -> tuple[Diagnostic, ...]:
    """What a publication lacks; a key that was withdrawn since does not end one that decides.

    `rulebook` is what the folder loads as; without it no floor is looked at.
    """
    manifest = folder.manifest
    if manifest is None:
        return approval_problems(f"{folder.root}/{MANIFEST}", None, signers, today)
    decides = last is not None and last.manifest == manifest
    published = publication(manifest.path, manifest.text)
    found = approval_problems(manifest.path, published, signers, None if decides else today)
    if published is None:
        return found
    below = () if rulebook is None else floor_problems(manifest.path, published.tested, rulebook)
    return (*found, *evidence_problems(manifest.path, published, folder.evidence), *below)


def floor_problems(
    path: str, tested: Mapping[str, Measured], rulebook: Rulebook
) -> Iterator[Diagnostic]:
    """M016 for each version that may decide and whose tests are below the floor of the policy."""
    floors = msgspec.to_builtins(rulebook.policy.floors)
    for name in rulebook.deciding:
        found = msgspec.to_builtins(tested.get(name, Measured(0, 0)))
        for figure, floor in floors.items():
            if found[figure] < floor:
                message = (
                    f"{figure} of {name}: {found[figure]} %, less than the {floor} % of {POLICY}"
                )
                hint = "`decision-service rules test --figures` prints the cases that it lacks"
                yield Diagnostic("M016", Severity.ERROR, path, 1, 1, 2, message, hint)


async def altered(
    log: DecisionLog, folder: RuleFolder, rulebook: Rulebook
) -> tuple[Diagnostic, ...]:
    """A problem for each version that has decided with other content, at its `version`."""
    found: list[tuple[TextFile, CompiledRuleset, str]] = []
    for product in folder.products:
        versions = rulebook.products[product.product].versions
        for number, file in sorted(product.rulesets.items()):
            earlier = await _decided_otherwise(log, versions[number])
            if earlier:
                found.append((file, versions[number], earlier))
    return await asyncio.to_thread(_problems, found) if found else ()


def _problems(
    found: Iterable[tuple[TextFile, CompiledRuleset, str]],
) -> tuple[Diagnostic, ...]:
    report = Report()
    for file, ruleset, earlier in found:
        root = yaml.read(file.path, file.text, report)
        place = (
            root.key_place("version") if isinstance(root, MapNode) else Place(file.path, 1, 1, 2)
        )
        name, number = ruleset.ruleset, ruleset.version
        message = f"{name} v{number} has decided with other content (digest {earlier[:12]})"
        hint = (
            f"bring v{number} back as it was, its tables, `_data` and `_shared` too, "
            f"and write the change as v{number + 1}"
        )
        report.error(_ALTERED, place, message, hint)
    return tuple(problem for problem in report.diagnostics() if problem.code == _ALTERED)


async def _decided_otherwise(log: DecisionLog, ruleset: CompiledRuleset) -> str:
    """The digest that a version decided with, if it is of other content; else empty."""
    last = await log.last_text(kind_of(ruleset))
    if last is None or await log.text(key_of(ruleset)) is not None:
        return ""
    earlier = last.body.decode()
    text = await log.text(earlier)
    if text is not None and await asyncio.to_thread(_digest, text) == ruleset.digest:
        return ""
    return earlier


def _digest(text: StoredText) -> str:
    """The digest of a stored ruleset as it is computed now: newer code may compute another."""
    found = compile_ruleset(files_from_body(text.body), catalogue(), checks=()).ruleset
    return "" if found is None else found.digest
