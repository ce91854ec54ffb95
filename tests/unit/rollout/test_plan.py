"""Plans of a rollout: read, refused with a report of each fault, compared with the one before."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from decision_service.domain.decision import ReferKind
from decision_service.domain.reviews import NO_POLICY, Authority, ReviewReason
from decision_service.domain.values import Money
from decision_service.rollout.model import GuardrailScope, Plan, TrackName
from decision_service.rollout.plan import PlanTexts, digest_of, parse_plan
from decision_service.rollout.state import RolloutState, advance, initial_state, widenings
from decision_service.rulebook.plan_differences import compare_plans
from decision_service.rules.language.diagnostics import render_all
from decision_service.rules.language.evaluation import Formula
from decision_service.rules.language.values import Unknown
from tests.fakes.examples import examples
from tests.fakes.shipped import CHAMPION
from tests.kits.cases import cases
from tests.unit.rollout.plans import (
    NOW,
    PATH,
    PRODUCT,
    SMALL,
    STAGED,
    TESTS,
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


FOLDER = TESTS / "rulesets" / "broken_plans"

BROKEN = sorted(FOLDER.glob("*.yaml"))

SOURCES = (TESTS.parent / "decision_service" / "rollout").glob("*.py")


@pytest.mark.parametrize("file", BROKEN, ids=lambda f: f.stem)
def test_each_fault_has_its_report(file):
    """A broken plan is reported exactly as saved beside it, and only errors refuse it."""
    reading = read(file.read_text("utf-8"))
    assert render_all(reading.diagnostics) == file.with_suffix(".txt").read_text("utf-8")
    assert (reading.plan is None) == any(d.severity == "error" for d in reading.diagnostics)


def test_every_code_of_plans_has_a_broken_file():
    """Each code that the plan's checks can report is reported by some broken file, and no other."""
    reported = {d.code for f in BROKEN for d in read(f.read_text("utf-8")).diagnostics}
    written = {c for f in SOURCES for c in re.findall(r'"(P\d{3})"', f.read_text("utf-8"))}
    assert {c for c in reported if c.startswith("P")} == written


def test_no_report_is_left_without_its_file():
    """Every saved report belongs to a broken file."""
    assert {f.stem for f in FOLDER.glob("*.txt")} == {f.stem for f in BROKEN}


CHANGES = cases("rollout/changes")

TEXT = f"{STAGED}{CHANGES['more']}"

PLAN = good(TEXT)


@pytest.mark.parametrize("case", CHANGES["edits"], ids=[case["name"] for case in CHANGES["edits"]])
def test_an_edit_of_a_plan_is_told_in_words(case: Mapping[str, Any]) -> None:
    """The sentences are those of the data file, in the order of the plan, and no others."""
    found = compare_plans(PLAN, good(edited(TEXT, *case["edit"])))
    assert [f"{c.group}: {c.subject} {c.words}" for c in found] == case["told"]


def test_texts_before_and_after_stand_by_themselves() -> None:
    """Programs read both sides whole, also of a list of which a sentence names five."""
    [more, fewer] = compare_plans(
        PLAN, good(edited(TEXT, ("[smiletest-1f…]", "[g, f, e, d, c, b]")))
    )
    assert (more.sort, more.before, more.after) == ("added", "", "b, c, d, e, f, g")
    assert (fewer.sort, fewer.before, fewer.after) == ("removed", "smiletest-1f…", "")


def test_a_new_plan_is_told_whole_and_one_that_is_gone_in_a_sentence() -> None:
    """A reviewer of a new product reads its plan; of one that is gone there is nothing to read."""
    told = [f"{c.group}: {c.subject} {c.words}" for c in compare_plans(None, PLAN)]
    assert "go-live: stage pilot is new: percent 1, hold 3d, minimum decisions 200" in told
    assert all(" is new: " in line or " more: " in line for line in told)
    [gone] = compare_plans(PLAN, None)
    assert (gone.subject, gone.words) == ("the plan", "is gone")


def test_whatever_the_digest_covers_is_told() -> None:
    """Each value of a whole plan is changed in turn: another digest, another sentence."""
    for changed in changed_values(PLAN):
        other = replace(changed, product=PLAN.product)
        same = digest_of(other) == PLAN.digest
        assert same is not bool(compare_plans(PLAN, other)), changed


def changed_values(value: Any) -> Iterator[Any]:
    """The value with one part of it changed, for each part."""
    match value:
        case Enum():
            yield next(each for each in type(value) if each is not value)
        case Formula():
            yield replace(value, text=f"{value.text} and true")
        case msgspec.Struct():
            for name, part in asdict(value).items():
                yield from (replace(value, **{name: each}) for each in changed_values(part))
        case str():
            yield f"{value}x"
        case bool():
            yield not value
        case int() | Decimal():
            yield value + 1
        case timedelta():
            yield value + timedelta(days=1)
        case _:
            yield from _changed_collection(value)


