"""Comparing two plans: every edit is one sentence, and nothing that counts is passed over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

import msgspec
import pytest
from msgspec.structs import asdict, replace

from decision_service.rollout.model import Plan
from decision_service.rollout.plan import digest_of
from decision_service.rules.language.evaluation import Formula
from decision_service.workbench.diff import compare_plans
from tests.kits.cases import cases
from tests.unit.rollout.plans import STAGED, edited, good

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
