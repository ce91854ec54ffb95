"""From a reading to factors and grades; from a verdict to its expiry and what is asked for."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.decide.asking import needed_kinds, not_held, what_to_connect
from decision_service.decide.codec import pack_factors, read_snapshot, snapshot_body
from decision_service.decide.conclude import FactorCache, expiry
from decision_service.decide.snapshots import covers, cut, merged
from decision_service.domain.accounts import CONNECTED, Kind
from decision_service.domain.decision import DataRequest, Outcome, ReferKind, Verdict
from decision_service.domain.factor import Factors, FactorValue, Observed, SourceUse
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
from decision_service.domain.schemes import EmployerKind, employer_kind
from decision_service.domain.snapshot import Employment, Identity, Income, Read, Snapshot
from decision_service.domain.values import AsOf, Cause, DataReason, Missing, Money
from decision_service.factors.compute import compute, fetch_plan
from decision_service.factors.match import people_read, with_earlier_match, with_match
from decision_service.factors.registry import catalogue, data_names
from decision_service.rulebook.load import load_rules
from decision_service.rules.evaluate import Facts, load
from tests.fakes.examples import examples
from tests.fakes.world import NOW, PRODUCT, rulebook, shipped_rules, steady_earner, whole_rulebook
from tests.kits.cases import cases
from tests.oracles.applicants import applicant

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


ALL = tuple(catalogue())

RULES = rulebook().products[PRODUCT].champion


def _at(instant: datetime) -> AsOf:
    return AsOf.at(instant, RULES.zone)


@settings(deadline=None, max_examples=examples(80))
@given(
    st.integers(0, 1 << 32),
    st.lists(st.tuples(st.integers(-40, 40), st.integers(0, 86_399)), max_size=2),
    st.sampled_from([None, 6, 12]),
)
def test_it_never_differs_from_computing(
    seed: int, moves: list[tuple[int, int]], term: int | None
) -> None:
    """Whenever it is asked, in any order of instants and terms, it gives what is true."""
    case = applicant(seed)
    read = case.snapshot.identities
    people = tuple(FoundPerson(one.id, source=one.source) for one in (read.records if read else ()))
    snapshot = replace(case.snapshot, identities=read and replace(read, people=people))
    known, body = FactorCache(), snapshot_body(snapshot)
    for days, seconds in [(0, 0), *moves, (0, 0)]:
        instant = case.as_of.instant + timedelta(days=days, seconds=seconds)
        as_of = AsOf.at(instant, case.as_of.zone)
        needs = Needs(ALL, case.policy, term_months=term)
        found = known.of(snapshot, body.id, needs, "digest", as_of)
        of_data = replace(needs, factors=data_names(ALL))
        assert found.factors == compute(snapshot, of_data, as_of)
        assert found.people == people_read(snapshot, needs, as_of)
        assert found.wire == pack_factors(found.factors)


def test_a_later_decision_of_the_day_computes_nothing_again() -> None:
    """The very same values are given until midnight or a turning point."""
    known, snapshot = FactorCache(), steady_earner()
    body = snapshot_body(snapshot)

    def of(as_of: AsOf) -> object:
        return known.of(snapshot, body.id, RULES.needs, RULES.digest, as_of)

    first = of(_at(NOW))
    assert of(_at(NOW + timedelta(hours=3))) is first
    assert of(_at(NOW + timedelta(days=1))) is not first


def test_another_ruleset_or_snapshot_is_another_result() -> None:
    """Results are kept by the content of both."""
    known, snapshot = FactorCache(), steady_earner()
    first = known.of(snapshot, "snap_1", RULES.needs, "one", _at(NOW))
    assert known.of(snapshot, "snap_1", RULES.needs, "two", _at(NOW)) is not first
    assert known.of(snapshot, "snap_2", RULES.needs, "one", _at(NOW)) is not first
    assert known.of(snapshot, "snap_1", RULES.needs, "one", _at(NOW)) is first


def test_an_erased_users_values_are_forgotten() -> None:
    """Nothing of that user is remembered, and everything of the others."""
    known, mine = FactorCache(), steady_earner()
    other = replace(mine, user_id="u-2")
    first, second = [
        known.of(one, "snap_1", RULES.needs, RULES.digest, _at(NOW)) for one in (mine, other)
    ]
    known.forget(mine.user_id)
    assert known.of(mine, "snap_1", RULES.needs, RULES.digest, _at(NOW)) is not first
    assert known.of(other, "snap_1", RULES.needs, RULES.digest, _at(NOW)) is second


def test_values_are_loaded_again_for_rules_that_were_read_again() -> None:
    """Equal rules that were compiled anew take the values anew; the same rules do not."""
    known, snapshot, as_of = FactorCache(), steady_earner(), _at(NOW)
    body = snapshot_body(snapshot)
    found = known.of(snapshot, body.id, RULES.needs, RULES.digest, as_of)
    first = found.loaded(RULES, as_of)
    assert found.loaded(RULES, as_of) is first
    anew = load_rules(shipped_rules(), NOW).rulebook
    assert anew is not None
    again = anew.products[PRODUCT].champion
    assert again.digest == RULES.digest
    assert found.loaded(again, as_of) is not first
    assert found.loaded(again, as_of) == load(again, found.factors.values, as_of)


RULESET = rulebook().products[PRODUCT].champion

instants = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone


@settings(deadline=None, max_examples=examples(300))
@given(
    st.none() | instants,
    st.none() | instants,
    st.none() | st.dates(date(2026, 1, 1), date(2027, 12, 31)),
    instants,
    st.sampled_from(["Asia/Manila", "America/New_York", "America/Havana", "Asia/Beirut"]),
    st.integers(0, 40 * 24),
)
def test_a_decision_ends_with_the_first_thing_it_rests_on(valid, synced, change, now, zone, hours):
    """The earliest of its validity, its data's age and a parameter's new day; never before now."""
    needs = replace(
        RULESET.needs, policy=replace(RULESET.needs.policy, max_age=timedelta(hours=hours))
    )
    ruleset = replace(RULESET, needs=needs)
    ends = [valid] if valid else []
    if synced:
        ends.append(synced + timedelta(hours=hours))
    if change:
        ends.append(datetime.combine(change, time(), ZoneInfo(zone)).astimezone(UTC))
    expected = max(min(ends), now) if ends else None
    verdict = Verdict(Outcome.APPROVE, valid_until=valid, param_change=change)
    as_of = AsOf.at(now, ZoneInfo(zone))
    facts = Facts({}, {}, as_of)
    assert expiry(verdict, Factors({}, {}, (), synced), ruleset, facts) == expected


def test_a_decision_ends_before_what_it_rests_on_is_too_old() -> None:
    """On the first day on which a used input is; what is too old already ends nothing more."""
    champion = whole_rulebook().products[PRODUCT].versions[3]
    now = datetime(2026, 11, 15, 4, tzinfo=UTC)
    as_of = AsOf.at(now, champion.zone)
    verdict = Verdict(Outcome.APPROVE, valid_until=now + timedelta(days=14))
    for age, ends in ((0, 14), (16, 14), (29, 2), (30, 1), (31, 14)):
        observed = Observed(Money("PHP", 0), as_of.date - timedelta(days=age))
        facts = Facts({}, {"bureau_monthly_debt": observed}, as_of)
        found = expiry(verdict, Factors({}, {}, (), None), champion, facts)
        assert found is not None
        assert found.astimezone(champion.zone).date() == as_of.date + timedelta(days=ends)


CASES = cases("pipeline/asking")

TODAY = date(2026, 11, 28)


def champion(product: str) -> Any:
    """The rules that decide a product."""
    return whole_rulebook().product(product).champion


def job(number: int, employer: str | None, end: date | None = None) -> Employment:
    """An employment as a provider reports it."""
    return Employment(f"j-{number}", "a-1", employer, None, date(2020, 1, 1), end, None)


def payslip(employer: str, end: date) -> Income:
    """A month's pay."""
    start = end - timedelta(days=30)
    return Income("i-1", "a-1", employer, start, end, None, "PHP", None, None, 1)


