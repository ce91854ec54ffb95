"""When two employers are one: by their names, or by equal pay for equal periods."""

from __future__ import annotations

import unicodedata
from datetime import date
from functools import cache

from decision_service.domain.accounts import Kind
from decision_service.domain.snapshot import Employment, Income
from tests.oracles.factors.applicant import Applicant, feeders_of, records_of

Slip = tuple[date, date, int]


@cache
def employer_key(name: str | None, legal_forms: tuple[str, ...]) -> str:
    """A name without case, punctuation, legal forms and blanks."""
    folded = (name or "").casefold()
    plain = "".join(letter for letter in folded if unicodedata.category(letter)[0] not in "PS")
    words = plain.split()
    kept = [word for word in words if word not in legal_forms]
    return "".join(kept or words)


def key_of(who: Applicant, name: str | None) -> str:
    """A name as the policy tells employers apart."""
    return employer_key(name, who.policy.legal_forms)


def names_one(who: Applicant, name: str | None) -> bool:
    """Whether a name is an employer's: not empty, not "voluntary" and the like."""
    none = {employer_key(word, ()) for word in who.policy.not_employers}
    return key_of(who, name) not in none | {""}


def contracts(who: Applicant) -> list[Employment]:
    """Every employment of a source that counts, those that begin ahead too."""
    found = []
    for feeder in feeders_of(who, [Kind.EMPLOYMENTS]):
        found.extend(records_of(who, Kind.EMPLOYMENTS, feeder))
    return found


def employments(who: Applicant) -> list[Employment]:
    """Those of them that have begun."""
    return [one for one in contracts(who) if one.start <= who.as_of.date]


def keys_by_account(who: Applicant) -> dict[str, set[str]]:
    """The employers that each account's payroll names."""
    if "named" in who.memory:
        return who.memory["named"]  # type: ignore[no-any-return]
    named: dict[str, set[str]] = {}
    for feeder in feeders_of(who, [Kind.INCOMES]):
        keys = {key_of(who, one.employer) for one in records_of(who, Kind.INCOMES, feeder)}
        named[feeder.id] = keys - {""}
    who.memory["named"] = named
    return named


def employer_of(who: Applicant, income: Income) -> str:
    """A payroll record's employer; one without a name joins the only one that is named."""
    key = key_of(who, income.employer)
    if key:
        return key
    named = keys_by_account(who)
    for keys in (named.get(income.source, set()), set().union(*named.values())):
        if len(keys) == 1:
            return next(iter(keys))
    return ""


def same_jobs(slips: dict[tuple[str, str], set[Slip]]) -> dict[str, str]:
    """Each employer's job, named after the first of its employers in text order.

    `slips` are the pay slips by account and employer; three equal ones at two accounts are one job.
    """
    job = {employer: employer for _, employer in slips}
    for (account, employer), mine in slips.items():
        for (other, another), theirs in slips.items():
            if account != other and len(mine & theirs) >= 3:
                names = (job[employer], job[another])
                for key, name in job.items():
                    if name in names:
                        job[key] = min(names)
    return job
