"""Runs a version's cases against every small change of its figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from decision_service.domain.factor import FactorSpec
from decision_service.domain.verdict import Verdict
from decision_service.language.diagnostics import Report
from decision_service.language.yaml.nodes import MapNode
from decision_service.language.yaml.parser import read
from decision_service.ruleset.compile.compiler import finish, read_draft, run_checks
from decision_service.ruleset.figures.case_text import case_text
from decision_service.ruleset.figures.differences import VerdictDifference, first_difference
from decision_service.ruleset.figures.facts.near import figures_near
from decision_service.ruleset.figures.facts.related import related, uses_of
from decision_service.ruleset.figures.facts.samples import Sampler
from decision_service.ruleset.figures.find import find_changes
from decision_service.ruleset.figures.model import Edit, Fate, FigureChange, Tried, Witness
from decision_service.ruleset.figures.normal import normal_form
from decision_service.ruleset.figures.trees import edited, written_out
from decision_service.ruleset.figures.usual import Usual
from decision_service.ruleset.program.model import CompiledRuleset, RulesetFiles
from decision_service.ruleset.reading.draft import RulesetDraft
from decision_service.ruleset.reading.names import Names
from decision_service.ruleset.reading.shared import names_of, with_shared
from decision_service.ruleset.run.evaluator import Facts, evaluate
from decision_service.ruleset.testing.cases import CaseResult

SAMPLES = 2_000
"""On how many made-up facts a change is tried that no case notices."""

ABOUT_IT = 1_000
"""On how many more that are about its figure."""


class FiguresRun:
    """One version's figures, tried against the results of its cases; only passed ones count.

    The version must compile.
    """

    def __init__(
        self,
        files: RulesetFiles,
        ruleset: CompiledRuleset,
        catalogue: Mapping[str, FactorSpec],
        results: Sequence[CaseResult],
    ) -> None:
        self.files, self.ruleset, self.catalogue = files, ruleset, catalogue
        self.results = [r for r in results if r.passed and r.facts is not None]
        root = read(files.path, files.text, Report())
        assert root is not None  # noqa: S101  it has compiled
        tree = written_out(with_shared(root, files, Report(), names_of(ruleset)), files)
        assert isinstance(tree, MapNode)  # noqa: S101  as its root is
        self.root = tree
        self.draft = self._draft(())
        assert self.draft is not None  # noqa: S101  it has compiled
        self.content = normal_form(self.draft)
        self.uses = uses_of(self.root)
        self.sampler = Sampler(ruleset, catalogue, self._bases(), self._near(self.draft))
        self.sampled: list[tuple[Facts, Verdict]] = []

    def tried(self) -> Iterator[Tried]:
        """Every change with its fate, in the order of the file; none is marked yet."""
        assert self.draft is not None  # noqa: S101  it has compiled
        for change in find_changes(self.root, self.draft.names.symbols, operators=True):
            yield self._try(change)

    def _try(self, change: FigureChange) -> Tried:
        draft = self._draft(change.edits)
        if draft is None:
            return Tried(change, Fate.REFUSED)
        changed = finish(draft, self.ruleset.digest)
        if self._noticed(changed):
            return Tried(change, Fate.NOTICED)
        run_checks(draft)
        if draft.report.failed:
            return Tried(change, Fate.REFUSED)
        if normal_form(draft) == self.content:
            return Tried(change, Fate.NO_DIFFERENCE)
        return Tried(change, Fate.UNNOTICED, self._witness(change, changed))

    def _draft(self, edits: Sequence[Edit]) -> RulesetDraft | None:
        report = Report()
        node = edited(self.root, edits)
        draft = read_draft(node, self.files, Names(self.catalogue), report)
        return None if report.failed else draft

    def _noticed(self, changed: CompiledRuleset) -> bool:
        """Whether any case comes out otherwise than expected; the next change asks it first."""
        for index, result in enumerate(self.results):
            assert result.facts is not None  # noqa: S101  only such are kept
            if result.case.expectation.differences(evaluate(changed, result.facts)):
                self.results.insert(0, self.results.pop(index))
                return True
        return False

    def _witness(self, change: FigureChange, changed: CompiledRuleset) -> Witness | None:
        """The first made-up facts that come out otherwise: any, then those about the figure."""
        if not self.sampled:
            drawn = self.sampler.samples(SAMPLES)
            self.sampled = [(facts, evaluate(self.ruleset, facts)) for facts in drawn]
        names = related(self.root, self.uses, change)
        about = self.sampler.about(names, ABOUT_IT)
        for facts, verdict in chain(self.sampled, ((facts, None) for facts in about)):
            before = verdict or evaluate(self.ruleset, facts)
            if first_difference(before, evaluate(changed, facts)) is not None:
                return self._witness_of(change, changed, facts)
        return None

    def _witness_of(self, change: FigureChange, changed: CompiledRuleset, facts: Facts) -> Witness:
        """The least case that these facts become."""

        def difference(given: Facts) -> VerdictDifference | None:
            return first_difference(evaluate(self.ruleset, given), evaluate(changed, given))

        usual = self._usual()
        case = usual.shrunk(usual.changes(facts), lambda given: difference(given) is not None)
        given = usual.facts(case)
        assert given is not None  # noqa: S101  it was shrunk so
        found = difference(given)
        assert found is not None  # noqa: S101  likewise
        name = f"{change.at} is {change.before} and not {change.after}"
        text = case_text(name, case, evaluate(self.ruleset, given), found.part)
        return Witness(text, found.before, found.after)

    def _usual(self) -> Usual:
        """The defaults of the first case that has any."""
        own = [result for result in self.results if not result.case.snapshot]
        return Usual(self.ruleset, (own or self.results)[0])

    def _bases(self) -> list[Facts]:
        return [r.facts for r in self.results if r.facts is not None]

    def _near(self, draft: RulesetDraft) -> dict[str, set[str]]:
        return figures_near(self.root, draft.params, self.ruleset.currency)
