"""One monthly income out of several accounts: one job counted once, gig platforms added."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from decision_service.domain.needs import CombineIncome
from decision_service.factors.figures import Amount
from decision_service.factors.usage import Feeder

PAYROLL = "payroll"
ESTIMATE = "estimate"
GIG = "gig"

Job = tuple[str, str]
"""What a part of an income is (PAYROLL, ESTIMATE or GIG), and whose."""


class MonthFacts(msgspec.Struct):
    """One month as told: payroll by account and employer, the rest by account."""

    payroll: dict[tuple[str, str], Amount] = msgspec.field(default_factory=dict)
    estimates: dict[str, int] = msgspec.field(default_factory=dict)
    earnings: dict[str, int] = msgspec.field(default_factory=dict)


def employer_key(name: str | None) -> str:
    """An employer's name without case and superfluous blanks; no name is one employer."""
    return " ".join((name or "").casefold().split())


def combined(
    mode: CombineIncome, facts: MonthFacts, feeders: Mapping[str, Feeder]
) -> dict[Job, Amount]:
    """The month's income by job; the income is the sum of the parts.

    per_job: payroll is the sum over employers of the highest account within each, gig the sum over
    platforms of the highest account at each, estimates the highest formal account; payroll plus
    gig where the month has payroll, otherwise the larger of estimates and gig. max and sum: the
    highest account, or all of them.
    """
    if mode is CombineIncome.PER_JOB:
        return _per_job(facts, feeders)
    parts = {
        _account_job(source, facts, feeders): a for source, a in account_amounts(facts).items()
    }
    if mode is CombineIncome.SUM or not parts:
        return parts
    job = max(sorted(parts), key=lambda j: parts[j])
    return {job: parts[job]}


def _per_job(facts: MonthFacts, feeders: Mapping[str, Feeder]) -> dict[Job, Amount]:
    payroll: dict[Job, Amount] = {}
    for (source, employer), amount in facts.payroll.items():
        if not feeders[source].gig:
            _keep_highest(payroll, (PAYROLL, employer), amount)
    gig: dict[Job, Amount] = {}
    estimates: dict[Job, Amount] = {}
    for source, amount in account_amounts(facts).items():
        feeder = feeders[source]
        if feeder.gig:
            _keep_highest(gig, (GIG, feeder.provider_id), amount)
        elif source in facts.estimates:
            _keep_highest(estimates, (ESTIMATE, ""), amount)
    if payroll:
        return payroll | gig
    return _larger(estimates, gig)


def _larger(estimates: dict[Job, Amount], gig: dict[Job, Amount]) -> dict[Job, Amount]:
    if not estimates or not gig:
        return estimates or gig
    return estimates if sum(estimates.values()) >= sum(gig.values()) else gig


def account_amounts(facts: MonthFacts) -> dict[str, Amount]:
    """Each account's month: its payroll, where there is none its estimate, else its earnings."""
    found: dict[str, Amount] = {}
    for (source, _), amount in facts.payroll.items():
        found[source] = found.get(source, 0) + amount
    for others in (facts.estimates, facts.earnings):
        for source, amount in others.items():
            found.setdefault(source, amount)
    return found


def _account_job(source: str, facts: MonthFacts, feeders: Mapping[str, Feeder]) -> Job:
    if feeders[source].gig:
        return GIG, source
    paid = any(account == source for account, _ in facts.payroll)
    return (PAYROLL if paid else ESTIMATE), source


def _keep_highest(parts: dict[Job, Amount], job: Job, amount: Amount) -> None:
    parts[job] = max(parts[job], amount) if job in parts else amount
