"""`applies_when:` of a stage: the applicants for whom the stage is evaluated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from decision_service.domain.missing import Cause, DataReason, Missing
from decision_service.domain.verdict import Outcome, RuleTrace, Truth
from decision_service.language.diagnostics import Place
from decision_service.language.evaluation.emitter import compile_conditions
from decision_service.language.evaluation.kleene import Gap, Unknown
from decision_service.language.expressions.tree import Node, reads
from decision_service.language.types import Symbol
from decision_service.ruleset.program.findings import Conclusion, data_finding
from decision_service.ruleset.program.part import (
    APPLIES_WHEN,
    Effect,
    PartView,
    Runner,
    StageCondition,
)
from decision_service.ruleset.program.state import State
from decision_service.ruleset.program.wording import truth_of

_ELSE = "does not apply"


class ConditionalRecord(msgspec.Struct, frozen=True):
    """What a condition came to: its truths, the gap that leaves it open, the stage's own record."""

    noted: tuple[Any, ...]
    gap: Gap | None
    inner: tuple[Any, ...] | None

    @property
    def truth(self) -> Truth:
        """UNKNOWN also where the totals of a score with bounds disagree."""
        return Truth.UNKNOWN if self.gap is not None else truth_of(self.noted[0][0])


class ConditionalRunner:
    """Runs a stage for those to whom it applies; refers where nobody knows whether it does.

    The outputs of a stage that is not run are missing, and nothing looks past that.
    """

    def __init__(self, condition: StageCondition, inner: Runner, outputs: Sequence[Symbol]) -> None:
        self.condition, self.inner, self.outputs = condition, inner, outputs
        self.weigh = compile_conditions([condition.when])
        self.read = frozenset(symbol.slot for symbol in reads(condition.when))

    def run(self, state: State) -> Conclusion:
        """The stage's own conclusion, nothing where it does not apply, or a referral."""
        noted = self.weigh(state.values)
        gaps = self._open(noted[0][0], state)
        if gaps:
            self._put_nothing(state, gaps[0].missing.reason)
            record = (ConditionalRecord(noted, gaps[0], None),)
            return Conclusion((data_finding(gaps[0]),), record, gaps)
        if noted[0][0]:
            found = self.inner.run(state)
            record = (ConditionalRecord(noted, None, found.record),)
            return Conclusion(found.findings, record, found.gaps)
        self._put_nothing(state)
        return Conclusion((), (ConditionalRecord(noted, None, None),))

    def _open(self, truth: Any, state: State) -> tuple[Gap, ...]:
        """The gaps that leave the condition open, the one that is shown first."""
        if truth.__class__ is Unknown:
            return tuple(dict.fromkeys((truth.shown, *truth.gaps)))
        behind = state.behind(self.read)
        worlds = state.everywhere(self.weigh) if behind else ()
        agree = all(world is not None and world[0][0] is truth for world in worlds)
        return () if agree else behind

    def _put_nothing(self, state: State, reason: DataReason | None = None) -> None:
        """Make every output missing, in every world."""
        missing = Missing(Cause.NOT_APPLIED, code=reason, detail=self.condition.stage)
        gone = [Unknown((), Gap(symbol.name, missing)) for symbol in self.outputs]
        state.put([symbol.slot for symbol in self.outputs], gone)

    def trees(self) -> Iterable[Node]:
        """Every expression that its result follows from, cells as conditions."""
        return (self.condition.when, *self.inner.trees())

    def note(self, record: tuple[Any, ...]) -> str:
        """The stage's own note, where it was run."""
        inner = record[0].inner
        return "" if inner is None else self.inner.note(inner)

    def describe(self, record: tuple[Any, ...], view: PartView) -> tuple[RuleTrace, ...]:
        """The condition, then the stage's own rows where it was run."""
        found: ConditionalRecord = record[0]
        weighed = found.noted[1]
        row = RuleTrace(
            stage=view.stage,
            id=APPLIES_WHEN,
            truth=found.truth,
            effect=_effect(found),
            reason="" if found.gap is None else str(found.gap.missing.reason),
            comparisons=view.wording.comparisons(self.condition.when, view.values, weighed),
            note="" if found.gap is None else _missing(found.gap),
        )
        inner = () if found.inner is None else self.inner.describe(found.inner, view)
        return (row, *inner)

    def effects(self, found: Conclusion, view: PartView) -> Iterable[Effect]:
        """Whether the stage applies, then its own parts where it was run."""
        record: ConditionalRecord = found.record[0]
        names = tuple(symbol.name for symbol in self.outputs)
        when, open_ = (self.condition.when,), record.gap is not None
        yield Effect(APPLIES_WHEN, _effect(record), when, names, open_)
        if record.inner is not None:
            yield from self.inner.effects(replace(found, record=record.inner), view)

    def coverage(self, record: tuple[Any, ...]) -> Iterable[tuple[str, str]]:
        """Whether the stage applied, and the goals of a stage that was run."""
        found: ConditionalRecord = record[0]
        words = {Truth.TRUE: "applies", Truth.FALSE: _ELSE, Truth.UNKNOWN: "unknown"}
        yield self.condition.what, words[found.truth]
        yield from () if found.inner is None else self.inner.coverage(found.inner)

    def goals(self) -> Iterable[tuple[str, str, Place]]:
        """The condition each way, and the stage's own goals."""
        for which in ("applies", _ELSE, "unknown"):
            yield self.condition.what, which, self.condition.place
        yield from self.inner.goals()


def unconditional(runner: Runner) -> Runner:
    """What runs a stage where it applies."""
    return runner.inner if isinstance(runner, ConditionalRunner) else runner


def own_record(runner: Runner, record: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """The record of what runs a stage; None where it was not run."""
    return record[0].inner if isinstance(runner, ConditionalRunner) else record


def _effect(found: ConditionalRecord) -> str:
    if found.gap is not None:
        return str(Outcome.REFER)
    return "" if found.inner is not None else _ELSE


def _missing(gap: Gap) -> str:
    return f"{gap.name} is missing: {gap.missing.cause}"
