"""The rule tests of a rulebook: from the texts of a folder to results and coverage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec
from msgspec.structs import replace

from decision_service.factors.registry import catalogue, known_factors, that_went
from decision_service.rulebook.folder import ProductTexts, RuleFolder, TextFile, unreadable_versions
from decision_service.rulebook.load import LoadResult
from decision_service.rulebook.rulebook import Product, Rulebook
from decision_service.rulebook.stories import run_story, stories_of
from decision_service.rules.language import yaml
from decision_service.rules.language.diagnostics import (
    Diagnostic,
    Place,
    Report,
    Severity,
    problem_at,
)
from decision_service.rules.language.yaml import ListNode, MapNode, Scalar, YamlNode
from decision_service.rules.program import CompiledRuleset
from decision_service.rules.tests import CaseResult, Goal, GoalCoverage, coverage, run_cases
from decision_service.rules.tests_file import (
    CaseFile,
    FigureMark,
    LegalMark,
    case_target,
    parse_cases,
)

_UNTESTED = "T003"


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
    targets = [case_target(file.path, file.text) for file in product.tests]
    # A file that names no version is about the champion.
    tested = {t.version if t else _champion(root) for t in targets if t is None or t.cases}
    return {
        version: _untested(product, version, role, place=place, report=report)
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
    shadows = _get(root, "shadow")
    silent = shadows.items if isinstance(shadows, ListNode) else ()
    roles = [
        ("champion", _get(root, "champion")),
        ("challenger", _get(_get(root, "challenger"), "version")),
        *(("shadow", _get(each, "version")) for each in silent),
    ]
    for role, node in roles:
        if isinstance(node, Scalar) and node.is_integer:
            yield int(node.text), role, node.place


def _get(node: YamlNode | None, key: str) -> YamlNode | None:
    return node.get(key) if isinstance(node, MapNode) else None


def _untested(
    product: ProductTexts, version: int, role: str, place: Place, report: Report
) -> Diagnostic:
    message = f"{product.product} v{version} is the plan's {role} and has no test case"
    hint = f"write cases in {product.path}/tests/v{version}.yaml, or take it out of the plan"
    at = (place.file, place.line, place.column, place.end)
    quoted = report.quote(place.file, place.line)
    return Diagnostic(_UNTESTED, Severity.ERROR, *at, message=message, hint=hint, quoted=quoted)


class VersionResults(msgspec.Struct, frozen=True):
    """`marks` are changes that no test must notice, `unreached` checks that none can break.

    `wrong_marks` are those of the `problems` that say so of a mark: every case was read and run.
    """

    ruleset: CompiledRuleset
    results: tuple[CaseResult, ...]
    problems: tuple[Diagnostic, ...]
    marks: tuple[FigureMark, ...] = ()
    unreached: tuple[LegalMark, ...] = ()
    wrong_marks: tuple[Diagnostic, ...] = ()

    @property
    def unread(self) -> bool:
        """Whether an error keeps some cases from being read; where there is none it does not."""
        errors = [p for p in self.problems if p.severity is Severity.ERROR and p.code != _UNTESTED]
        return any(problem not in self.wrong_marks for problem in errors)

    @property
    def product(self) -> str:
        return self.ruleset.ruleset

    @property
    def name(self) -> str:
        """`personal-loan-ph v1`."""
        return f"{self.ruleset.ruleset} v{self.ruleset.version}"

    @property
    def coverage(self) -> GoalCoverage:
        found = coverage(self.ruleset, self.results)
        spared = {Goal(*goal) for mark in self.unreached for goal in mark.goals}
        return replace(found, missed=tuple(goal for goal in found.missed if goal not in spared))

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        return tuple(result for result in self.results if not result.passed)


def run_rule_tests(folder: RuleFolder, rulebook: Rulebook) -> Iterator[VersionResults]:
    """A planned version without any case comes without results, and with that problem."""
    for texts in folder.products:
        product = rulebook.products.get(texts.product)
        if product is not None:
            yield from _product_results(texts, product)


def failures(results: Iterable[VersionResults]) -> tuple[Diagnostic, ...]:
    """Failing and absent tests of a folder, which keep it from deciding although it compiles."""
    found: list[Diagnostic] = []
    for tested in results:
        found.extend(p for p in tested.problems if p.severity is Severity.ERROR)
        found.extend(_failure(result) for result in tested.failed)
    return tuple(found)


def why(result: CaseResult) -> str:
    if result.problem:
        return result.problem
    return "; ".join(f"{d.field} is {d.actual}, expected {d.expected}" for d in result.differences)


def case_problems(folder: RuleFolder, loading: LoadResult) -> Iterator[Diagnostic]:
    """Cases of a version that does not compile, or whose file could not be read, go unread."""
    by_version = loading.by_version
    for texts in folder.products:
        product = loading.products.get(texts.product)
        if product is not None and product.plan.versions.champion in product.versions:
            yield from stories_of(texts, product)[1]
        unreadable = unreadable_versions(folder, texts)
        for version, files in _by_version(texts, champion_of(texts)):
            source = texts.rulesets.get(version)
            ruleset = None if source is None else by_version[source.path].ruleset
            if ruleset is not None or (source is None and version not in unreadable):
                for file in files:
                    yield from _read(file, version, ruleset).diagnostics


def _by_version(texts: ProductTexts, champion: int) -> list[tuple[int, list[TextFile]]]:
    found: dict[int, list[TextFile]] = {}
    for file in texts.tests:
        target = case_target(file.path, file.text)
        version = target.version if target else champion
        found.setdefault(version, []).append(file)
    return sorted(found.items())


def _product_results(texts: ProductTexts, product: Product) -> Iterator[VersionResults]:
    without = untested(texts)
    champion = product.plan.versions.champion
    stories, faults = stories_of(texts, product)
    # A version may have stories and no file of cases.
    about: dict[int, list[TextFile]] = {story.ruleset.version: [] for story in stories}
    tested = sorted((about | dict(_by_version(texts, champion))).items())
    for version, files in tested:
        ruleset = product.versions.get(version)
        if ruleset is None:
            problems = tuple(d for file in files for d in _read(file, version, None).diagnostics)
            yield VersionResults(product.champion, (), problems)
        elif version not in without:
            found = _version_results(ruleset, files)
            decided = (run_story(s, product) for s in stories if s.ruleset is ruleset)
            problems = (*found.problems, *(faults if version == champion else ()))
            yield replace(found, results=(*found.results, *decided), problems=problems)
    for version, problem in without.items():
        files = [file for number, group in tested for file in group if number == version]
        ruleset = product.versions[version]
        wrong = [d for file in files for d in _read(file, version, ruleset).diagnostics]
        wrong += faults if version == champion else ()
        yield VersionResults(ruleset, (), (problem, *wrong))


def _version_results(ruleset: CompiledRuleset, files: list[TextFile]) -> VersionResults:
    results: list[CaseResult] = []
    problems: list[Diagnostic] = []
    marks: list[FigureMark] = []
    legal: list[LegalMark] = []
    wrong: list[Diagnostic] = []
    for file in files:
        read = _read(file, ruleset.version, ruleset)
        problems.extend(read.diagnostics)
        wrong.extend(read.wrong_marks)
        marks.extend(read.marks)
        legal.extend(read.unreached)
        results.extend(run_cases(ruleset, read.cases))
    reached = frozenset[Goal]().union(*(result.reached for result in results))
    report = Report()
    for mark in (one for one in legal if Goal(one.rule.what, "true") in reached):
        message = f"the check `{mark.rule.id}` needs no mark: a case breaks it"
        report.error("T011", mark.place, message, "remove the mark")
    problems.extend(report.diagnostics())
    wrong.extend(report.diagnostics())
    return VersionResults(
        ruleset,
        tuple(results),
        tuple(problems),
        marks=tuple(marks),
        unreached=tuple(legal),
        wrong_marks=tuple(wrong),
    )


def _read(file: TextFile, version: int, ruleset: CompiledRuleset | None) -> CaseFile:
    if ruleset is not None:
        # a version that has decided may name factors that went, and so may its cases
        old = bool(that_went(ruleset.needs.factors))
        specs = known_factors() if old else catalogue()
        return parse_cases(file.path, file.text, ruleset, catalogue=specs)
    message = f"the tests are for version {version}, which is not loaded"
    return CaseFile(
        file.path,
        (),
        (Diagnostic("T001", Severity.ERROR, file.path, line=1, column=1, end=2, message=message),),
    )


def _failure(result: CaseResult) -> Diagnostic:
    message = f"test `{result.case.name}` fails: {why(result)}"
    return problem_at("T002", result.case.place, message)
