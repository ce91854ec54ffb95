"""A rollout that takes everybody gives each applicant what `choose` gives."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.domain.money import Money
from decision_service.rollout.everybody import everybody
from decision_service.rollout.gate import (
    Subject,
    choose,
    day_total_matters,
    enters_comparison,
    pin_matters,
)
from decision_service.rollout.state import initial_state
from tests.unit.rollout.plans import NOW, STAGED, staged

SEGMENTS = STAGED[STAGED.index("  segments:") : STAGED.index("  stages:")]
CHALLENGER = STAGED[STAGED.index("  challenger:") : STAGED.index("  shadow:")]
LISTS = ("allow: [smiletest-1f…]", "allow: [u-1, u-2]"), ("deny: []", "deny: [u-3]")
PLANS = [
    staged(*LISTS, (SEGMENTS, ""), (CHALLENGER, "")),
    staged(*LISTS, (CHALLENGER, "")),
    staged(*LISTS, (SEGMENTS, "")),
    staged((SEGMENTS, ""), (CHALLENGER, ""), ("salt: ", "salt: ñ-and-more-than-24-bytes-")),
]


def _standing(number, stage, killed, decided_by):
    plan = PLANS[number]
    state = initial_state(plan, NOW)
    go_live = replace(state.go_live, stage=stage, killed=killed)
    return plan, replace(state, go_live=go_live, decided_by=decided_by)


rollouts = st.builds(
    _standing,
    st.integers(0, len(PLANS) - 1),
    st.sampled_from([None, *(step.name for step in PLANS[0].go_live.stages.steps)]),
    st.sampled_from([False, False, True]),
    st.sampled_from([(), (PLANS[0].versions.champion,), (1, 2)]),
)
subjects = st.builds(
    Subject,
    st.sampled_from(["u-1", "u-2", "u-3"])
    | st.text(min_size=1, max_size=80).filter(str.isprintable),
    st.just(NOW),
    inputs=st.fixed_dictionaries(
        {}, optional={"customer_type": st.sampled_from(["new", "existing", 3])}
    ),
    requested_amount=st.none() | st.integers(0, 10**9).map(lambda minor: Money("PHP", minor)),
)


@settings(deadline=None, max_examples=500)
@given(rollouts, subjects)
def test_everybody_is_put_where_choosing_puts_them(rollout, subject):
    """Whoever is put anywhere is put where `choose` does, and nothing else could matter."""
    plan, state = rollout
    found = everybody(plan, state)
    assignment = found and found.assignment(subject.unit)
    if found is None or assignment is None:
        return
    assert assignment == choose(plan, state, subject)
    assert found.compared == enters_comparison(plan, subject, assignment)
    assert not pin_matters(plan, state, subject.unit)
    assert not day_total_matters(plan, assignment)


def test_only_a_whole_rollout_of_one_version_takes_everybody() -> None:
    """The last stage does; a lower one, a kill, an earlier version and the listed do not."""
    top = PLANS[0].go_live.stages.steps[-1].name
    champion = (PLANS[0].versions.champion,)
    whole = everybody(*_standing(0, top, False, champion))
    assert whole is not None
    assert whole.assignment("u-4") is not None
    assert whole.assignment("u-1") is whole.assignment("u-3") is None
    for rollout in (
        _standing(0, PLANS[0].go_live.stages.steps[0].name, False, champion),
        _standing(0, top, True, champion),
        _standing(0, top, False, (*champion, 99)),
        _standing(1, top, False, champion),
        _standing(2, top, False, champion),
    ):
        assert everybody(*rollout) is None
