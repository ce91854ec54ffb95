"""What letters name of an applicant's data: providers, employers, loans, and what was linked."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum

import msgspec

from decision_service.domain.accounts import BEING_LINKED, PENDS_WITHIN, Kind
from decision_service.domain.decision import Component, Decision, Reason
from decision_service.domain.factor import Factors, SourceUse
from decision_service.domain.snapshot import Liability, Snapshot
from decision_service.domain.values import DataReason, Money
from decision_service.factors.compute import needs_with
from decision_service.factors.liabilities import (
    has_passed_its_end,
    is_short_term,
    loans,
    maybe_running,
)
from decision_service.factors.registry import FactorContext
from decision_service.factors.usage import (
    GIVEN_KINDS,
    Feeder,
    FeederState,
    counted,
    feeders,
    sources_naming,
    unknown,
)
from decision_service.rules.evaluate import offer_limits
from decision_service.rules.language.types import reads
from decision_service.rules.program import CompiledRuleset

LATELY = timedelta(days=30)
"""How long before a decision an account may have been linked for its letter to say what it did."""

GIVEN = frozenset({"UPLOAD", "ARCHIVE"})
"""Kinds of sources that hold what the applicant handed in."""

_COUNTRY = 2
"""Letters of a country at the end of an id, as in `sss_ph`."""

_NAME = re.compile(r"[a-z]+\.[a-z0-9_]+")

_OF_JOBS = frozenset(
    {
        "employment.ended_without_income", "income.latest_month", "income.latest_share",
        "income.months_since_backed", "income.months_since_last",
        "income.months_since_last_payroll", "income.paydays_missed",
    }
)  # fmt: skip
"""Factors that speak of pay by somebody, who is named where that is on record."""

_OF_SOURCES = ("contributions.", "identity.", "income.", "transactions.")
"""Families of factors that speak of what certain accounts show."""

_OF_DEBTS = ("history.exposure", "inputs.declared_monthly_debt", "liabilities.")
"""What a debt is known by, as the names of factors and inputs begin."""

_OF_RUNNING = frozenset({"liabilities.monthly_amortization", "liabilities.scheme_debt_to_income"})
_OF_SHORT = frozenset({"liabilities.outstanding_short_term"})
"""Factors that count loans that run: all of them, or the short ones alone."""

_OVERDUE = "liabilities.overdue_total"
_MATURED = "liabilities.matured_unpaid_total"
_DECLARED = "inputs.declared_monthly_debt"
_OWED = "history.exposure_instalments"


class Debt(StrEnum):
    """A debt that no scheme knows of: what the applicant declared, or owes this lender."""

    DECLARED = "declared"
    OURS = "ours"


class Loan(msgspec.Struct, frozen=True):
    """A loan of a scheme, as the scheme calls it."""

    scheme: str
    type: str


class Named(msgspec.Struct, frozen=True):
    """What stands behind a reason; `sources` are names of providers, empty for own papers.

    `of_birth` says that it is the date of birth that they show.
    """

    loans: tuple[Loan, ...] = ()
    debts: tuple[Debt, ...] = ()
    employers: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    of_birth: bool = False


class LinkResult(StrEnum):
    """What came of an account that was linked lately."""

    GAVE = "gave"
    NOTHING = "nothing"
    ARRIVING = "arriving"
    FAILED = "failed"
    UNKNOWN = "unknown"
    STOPPED = "stopped"


class Linked(msgspec.Struct, frozen=True):
    """An account that was linked lately: `data` are the kinds that it gave, `error` its code."""

    provider: str
    day: date
    result: LinkResult
    data: tuple[str, ...] = ()
    error: str = ""


class ReadData(msgspec.Struct, frozen=True):
    """What a decision's stored reading says beside its factors.

    `kinds` are those of which the accounts used gave any record; `reasons` what stands behind each
    reason, by its code; `loans` are those that run; `unknown` are providers in no list, whose
    income does not count; `types` are those of the connected providers.
    """

    kinds: tuple[str, ...] = ()
    reasons: Mapping[str, Named] = {}
    linked: tuple[Linked, ...] = ()
    loans: tuple[Loan, ...] = ()
    unknown: tuple[str, ...] = ()
    types: tuple[str, ...] = ()


def provider_name(provider_id: str, name: str) -> str:
    """The vendor's name of a provider; without one the id in words, its country in brackets."""
    if name:
        return name
    words = provider_id.replace("-", "_").split("_")
    country = f" ({words.pop().upper()})" if len(words) > 1 and len(words[-1]) == _COUNTRY else ""
    text = " ".join(filter(None, words))
    return f"{text[:1].upper()}{text[1:]}{country}"


