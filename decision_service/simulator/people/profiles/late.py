"""Difficult profiles: data late, in batches, no longer, or only in part so far."""

from __future__ import annotations

from dataclasses import replace

from decision_service.simulator.formats.dates import month_of
from decision_service.simulator.people.posting import Posting
from decision_service.simulator.people.profiles.deliveries import payroll, scheme
from decision_service.simulator.people.profiles.member import Delivered, Member


def late_poster(member: Member) -> list[Delivered]:
    """A job whose employer is three to six months later than others with the scheme."""
    posting = Posting(late=member.rng.randint(3, 6))
    return [scheme(member, member.job(member.rng.randint(24, 48)), posting=posting)]


def quarterly_payer(member: Member) -> list[Delivered]:
    """A self-employed person who pays the scheme by the quarter."""
    job = replace(member.job(member.rng.randint(24, 48)), employer="Self-Employed")
    return [scheme(member, job, posting=Posting(every=3))]


def yearly_payer(member: Member) -> list[Delivered]:
    """A voluntary member who pays the scheme once a year for the whole year."""
    job = replace(member.job(member.rng.randint(30, 60)), employer="Voluntary")
    return [scheme(member, job, posting=Posting(every=12))]


def stopped_job(member: Member) -> list[Delivered]:
    """Payroll that stopped one to five months ago beside a scheme; the end is named by half."""
    ended = month_of(member.today) - 1 - member.rng.randint(1, 5)
    job = member.job(member.rng.randint(12, 36), ended)
    job = replace(job, reported=member.rng.random() < 0.5)
    return [scheme(member, job), payroll(member, job, job.provider, "Semimonthly")]


def paid_on_the_fifth(member: Member) -> list[Delivered]:
    """Monthly payroll that shows on the fifth of the month after."""
    job = member.job(member.rng.randint(12, 36))
    return [payroll(member, job, job.provider, "Monthly", shown=5)]


def half_synced(member: Member) -> list[Delivered]:
    """A scheme that was connected today and whose first sync has brought three months so far."""
    return [scheme(member, member.job(member.rng.randint(18, 48)), arrived=3)]
