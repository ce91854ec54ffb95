"""Dry runs of rules: validation, and a decision that is not recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date

import msgspec

from decision_service.decide.admit import bound_inputs
from decision_service.decide.gather import gather_for
from decision_service.decide.history import ApplicantIds, HistoryOf, ReadHistory
from decision_service.domain.decision import ListAnswer, StageTrace, Verdict
from decision_service.domain.errors import FieldInvalid, FieldProblem
from decision_service.domain.factor import (
    Factors,
    FactorSpec,
    FactorValue,
    Input,
    Value,
    ValueType,
)
from decision_service.domain.needs import Needs
from decision_service.domain.ports import Clock, DecisionLog, SnapshotSource
from decision_service.domain.values import AsOf, Cause, Missing, Money, noon
from decision_service.factors.compute import compute, needs_with
from decision_service.factors.match import people_read, with_match
from decision_service.factors.registry import catalogue
from decision_service.rulebook.archive import CompilationThread
from decision_service.rulebook.folder import ProductTexts, RuleFolder, lists_of
from decision_service.rulebook.rulebook import Rulebook
from decision_service.rules.compile import Compilation, compile_ruleset
from decision_service.rules.evaluate import Facts, evaluate, traces
from decision_service.rules.inputs import list_answers
from decision_service.rules.language.diagnostics import Diagnostic
from decision_service.rules.program import CompiledRuleset, RulesetFiles


class DryRunRequest(msgspec.Struct, frozen=True):
    """What to evaluate: a user's data where `user_id` is set, else the given factor values."""

    product: str
    version: int = 0
    user_id: str = ""
    factors: Mapping[str, Value] = msgspec.field(default_factory=dict)
    missing: Mapping[str, Cause] = msgspec.field(default_factory=dict)
    as_of: date | None = None
    inputs: Mapping[str, Input] = msgspec.field(default_factory=dict)


class DryRunResult(msgspec.Struct, frozen=True):
    ruleset: CompiledRuleset
    as_of: AsOf
    inputs: Mapping[str, Input]
    factors: Factors
    verdict: Verdict
    traces: tuple[StageTrace, ...]
    answers: tuple[ListAnswer, ...] = ()


class TryRules(msgspec.Struct, frozen=True, eq=False):
    source: SnapshotSource
    log: DecisionLog
    clock: Clock
    rulebook: Callable[[], Rulebook]
    history: ReadHistory

    async def __call__(self, trial: DryRunRequest, stop_at: float) -> DryRunResult:
        """The verdict; raises as CreateDecision does for product, inputs and user."""
        product = self.rulebook().product(trial.product)
        ruleset = product.version(trial.version)
        as_of = AsOf.at(self.clock.now(), ruleset.zone)
        if not trial.user_id and trial.as_of is not None:
            as_of = noon(trial.as_of, ruleset.zone)
        inputs = bound_inputs(product, ruleset, trial.inputs, as_of=as_of)
        if trial.user_id:
            needs = needs_with(ruleset.needs, inputs)
            about = HistoryOf(product.name, ruleset.currency, as_of, policy=needs.policy)
            factors = await self._gathered(trial.user_id, needs, about, stop_at=stop_at)
        else:
            factors = given_factors(trial, ruleset)
        answers = list_answers(ruleset, inputs, as_of.date)
        verdict = evaluate(ruleset, Facts(factors.values, inputs, as_of, answers=answers))
        shown = traces(ruleset, verdict)
        return DryRunResult(
            ruleset, as_of, inputs, factors=factors, verdict=verdict, traces=shown, answers=answers
        )

    async def _gathered(
        self, user_id: str, needs: Needs, about: HistoryOf, stop_at: float
    ) -> Factors:
        as_of = about.as_of
        fetch_result = await gather_for(
            user_id,
            needs,
            as_of,
            source=self.source,
            log=self.log,
            stop_at=stop_at,
            # A dry run waits for no data that is on its way.
            wait_until=self.clock.monotonic(),
        )
        snapshot = fetch_result.snapshot
        # Read and not entered: a dry run is no application to later decisions (0109).
        own = await self.history(ApplicantIds(user_id, "", ""), snapshot, about)
        # No applicant is described here: grades are UNKNOWN, which is no missing value (0112).
        facts = with_match(own.facts, None, people_read(snapshot, needs, as_of))
        return compute(snapshot, needs, as_of, own=facts)


