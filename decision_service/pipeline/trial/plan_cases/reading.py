"""Reads files of cases of a plan (`plan: PRODUCT` in `rules/<product>/tests/*.yaml`)."""

from __future__ import annotations

from functools import lru_cache

from decision_service.language.diagnostics import Place, Report
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import ListNode, MapNode, YamlNode
from decision_service.language.yaml.parser import read
from decision_service.pipeline.trial.plan_cases.given import GIVEN, read_given
from decision_service.pipeline.trial.plan_cases.model import PlanCase, PlanCaseFile, PlanUnderTest
from decision_service.pipeline.trial.plan_cases.read_expectation import read_expectation
from decision_service.ruleset.testing.case_reading import claim_name
from decision_service.ruleset.testing.marks import read_marks


@lru_cache(64)
def plan_cases_in(path: str, text: str) -> int | None:
    """How many cases a file has that is about a plan; None for a file about a version."""
    node = read(path, text, Report())
    if not isinstance(node, MapNode) or node.get("plan") is None:
        return None
    cases = node.get("cases")
    return len(cases.items) if isinstance(cases, ListNode) else 0


def parse_plan_cases(path: str, text: str, tested: PlanUnderTest) -> PlanCaseFile:
    """The cases of a file, checked against the plan and the versions that decide by it."""
    report = Report()
    node = read(path, text, report)
    fields = node and Fields.of(
        node,
        "a file of a plan's cases",
        report,
        required=("plan", "cases"),
        optional=("defaults", "unnoticed"),
    )
    cases = _Reader(fields, tested).cases() if fields else []
    marks = read_marks(fields) if fields else ()
    return PlanCaseFile(path, () if report.failed else tuple(cases), report.diagnostics(), marks)


class _Reader:
    """Reads one file's cases for one plan."""

    def __init__(self, fields: Fields, tested: PlanUnderTest) -> None:
        self.fields, self.tested, self.report = fields, tested, fields.report
        self.names: dict[str, Place] = {}
        node = fields.get("defaults")
        found = node and Fields.of(node, "`defaults`", self.report, optional=GIVEN)
        self.defaults = found.node.entries if found else ()

    def cases(self) -> list[PlanCase]:
        """Every case that could be read, all faults reported."""
        self._check_target()
        items = self.fields.items("cases")
        if not items and self.fields.has("cases"):
            self.report.error("R801", self.fields.place("cases"), "there is no case here")
        cases = [self._case(item) for item in items]
        return [case for case in cases if case is not None]

    def _check_target(self) -> None:
        written, product = self.fields.scalar("plan"), self.tested.plan.product
        if written is None:
            return
        if written.text != product:
            message = f"these cases are not about the plan of {product}"
            hint = f"move the file into {written.text}/tests, or write `plan: {product}`"
            self.report.error("R802", written.place, message, hint)
        elif not self.tested.bounded:
            message = f"the plan of {product} has neither `caps` nor `explore`"
            self.report.error("R810", written.place, message, "remove the file, or add a cap")

    def _case(self, node: YamlNode) -> PlanCase | None:
        fields = Fields.of(node, "a case", self.report, required=("name", "expect"), optional=GIVEN)
        if fields is None:
            return None
        name, place = fields.text("name"), fields.place("name")
        claim_name(name, place, self.names, self.report)
        given = read_given(self._with_defaults(fields), self.tested)
        expect = fields.get("expect")
        expectation = None
        if expect is not None:
            expectation = read_expectation(expect, self.tested, self.report)
        if name is None or expectation is None or given is None:
            return None
        keys = frozenset(entry.key for entry in self.defaults)
        return PlanCase(
            name, place, given.said, given.day, given.slot, given.before, expectation, keys
        )

    def _with_defaults(self, fields: Fields) -> Fields:
        """What a case gives; a key that it does not write is that of the defaults."""
        own = [entry for entry in fields.node.entries if entry.key in GIVEN]
        written = {entry.key for entry in own}
        usual = [entry for entry in self.defaults if entry.key not in written]
        node = MapNode(tuple(e for e in (*own, *usual) if e.key in GIVEN), fields.node.place)
        return Fields(node, "the case", self.report, optional=GIVEN)
