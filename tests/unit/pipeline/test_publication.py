"""Published rules go forward; going back is said in the manifest."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from decision_service.rulebook.acceptance import (
    keep,
    last_good_folder,
    newest_publications,
    published_as,
)
from decision_service.rulebook.folder import RuleFolder, TextFile
from decision_service.rulebook.manifest import contents_digest, manifest_text, published_now
from tests.fakes.plans import CHALLENGED, with_plan
from tests.fakes.serving import Serving, serving_on
from tests.fakes.world import NOW, shipped_rules
from tests.unit.rollout.plans import edited

PATH = "rules/manifest.yaml"
FIRST = shipped_rules()
SECOND = with_plan(CHALLENGED)
THIRD = with_plan(edited(CHALLENGED, ("pin_for: 90d", "pin_for: 80d")))
DAY = timedelta(days=1)


def published(folder: RuleFolder, at: datetime = NOW, over: RuleFolder | None = None) -> RuleFolder:
    """The folder as J. Cruz published it then, on purpose over another publication."""
    replaced = None if over is None else published_as(over)
    back = "" if replaced is None else replaced.name
    published = published_now(folder.contents, "J. Cruz", at, allow_rollback=back)
    text = manifest_text(published, folder.contents)
    return replace(folder, manifest=TextFile(PATH, text))


@pytest.fixture
async def serving() -> Serving:
    """A process on the shipped rules, unpublished."""
    made = await serving_on(FIRST)
    await keep(made.log, FIRST, NOW)
    return made


async def test_what_was_published_later_replaces_what_was_earlier(serving: Serving) -> None:
    """Publications follow each other by their instants; the same folder again is no change."""
    assert await serving.take(published(FIRST)) == []
    assert await serving.take(published(SECOND, NOW + DAY)) == []
    assert await serving.take(published(SECOND, NOW + DAY)) == []
    assert await serving.take(published(SECOND, NOW + 2 * DAY)) == []
    assert await serving.take(published(THIRD, NOW + 2 * DAY)) == []


async def test_an_older_publication_is_refused(serving: Serving) -> None:
    """A folder from before what decides keeps the latter, and says how to go back on purpose."""
    await serving.take(published(SECOND, NOW))
    before = serving.active_rules.current()
    assert await serving.take(published(THIRD, NOW - timedelta(seconds=1))) == ["M006"]
    assert serving.active_rules.current() is before
    [problem] = serving.active_rules.status.refused
    assert problem.file == PATH
    assert "those of J. Cruz, published at 2026-11-24T04:00:00Z, decide now" in problem.message
    name = f"{contents_digest(SECOND.contents)[:16]}@2026-11-24T04:00:00Z"
    assert problem.hint.endswith(f"--allow-rollback {name}")


async def test_rules_that_decided_before_do_not_come_back_by_a_new_publication(
    serving: Serving,
) -> None:
    """An old checkout that is published again is noticed by its content."""
    await serving.take(published(FIRST, NOW))
    await serving.take(published(SECOND, NOW + DAY))
    assert await serving.take(published(FIRST, NOW + 2 * DAY)) == ["M007"]


@pytest.mark.long
async def test_going_back_is_allowed_from_exactly_what_is_named(serving: Serving) -> None:
    """The manifest names what it replaces; once replaced, that needs leave of its own."""
    second = published(SECOND, NOW + DAY)
    await serving.take(published(FIRST, NOW))
    await serving.take(second)
    assert await serving.take(published(FIRST, NOW + 2 * DAY, over=published(THIRD))) == ["M007"]
    back = published(FIRST, NOW + 2 * DAY, over=second)
    assert await serving.take(back) == []
    assert await serving.take(published(SECOND, NOW + DAY)) == ["M006"]
    assert await serving.take(published(SECOND, NOW + 3 * DAY)) == ["M007"]
    assert await serving.take(published(THIRD, NOW + 3 * DAY)) == []
    assert await serving.take(back) == ["M006"]


@pytest.mark.long
@pytest.mark.parametrize(("at", "code"), [(2 * DAY, "M006"), (9 * DAY, "M007")])
async def test_leave_to_go_back_ends_with_the_publication_that_it_names(
    serving: Serving, at: timedelta, code: str
) -> None:
    """The same rules published again are another publication, whatever instant the leave has."""
    second = published(SECOND, NOW + DAY)
    back = published(FIRST, NOW + at, over=second)
    third = published(THIRD, NOW + 3 * DAY)
    for folder in (published(FIRST), second, third):
        assert await serving.take(folder) == []
    assert await serving.take(published(SECOND, NOW + 4 * DAY, over=third)) == []
    assert await serving.take(back) == [code]


async def test_both_are_recorded(serving: Serving) -> None:
    """The register has each publication, of equal rules too, and the last is as it was written."""
    first, second = published(FIRST, NOW), published(SECOND, NOW + DAY)
    await serving.take(first)
    await serving.take(second)
    back = published(FIRST, NOW + 2 * DAY, over=second)
    await serving.take(back)
    found = await newest_publications(serving.log, 50)
    assert found == [published_as(one) for one in (back, second, first)]
    last = await last_good_folder(serving.log)
    assert last is not None
    assert last.manifest == back.manifest


async def test_a_folder_without_a_manifest_goes_on_until_one_was_published(
    serving: Serving,
) -> None:
    """Where nothing was published any folder decides; afterwards only published ones do."""
    assert await serving.take(SECOND) == []
    assert await serving.take(FIRST) == []
    await serving.take(published(SECOND, NOW))
    assert await serving.take(THIRD) == ["M005"]
    assert await serving.take(published(THIRD, NOW)) == []


@pytest.mark.parametrize("at", ["yesterday", "2026-11-24", "2026-11-24T04:00:00+08:00"])
async def test_an_instant_that_cannot_be_compared_is_a_mistake(serving: Serving, at: str) -> None:
    """Only UTC instants to the second are taken, since they order publications."""
    folder = published(SECOND)
    assert folder.manifest is not None
    text = folder.manifest.text.replace("2026-11-24T04:00:00Z", at)
    assert await serving.take(replace(folder, manifest=TextFile(PATH, text))) == ["M004"]
