"""From facts to a verdict with its reasons: a pure function that never raises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from decision_service.build import packaged
from decision_service.domain.accounts import Kind
from decision_service.domain.decision import (
    Component,
    DataRequest,
    ListAnswer,
    Outcome,
    Reason,
    ReferKind,
    StageTrace,
    Tag,
    Verdict,
)
from decision_service.domain.factor import FactorValue, Input
from decision_service.domain.values import NO_PAY, AsOf, Cause, DataReason, Missing, Month
from decision_service.rules.construct import Conclusion, Finding, PartView, State, Trace
from decision_service.rules.language.values import Gap, exactly
from decision_service.rules.offer import OfferRunner, limits
from decision_service.rules.program import CompiledRuleset, Intake, ParamPeriod, ReasonSpec, Stage
from decision_service.rules.stages import unconditional
from decision_service.rules.wording import Seen

_NOTHING_CONCLUDED = Finding(
    Outcome.REFER, DataReason.NO_RULE_APPROVED, Component.POLICY, kind=ReferKind.POLICY
)
_KINDS = (ReferKind.LEGAL, ReferKind.DATA, ReferKind.POLICY, ReferKind.SCORE)


class LoadedFactors(msgspec.Struct, frozen=True):
    """Parameters and factors by slot, good for one ruleset, these factors and this period alone."""

    values: tuple[Any, ...]
    period: ParamPeriod
    intake: Intake


class Facts(msgspec.Struct, frozen=True):
    """Facts of a decision, inputs without prefix; `loaded` is what `load` gives for the factors."""

    factors: Mapping[str, FactorValue]
    inputs: Mapping[str, Input]
    as_of: AsOf
    loaded: LoadedFactors | None = None
    answers: tuple[ListAnswer, ...] = ()


def load(
    ruleset: CompiledRuleset,
    factors: Mapping[str, FactorValue],
    as_of: AsOf,
    same: LoadedFactors | None = None,
) -> LoadedFactors:
    """Factors as a ruleset takes them on a day; `same` are these as loaded for any ruleset."""
    program = ruleset.program
    intake = program.intake
    period = program.timeline.at(as_of.date)
    values = list(period.values)
    # Equal intakes are one object, so that factors loaded for another version can be copied.
    if same is not None and same.intake is intake:
        intake.copy_factors(same.values, values)
    else:
        intake.load_factors(factors, values)
    return LoadedFactors(tuple(values), period, intake)


def load_more(
    ruleset: CompiledRuleset, loaded: LoadedFactors, factors: Mapping[str, FactorValue]
) -> LoadedFactors:
    if not factors:
        return loaded
    values = list(loaded.values)
    ruleset.program.intake.load_more(factors, values)
    return LoadedFactors(tuple(values), loaded.period, loaded.intake)


def evaluate(ruleset: CompiledRuleset, facts: Facts) -> Verdict:
    """Run all stages, combine their conclusions, and give reasons.

    Every stage runs whatever the others conclude. The worst outcome counts; where no stage
    concludes anything it is REFER, never APPROVE. The verdict keeps what every part came to.
    """
    loaded = facts.loaded or load(ruleset, facts.factors, facts.as_of)
    # A copy: what was loaded serves other evaluations on the same data.
    state = State(list(loaded.values), ruleset.program.read)
    # The context of decimals is the thread's: with another one a replay could round otherwise.
    with exactly():
        trace = ruleset.program.run(facts.inputs, facts.as_of.date, facts.answers, state)
        # Approval is never a default: where no stage concludes anything a person looks.
        if state.undecided:
            state.refers.append(_NOTHING_CONCLUDED)
        return _verdict(ruleset, state, trace, as_of=facts.as_of, period=loaded.period)


def _verdict(
    ruleset: CompiledRuleset, state: State, trace: Trace, as_of: AsOf, period: ParamPeriod
) -> Verdict:
    outcome = state.outcome
    kind = None
    declined = outcome is Outcome.DECLINE
    valid_for = ruleset.valid_for
    reasons: tuple[Reason, ...] = ()
    if outcome is not Outcome.APPROVE:
        findings = state.declines if declined else state.refers
        kind = _refer_kind(outcome, findings)
        reasons = ranked(ruleset, kind, findings, values=state.values)
    requests = data_requests(state.gaps) if state.gaps else ()
    return Verdict(
        outcome,
        kind,
        reasons,
        data_requests=requests,
        scores=tuple(state.scores),
        # A legal check may decline when the offer is made already.
        offer=None if declined else state.offer,
        conditions=() if declined else tuple(state.conditions),
        valid_until=None if valid_for is None else as_of.instant + valid_for,
        param_change=period.ends,
        raw_trace=trace,
        # In the order of the file: the set has none, and a replay must give the same bytes.
        tags=tuple([Tag(s.name, s.told) for s in ruleset.tags.values() if s.name in state.tags]),
    )


def _refer_kind(outcome: Outcome, findings: Sequence[Finding]) -> ReferKind | None:
    if outcome is not Outcome.REFER:
        return None
    kinds = {finding.kind for finding in findings}
    return next((kind for kind in _KINDS if kind in kinds), ReferKind.POLICY)


MOST_REASONS = 4

_LAST = 99
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


def not_posted(gap: Gap) -> str:
    """`Income of October 2026 is not posted yet; due by 11 November 2026`.

    An account's id says nothing to a person: letters name the provider, the evidence the account.
    """
    missing = gap.missing
    if missing.detail == NO_PAY and missing.month is not None:
        month = _month(Month(missing.month))
        return f"An account shows no pay of {month}, or far less than usual"
    month = "" if missing.month is None else f" of {_month(Month(missing.month))}"
    due = f"; due by {_day(missing.due)}" if missing.due else ""
    paid = missing.kind is Kind.CONTRIBUTIONS or gap.name.startswith("contributions.")
    subject, verb = ("Contributions", "are") if paid else ("Income", "is")
    return f"{subject}{month} {verb} not posted yet{due}"


def wait_for(missing: Missing) -> str:
    """What helps: `decide again from 11 November 2026 on, when October 2026 is posted`."""
    start = f" from {_day(missing.due)} on," if missing.due else ""
    month = "the month" if missing.month is None else _month(Month(missing.month))
    return f"decide again{start} when {month} is posted"


def _month(month: Month) -> str:
    return f"{_MONTHS[month.number - 1]} {month.year}"


def _day(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


class _OwnWords(msgspec.Struct, frozen=True):
    """The texts of the service's own reasons by language, and what to do about a missing value.

    `lacking` says by kind of data what cannot be verified without it.
    """

    reasons: Mapping[DataReason, Mapping[str, str]]
    stale_input: Mapping[str, str]
    help_stale_input: str
    help: Mapping[Cause, str]
    lacking: Mapping[Kind, Mapping[str, str]]


_OWN = packaged(__package__, "reasons.yaml", _OwnWords)
BUILT_IN: Mapping[str, ReasonSpec] = {
    code: ReasonSpec(code, texts) for code, texts in _OWN.reasons.items()
}
LACKING = _OWN.lacking
"""What cannot be verified without a kind of data, for applicants, by language."""


def ranked(
    ruleset: CompiledRuleset,
    kind: ReferKind | None,
    findings: Sequence[Finding],
    values: Sequence[Any],
) -> tuple[Reason, ...]:
    chosen = [finding for finding in findings if finding.code]
    if len(chosen) > 1:
        chosen = _foremost(_ordered(ruleset, chosen, data_first=kind is ReferKind.DATA), ruleset)
    return tuple([_reason(finding, ruleset, values) for finding in chosen])


def _foremost(findings: Sequence[Finding], ruleset: CompiledRuleset) -> list[Finding]:
    """The first of each group, as many as are shown; of missing data the one that lifts offers."""
    chosen: dict[tuple[str, str] | str, Finding] = {}
    for finding in findings:
        group = _group(finding, ruleset)
        held = chosen.get(group)
        if held is None:
            if len(chosen) < MOST_REASONS:
                chosen[group] = finding
        # Of several gaps in one group, the one that could raise the offer is worth asking for.
        elif _lifts(finding, ruleset) and held.gap is not None and not _lifts(held, ruleset):
            chosen[group] = finding
    return list(chosen.values())


def _lifts(finding: Finding, ruleset: CompiledRuleset) -> bool:
    """Whether it rests on a missing amount of which more would offer more."""
    return finding.gap is not None and finding.gap.name in ruleset.lifting


def _ordered(
    ruleset: CompiledRuleset, findings: Sequence[Finding], *, data_first: bool
) -> list[Finding]:
    """Rules by priority (declines on missing data too), points lost, data; ties as in the file.

    With `data_first` data is first; where all of it is only absent, after rules of priority 1.
    """

    def is_data(finding: Finding) -> bool:
        # A rule that declines on missing data ranks among the rules, by its own reason's priority.
        ruled = finding.because is not None and finding.outcome is Outcome.DECLINE
        return finding.gap is not None and not ruled

    # Where data is only absent, reasons of priority 1 come first: a referral says what else is
    # known.
    absent = all(f.code == DataReason.DATA_MISSING for f in findings if is_data(f))

    def rank(finding: Finding) -> tuple[int, Decimal | int]:
        if is_data(finding):
            return (4 if not data_first else 1 if absent else -1), 0
        if finding.points_lost is not None:
            return 3, -finding.points_lost
        spec = ruleset.reasons.get(finding.ranks_as or finding.code)
        priority = _LAST if spec is None else spec.priority
        return (0 if priority == 1 else 2), priority

    # The sort is stable: ties stay in the order of the file.
    return sorted(findings, key=rank)


def _group(finding: Finding, ruleset: CompiledRuleset) -> tuple[str, str] | str:
    """A declared group's name; a pair for what no file declares, so that the two never meet."""
    spec = ruleset.reasons.get(finding.code)
    return spec.group if spec is not None else ("code", finding.code)