def source_name(source: SourceUse) -> str:
    """Of a source the name of its provider; empty for what the applicant handed in."""
    if source.status in GIVEN:
        return ""
    return provider_name(source.provider_id, source.provider_name)


def read_data(decision: Decision, ruleset: CompiledRuleset, snapshot: Snapshot) -> ReadData:
    """What letters of a decision name, by the rules that decided and the reading it rests on."""
    if decision.factors is None:
        return ReadData()
    needs = needs_with(ruleset.needs, decision.inputs)
    context = FactorContext(snapshot, needs, decision.as_of, own=decision.own)
    live = [one for one in counted(context).values() if one.is_account]
    names = _Names(context, decision.factors)
    reasons = {
        one.code: _named(one, decision, ruleset, names=names) for one in decision.verdict.reasons
    }
    return ReadData(
        kinds=tuple(sorted(_kinds(context, decision.factors))),
        reasons=reasons,
        linked=tuple(_linked(context, names)),
        loans=names.loans_of(one for one in loans(context).records if maybe_running(one)),
        unknown=names.of_sources(one.id for one in unknown(context)),
        types=tuple(sorted({one.provider_type for one in live})),
    )


class _Names(msgspec.Struct, frozen=True):
    context: FactorContext
    factors: Factors

    def of_sources(self, ids: Iterable[str]) -> tuple[str, ...]:
        by_id = {one.id: source_name(one) for one in self.factors.sources}
        return tuple(sorted({by_id[one] for one in ids if one in by_id}))

    def loans_of(self, records: Iterable[Liability]) -> tuple[Loan, ...]:
        by_id = {one.id: source_name(one) for one in self.factors.sources}
        # Two loans of one type at one scheme are named once.
        found = (Loan(by_id.get(one.source, ""), one.type) for one in records)
        return tuple(dict.fromkeys(found))

    def of_employers(self, records: Iterable[str]) -> tuple[str, ...]:
        """Who employed or paid, by the ids of records."""
        snapshot = self.context.snapshot
        chosen = frozenset(records)
        held = [read.records for read in (snapshot.incomes, snapshot.employments) if read]
        found: dict[str, None] = {}
        for record in (record for several in held for record in several):
            if record.id in chosen and record.employer:
                found.setdefault(record.employer.strip(), None)
        return tuple(found)


def _named(reason: Reason, decision: Decision, ruleset: CompiledRuleset, names: _Names) -> Named:
    if reason.component is Component.DATA:
        concerned = _concerned(reason, decision, names.context)
        # Where the scheme lists a loan without its figures no other account would help (0180).
        unreported = _unreported(decision) if reason.code == DataReason.DATA_MISSING else ()
        running = [one for one in loans(names.context).records if maybe_running(one)]
        return Named(
            loans=names.loans_of(one for one in running if one.source in unreported),
            sources=names.of_sources(one for one in concerned if one not in unreported),
        )
    rests_on = _rests_on(reason.factor, ruleset)
    if any(name.startswith(_OF_DEBTS) for name in rests_on):
        loans_of = names.loans_of(_weighing(rests_on, names.context))
        return Named(loans=loans_of, debts=tuple(_debts(rests_on, decision)))
    values = names.factors.values
    spoken = [name for name in rests_on if name in values]
    evidence = [values[name].evidence for name in spoken if name.startswith(_OF_SOURCES)]
    employers: tuple[str, ...] = ()
    if reason.factor in _OF_JOBS:
        evidence = [values[name].evidence for name in spoken]
        employers = names.of_employers(record for one in evidence for record in one.top)
    behind = {source for one in evidence for source in one.sources}
    return Named(
        employers=employers,
        # Who stopped paying says more than the provider whose records show it.
        sources=() if employers else names.of_sources(behind),
        of_birth=reason.factor.startswith("identity."),
    )


