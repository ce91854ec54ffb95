"""The parts of a review's comment, each with what it found wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from decision_service.cli.display.text import counted
from decision_service.cli.rules.diff.changes import ChangedVersion
from decision_service.cli.rules.diff.loaded import LoadedRules
from decision_service.cli.rules.diff.states import RulesDiff
from decision_service.impact.figures import ImpactReport
from decision_service.impact.proofs import Proofs
from decision_service.impact.render.markdown import markdown
from decision_service.impact.render.wording import headline, honesty
from decision_service.language.changes import WrittenChange
from decision_service.language.diagnostics import Diagnostic, Severity
from decision_service.pipeline.trial.figures import try_figures
from decision_service.pipeline.trial.rule_tests import VersionResults, why
from decision_service.ruleset.diff.versions import RulesetDiff

MOST = 30
"""Lines of one list; the rest is counted."""


@dataclass(slots=True)
class CommentPart:
    """A part of the comment: a heading, lines of Markdown, and findings in a sentence each."""

    title: str
    lines: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)


def check_part(found: Sequence[Diagnostic], *, strict: bool) -> CommentPart:
    """What the check says; warnings are findings where it is strict."""
    part = CommentPart("Check")
    part.lines = _list(f"`{d.file}:{d.line}` {d.code}: {_text(d.message)}" for d in found)
    part.lines = part.lines or ["Nothing is wrong."]
    wrong = [d for d in found if strict or d.severity is Severity.ERROR]
    if wrong:
        part.findings.append(
            f"check: {counted(len(wrong), 'finding')}, the first at {_place(wrong[0])}"
        )
    return part


def diff_parts(told: RulesDiff) -> Iterator[CommentPart]:
    """What changed in versions, plans and lists, in plain words."""
    if told.gone:
        yield CommentPart("Versions that are gone", [f"- {name}" for name in told.gone])
    if not told.versions:
        yield CommentPart("Versions", ["No version decides otherwise than before."])
    for one, comparison in told.versions:
        yield _version_part(one, comparison)
    for plan in told.plans:
        yield CommentPart(f"Rollout plan of {plan.product}", _changes(plan.changes))
    if told.lists:
        yield CommentPart("Lists", _list(_text(f"{one.path} {one.words}") for one in told.lists))

    if told.guards:
        yield CommentPart("Tests, guarantees, letters and data", _changes(told.guards))


def _version_part(one: ChangedVersion, comparison: RulesetDiff | None) -> CommentPart:
    if one.before is None or comparison is None:
        return CommentPart(f"{one.name} is new", ["There was no version of this product."])
    lines = _changes(comparison.changes) or ["It decides alike."]
    return CommentPart(f"{one.name} against v{one.before.version}", lines)


def _changes(found: Sequence[WrittenChange]) -> list[str]:
    return _list(f"{c.group}: {_text(c.subject)} {_text(c.words)} ({c.direction})" for c in found)


def tests_part(version: VersionResults, least: int) -> CommentPart:
    """How the own tests of a version come out."""
    failed, covered = version.failed, version.coverage.percent
    passed = len(version.results) - len(failed)
    part = CommentPart(f"Tests of {version.name}")
    part.lines = [f"{passed} passed, {len(failed)} failed, coverage {covered} %."]
    part.lines += _list(f"{_text(r.case.name)}: {_text(why(r))}" for r in failed)
    errors = [p for p in version.problems if p.severity is Severity.ERROR]
    part.lines += _list(f"`{p.file}:{p.line}` {p.code}: {_text(p.message)}" for p in errors)
    if failed:
        fail = "fails" if len(failed) == 1 else "fail"
        part.findings.append(f"{version.name}: {counted(len(failed), 'test')} {fail}")
    if errors:
        part.findings.append(f"{version.name}: {counted(len(errors), 'problem')} in its tests")
    if covered < least:
        part.findings.append(f"{version.name}: coverage is {covered} %, less than {least} %")
    return part


def figures_part(version: VersionResults, new: LoadedRules, least: int) -> CommentPart:
    """Which changed figures no test of a version notices."""
    part = CommentPart(f"Figures of {version.name}")
    told = try_figures(new.selection.folder, version)
    part.lines = [f"{told.percent} % of {len(told.tried)} changes of figures are noticed."]
    part.lines += _list(
        f"`{t.change.place.file}:{t.change.place.line}` no test notices {t.change.at} from "
        f"{t.change.before} to {t.change.after}"
        for t in told.unnoticed
    )
    if told.percent < least:
        part.findings.append(f"{version.name}: figures {told.percent} %, less than {least} %")
    if told.problems:
        part.findings.append(
            f"{version.name}: {counted(len(told.problems), 'wrong mark')} of figures"
        )
    return part


def proofs_part(one: ChangedVersion, proofs: Proofs) -> CommentPart:
    """What is proved of a version beside the one before."""
    title = f"Proofs of {one.name} against {proofs.before}"
    return CommentPart(title, _list(_text(each.sentence) for each in proofs.claims))


def impact_part(one: ChangedVersion, report: ImpactReport, met: Sequence[str]) -> CommentPart:
    """What a version would have done to recorded applicants; `met` are conditions that are met."""
    part = CommentPart(f"What {one.name} would do")
    part.lines = [line for told in (*headline(report), "", *honesty(report)) for line in (told,)]
    part.lines += ["", "<details><summary>The whole report</summary>", "", markdown(report).strip()]
    part.lines += ["", "</details>"]
    part.findings = [f"{one.name}: {each}" for each in met]
    return part


def comment(title: str, parts: Sequence[CommentPart]) -> str:
    """The whole comment; findings stand first."""
    findings = [each for part in parts for each in part.findings]
    lines = [f"# {title}", "", "No findings." if not findings else "Findings:"]
    if findings:
        lines += ["", *(f"- {_text(each)}" for each in findings)]
    for part in parts:
        lines += ["", f"## {_text(part.title)}", "", *part.lines]
    return "\n".join(lines) + "\n"


def _list(every: Iterator[str]) -> list[str]:
    lines = [f"- {each}" for each in every]
    more = len(lines) - MOST
    return lines if more <= 0 else [*lines[:MOST], f"- and {more} more"]


def _text(words: str) -> str:
    """Words of a file as Markdown text: nothing in them is a tag, and no line breaks."""
    return " ".join(words.replace("&", "&amp;").replace("<", "&lt;").split())


def _place(found: Diagnostic) -> str:
    return f"{found.file}:{found.line}: {found.code}"
