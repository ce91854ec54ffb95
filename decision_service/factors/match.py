"""match.*: how far the applicant that a client describes agrees with the vendor's records."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from decision_service.domain.factor import Evidence, ValueType
from decision_service.domain.kinds import Kind
from decision_service.domain.missing import ABSENT, Cause, DataReason, Missing
from decision_service.domain.needs import Needs
from decision_service.domain.person import FoundPerson, MatchGrade, MatchGrades
from decision_service.domain.snapshot import Snapshot
from decision_service.domain.time import AsOf
from decision_service.factors.answer import Answer
from decision_service.factors.context import FactorContext
from decision_service.factors.quality import feed, supply
from decision_service.factors.records import identities
from decision_service.factors.registry import READ_CAUSES, Family, compares_people

MATCH = Family("match", frozenset({Kind.IDENTITIES}), READ_CAUSES - ABSENT, of_own_facts=True)
GRADES = tuple(MatchGrade)
MOST_PEOPLE = 100
"""Records that are compared; an account has one, and nobody has a hundred accounts."""
TOO_MANY = Missing(Cause.BAD_DATA, DataReason.DATA_TOO_LARGE, Kind.IDENTITIES)
WHEN_UNKNOWN = (
    " UNKNOWN where the application or every record says nothing of it, or too little. The grade"
    " alone is recorded."
)


class PeopleRead(msgspec.Struct, frozen=True):
    """What the records that count say of persons, or why they could not be read."""

    people: tuple[FoundPerson, ...] = ()
    unread: tuple[Missing, ...] = ()


def people_read(snapshot: Snapshot, needs: Needs, as_of: AsOf) -> PeopleRead | None:
    """The persons of the sources that count; None where no factor compares persons.

    Records that are not there are nothing to mend.
    """
    if not compares_people(needs.factors):
        return None
    context = FactorContext(snapshot, needs, as_of)
    clean = identities(context)
    supplies = (supply(context, Kind.IDENTITIES),)
    missing = feed(context, supplies, clean.taints, held=bool(clean.records)).missing
    tainted = tuple(one for one in missing if one.cause.tainted)
    people = None if snapshot.identities is None else snapshot.identities.people
    if not tainted and people is None:
        tainted = (Missing(Cause.NOT_FETCHED, kind=Kind.IDENTITIES),)
    if tainted:
        return PeopleRead(unread=tainted)
    if len(people or ()) > MOST_PEOPLE:
        return PeopleRead(unread=(TOO_MANY,))
    sources = {record.source for record in clean.records}
    return PeopleRead(tuple(one for one in people or () if one.source in sources))


@MATCH.factor(
    "name",
    ValueType.TEXT,
    "",
    "Whether the applicant's name is the one that the vendor's records hold.",
    "EXACT: the same words, whatever case, order and diacritics. CLOSE: initials, a middle name or"
    " suffix left out, one mistyped word, a maiden surname that became the middle name, or another"
    " surname on the same first name and birth date. DIFFERENT: anything else, in any record."
    + WHEN_UNKNOWN,
    labels=GRADES,
)
def name(context: FactorContext) -> Answer:
    """The name's grade."""
    return _grade(context, lambda grades: grades.name)


@MATCH.factor(
    "birth_date",
    ValueType.TEXT,
    "",
    "Whether the applicant's date of birth is the one that the vendor's records hold.",
    "CLOSE: day and month exchanged, or one digit. DIFFERENT: anything else, in any record."
    + WHEN_UNKNOWN,
    labels=GRADES,
)
def birth_date(context: FactorContext) -> Answer:
    """The birth date's grade."""
    return _grade(context, lambda grades: grades.birth_date)


@MATCH.factor(
    "phone",
    ValueType.TEXT,
    "",
    "Whether the applicant's phone number is among those that the vendor's records hold.",
    "EXACT where one of them is the same in E.164; numbers without a country code are Philippine."
    " DIFFERENT: none is; never CLOSE." + WHEN_UNKNOWN,
    labels=GRADES,
)
def phone(context: FactorContext) -> Answer:
    """The phone number's grade."""
    return _grade(context, lambda grades: grades.phone)


@MATCH.factor(
    "email",
    ValueType.TEXT,
    "",
    "Whether the applicant's e-mail address is among those that the vendor's records hold.",
    "EXACT where one of them is the same, whatever case. CLOSE: the same but for what follows a"
    " plus, and for dots at Gmail. DIFFERENT: none is." + WHEN_UNKNOWN,
    labels=GRADES,
)
def email(context: FactorContext) -> Answer:
    """The e-mail address's grade."""
    return _grade(context, lambda grades: grades.email)


def _grade(context: FactorContext, tell: Callable[[MatchGrades], MatchGrade]) -> Answer:
    match = context.own.match
    if match is None:
        return Answer(None, (Missing(Cause.NOT_FETCHED),))
    proof = Evidence(records=match.compared, horizon=context.as_of.date.isoformat())
    if match.unread:
        return Answer(None, match.unread, proof)
    return Answer(str(tell(match.grades)), (), proof)
