"""The grades of an applicant against all records that the vendor holds of the person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from decision_service.domain.person import FoundPerson, GivenApplicant, MatchGrade, MatchGrades
from decision_service.matching.birth_dates import birth_date_grade
from decision_service.matching.contacts import email_grade, phone_grade
from decision_service.matching.name_grades import name_grade, same_first_name
from decision_service.matching.names import PersonName, read_name

COUNTRY = "PH"


def grades(
    given: GivenApplicant, found: Sequence[FoundPerson], country: str = COUNTRY
) -> MatchGrades:
    """The grade of each thing that is given, UNKNOWN where it or the records say nothing.

    A name or birth date of one record that is DIFFERENT makes it DIFFERENT, whatever the others
    say: it may be somebody else's account. One phone number or address that matches is enough.
    """
    name = read_name(given.name)
    named = {(person.name, person.birth_date): person for person in found}  # each spelling once
    return MatchGrades(
        name=_of_all(_name_grade(given, name, person) for person in named.values()),
        birth_date=_of_all(birth_date_grade(given.birth_date, p.birth_date) for p in found),
        phone=phone_grade(given.phone, (text for p in found for text in p.phones), country),
        email=email_grade(given.email, (text for p in found for text in p.emails)),
    )


def grades_of_each_other(found: Sequence[FoundPerson]) -> MatchGrades:
    """The grades of name and birth date of records against each other."""
    each = [grades(GivenApplicant(one.name, one.birth_date), found) for one in found]
    return MatchGrades(
        name=_of_all(one.name for one in each), birth_date=_of_all(one.birth_date for one in each)
    )


def _name_grade(given: GivenApplicant, name: PersonName, person: FoundPerson) -> MatchGrade:
    """The grade of a record's name; another surname on one first name and birth date is CLOSE."""
    other = read_name(person.name)
    grade = name_grade(name, other)
    born_alike = given.birth_date is not None and given.birth_date == person.birth_date
    if grade is MatchGrade.DIFFERENT and born_alike and same_first_name(name, other):
        return MatchGrade.CLOSE
    return grade


def _of_all(each: Iterable[MatchGrade]) -> MatchGrade:
    found = {*each}
    for grade in (MatchGrade.DIFFERENT, MatchGrade.EXACT, MatchGrade.CLOSE):
        if grade in found:
            return grade
    return MatchGrade.UNKNOWN
