"""Rule test results as JUnit XML, for CI systems."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from decision_service.language.diagnostics import Diagnostic, Severity, render
from decision_service.pipeline.trial.rule_tests import VersionResults, why


def junit(versions: Iterable[VersionResults]) -> str:
    """One test suite for each ruleset version."""
    root = Element("testsuites")
    for version in versions:
        suite = SubElement(
            root,
            "testsuite",
            name=version.name,
            tests=str(len(version.results) + len(_errors(version))),
            failures=str(len(version.failed)),
            errors=str(len(_errors(version))),
        )
        for problem in _errors(version):
            _add_error(suite, version.product, problem)
        for result in version.results:
            case = SubElement(
                suite,
                "testcase",
                name=result.case.name,
                classname=version.product,
                file=result.case.place.file,
                line=str(result.case.place.line),
            )
            if not result.passed:
                SubElement(case, "failure", message=why(result))
    indent(root)
    return tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _errors(version: VersionResults) -> list[Diagnostic]:
    """What kept cases from running."""
    return [p for p in version.problems if p.severity is Severity.ERROR]


def _add_error(suite: Element, product: str, problem: Diagnostic) -> None:
    name, line = f"{problem.code} on line {problem.line}", str(problem.line)
    case = SubElement(suite, "testcase", name=name, classname=product, file=problem.file, line=line)
    SubElement(case, "error", message=problem.message).text = render(problem)
