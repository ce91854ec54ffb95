"""What a decision is worth, and until when, from its verdict and the data it rests on."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.decide.conclude import expiry
from decision_service.domain.decision import Outcome, Verdict
from decision_service.domain.factor import Factors, Observed
from decision_service.domain.values import AsOf, Money
from decision_service.rules.evaluate import Facts
from tests.fakes.examples import examples
from tests.fakes.world import PRODUCT, rulebook, whole_rulebook

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
