"""Which parts of the rules moved an applicant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from decision_service.domain.verdict import Outcome, Verdict
from decision_service.language.evaluation.arithmetic import exactly
from decision_service.language.expressions.tree import Node, reads
from decision_service.ruleset.program.findings import Conclusion, Trace
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.program.part import APPLIES_WHEN, Effect, PartView
from decision_service.ruleset.program.program import Stage

_AMOUNT = ("offer", "approved_amount")

VersionVerdict = tuple[CompiledRuleset, Verdict]
"""A ruleset and the verdict it gave."""


def causes(before: VersionVerdict, after: VersionVerdict) -> tuple[str, ...]:
    """Rules, bands, rows and lines that took effect otherwise and moved outcome or amount.

    They are in the order of evaluation, named by stage and part as `policy.short_history`. What
    reads something that an earlier cause changed follows from that cause, and is none of its own.
    """
    with exactly():
        old, new = dict(_effects(before)), dict(_effects(after))
    # What one side did not run follows from what its stages conclude
    unrun = {stage.name for side in (before, after) for stage, found in _run(side) if found is None}
    behind: dict[str, set[str]] = {}
    own: dict[str, None] = {}
    moved: set[str] = set()
    for at in dict.fromkeys([*new, *old]):
        (stage, key), was, now = at, old.get(at), new.get(at)
        one = now or old[at]
        if stage in unrun or (was.effect if was else "") == (now.effect if now else ""):
            continue
        read = _names(one.trees, after[0].derived) if was and now else ()
        roots = set().union(*(behind.get(n, ()) for n in (f"{stage}.{APPLIES_WHEN}", *read)))
        if not roots:
            roots = {f"{stage}.{one.name or key}"}
            own.update(dict.fromkeys(roots))
        for name in (f"{stage}.{key}", *one.gives):
            behind.setdefault(name, set()).update(roots)
        approves = at == _AMOUNT and before[1].outcome is Outcome.APPROVE
        if approves or one.decides or (was and was.decides):
            moved |= roots
    return tuple(name for name in own if name in moved)


def _run(judged: VersionVerdict) -> Iterator[tuple[Stage, Conclusion | None]]:
    program, trace = judged[0].program, judged[1].raw_trace
    if isinstance(trace, Trace):
        yield from zip(program.stages, trace.stages, strict=True)
        yield from zip(program.closing, trace.closing, strict=True)


def _effects(judged: VersionVerdict) -> Iterator[tuple[tuple[str, str], Effect]]:
    """Each part that was run, by stage and key, in the order of evaluation."""
    values = getattr(judged[1].raw_trace, "values", ())
    for stage, found in _run(judged):
        view = PartView(stage.name, values, judged[0].program.wording)
        for one in stage.runner.effects(found, view) if found else ():
            yield (stage.name, one.key), one


def _names(trees: Iterable[Node], derived: Mapping[str, Node]) -> Iterator[str]:
    """What expressions read, also by way of derived values."""
    for symbol in (symbol for tree in trees for symbol in reads(tree)):
        yield symbol.name
        if symbol.name in derived:
            yield from _names((derived[symbol.name],), derived)
