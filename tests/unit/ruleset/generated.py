"""Made-up rulesets with facts, for laws that hold on all of them."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from decision_service.domain.values import ABSENT, Cause, Money
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.language.diagnostics import render_all
from decision_service.rules.program import RulesetFiles
from tests.fakes.examples import examples
from tests.oracles.rule_facts import facts
from tests.oracles.rulesets import CATALOGUE, FACTORS, ruleset_text
from tests.unit.ruleset.rulesets import value

LAWS = settings(
    max_examples=examples(80),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def loosely_compiled(text):
    """The ruleset of a text that is well formed, whatever the checks say, with any lists."""
    files = RulesetFiles("test-loan", "rules/test-loan/v1.yaml", text, lists=None)
    found = compile_ruleset(files, CATALOGUE, checks=())
    assert found.ruleset is not None, render_all(found.diagnostics)
    return found.ruleset


@st.composite
def cases(draw, odd=None, *, handling=True, complete=False):
    """A ruleset and facts for it; up to three of the factors are odd ones."""
    seed = draw(st.integers(0, 1 << 32))
    text = ruleset_text(seed, handling=handling)
    factors, inputs, as_of = facts(text, draw(st.integers(0, 1 << 32)), complete=complete)
    if odd is not None:
        some = draw(st.dictionaries(st.sampled_from(sorted(FACTORS)), odd, max_size=3))
        factors |= {name: value(name, one) for name, one in some.items()}
    return loosely_compiled(text), factors, inputs, as_of


absent = st.sampled_from(sorted(ABSENT))
tainted = st.sampled_from(sorted(c for c in Cause if c.tainted))
anything = st.one_of(
    st.sampled_from(list(Cause)),
    st.integers(-(10**20), 10**20),
    st.decimals(),
    st.text(max_size=3),
    st.booleans(),
    st.dates(),
    st.builds(Money, st.sampled_from(["PHP", "USD"]), st.integers(-(10**20), 10**20)),
    st.just(Decimal("1e400000")),
)
