"""Running a product's own cases of its plan: results, coverage and figures."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from decision_service.language.diagnostics import Diagnostic, Report
from decision_service.language.yaml import parser as yaml
from decision_service.language.yaml.nodes import MapNode, YamlNode
from decision_service.pipeline.rules.folder import ProductTexts, TextFile
from decision_service.pipeline.rules.products import input_names
from decision_service.pipeline.rules.rulebook import Product
from decision_service.pipeline.trial.plan_cases.bounds import PlanBound, bounds_in
from decision_service.pipeline.trial.plan_cases.coverage import plan_coverage, ready_plan_cases
from decision_service.pipeline.trial.plan_cases.figures import PlanFigures
from decision_service.pipeline.trial.plan_cases.model import PlanUnderTest
from decision_service.pipeline.trial.plan_cases.reading import parse_plan_cases, plan_cases_in
from decision_service.pipeline.trial.plan_cases.run import PlanCaseResult, run_plan_cases
from decision_service.pipeline.trial.untested import untested_plan
from decision_service.rollout.model import Plan
from decision_service.rollout.plan import read_plan
from decision_service.ruleset.figures.report import FiguresReport, report_on
from decision_service.ruleset.testing.cases import Goal, GoalCoverage
from decision_service.ruleset.testing.marks import FigureMark


class PlanResults(msgspec.Struct, frozen=True):
    """The tests of one product's plan; `problems` kept some of them from running.

    `tested` is its plan with what its versions say, `root` the plan's text as a tree. `marks` are
    the changes of its figures that no test has to notice.
    """

    under_test: Product
    tested: PlanUnderTest
    root: MapNode
    results: tuple[PlanCaseResult, ...]
    problems: tuple[Diagnostic, ...] = ()
    marks: tuple[FigureMark, ...] = ()

    @property
    def product(self) -> str:
        """The product."""
        return self.under_test.name

    @property
    def name(self) -> str:
        """`personal-loan-ph plan`."""
        return f"{self.product} plan"

    @property
    def bounds(self) -> tuple[PlanBound, ...]:
        """Every bound of the plan, in the order of the file."""
        return tuple(bounds_in(self.root))

    @property
    def coverage(self) -> GoalCoverage:
        """What the bounds did with the cases, of all that they can do."""
        cases = [result.case for result in self.results]
        return plan_coverage(self.tested, self.bounds, cases)

    @property
    def failed(self) -> tuple[PlanCaseResult, ...]:
        """The cases that did not come out as expected."""
        return tuple(result for result in self.results if not result.passed)


def plan_files(texts: ProductTexts) -> tuple[TextFile, ...]:
    """The files of a product's tests that are about its plan."""
    return tuple(f for f in texts.tests if plan_cases_in(f.path, f.text) is not None)


def plan_results(texts: ProductTexts, product: Product) -> Iterator[PlanResults]:
    """The results of a plan that has a cap, a control share, or any case."""
    tested, files = PlanUnderTest.of(product), plan_files(texts)
    if texts.plan is None or not (tested.bounded or files):
        return
    root = yaml.read(texts.plan.path, texts.plan.text, Report())
    assert isinstance(root, MapNode)  # noqa: S101  the plan is loaded
    read = [parse_plan_cases(file.path, file.text, tested) for file in files]
    results = run_plan_cases(tested, (case for file in read for case in file.cases))
    untested = untested_plan(texts)
    problems = (*((untested,) if untested else ()), *(d for f in read for d in f.diagnostics))
    marks = tuple(mark for file in read for mark in file.marks)
    yield PlanResults(product, tested, root, results, problems, marks)


def plan_case_problems(texts: ProductTexts, product: Product) -> Iterator[Diagnostic]:
    """All that is wrong with the cases of a plan as they are written; none of them is run."""
    tested = PlanUnderTest.of(product)
    for file in plan_files(texts):
        yield from parse_plan_cases(file.path, file.text, tested).diagnostics


def try_plan_figures(plan: PlanResults) -> FiguresReport:
    """Every small change of a plan's bounds, against its cases that pass."""
    product = plan.under_test
    names = {number: input_names(ruleset) for number, ruleset in product.versions.items()}

    def plan_of(root: YamlNode) -> Plan | None:
        report = Report()
        read = read_plan(root, report, product.name, names)
        return None if report.failed else read

    passed = [result for result in plan.results if result.passed]
    figures = PlanFigures(plan.root, plan.tested, passed, plan_of)
    return report_on(figures.tried(), plan.marks)


def plan_cases_for_missed(plan: PlanResults) -> dict[Goal, str]:
    """For goals that a plan's cases miss, the text of a case that reaches each.

    Failing cases are to be mended first: beside them there are none.
    """
    if plan.failed:
        return {}
    defaults = plan.results[0].case.defaults if plan.results else frozenset[str]()
    return ready_plan_cases(plan.tested, plan.bounds, plan.coverage.missed, defaults)
