"""Versions that a plan names and that no test case is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from decision_service.language.diagnostics import Diagnostic, Place, Report, Severity
from decision_service.language.yaml import parser as yaml
from decision_service.language.yaml.nodes import ListNode, MapNode, Scalar, YamlNode
from decision_service.pipeline.rules.folder import ProductTexts, RuleFolder
from decision_service.ruleset.testing.cases import case_target


def without_cases(folder: RuleFolder) -> Iterator[Diagnostic]:
    """T003 for each version of a folder that a plan names and that has no case."""
    for product in folder.products:
        yield from untested(product).values()


def untested(product: ProductTexts) -> Mapping[int, Diagnostic]:
    """T003 by version, at the plan's line; versions that do not exist are left to the plan."""
    if product.plan is None:
        return {}
    report = Report()
    root = yaml.read(product.plan.path, product.plan.text, report)
    named = {version: (role, place) for version, role, place in _named(root)}
    tested = _tested(product, _champion(root))
    return {
        version: _untested(product, version, role, place, report)
        for version, (role, place) in named.items()
        if version in product.rulesets and version not in tested
    }


def champion_of(product: ProductTexts) -> int:
    """The champion as the plan's text names it; 0 where it names none."""
    if product.plan is None:
        return 0
    return _champion(yaml.read(product.plan.path, product.plan.text, Report()))


def _champion(root: YamlNode | None) -> int:
    return next((version for version, role, _ in _named(root) if role == "champion"), 0)


def _named(root: YamlNode | None) -> Iterator[tuple[int, str, Place]]:
    """Each version that a plan names, with its role there and its place; the champion first."""
    versions = _get(root, "versions")
    shadows = _get(versions, "shadow")
    roles = [
        ("champion", _get(versions, "champion")),
        ("challenger", _get(_get(versions, "challenger"), "version")),
        *(("shadow", _get(each, "version")) for each in _items(shadows)),
    ]
    for role, node in roles:
        if isinstance(node, Scalar) and node.is_integer:
            yield int(node.text), role, node.place


def _get(node: YamlNode | None, key: str) -> YamlNode | None:
    return node.get(key) if isinstance(node, MapNode) else None


def _items(node: YamlNode | None) -> tuple[YamlNode, ...]:
    return node.items if isinstance(node, ListNode) else ()


def _tested(product: ProductTexts, champion: int) -> frozenset[int]:
    """The versions that have a case; a file that names no version is about the champion."""
    targets = [case_target(file.path, file.text) for file in product.tests]
    return frozenset((t.version if t else champion) for t in targets if t is None or t.cases)


def _untested(
    product: ProductTexts, version: int, role: str, place: Place, report: Report
) -> Diagnostic:
    message = f"{product.product} v{version} is the plan's {role} and has no test case"
    hint = f"write cases in {product.path}/tests/v{version}.yaml, or take it out of the plan"
    at = (place.file, place.line, place.column, place.end)
    quoted = report.quote(place.file, place.line)
    return Diagnostic("T003", Severity.ERROR, *at, message, hint, quoted)
