"""From the texts of one product to its versions and its plan, with all that is wrong in them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime

from msgspec.structs import replace

from decision_service.domain.decision import Arm
from decision_service.factors.registry import catalogue
from decision_service.language.diagnostics import Diagnostic, Severity
from decision_service.language.expressions.declared import DeclaredNames
from decision_service.pipeline.ports import StoredText
from decision_service.pipeline.rules.checks.day_bounds import doubtful_bounds
from decision_service.pipeline.rules.checks.notices import Demanding, notices_of
from decision_service.pipeline.rules.checks.queue_tags import unknown_queue_tags
from decision_service.pipeline.rules.checks.segments import unmatched_segments
from decision_service.pipeline.rules.folder import ProductTexts, RuleFolder, files_of
from decision_service.pipeline.rules.rulebook import Product
from decision_service.pipeline.rules.texts import ruleset_text
from decision_service.rollout.plan import parse_plan
from decision_service.rollout.state import initial_state
from decision_service.ruleset.compile.compiler import Compilation, compile_ruleset
from decision_service.ruleset.program.model import CompiledRuleset


def input_names(ruleset: CompiledRuleset) -> DeclaredNames:
    """A ruleset's inputs as rollout segments may name them."""
    specs = ruleset.inputs.values()
    declared = (replace(spec, name=f"inputs.{spec.name}") for spec in specs)
    return DeclaredNames(ruleset.currency, declared)


def compilations(
    folder: RuleFolder, product: ProductTexts, blocked: frozenset[str], now: datetime
) -> dict[int, Compilation]:
    """Every version of a product, compiled; `blocked` are names that no rule may use."""
    return {
        version: compile_ruleset(files_of(folder, product, version), catalogue(), blocked, now)
        for version in sorted(product.rulesets)
    }


def unused_tables(product: ProductTexts, compiled: Collection[Compilation]) -> Iterator[Diagnostic]:
    """A warning for each table file that no version reads, once all versions could be read."""
    if any(one.ruleset is None for one in compiled):
        return
    used = frozenset().union(*(one.tables for one in compiled))
    for name in sorted(set(product.tables) - used):
        message = f"no version of {product.product} reads this table"
        hint = f"name it in a version, `rows: {{file: {name}}}`, or remove it"
        path = f"{product.path}/{name}"
        yield Diagnostic("R510", Severity.WARNING, path, 1, 1, 2, message, hint)


def versions_of(
    folder: RuleFolder,
    product: ProductTexts,
    compiled: Mapping[int, Compilation],
    found: list[Diagnostic],
    texts: list[StoredText],
) -> Iterator[tuple[int, CompiledRuleset]]:
    """The versions that compiled; adds what is wrong with their names, and their texts to store."""
    for version, compilation in compiled.items():
        ruleset = compilation.ruleset
        if ruleset is None:
            continue
        files = files_of(folder, product, version)
        if ruleset.version != version:
            message = f"the file is named v{version}, but `version` is {ruleset.version}"
            found.append(problem(files.path, "R003", message, "make them equal"))
        texts.append(ruleset_text(ruleset, files))
        yield version, ruleset


def product_of(
    product: ProductTexts,
    unreadable: Collection[int],
    versions: Mapping[int, CompiledRuleset],
    found: list[Diagnostic],
    texts: list[StoredText],
    now: datetime,
) -> Product | None:
    """A product with its plan; None where that is missing or wrong, which is added to `found`."""
    if product.plan is None:
        message = f"{product.product} has no rollout.yaml"
        hint = "add one that says which version is the champion and how it goes live"
        found.append(problem(f"{product.path}/rollout.yaml", "P001", message, hint))
        return None
    names = {
        version: input_names(versions[version]) if version in versions else None
        for version in (*product.rulesets, *unreadable)
    }
    reading = parse_plan(product.plan.path, product.plan.text, product.product, names)
    found.extend(reading.diagnostics)
    if reading.plan is None or not versions:
        return None
    plan_file = product.plan
    found.extend(unmatched_segments(plan_file.path, plan_file.text, reading.plan))
    named = (reading.plan.versions.of(arm) for arm in Arm)
    deciding = [versions[number] for number in named if number and number in versions]
    asked = (plan_file.path, plan_file.text, reading.plan, deciding)
    bounds = (*doubtful_bounds(*asked), *unknown_queue_tags(*asked))
    found.extend(bounds)
    if any(one.severity is Severity.ERROR for one in bounds):
        return None
    texts.append(StoredText(reading.plan.digest, "plan", product.plan.text.encode()))
    demanding = Demanding([*versions.values()], reading.plan.review)
    notices = notices_of(product.path, product.notices, demanding, found)
    state = initial_state(reading.plan, now)
    return Product(product.product, versions, reading.plan, state, notices)


def problem(path: str, code: str, message: str, hint: str) -> Diagnostic:
    """An error of a file as a whole."""
    return Diagnostic(code, Severity.ERROR, path, 1, 1, 2, message, hint)