@pytest.mark.parametrize("case", CASES["employers"], ids=lambda case: str(case["names"]))
def test_an_employer_is_known_by_its_name(case: dict[str, Any]) -> None:
    """Whole words tell the state's employers; two of two kinds tell nothing."""
    jobs = tuple(job(number, name) for number, name in enumerate(case["names"]))
    found = employer_kind(Snapshot("u", employments=Read(jobs)), "PH", TODAY)
    assert found == case["kind"]


def test_only_the_present_employer_counts() -> None:
    """A former teacher is asked for what private employees have; old payslips say nothing."""
    left = job(1, "DepEd", TODAY - timedelta(days=1))
    both = Snapshot("u", employments=Read((left, job(2, "Jolli Kusina"))))
    assert employer_kind(both, "PH", TODAY) is EmployerKind.PRIVATE
    for age, kind in ((92, EmployerKind.GOVERNMENT), (93, None)):
        paid = payslip("DepEd", TODAY - timedelta(days=age))
        alone = Snapshot("u", employments=Read((left,)), incomes=Read((paid,)))
        assert employer_kind(alone, "PH", TODAY) == kind


@pytest.mark.parametrize("case", CASES["referrals"], ids=lambda case: case["name"])
def test_a_referral_names_what_could_not_be_verified(case: dict[str, Any]) -> None:
    """Each kind that lacks a source, with the schemes that keep it for such an employee."""
    requests = []
    for number, text in enumerate(case["missing"]):
        cause, kind = text.split()
        requests.append(DataRequest(f"f{number}", Missing(Cause(cause), kind=Kind(kind)), ""))
    outcome = Outcome(case.get("outcome", "REFER"))
    refer_kind = ReferKind(case.get("kind", "DATA")) if outcome is Outcome.REFER else None
    verdict = Verdict(outcome, refer_kind, data_requests=tuple(requests))
    sources = [SourceUse(one, one, CONNECTED, None, True) for one in case.get("connected", ())]
    employer = EmployerKind(case["employer"]) if "employer" in case else None
    factors = Factors({}, {}, (*sources,), None, employer)
    found = what_to_connect(champion("personal-loan-ph"), verdict, factors)
    if case["lacking"] is None:
        assert found is None
        return
    assert found is not None
    assert list(found.types) == case["types"]
    named = {one.kind.value: [each.id for each in one.providers] for one in found.lacking}
    assert named == case["lacking"]
    assert list(found.first) == max(case["lacking"].values(), key=len)