def _concerned(reason: Reason, decision: Decision, context: FactorContext) -> Collection[str]:
    """The accounts whose data a reason of missing data is about."""
    if reason.code == DataReason.IDENTITY_CONFLICT:
        return sources_naming(context, Kind.IDENTITIES)
    missing = [one.missing for one in decision.verdict.data_requests]
    return {one.source for one in missing if one.source and one.reason == reason.code}


def _unreported(decision: Decision) -> Collection[str]:
    """The accounts that list a loan and do not say all of it."""
    missing = [one.missing for one in decision.verdict.data_requests]
    return {one.source for one in missing if one.source and one.kind is Kind.LIABILITIES}


def _rests_on(factor: str, ruleset: CompiledRuleset) -> Sequence[str]:
    """The factor of a reason, or the names that its derived value or its offer is made of."""
    waiting = [factor]
    found = dict[str, None]()
    while waiting:
        name = waiting.pop()
        # Two derived values may be made of the same one.
        if name in found:
            continue
        found[name] = None
        if name in ruleset.derived:
            waiting += [symbol.name for symbol in reads(ruleset.derived[name])]
        elif name.startswith("offer."):
            waiting += [part for text in offer_limits(ruleset) for part in _NAME.findall(text)]
    return [*found]


def _weighing(rests_on: Iterable[str], context: FactorContext) -> Iterator[Liability]:
    """The loans that some factors count, each once for any of them."""
    today = context.as_of.date
    chosen = frozenset(rests_on)
    for loan in loans(context).records:
        runs = maybe_running(loan)
        if (
            (_OVERDUE in chosen and (loan.overdue or 0) > 0)
            or (chosen & _OF_RUNNING and runs)
            or (chosen & _OF_SHORT and runs and is_short_term(loan))
            or (_MATURED in chosen and runs and has_passed_its_end(loan, today))
        ):
            yield loan


def _debts(rests_on: Iterable[str], decision: Decision) -> Iterator[Debt]:
    factors = decision.factors
    chosen = frozenset(rests_on)
    declared = decision.inputs.get("declared_monthly_debt")
    owed = None
    if factors is not None and _OWED in factors.values:
        owed = factors.values[_OWED].value
    if _DECLARED in chosen and isinstance(declared, Money) and declared.minor > 0:
        yield Debt.DECLARED
    if _OWED in chosen and isinstance(owed, Money) and owed.minor > 0:
        yield Debt.OURS


def _kinds(context: FactorContext, factors: Factors) -> Iterator[Kind]:
    """Of which the accounts that count gave any record."""
    used = {one.id for one in factors.sources if one.used}
    for kind in GIVEN_KINDS:
        if not used.isdisjoint(sources_naming(context, kind)):
            yield kind


def _linked(context: FactorContext, names: _Names) -> Iterator[Linked]:
    used = {one.id: one for one in names.factors.sources}
    for feeder in feeders(context):
        since = feeder.created
        if since is None or not feeder.is_account or context.as_of.instant - since > LATELY:
            continue
        gave = [kind for kind in GIVEN_KINDS if feeder.id in sources_naming(context, kind)]
        yield Linked(
            provider=source_name(used[feeder.id]),
            day=since.astimezone(context.as_of.zone).date(),
            result=_result(context, feeder, gave),
            data=tuple(sorted(gave)),
            error=feeder.error_code or "",
        )


def _result(context: FactorContext, feeder: Feeder, gave: Sequence[Kind]) -> LinkResult:
    if feeder.state is FeederState.REVOKED:
        return LinkResult.STOPPED
    young = feeder.created is not None and context.as_of.instant - feeder.created < PENDS_WITHIN
    if feeder.linking_since is not None or (feeder.status in BEING_LINKED and young):
        return LinkResult.ARRIVING
    if feeder.state is FeederState.ABANDONED:
        return LinkResult.FAILED
    if not feeder.known:
        return LinkResult.UNKNOWN
    return LinkResult.GAVE if gave else LinkResult.NOTHING
