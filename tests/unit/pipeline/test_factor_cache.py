"""What is remembered of factors is what would be computed."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.decide.codec import pack_factors, snapshot_body
from decision_service.decide.conclude import FactorCache
from decision_service.domain.needs import Needs
from decision_service.domain.person import FoundPerson
from decision_service.domain.values import AsOf
from decision_service.factors.compute import compute
from decision_service.factors.match import people_read
from decision_service.factors.registry import catalogue, data_names
from decision_service.rulebook.load import load_rules
from decision_service.rules.evaluate import load
from tests.fakes.world import NOW, PRODUCT, rulebook, shipped_rules, steady_earner
from tests.oracles.applicants import applicant

ALL = tuple(catalogue())
RULES = rulebook().products[PRODUCT].champion


def _at(instant: datetime) -> AsOf:
    return AsOf.at(instant, RULES.zone)


@given(
    st.integers(0, 1 << 32),
    st.lists(st.tuples(st.integers(-40, 40), st.integers(0, 86_399)), max_size=5),
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