def given_factors(trial: DryRunRequest, ruleset: CompiledRuleset) -> Factors:
    """The values that were given, typed; raises FieldInvalid naming each that is not right."""
    problems: list[FieldProblem] = []
    specs = catalogue()
    values = {
        name: _given(specs[name], trial, ruleset.currency, problems=problems)
        for name in ruleset.needs.factors
    }
    stray = [name for name in (*trial.factors, *trial.missing) if name not in values]
    unknown = f"is not a factor that {ruleset.ruleset} names"
    problems.extend(_problem(name, unknown) for name in stray)
    if problems:
        raise FieldInvalid("; ".join(p.description for p in problems), tuple(problems))
    return Factors(values, {}, (), oldest_used_sync=None)


class ValidateRules(msgspec.Struct, frozen=True, eq=False):
    """Checks a text as the loader would; `blocked` are factors and inputs that no rule may use."""

    folder: Callable[[], RuleFolder]
    blocked: frozenset[str]
    clock: Clock
    thread: CompilationThread

    async def __call__(self, product: str, source: str) -> Compilation:
        """The result; raises Overloaded as compilations do."""
        # Not on the event loop, which decides: a text may take long to compile.
        return await self.thread.run(self._compile, product, source)

    def _compile(self, product: str, source: str) -> Compilation:
        files = self.files(product, source)
        return compile_ruleset(files, catalogue(), self.blocked, now=self.clock.now())

    def files(self, product: str, source: str) -> RulesetFiles:
        """A text with the folder's other files, on the thread of the caller."""
        folder = self.folder()
        texts = next(
            (p for p in folder.products if p.product == product), ProductTexts(product, product)
        )
        path = f"rules/{product}/(sent).yaml"
        return RulesetFiles(
            product,
            path,
            source,
            data=folder.data,
            tables=texts.tables,
            lists=lists_of(folder, texts),
            shared=folder.shared_files,
        )


def ordered(diagnostics: tuple[Diagnostic, ...]) -> Iterator[Diagnostic]:
    yield from sorted(diagnostics, key=lambda d: d.order)


def _given(
    spec: FactorSpec, trial: DryRunRequest, currency: str, problems: list[FieldProblem]
) -> FactorValue:
    cause = trial.missing.get(spec.name)
    if cause is not None:
        return FactorValue(spec.name, None, (Missing(cause),))
    value = trial.factors.get(spec.name)
    typed = None if value is None else as_type(spec.type, value, currency)
    if typed is None:
        what = "is not given: give a value or a cause" if value is None else f"must be {spec.type}"
        problems.append(_problem(spec.name, what))
    return FactorValue(spec.name, typed)


def as_type(kind: ValueType, value: Value, currency: str) -> Value | None:
    """A value that was sent as the type a factor has; None where it is of another."""
    match kind:
        case ValueType.INTEGER if not isinstance(value, bool | str | date | Money):
            return int(value) if value == int(value) else None
        case ValueType.MONEY:
            return value if isinstance(value, Money) and value.currency == currency else None
        case ValueType.NUMBER if not isinstance(value, bool | str | date | Money):
            return value
        case ValueType.TEXT if isinstance(value, str):
            return value
        case ValueType.FLAG if isinstance(value, bool):
            return value
        case ValueType.DATE if isinstance(value, date):
            return value
    return None


def _problem(name: str, what: str) -> FieldProblem:
    return FieldProblem(f"factors.{name}", f"factors.{name} {what}")
