"""A whole review: both revisions read, every part made, one comment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.rules.commands import problems_of
from decision_service.cli.rules.diff.changes import ChangedVersion
from decision_service.cli.rules.diff.loaded import LoadedRules
from decision_service.cli.rules.diff.proofs import proved
from decision_service.cli.rules.diff.revisions import rules_of
from decision_service.cli.rules.diff.states import compare_rules
from decision_service.cli.rules.folder import select_rules
from decision_service.cli.rules_review.comment import (
    CommentPart,
    check_part,
    comment,
    diff_parts,
    figures_part,
    proofs_part,
    tests_part,
)
from decision_service.cli.rules_review.impact import ReviewedCases, judged
from decision_service.impact.proofs import Proofs
from decision_service.language.diagnostics import Severity
from decision_service.pipeline.trial.rule_tests import run_rule_tests


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a review looks at; coverage and figures are least shares in percent."""

    cases: ReviewedCases | None
    strict: bool
    coverage: int
    figures: int
    prove: bool = False


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The comment, and whether anything was found."""

    text: str
    findings: bool


def reviewed(old: str, new: str, rules: Path, wanted: Wanted) -> Reviewed:
    """The review of two revisions or folders; raises CommandError."""
    with rules_of(old, rules) as before, rules_of(new, rules) as after:
        parts = [*_parts(before, after, wanted)]
    text = comment(f"Rules from {old} to {new}", parts)
    return Reviewed(text, any(part.findings for part in parts))


def _parts(before: Path, after: Path, wanted: Wanted) -> Iterator[CommentPart]:
    found = problems_of(select_rules(after))
    yield check_part(found, strict=wanted.strict)
    if any(d.severity is Severity.ERROR for d in found):
        return
    new = LoadedRules.read(after)
    try:
        old = LoadedRules.read(before)
    except CommandError as error:
        if error.code is not Exit.FINDINGS:
            raise
        yield CommentPart("Before", [f"The rules as they were do not load: {error.message}."])
        return
    yield from _compared(old, new, wanted)


def _compared(old: LoadedRules, new: LoadedRules, wanted: Wanted) -> Iterator[CommentPart]:
    told = compare_rules(old, new)
    yield from diff_parts(told)
    changed = [one for one, _ in told.versions]
    proofs = {
        one.after.digest: proved(one.before, one.after)
        for one in changed
        if wanted.prove and one.before is not None
    }
    yield from (proofs_part(one, p) for one in changed if (p := proofs.get(one.after.digest)))
    yield from _tests(changed, new, wanted)
    for one in changed:
        other = one.champion is not None and one.champion.digest != one.after.digest
        if wanted.cases is not None and other:
            beside = _beside_champion(one, proofs.get(one.after.digest))
            yield judged(one, old, new, wanted.cases, beside)


def _beside_champion(one: ChangedVersion, proofs: Proofs | None) -> Proofs | None:
    """The proofs beside the champion as it was; None where none are asked."""
    if proofs is None or one.champion is None or one.before is one.champion:
        return proofs
    return proved(one.champion, one.after)


def _tests(
    changed: list[ChangedVersion], new: LoadedRules, wanted: Wanted
) -> Iterator[CommentPart]:
    """Tests of all, since shared files and tests change too; figures of what changed."""
    digests = {one.after.digest for one in changed}
    for tested in run_rule_tests(new.selection.folder, new.rulebook):
        yield tests_part(tested, wanted.coverage)
        if tested.ruleset.digest in digests and not tested.failed:
            yield figures_part(tested, new, wanted.figures)
