"""From past decisions to the figures that factors read; pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta

import msgspec

from decision_service.domain.missing import Cause
from decision_service.domain.needs import DataPolicy
from decision_service.domain.own_facts import DAYS, Counts, History, Reuse
from decision_service.domain.time import AsOf
from decision_service.domain.verdict import Outcome
from decision_service.pipeline.history.keys import HistoryKeys, owed_key
from decision_service.pipeline.history.ports import NOTHING_PAST, Past, PastDecision


class HistoryOf(msgspec.Struct, frozen=True):
    """What the figures are told of: product and currency, instant, and how long silence counts.

    `policy` says which payslips are documents; without one none is compared.
    """

    product: str
    currency: str
    as_of: AsOf
    unreported: timedelta
    policy: DataPolicy | None = None


class _Owed(msgspec.Struct):
    """The sums of open offers and loans; `others` counts amounts in other currencies."""

    exposure: int = 0
    instalments: int = 0
    offers: int = 0
    loans: int = 0
    others: int = 0


def history_of(about: HistoryOf, past: Collection[Past], linked: Collection[Past] = ()) -> History:
    """The figures over past decisions, each counted once whatever keys it is found under.

    `past` is of the user and the customer, `linked` of other users of the accounts: what those owe
    is told apart, since two people may share an account.
    """
    own = _each(past)
    others = {name: one for name, one in _each(linked).items() if name not in own}
    decided = (*own.values(), *others.values())
    if not decided:
        return History(about.currency)
    owed, owed_by_others = _owed(about, own.values()), _owed(about, others.values())
    unclear, others_unclear = _unclear(owed, past), _unclear(owed_by_others, linked)
    days = _days_ago(about, (one for one in decided if _is_application(one)))
    loans = [one.loans for one in decided if one.loans is not None]
    return History(
        about.currency,
        _counts(ago for ago, _ in days),
        _counts(ago for ago, one in days if one.outcome is Outcome.APPROVE),
        _counts(ago for ago, one in days if one.outcome is Outcome.DECLINE),
        _last_decline(about, days),
        None if unclear else owed.exposure,
        None if unclear else owed.instalments,
        unclear or others_unclear,
        owed.offers,
        owed.loans,
        sum(one.overdue for one in loans),
        sum(one.repaid for one in loans),
        None if others_unclear else owed_by_others.exposure,
    )


def _each(past: Iterable[Past]) -> dict[str, PastDecision]:
    return {one.decision_id: one for found in past for one in found.decisions}


def reuse_of(
    keys: HistoryKeys, past: Mapping[bytes, Past], user_id: str, caller: str, customer_ref: str
) -> Reuse:
    """How many users and customers share what this decision is found under."""
    customers = {
        one.customer_ref
        for one in past.get(keys.user, NOTHING_PAST).decisions
        if one.caller == caller
    }
    shared = [_users(account, past, user_id) for account in keys.accounts]
    return Reuse(
        max(shared, default=1) if keys.keyed else None,
        max(len((customers | {customer_ref}) - {""}), 1),
        _users(keys.person, past, user_id) if keys.person else None,
        keyed=keys.keyed,
        users_of_documents=_users(keys.documents, past, user_id),
    )


def _users(keys: Iterable[bytes], past: Mapping[bytes, Past], user_id: str) -> int:
    each = (one for key in keys for one in (key, owed_key(key)))
    found = (one for key in each for one in past.get(key, NOTHING_PAST).decisions)
    return len({one.user_id for one in found} | {user_id})


def _is_application(one: PastDecision) -> bool:
    """Whether it counts as one; what was decided again or elsewhere counts by its loans alone."""
    return not one.replaced and one.outcome is not Outcome.NOT_ENROLLED


def _days_ago(about: HistoryOf, decided: Iterable[PastDecision]) -> list[tuple[int, PastDecision]]:
    """Each decision with how many civil days ago its result was made, by rules or by a person."""
    zone, today = about.as_of.zone, about.as_of.date.toordinal()
    return [
        (today - (one.reviewed or one.created).astimezone(zone).toordinal(), one) for one in decided
    ]


def _counts(days_ago: Iterable[int]) -> Counts:
    """How many decisions each window holds."""
    found = sorted(days_ago)
    day, week, month, quarter = (bisect_left(found, days) for days in DAYS)
    return day, week, month, quarter


def _last_decline(about: HistoryOf, days: Iterable[tuple[int, PastDecision]]) -> date | None:
    declined = [
        ago for ago, one in days if one.outcome is Outcome.DECLINE and one.product == about.product
    ]
    return about.as_of.date - timedelta(days=max(min(declined), 0)) if declined else None


def _owed(about: HistoryOf, decided: Iterable[PastDecision]) -> _Owed:
    owed = _Owed()
    for one in decided:
        amount, due, offers, loans = _open(one, about)
        if amount and one.currency != about.currency:
            owed.others += 1
            continue
        owed.exposure += amount
        owed.instalments += due
        owed.offers += offers
        owed.loans += loans
    return owed


def _open(one: PastDecision, about: HistoryOf) -> tuple[int, int, int, int]:
    """What a decision's loans and its offer still come to: amount, instalment, offers, loans."""
    rest = _rest(one, about)
    due = _instalment_of(rest, one)
    if one.loans is None:
        return rest, due, bool(rest), 0
    return one.loans.outstanding + rest, one.loans.due + due, bool(rest), one.loans.open


def _rest(one: PastDecision, about: HistoryOf) -> int:
    """What of an approved amount may still be paid out.

    Silence counts beyond the offer's end only where nothing was reported, and where a person
    approved without an end: it is then recorded as ending when it was reviewed.
    """
    if one.outcome is not Outcome.APPROVE or not one.approved or one.replaced:
        return 0
    drawn = 0 if one.loans is None else one.loans.drawn
    endless = one.reviewed is not None and one.reviewed == one.expires
    longer = about.unreported if one.loans is None or endless else timedelta()
    if drawn is None or about.as_of.instant >= (one.expires or one.created) + longer:
        return 0
    return max(one.approved - drawn, 0)


def _instalment_of(rest: int, one: PastDecision) -> int:
    """The instalment of a part of an offer, rounded up; the part where the offer names none."""
    if one.instalment is None or not one.approved:
        return rest
    return -(-one.instalment * rest // one.approved)


def _unclear(owed: _Owed, past: Iterable[Past]) -> Cause | None:
    if owed.others:
        return Cause.MIXED_CURRENCY
    return Cause.PARTIAL if any(one.cut for one in past) else None
