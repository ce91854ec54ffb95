"""Loans of a population's people at a scheme."""

from __future__ import annotations

from decision_service.simulator.formats.dates import month_of, settled_month
from decision_service.simulator.people.government import loan
from decision_service.simulator.people.profiles.member import Job, Member
from decision_service.simulator.people.shapes import Origin
from decision_service.simulator.people.world import Json

_LOANS = ("Salary Loan", "Calamity Loan", "Emergency Loan")
_LOAN_MONTHS = 24


def some_loans(member: Member, origin: Origin, job: Job) -> list[Json]:
    """Return none, one or two loans of a month's pay each."""
    kinds = member.rng.sample(_LOANS, member.rng.choices((0, 1, 2), (5, 3, 1))[0])
    return [_loan(member, origin, job, kind) for kind in kinds]


def overdue_loan(origin: Origin, job: Job, first: int) -> Json:
    """Return a loan of 24 instalments from its first month on, of which none was ever paid."""
    part = round(job.pay * 1.1 / _LOAN_MONTHS, 2)
    return loan(
        origin,
        "Salary Loan",
        first,
        _LOAN_MONTHS,
        principal=job.pay,
        amortization=part,
        paid=0,
        overdue=6 * part,
    )


def _loan(member: Member, origin: Origin, job: Job, kind: str) -> Json:
    """Return a loan of a month's pay over two years; one that outlived its job is overdue."""
    jobless = 0 if job.last is None else max(settled_month(member.today) - job.last, 0)
    due = jobless + member.rng.randint(2, 30)
    part, paid = round(job.pay * 1.1 / _LOAN_MONTHS, 2), min(due - jobless, _LOAN_MONTHS)
    return loan(
        origin,
        kind,
        month_of(member.today) - due,
        _LOAN_MONTHS,
        principal=job.pay,
        amortization=part,
        paid=paid,
        overdue=(min(due, _LOAN_MONTHS) - paid) * part,
    )
