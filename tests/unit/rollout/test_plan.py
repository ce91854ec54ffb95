"""Plans that are right: what is read, and what their digest stands for."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.rollout.model import (
    GuardrailScope,
)
from decision_service.rollout.plan import PlanTexts, parse_plan
from decision_service.rules.language.values import Unknown
from tests.fakes.examples import examples
from tests.fakes.shipped import CHAMPION
from tests.kits.cases import cases
from tests.unit.rollout.plans import (
    PATH,
    PRODUCT,
    SMALL,
    STAGED,
    VERSIONS,
    edited,
    good,
    read,
)

SHIPPED = Path(__file__).parents[3] / "rules" / "personal-loan-ph" / "rollout.yaml"


def test_the_authors_page_shows_the_documented_plan():
    """The plan in docs/rollout.md is the one that these tests read."""
    page = (Path(__file__).parents[3] / "docs" / "rollout.md").read_text("utf-8")
    assert f"```yaml\n{STAGED}```" in page


def test_the_documented_plan_is_read_as_written():
    """Every field of the documented example arrives, and nothing is reported."""
    reading = read(STAGED)
    plan = reading.plan
    assert plan is not None
    assert reading.diagnostics == ()
    untyped = replace(plan, digest="", go_live=replace(plan.go_live, segments=()))
    found = msgspec.json.decode(msgspec.json.encode(untyped, enc_hook=str))
    assert found == cases("rollout/documented")


def test_the_documented_segment_is_typed():
    """The segment's condition reads the declared input by its name."""
    (segment,) = good(STAGED).go_live.segments
    assert (segment.name, segment.percent) == ("existing-customers", 100_000)
    values = {"inputs.customer_type": "existing"}
    assert segment.condition.of_sent(values) is True
    assert isinstance(segment.condition.of_sent({}), Unknown)


def test_the_shipped_plan_is_fully_live():
    """The shipped plan is right and begins with everybody decided by the champion."""
    reading = parse_plan(
        PATH, PlanTexts(SHIPPED.read_text("utf-8")), PRODUCT, {CHAMPION: VERSIONS[1]}
    )
    assert reading.diagnostics == ()
    plan = reading.plan
    assert plan is not None
    assert plan.go_live.stages.initial == "all"
    assert plan.go_live.stages.percent("all") == 100_000
    assert (plan.versions.champion, plan.versions.challenger, plan.versions.shadow) == (
        CHAMPION,
        None,
        (),
    )
    assert {g.scope for g in plan.guardrails} == {GuardrailScope.PRODUCT}


@pytest.mark.parametrize(
    ("written", "share"), [("0", 0), ("0.001", 1), ("12.345", 12_345), ("99.9990", 99_999)]
)
def test_shares_are_exact(written, share):
    """A percentage becomes whole thousandths without rounding."""
    plan = good(edited(SMALL, ("percent: 50", f"percent: {written}")))
    assert plan.go_live.stages.percent("half") == share


def test_a_share_finer_than_any_rounding_is_refused():
    """A digit far behind the point is not rounded away."""
    text = edited(SMALL, ("percent: 50", "percent: 1.00000000000000000000000000000001"))
    assert [d.code for d in read(text).diagnostics] == ["P202"]


def test_a_unit_of_digits_is_kept_as_written():
    """An applicant whose id looks like a number is listed by its very digits."""
    text = edited(SMALL, ("  salt: a", "  salt: a\n  allow: [007, 1.50]"))
    assert good(text).go_live.allow == {"007", "1.50"}


def test_comments_and_layout_leave_the_digest():
    """Comments, order of keys, flow style and the spelling of numbers change no digest."""
    other = edited(
        STAGED,
        ("champion: 1\n", "# a comment\n"),
        ("pin_for: 90d ", "champion: 1\npin_for: 2160h "),
        ("- {name: staff, percent: 0}", "- percent: 0.000\n      name: staff"),
        ("max: 0.40", "max: 0.4"),
    )
    assert good(other).digest == good(STAGED).digest


def test_the_versions_at_hand_leave_the_digest():
    """The digest is of the plan, not of the rulesets that lie beside it."""
    fewer = parse_plan(PATH, PlanTexts(SMALL), PRODUCT, {1: VERSIONS[1]}).plan
    assert fewer is not None
    assert fewer.digest == good(SMALL).digest


@settings(deadline=None, max_examples=examples(60))
@given(st.data())
def test_no_text_makes_reading_raise(data):
    """A plan with any stretch cut out or overwritten is read or reported, never an exception."""
    start = data.draw(st.integers(0, len(STAGED)))
    end = data.draw(st.integers(start, min(len(STAGED), start + 40)))
    inserted = data.draw(st.text(max_size=10) | st.sampled_from(["- ", "{", "[", "~", ": ", "\n"]))
    reading = read(STAGED[:start] + inserted + STAGED[end:])
    assert (reading.plan is None) == any(d.severity == "error" for d in reading.diagnostics)
