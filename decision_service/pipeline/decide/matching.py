"""The applicant of an application compared in memory with the vendor's records of the person."""

from __future__ import annotations

from msgspec.structs import replace

from decision_service.domain.needs import Needs
from decision_service.domain.own_facts import Match, OwnFacts
from decision_service.domain.person import GivenApplicant
from decision_service.domain.snapshot import Snapshot
from decision_service.domain.time import AsOf
from decision_service.factors.match import people_read
from decision_service.factors.registry import compares_people


def with_match(
    own: OwnFacts,
    applicant: GivenApplicant | None,
    snapshot: Snapshot,
    needs: Needs,
    as_of: AsOf,
) -> OwnFacts:
    """The own facts with the grades of the applicant, where a factor compares persons.

    Who is not described is UNKNOWN, whatever could be read.
    """
    if not compares_people(needs.factors):
        return own
    return replace(own, match=_match(applicant, snapshot, needs, as_of))


def _match(
    applicant: GivenApplicant | None, snapshot: Snapshot, needs: Needs, as_of: AsOf
) -> Match:
    if applicant is None or applicant == GivenApplicant():
        return Match()
    read = people_read(snapshot, needs, as_of)
    if read.unread:
        return Match(unread=read.unread)
    # The libraries of comparing are loaded where a rule compares, and not at every start.
    from decision_service.matching.grades import grades

    return Match(grades(applicant, read.people), compared=len(read.people))
