"""A process that is killed while a release comes into force leaves one answer in every process."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from functools import partial
from pathlib import Path

import pytest

from decision_service.rulebook.folder import read_rules
from decision_service.rulebook.releases import ReleaseAction
from decision_service.runtime.failpoints import Point, arm
from decision_service.store.seals import JOURNAL_KEYS
from tests.fakes.watched import Serving, process_on
from tests.fakes.world import PRODUCT
from tests.kits.stores import opened_as_it_is
from tests.unit.cli.commands import product_folder
from tests.unit.rollout_running.test_releases import TWO, confirm, release

pytestmark = pytest.mark.long

KILLED = 9
STEPS = ("offer", "first", "second")
_SPAWNING = multiprocessing.get_context("forkserver")


def written(root: Path, pinned: str) -> Path:
    """A small folder of rules whose plan pins people for so long."""
    product = product_folder(root)
    tests = product / "tests" / "v1.yaml"
    tests.write_text(tests.read_text().partition("  - name: a recorded person")[0])
    plan = product / "rollout.yaml"
    assert "pin_for: 90d" in plan.read_text()
    plan.write_text(plan.read_text().replace("pin_for: 90d", f"pin_for: {pinned}"))
    return product.parent


async def take(process: Serving, step: str, folder: Path) -> None:
    """One of the three steps by which a folder comes into force."""
    if step == "offer":
        await process.releases.offer(read_rules(folder))
        return
    releases = await process.releases.read()
    [waits] = releases.open(process.clock.now())
    await confirm(process, {"first": "ana", "second": "ben"}[step], waits.digest)


def take_and_die(url: str, keys: Path, folder: Path, step: str, point: Point) -> None:
    """A process of its own, which ends at a point of its step as a crash ends it."""

    async def run() -> None:
        async with opened_as_it_is(url, journal_keys=keys) as store:
            process = process_on(store, TWO)
            await process.releases.start()
            arm(point, partial(os._exit, KILLED))
            await take(process, step, folder)

    asyncio.run(run())


def answer(process: Serving) -> tuple[str, str, int]:
    """What decides: the champion, the plan, and the last step of the rollout."""
    product = process.product
    return (product.champion.digest, product.plan.digest, process.rollouts.latest(PRODUCT).position)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("point", [Point.IN_STEP, Point.AFTER_STEP])
async def test_a_kill_between_store_journal_and_taking_over_leaves_one_answer(
    url: str, step: str, point: Point, tmp_path: Path
) -> None:
    """New rules and their plan decide together or not at all, and the step can be taken again."""
    keys = tmp_path / "journal-keys"
    JOURNAL_KEYS.add(keys)
    changed = written(tmp_path / "changed", "60d")
    async with opened_as_it_is(url, journal_keys=keys) as store:
        one = process_on(store, TWO)
        await release(one, read_rules(written(tmp_path / "first", "90d")))
        before = answer(one)
        for earlier in STEPS[: STEPS.index(step)]:
            await take(one, earlier, changed)
    work = (url, keys, changed, step, point)
    dying = _SPAWNING.Process(target=take_and_die, args=work)
    dying.start()
    await asyncio.to_thread(dying.join, 120)
    assert dying.exitcode == KILLED
    async with opened_as_it_is(url, journal_keys=keys) as store:
        processes = [process_on(store, TWO) for _ in range(2)]
        for process in processes:
            await process.releases.start()
        [found] = {answer(process) for process in processes}
        came = step == "second" and point is Point.AFTER_STEP
        assert (found != before) == came
        done = STEPS.index(step) + (point is Point.AFTER_STEP)
        for later in STEPS[done:]:
            await take(processes[0], later, changed)
        await processes[1].releases.follow()
        [released] = {answer(process) for process in processes}
        entries = await store.releases()
    assert (released[1] != before[1], released[2]) == (True, before[2] + 1)
    assert [one.action for one in entries[-3:]] == [
        ReleaseAction.PROPOSE,
        ReleaseAction.CONFIRM,
        ReleaseAction.RELEASE,
    ]
