"""Which names mean one employer: legal forms, case, punctuation and blanks aside."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from decision_service.domain.needs import DataPolicy
from decision_service.domain.snapshot import Income

_WORD = re.compile(r"[^\W_]+")

COMMON_PERIODS = 3
"""So many equal payments for equal periods at two accounts are one job, whatever the names."""

PayrollJob = tuple[str, str]
"""An account and the key of an employer that it names."""

Payment = tuple[str, str, int]
"""A payslip's period (ISO dates) and amount."""


def employer_key(name: str | None, policy: DataPolicy) -> str:
    """An employer's name as it is compared; "" where a record names none."""
    return _key(name or "", policy.legal_forms)


def named_employer(name: str | None, policy: DataPolicy) -> bool:
    """Whether a record names somebody who employs; "voluntary" and the like do not."""
    key = employer_key(name, policy)
    return bool(key) and key not in policy.not_employers


@lru_cache(maxsize=4096)
def _key(name: str, legal_forms: tuple[str, ...]) -> str:
    words = _WORD.findall(name.casefold().replace("'", "").replace(".", ""))
    telling = [word for word in words if word not in legal_forms]
    return "".join(telling or words)


def payroll_jobs(records: Sequence[Income], policy: DataPolicy) -> Mapping[str, PayrollJob]:
    """Each payroll record's account and employer, by record id.

    A record without a name joins the only named employer of its account, else the only one of all.
    """
    keys = {r.id: employer_key(r.employer, policy) for r in records}
    of_account: dict[str, set[str]] = {}
    for record in records:
        of_account.setdefault(record.source, set()).update({keys[record.id]} - {""})
    every = set[str]().union(*of_account.values())
    return {
        r.id: (r.source, keys[r.id] or _only(of_account[r.source]) or _only(every)) for r in records
    }


def _only(names: set[str]) -> str:
    return next(iter(names)) if len(names) == 1 else ""


def one_job(payments: Mapping[PayrollJob, Iterable[Payment]]) -> Mapping[PayrollJob, str]:
    """The employer that stands for each account's job, equal where jobs are one.

    Jobs of one employer are one; so are two at different accounts with three equal payments.
    """
    paid = {job: frozenset(found) for job, found in payments.items()}
    employer_of = {job: job[1] for job in sorted(paid)}
    for job in employer_of:
        for other in employer_of:
            if job < other and _reported_twice(job, other, paid):
                first, last = sorted((employer_of[job], employer_of[other]))
                employer_of = {
                    j: first if name == last else name for j, name in employer_of.items()
                }
    return employer_of


def _reported_twice(
    job: PayrollJob, other: PayrollJob, paid: Mapping[PayrollJob, frozenset[Payment]]
) -> bool:
    return job[0] != other[0] and len(paid[job] & paid[other]) >= COMMON_PERIODS
