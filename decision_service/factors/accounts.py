"""accounts.*, links.*, identity.*: the connections, the lenders linked to them, whose they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime

from decision_service.domain.accounts import (
    AWAITING_MFA,
    CONNECTED,
    DISCONNECTED,
    ERROR,
    PENDING,
    Kind,
)
from decision_service.domain.factor import Better, Evidence, ValueType
from decision_service.domain.snapshot import LinkCounts
from decision_service.domain.values import Cause, DataReason, Missing
from decision_service.factors.answer import Answer, answer, in_order, plus_months, whole_months
from decision_service.factors.quality import (
    account_taints,
    evidence_of,
    feed,
    identities,
    links,
    supply,
)
from decision_service.factors.registry import READ_CAUSES, FactorContext, Family, days, once
from decision_service.factors.usage import Feeder, counted, feeders

ACCOUNTS = Family(
    "accounts",
    frozenset({Kind.ACCOUNTS}),
    frozenset(
        {Cause.NOT_FETCHED, Cause.SOURCE_FAILED, Cause.BAD_DATA, Cause.CHANGED_WHILE_READING}
    ),
)
AGE_CAUSES = frozenset({Cause.NOT_CONNECTED, Cause.NO_DATA})


LINKS = Family("links", frozenset({Kind.LINKS}), READ_CAUSES)


@ACCOUNTS.factor(
    "connected_count",
    ValueType.INTEGER,
    "Accounts that are connected.",
    "Count of the accounts with connection status CONNECTED; archives, uploads and social security"
    " records do not count.",
    unit="accounts",
    better=Better.UP,
)
def connected_count(context: FactorContext) -> Answer:
    return _count(context, CONNECTED)


@ACCOUNTS.factor(
    "error_count",
    ValueType.INTEGER,
    "Accounts in error.",
    "Count of the accounts with connection status ERROR, abandoned attempts included.",
    unit="accounts",
    better=Better.DOWN,
)
def error_count(context: FactorContext) -> Answer:
    return _count(context, ERROR)


@ACCOUNTS.factor(
    "disconnected_count",
    ValueType.INTEGER,
    "Accounts that the applicant has disconnected.",
    "Count of the accounts with connection status DISCONNECTED.",
    unit="accounts",
    better=Better.DOWN,
)
def disconnected_count(context: FactorContext) -> Answer:
    return _count(context, DISCONNECTED)


@ACCOUNTS.factor(
    "pending_count",
    ValueType.INTEGER,
    "Accounts whose connection was begun and not finished.",
    "Count of the accounts with connection status PENDING or AWAITING_MFA.",
    unit="accounts",
)
def pending_count(context: FactorContext) -> Answer:
    return _count(context, PENDING, AWAITING_MFA)


@ACCOUNTS.factor(
    "providers_count",
    ValueType.INTEGER,
    "Providers with a connected account.",
    "Count of the distinct providers of the CONNECTED accounts.",
    unit="providers",
    better=Better.UP,
)
def providers_count(context: FactorContext) -> Answer:
    providers = {f.provider_id for f in _with_status(context, CONNECTED)}
    return _on_accounts(context, len(providers))


@ACCOUNTS.factor(
    "oldest_connection_days",
    ValueType.INTEGER,
    "Days since the oldest connected account was created.",
    "as_of's civil date minus the earliest creation date (civil, in the ruleset's zone) among the"
    " CONNECTED accounts, at least 0; NOT_CONNECTED without one, NO_DATA when one has no date.",
    unit="days",
    causes=AGE_CAUSES,
)
def oldest_connection_days(context: FactorContext) -> Answer:
    return _age(context, lambda feeder: feeder.created, max)


@ACCOUNTS.factor(
    "oldest_sync_age_days",
    ValueType.INTEGER,
    "Days since the sync of the connected account that was synced longest ago.",
    "as_of's civil date minus the earliest sync date (newest of connection and monitor update, in"
    " the ruleset's zone) among the CONNECTED accounts, at least 0; NOT_CONNECTED without one,"
    " NO_DATA when one has no date.",
    unit="days",
    causes=AGE_CAUSES,
    better=Better.DOWN,
)
def oldest_sync_age_days(context: FactorContext) -> Answer:
    return _age(context, lambda feeder: feeder.synced, max)


@ACCOUNTS.factor(
    "newest_sync_age_days",
    ValueType.INTEGER,
    "Days since the sync of the connected account that was synced last.",
    "as_of's civil date minus the latest sync date (newest of connection and monitor update, in the"
    " ruleset's zone) among the CONNECTED accounts, at least 0; NOT_CONNECTED without one, NO_DATA"
    " when one has no date.",
    unit="days",
    causes=AGE_CAUSES,
    better=Better.DOWN,
)
def newest_sync_age_days(context: FactorContext) -> Answer:
    return _age(context, lambda feeder: feeder.synced, min)


def _count(context: FactorContext, *statuses: str) -> Answer:
    return _on_accounts(context, len(_with_status(context, *statuses)))


def _age(
    context: FactorContext,
    instant: Callable[[Feeder], datetime | None],
    choose: Callable[[list[int]], int],
) -> Answer:
    instants = [instant(f) for f in _with_status(context, CONNECTED)]
    today = context.as_of.date
    zone = context.as_of.zone
    ages = [max((today - i.astimezone(zone).date()).days, 0) for i in instants if i is not None]
    if not instants:
        return _on_accounts(context, Cause.NOT_CONNECTED)
    return _on_accounts(context, Cause.NO_DATA if len(ages) < len(instants) else choose(ages))


def _with_status(context: FactorContext, *statuses: str) -> list[Feeder]:
    return [f for f in feeders(context) if f.is_account and f.status in statuses]


def _on_accounts(context: FactorContext, figure: int | Cause) -> Answer:
    taints = account_taints(context)
    if taints:
        return Answer(None, in_order(taints))
    return answer(figure, Kind.ACCOUNTS, _evidence(context))


@once
def _evidence(context: FactorContext) -> Evidence:
    listed = [f.id for f in feeders(context) if f.is_account]
    return Evidence(len(listed), sources=tuple(listed))


@LINKS.factor(
    "connected_{w}",
    ValueType.INTEGER,
    "Lenders that the applicant's accounts were linked to in the {period}.",
    "The vendor's link_day{n}_count, the highest among the accounts; NO_DATA when no account gives"
    " it, as without a subscription.",
    unit="lenders",
    windows=days(7, 30, 90),
    better=Better.DOWN,
)
def connected(context: FactorContext, length: int) -> Answer:
    return _over_links(context, lambda r: dict(r.counts).get(length), max)


@LINKS.factor(
    "days_since_first",
    ValueType.INTEGER,
    "Days since one of the applicant's accounts was linked to a lender for the first time.",
    "The vendor's link_days_since_first as it was at its cutoff, the highest among the accounts;"
    " NO_DATA when no account gives it, as without a subscription.",
    unit="days",
)
def days_since_first(context: FactorContext) -> Answer:
    return _over_links(context, lambda r: r.first_days, max)


@LINKS.factor(
    "days_since_last",
    ValueType.INTEGER,
    "Days since one of the applicant's accounts was linked to a lender last.",
    "The vendor's link_days_since_last as it was at its cutoff, the lowest among the accounts;"
    " NO_DATA when no account gives it, as without a subscription.",
    unit="days",
    better=Better.UP,
)
def days_since_last(context: FactorContext) -> Answer:
    return _over_links(context, lambda r: r.last_days, min)


def _over_links(
    context: FactorContext,
    figure_of: Callable[[LinkCounts], int | None],
    choose: Callable[[Sequence[int]], int],
) -> Answer:
    clean = links(context)
    reported = [(r, days) for r in clean.records if (days := figure_of(r)) is not None]
    supplies = (supply(context, Kind.LINKS),)
    missing = feed(context, supplies, clean.taints, held=bool(clean.records)).missing
    if {m.cause for m in missing} == {Cause.NOT_CONNECTED}:
        # any account may be linked, whatever its provider lists
        cause = Cause.NO_DATA if counted(context) else Cause.NOT_CONNECTED
        missing = (Missing(cause, kind=Kind.LINKS),)
    if missing:
        return Answer(None, missing)
    figure = choose([days for _, days in reported]) if reported else Cause.NO_DATA
    return answer(figure, Kind.LINKS, evidence_of(context, [r for r, _ in reported]))


IDENTITY = Family("identity", frozenset({Kind.IDENTITIES}), READ_CAUSES)
OLDEST = 120
YEAR = 12
BIRTH = (
    " Someone born on 29 February completes a year on 1 March of a common year. NO_DATA when no"
    " source has a date of birth; BAD_DATA when two differ (IDENTITY_CONFLICT) or the age is"
    " above 120."
)


@IDENTITY.factor(
    "age_years",
    ValueType.INTEGER,
    "The applicant's age; for knock-outs only.",
    "Completed years from the date of birth to as_of's civil date." + BIRTH,
    unit="years",
    upper=OLDEST,
    knock_out_only=True,
)
def age_years(context: FactorContext) -> Answer:
    return _age_on(context, lambda today: today)


@IDENTITY.factor(
    "age_at_maturity_years",
    ValueType.INTEGER,
    "The applicant's age when the requested loan ends; for knock-outs only.",
    "Completed years from the date of birth to as_of's civil date plus the application's"
    " requested_term_months (the month's last day where it is shorter); NOT_SENT when the"
    " application sends no term." + BIRTH,
    unit="years",
    causes=frozenset({Cause.NOT_SENT}),
    knock_out_only=True,
)
def age_at_maturity_years(context: FactorContext) -> Answer:
    term = context.term_months

    def matures(today: date) -> date | None:
        return None if term is None else plus_months(today, term)

    return _age_on(context, matures)


def _age_on(context: FactorContext, when: Callable[[date], date | None]) -> Answer:
    clean = identities(context)
    today = context.as_of.date
    telling = [r for r in clean.records if r.birth_date is not None]
    born = {r.birth_date for r in telling if r.birth_date is not None}
    codes = [DataReason.IDENTITY_CONFLICT] if len(born) > 1 else []
    if any(whole_months(day, today) // YEAR > OLDEST for day in born):
        codes.append(DataReason.BAD_DATE)
    doubts = [Missing(Cause.BAD_DATA, code, Kind.IDENTITIES, detail="dob") for code in codes]
    supplies = (supply(context, Kind.IDENTITIES),)
    missing = feed(context, supplies, [*clean.taints, *doubts], held=bool(born)).missing
    if missing:
        return Answer(None, missing)
    day = when(today)
    figure = Cause.NOT_SENT if day is None else whole_months(min(born), day) // YEAR
    return answer(figure, Kind.IDENTITIES, evidence_of(context, telling))