def _reason(finding: Finding, ruleset: CompiledRuleset, values: Sequence[Any]) -> Reason:
    spec = ruleset.reasons.get(finding.code) or BUILT_IN[finding.code]
    texts = spec.texts
    if finding.gap is not None and finding.code == DataReason.NOT_YET_POSTED:
        # It names month and day, which no fixed text can; letters have words of their own for it.
        texts = {"en": not_posted(finding.gap)}
    if finding.gap is not None and _is_stale_input(finding.gap):
        texts = _OWN.stale_input
    if finding.gap is not None and finding.code == DataReason.PAYSLIPS_OVERLAP:
        texts = {lang: f"{text}: {finding.gap.missing.detail}" for lang, text in texts.items()}
    factor, actual, required, value, limit = _details(finding, ruleset, values)
    return Reason(
        code=str(finding.code),
        texts=texts,
        component=finding.component,
        factor=factor,
        actual=actual,
        required=required,
        points_lost=finding.points_lost,
        regulatory_text=spec.regulatory,
        actual_value=value,
        required_value=limit,
    )


def _details(finding: Finding, ruleset: CompiledRuleset, values: Sequence[Any]) -> Seen:
    if finding.gap is not None:
        return finding.gap.name, "missing " + finding.gap.missing.cause, "", None, None
    if finding.because is not None:
        return ruleset.program.wording.decisive(finding.because, values, finding.about)
    return finding.name, "", "", None, None


