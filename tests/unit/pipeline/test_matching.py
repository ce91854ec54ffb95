"""Grades of an applicant: computed in memory, recorded as own facts, and nothing else of it."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace

from decision_service.decide.codec import read_snapshot, snapshot_body
from decision_service.decide.gather import with_earlier_match, with_match
from decision_service.decide.snapshots import covers, cut, merged
from decision_service.domain.accounts import Kind
from decision_service.domain.factor import FactorValue
from decision_service.domain.needs import DataPolicy, Needs
from decision_service.domain.person import (
    NO_OWN_FACTS,
    FoundPerson,
    GivenApplicant,
    Match,
    MatchGrade,
    MatchGrades,
    OwnFacts,
    Reuse,
)
from decision_service.domain.snapshot import Identity, Read, Snapshot
from decision_service.domain.values import AsOf, Cause, DataReason, Missing
from decision_service.factors.compute import compute, fetch_plan
from decision_service.factors.match import people_read
from tests.fakes.world import NOW, PRODUCT, rulebook, steady_earner

ZONE = rulebook().products[PRODUCT].champion.zone
AS_OF = AsOf.at(NOW, ZONE)
NAMES = ("match.name", "match.birth_date", "match.phone", "match.email")
POLICY = DataPolicy("PHP")
NEEDS = Needs(NAMES, POLICY)
BORN = steady_earner().identities.records[0].birth_date  # type: ignore[union-attr]
JUAN = FoundPerson("Dela Cruz, Juan P.", BORN, ("+639171234567",), ("juan@x.ph",), "a-1")
AUNT = FoundPerson("Reyes, Ana", None, source="a-1")
GIVEN = GivenApplicant("juan p. dela cruz", BORN, "0917 123 4567", "pedro@x.ph")
WITHOUT_PEOPLE = "snap_daadf654c6bf2880a7e7b39a7c402a175c5ef8dd"


def with_people(*people: FoundPerson, records: bool = True) -> Snapshot:
    """A steady earner with these persons in the identities."""
    plain = steady_earner()
    identities = plain.identities if records else Read()
    assert identities is not None
    return replace(plain, identities=replace(identities, people=people))


SNAPSHOT = with_people(JUAN)


def told(snapshot: Snapshot, given: GivenApplicant | None = GIVEN) -> dict[str, FactorValue]:
    """The four factors of an applicant at a snapshot."""
    own = with_match(NO_OWN_FACTS, given, people_read(snapshot, NEEDS, AS_OF))
    return dict(compute(snapshot, NEEDS, AS_OF, own).values)


def grades(snapshot: Snapshot, given: GivenApplicant | None = GIVEN) -> list[object]:
    """Their values, in the order name, birth date, phone, e-mail."""
    found = told(snapshot, given)
    return [found[name].value for name in NAMES]


def causes(snapshot: Snapshot) -> set[Cause]:
    """Why they are missing."""
    return {m.cause for value in told(snapshot).values() for m in value.missing}


def test_each_grade_is_a_factor() -> None:
    """Texts with the four labels."""
    assert grades(SNAPSHOT) == ["EXACT", "EXACT", "EXACT", "DIFFERENT"]
    assert told(SNAPSHOT)["match.name"].evidence.records == 1


@pytest.mark.parametrize("given", [None, GivenApplicant()])
def test_who_is_not_described_is_unknown(given: GivenApplicant | None) -> None:
    """Whatever could be read."""
    assert grades(SNAPSHOT, given) == ["UNKNOWN"] * 4
    assert grades(Snapshot("u-1"), given) == ["UNKNOWN"] * 4


def test_records_that_are_not_there_say_nothing() -> None:
    """An account without an identity, and nobody connected, are no failure."""
    assert grades(with_people(records=False)) == ["UNKNOWN"] * 4
    assert grades(Snapshot("u-1", identities=Read(people=()))) == ["UNKNOWN"] * 4


def test_what_could_not_be_read_is_missing_with_its_cause() -> None:
    """No grade rests on half of the records."""
    failed = Read(faults=(Missing(Cause.SOURCE_FAILED, DataReason.UPSTREAM_TIMEOUT),))
    assert causes(replace(SNAPSHOT, identities=failed)) == {Cause.SOURCE_FAILED}
    assert causes(steady_earner()) == {Cause.NOT_FETCHED}
    assert causes(replace(SNAPSHOT, identities=None)) == {Cause.NOT_FETCHED}
    crowd = with_people(*(replace(JUAN, name=f"Juan {n}") for n in range(101)))
    assert causes(crowd) == {Cause.BAD_DATA}
    later = replace(AS_OF, instant=NOW + timedelta(days=90))
    own = with_match(NO_OWN_FACTS, GIVEN, people_read(SNAPSHOT, NEEDS, later))
    assert own.match is not None
    assert {m.cause for m in own.match.unread} == {Cause.STALE}


def test_a_second_registration_is_not_ruled_out_by_records_that_failed() -> None:
    """Who else has the name is missing with the records' cause, not as if none had a name."""
    needs = Needs(("reuse.users_of_person",), POLICY)
    failed = Read(faults=(Missing(Cause.SOURCE_FAILED, DataReason.UPSTREAM_TIMEOUT),))

    def found(identities: Read[Identity], users: int | None) -> FactorValue:
        snapshot = replace(SNAPSHOT, identities=identities)
        own = OwnFacts(reuse=Reuse(1, 1, users, keyed=True))
        own = with_match(own, None, people_read(snapshot, needs, AS_OF))
        return compute(snapshot, needs, AS_OF, own).values["reuse.users_of_person"]

    assert [one.cause for one in found(failed, None).missing] == [Cause.SOURCE_FAILED]
    assert SNAPSHOT.identities is not None
    partly = replace(SNAPSHOT.identities, faults=failed.faults)
    assert [one.cause.tainted for one in found(partly, 1).missing] == [True]
    assert found(SNAPSHOT.identities, 1).value == 1