@pytest.mark.parametrize("case", CASES["held"], ids=lambda case: str(case["connected"]))
def test_a_product_needs_what_it_refers_everybody_without(case: dict[str, Any]) -> None:
    """What no connected account holds of it lacks; trips are income to the loan, too."""
    for name, product in (("loan", "personal-loan-ph"), ("advance", "gig-advance-ph")):
        ruleset = champion(product)
        known = ruleset.needs.policy.provider_types
        kinds = needed_kinds(ruleset, AsOf.at(NOW, ruleset.zone))
        lacks = not_held(kinds, [known[one] for one in case["connected"]])
        assert [kind.value for kind in lacks] == case[name]


def test_no_sentence_for_applicants_promises_an_outcome() -> None:
    """Neither language speaks of approving, and each kind has both."""
    verdict = Verdict(
        Outcome.REFER,
        ReferKind.DATA,
        data_requests=tuple(
            DataRequest(kind, Missing(Cause.NOT_CONNECTED, kind=kind), "") for kind in Kind
        ),
    )
    found = what_to_connect(
        champion("personal-loan-ph"), verdict, Factors({}, {}, (), None, EmployerKind.PRIVATE)
    )
    assert found is not None
    assert len(found.lacking) == 6
    for one in found.lacking:
        assert set(one.texts) == {"en", "fil"}
        words = " ".join(one.texts.values()).casefold()
        assert not any(word in words for word in ("approv", "aprob", "will be", "complete"))