def data_requests(gaps: Sequence[Gap]) -> tuple[DataRequest, ...]:
    found: dict[str, DataRequest] = {}
    for gap in gaps:
        name = gap.name
        missing = gap.missing
        if name not in found:
            found[name] = DataRequest(name, missing, _help(gap))
    return tuple(found.values())


def _help(gap: Gap) -> str:
    if _is_stale_input(gap):
        return _OWN.help_stale_input
    return _OWN.help.get(gap.missing.cause) or wait_for(gap.missing)


def _is_stale_input(gap: Gap) -> bool:
    """Whether no account is too old, but what the caller had from elsewhere."""
    return gap.missing.cause is Cause.STALE and gap.name.startswith("inputs.")


_NOT_RUN = "not evaluated: nothing is offered"

_ASKED = "inputs.requested_amount"


def traces(ruleset: CompiledRuleset, verdict: Verdict) -> tuple[StageTrace, ...]:
    """Every stage with its parts and the values compared; the verdict is this ruleset's."""
    program = ruleset.program
    trace = verdict.raw_trace
    if not isinstance(trace, Trace):
        return ()
    pairs = [
        *zip(program.stages, trace.stages, strict=True),
        *zip(program.closing, trace.closing, strict=True),
    ]
    with exactly():
        return tuple(
            _stage_trace(stage, found, trace.values, ruleset=ruleset) for stage, found in pairs
        )


def _stage_trace(
    stage: Stage, found: Conclusion | None, values: Sequence[Any], ruleset: CompiledRuleset
) -> StageTrace:
    if found is None:
        return StageTrace(stage.name, stage.component, None, rules=(), note=_NOT_RUN)
    view = PartView(stage.name, values, ruleset.program.wording)
    rows = stage.runner.describe(found.record, view)
    note = stage.runner.note(found.record)
    return StageTrace(stage.name, stage.component, found.outcome, rules=rows, note=note)


def offer_limits(ruleset: CompiledRuleset) -> tuple[str, ...]:
    """The terms that a reduced offer may name in `binding`, each once."""
    stages = (*ruleset.program.stages, *ruleset.program.closing)
    runners = [unconditional(stage.runner) for stage in stages]
    named = (text for one in runners if isinstance(one, OfferRunner) for text in limits(one.terms))
    return tuple(text for text in dict.fromkeys(named) if text != _ASKED)