@pytest.mark.parametrize(
    ("given", "before", "now", "name"),
    [
        (GIVEN, [JUAN], [JUAN], "EXACT"),
        (GIVEN, [JUAN], [JUAN, replace(JUAN, name="Juan Cruz Dela")], "EXACT"),
        (GIVEN, [JUAN], [JUAN, AUNT], "DIFFERENT"),
        (GIVEN, [], [AUNT], "NOT_FETCHED"),
        (GIVEN, [], [], "UNKNOWN"),
        (GivenApplicant(phone="0917 123 4567"), [], [AUNT], "UNKNOWN"),
        (None, [JUAN], [JUAN, AUNT], "UNKNOWN"),
    ],
    ids=["as before", "hers", "her aunt's", "nobody's before", "nobody's", "no name", "nobody"],
)
def test_accounts_that_came_since_are_not_the_applicants_unseen(
    given: GivenApplicant | None, before: list[FoundPerson], now: list[FoundPerson], name: str
) -> None:
    """Decided again: records that contradict each other are somebody else's, whoever applied."""
    first = with_match(NO_OWN_FACTS, given, people_read(with_people(*before), NEEDS, AS_OF)).match
    later = with_people(*now)
    own = with_earlier_match(NO_OWN_FACTS, first, people_read(later, NEEDS, AS_OF))
    found = compute(later, NEEDS, AS_OF, own).values["match.name"]
    assert (found.value or found.missing[0].cause) == name


def test_a_source_that_does_not_count_is_not_compared() -> None:
    """Neither an abandoned account nor one that nobody lists."""
    pedro = FoundPerson("Pedro Reyes", source="a-elsewhere")
    assert grades(with_people(JUAN, pedro))[0] == "EXACT"


def test_without_a_comparison_nothing_is_recorded() -> None:
    """Rules that compare nobody leave the own facts as they are."""
    needs = Needs(("identity.age_years",), POLICY)
    assert with_match(NO_OWN_FACTS, GIVEN, people_read(SNAPSHOT, needs, AS_OF)) is NO_OWN_FACTS


def test_of_a_comparison_the_grades_alone_are_recorded() -> None:
    """No name, no date, no contact."""
    own = with_match(NO_OWN_FACTS, GIVEN, people_read(SNAPSHOT, NEEDS, AS_OF))
    expected = MatchGrades(*[MatchGrade.EXACT] * 3, MatchGrade.DIFFERENT)
    given = ("name", "birth_date", "phone", "email")
    assert own.match == Match(expected, compared=1, given=given)
    written = msgspec.msgpack.encode(own).decode("latin-1")
    assert not any(word in written for word in ("juan", "Juan", "Cruz", "1990", "917", "@"))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(own), type=type(own)) == own


def test_values_are_recomputed_from_what_was_recorded() -> None:
    """A replay needs neither applicant nor people; what was not compared then is not fetched."""
    own = with_match(NO_OWN_FACTS, GIVEN, people_read(SNAPSHOT, NEEDS, AS_OF))
    assert compute(steady_earner(), NEEDS, AS_OF, own).values == told(SNAPSHOT)
    found = compute(SNAPSHOT, NEEDS, AS_OF).values["match.name"]
    assert [m.cause for m in found.missing] == [Cause.NOT_FETCHED]


def test_only_a_comparison_asks_for_people() -> None:
    """An age needs the same list, and nothing more of it."""
    plan = fetch_plan(NEEDS, AS_OF)
    assert (plan.kinds, plan.people) == ({Kind.IDENTITIES}, True)
    assert fetch_plan(Needs(("reuse.users_of_person",), POLICY), AS_OF) == plan
    age = fetch_plan(Needs(("identity.age_years",), POLICY), AS_OF)
    assert (age.kinds, age.people) == ({Kind.IDENTITIES}, False)
    assert covers(plan, age)
    assert not covers(age, plan)


def test_a_reading_with_people_serves_others_without_them() -> None:
    """What is cut is what a reading without people had been, down to its id."""
    earner = replace(steady_earner(), links=None)
    plain = snapshot_body(earner)
    assert plain.id == WITHOUT_PEOPLE  # as before there were people
    needs = Needs(("identity.age_years", "income.months_3m", "contributions.months_3m"), POLICY)
    plan = fetch_plan(needs, AS_OF)
    assert snapshot_body(cut(SNAPSHOT, plan)) == snapshot_body(cut(steady_earner(), plan))
    stored = snapshot_body(SNAPSHOT)
    assert stored.id != plain.id
    assert read_snapshot(stored.body) == SNAPSHOT
    assert read_snapshot(plain.body) == earner


def test_a_later_reading_brings_its_people_with_the_identities() -> None:
    """A reading of other kinds has none and changes none."""
    newer = with_people(FoundPerson("Pedro Reyes", source="a-1"))
    assert merged(SNAPSHOT, newer, frozenset({Kind.IDENTITIES})) == newer
    other = replace(newer, identities=None)
    assert merged(SNAPSHOT, other, frozenset({Kind.EINCOMES})).identities == SNAPSHOT.identities
