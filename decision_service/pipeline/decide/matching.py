"""The applicant of an application compared in memory with the vendor's records of the person."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import asdict, replace

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause, Missing
from decision_service.domain.own_facts import Match, OwnFacts, Reuse
from decision_service.domain.person import GivenApplicant, MatchGrade
from decision_service.factors.match import PeopleRead

_AGREES = frozenset({MatchGrade.EXACT, MatchGrade.CLOSE})
_NOT_COMPARED = (Missing(Cause.NOT_FETCHED, kind=Kind.IDENTITIES),)


def with_match(
    own: OwnFacts, applicant: GivenApplicant | None, read: PeopleRead | None
) -> OwnFacts:
    """The own facts with the grades of the applicant, where a factor compares persons.

    Who is not described is UNKNOWN, whatever could be read.
    """
    if read is None:
        return own
    return replace(own, match=_match(applicant, read), reuse=_reuse(own.reuse, read))


def with_earlier_match(own: OwnFacts, earlier: Match | None, read: PeopleRead | None) -> OwnFacts:
    """The own facts with the grades of an earlier decision on the application.

    The applicant is not kept, so that records which came since are compared with the others: a name
    or birth date that contradicts one which agreed is DIFFERENT. Where none was there to agree
    with, it is not known.
    """
    if read is None:
        return replace(own, match=earlier)
    match = None if earlier is None else _still(earlier, read)
    return replace(own, match=match, reuse=_reuse(own.reuse, read))


def _reuse(reuse: Reuse | None, read: PeopleRead) -> Reuse | None:
    """Second uses, without those of a person whose records could not be read whole."""
    if reuse is None or not read.unread:
        return reuse
    return replace(reuse, users_of_person=None, unread=read.unread)


def _match(applicant: GivenApplicant | None, read: PeopleRead) -> Match:
    if applicant is None or applicant == GivenApplicant():
        return Match()
    given = tuple(name for name, value in asdict(applicant).items() if value)
    if read.unread:
        return Match(unread=read.unread, given=given)
    # The libraries of comparing are loaded where a rule compares, and not at every start.
    from decision_service.matching.grades import grades

    return Match(grades(applicant, read.people), compared=len(read.people), given=given)


def _still(earlier: Match, read: PeopleRead) -> Match:
    """The grades of the earlier decision, as far as the records of now bear them out."""
    if not earlier.given or earlier.unread:
        return earlier
    if read.unread:
        return replace(earlier, unread=read.unread)
    changed = dict(_changed(earlier, read))
    if MatchGrade.UNKNOWN in changed.values():
        return replace(earlier, unread=_NOT_COMPARED)
    grades = replace(earlier.grades, **changed)
    return replace(earlier, grades=grades, compared=len(read.people))


def _changed(earlier: Match, read: PeopleRead) -> Iterator[tuple[str, MatchGrade]]:
    """DIFFERENT where records contradict each other, UNKNOWN where the applicant was not graded."""
    from decision_service.matching.grades import grades_of_each_other

    among = grades_of_each_other(read.people)
    for field in ("name", "birth_date"):
        before, now = getattr(earlier.grades, field), getattr(among, field)
        if before in _AGREES and now is MatchGrade.DIFFERENT:
            yield field, MatchGrade.DIFFERENT
        more = len(read.people) > earlier.compared and now is not MatchGrade.UNKNOWN
        if before is MatchGrade.UNKNOWN and field in earlier.given and more:
            yield field, MatchGrade.UNKNOWN
