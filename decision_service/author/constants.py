"""A version with some of its constants set to other values, compiled and checked like a file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

import msgspec
from msgspec.structs import replace

from decision_service.author.mutants import EditRefused, FigureChange, RuleTree, find_changes
from decision_service.domain.errors import Unfit
from decision_service.domain.factor import FactorSpec
from decision_service.rules.compile import compile_ruleset, finish, run_checks
from decision_service.rules.language.diagnostics import Place, Report, Severity, did_you_mean
from decision_service.rules.program import CompiledRuleset, RulesetFiles

_KEYS = (".from", ".label")
"""Days and labels from which values count, which are no values themselves."""


class FiguresUnfit(Unfit):
    """A figure that a version does not have, or a value that it does not take."""


class SetFigure(msgspec.Struct, frozen=True):
    at: str
    before: str
    after: str


class NamedVersion(msgspec.Struct, frozen=True):
    """A version's files with what they compile to."""

    files: RulesetFiles
    ruleset: CompiledRuleset

    @property
    def name(self) -> str:
        """`personal-loan-ph v1`."""
        return f"{self.ruleset.ruleset} v{self.ruleset.version}"


class FigureSetter:
    """Sets figures of one version; the version must compile."""

    def __init__(self, files: RulesetFiles, catalogue: Mapping[str, FactorSpec]) -> None:
        ruleset = compile_ruleset(files, catalogue, checks=()).ruleset
        if ruleset is None:
            raise FiguresUnfit(f"{files.path} does not compile: run rules check")
        self._files = files
        self._tree = RuleTree(files, ruleset, catalogue)
        symbols = self._tree.draft().names.symbols
        self._changes = _named(find_changes(self._tree.root, symbols))

    @property
    def names(self) -> Sequence[str]:
        return [*self._changes]

    def compiled(self, figures: Mapping[str, str]) -> tuple[CompiledRuleset, tuple[SetFigure, ...]]:
        chosen = {at: self._change(at) for at in figures}
        edits = [  # a neighbour that would change places with the figure stays
            replace(edit, text=figures[at])
            for at, change in chosen.items()
            for edit in change.edits
            if edit.text == change.after
        ]
        report = Report()
        with suppress(EditRefused):
            draft = self._tree.draft(edits, report)
            run_checks(draft)
        if report.failed:
            given = ", ".join(f"{at}={value}" for at, value in figures.items())
            raise FiguresUnfit(f"{given} does not do: {_first_error(report)}")
        changed = (SetFigure(at, change.before, figures[at]) for at, change in chosen.items())
        content = (self._files.text, *(f"{at}={figures[at]}" for at in sorted(figures)))
        digest = hashlib.sha256("\n".join(content).encode()).hexdigest()
        return finish(draft, digest), tuple(changed)

    def _change(self, at: str) -> FigureChange:
        found = self._changes.get(at)
        if found is not None:
            return found
        below = [n for n in self._changes if n.startswith(f"{at}.")]
        dated = [n for n in below if not n.endswith(_KEYS)]
        if dated:
            raise FiguresUnfit(f"{at} has several figures: name one of {', '.join(dated[:5])}")
        hint = did_you_mean(at, self._changes)
        words = f"{at} is no figure of {self._files.path}"
        raise FiguresUnfit(f"{words}: {hint}" if hint else words)


def _named(changes: Iterable[FigureChange]) -> dict[str, FigureChange]:
    """Each figure by its way; of several on one way each has its value at the end."""
    figures: dict[str, dict[Place, FigureChange]] = {}
    for change in changes:
        figures.setdefault(change.at, {}).setdefault(change.place, change)
    named: dict[str, FigureChange] = {}
    for at, found in figures.items():
        for change in found.values():
            named.setdefault(at if len(found) == 1 else f"{at}.{change.before}", change)
    return named


def _first_error(report: Report) -> str:
    first = next(d for d in report.diagnostics() if d.severity is Severity.ERROR)
    place = f"{first.file}:{first.line}: {first.message}"
    return f"{place}; {first.hint}" if first.hint else place