def _changed_collection(value: Any) -> Iterator[Any]:
    match value:
        case frozenset():
            yield value | {"another"}
        case Mapping():
            yield from [{}] if value else []
            for key, part in value.items():
                yield from ({**value, key: each} for each in changed_values(part))
        case (first, *rest):
            yield tuple(rest)
            yield (*rest, first)
            yield from ((each, *rest) for each in changed_values(first))
        case tuple() | None:
            return
        case _:
            raise TypeError(type(value))


def test_a_plan_without_optional_parts_equals_itself() -> None:
    """The smallest plan has no difference from itself, and some from the documented one."""
    small: Plan = replace(PLAN, caps=(), guardrails=(), review=None)
    assert compare_plans(small, small) == ()
    assert compare_plans(small, PLAN)


DATA = cases("rollout/widenings")


def _at_early() -> RolloutState:
    state: Any = initial_state(PLAN, NOW)
    for _ in range(2):
        state = advance(PLAN, state, TrackName.GO_LIVE, NOW, "ana")
    return state


STATE = _at_early()


@pytest.mark.parametrize("case", DATA["edits"], ids=[case["name"] for case in DATA["edits"]])
def test_an_edit_waits_where_it_widens_the_plan_in_force(case: Mapping[str, Any]) -> None:
    """The reasons are those of the data file."""
    after = good(edited(TEXT, *case["edit"]))
    assert list(widenings(PLAN, after, STATE)) == case["waits"]


def test_a_lock_of_nought_is_one() -> None:
    """Where any share needs two callers its removal does, too; a plan without a lock has none."""
    tight, free = (replace(PLAN, second_person_above=share) for share in (0, None))
    assert widenings(tight, free, STATE) == ("`second_person_above` is gone",)
    assert widenings(free, tight, STATE) == ()


def test_whatever_a_plan_says_is_known_to_wait_or_not() -> None:
    """Each value is changed in turn; those whose change does not wait are in the data file."""
    harmless = {
        f"{one.group}: {one.subject}"
        for plan in changed_values(PLAN)
        if not widenings(PLAN, plan, STATE)
        for one in compare_plans(PLAN, plan)
    }
    assert sorted(harmless) == DATA["harmless"]


DESK = """# desk.yaml
queues:
  - {name: law, sla: 4h, when: {refer_kind: [LEGAL]}}
  - {name: fraud, sla: 2h, when: {tags: [second_use, forged]}}
  - {name: identity, sla: 8h, when: {reasons: [IDENTITY_CONFLICT, IDENTITY_DIFFERS]}}
  - {name: small, sla: 8h, when: {refer_kind: [SCORE, POLICY], max_amount: 10000}}
  - {name: large, sla: 1h, when: {minimum_amount: 50000}}
review: 20000
review_second: 100000
reasons: {INCOME_CONFIRMED: {text: It is.}}
contest: {sla: 3d}
"""

HOUR = timedelta(hours=1)


def test_the_desk_is_read_as_written() -> None:
    """Authority, reasons and times arrive, and the desk is part of the plan's digest."""
    plan = good(SMALL + DESK)
    policy = plan.review
    assert policy is not None
    assert policy.authority == Authority(Decimal(20_000), Decimal(100_000))
    assert policy.reasons == (ReviewReason("INCOME_CONFIRMED", "It is."),)
    assert policy.contest_sla == 72 * HOUR
    assert plan.digest != good(SMALL).digest
    assert good(SMALL).review is None


@pytest.mark.parametrize(("kind", "tags", "amount", "queue", "hours"), cases("rollout/review"))
def test_the_first_queue_that_takes_a_referral_has_it(
    kind: str, tags: list[str], amount: int | None, queue: str, hours: int
) -> None:
    """By kind, any of its tags and amounts; who belongs nowhere waits in the default queue."""
    policy = good(SMALL + DESK).review
    assert policy is not None
    asked = None if amount is None else Money("PHP", amount * 100)
    found = policy.queue_of(ReferKind(kind), tags, asked)
    assert (found.name, found.sla) == (queue, hours * HOUR)
    assert NO_POLICY.queue_of(ReferKind(kind), tags, asked).name == "default"


def test_a_queue_may_take_referrals_by_their_reasons() -> None:
    """One of its codes among those of the decision is enough."""
    policy = good(SMALL + DESK).review
    assert policy is not None
    reasons = ["STALE_DATA", "IDENTITY_CONFLICT"]
    assert policy.queue_of(ReferKind.DATA, [], None, reasons).name == "identity"
    assert policy.queue_of(ReferKind.DATA, [], None, reasons[:1]).name == "default"
