"""Rules in a ConfigMap: a running service takes an update over whole, once, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from decision_service.app import wiring as background
from tests.e2e.service import Running, own_rules, running
from tests.fakes.observed import captured
from tests.fakes.shipped import champion_of
from tests.kits.kubelet import KubeletVolume
from tests.kits.until import until

PRODUCT = "gig-advance-ph"


CHAMPION = champion_of(PRODUCT)
NEXT = CHAMPION + 1


def read(rules: Path) -> dict[str, str]:
    """The files of one product and the shared data, by their path."""
    files = (path for top in ("_data", PRODUCT) for path in (rules / top).rglob("*"))
    return {str(p.relative_to(rules)): p.read_text() for p in files if p.is_file()}


def with_next_version(files: dict[str, str]) -> dict[str, str]:
    """The files with another version, which the plan now names."""
    plan = f"{PRODUCT}/rollout.yaml"
    second = {
        path.replace(f"v{CHAMPION}", f"v{NEXT}"): text.replace(
            f"\nversion: {CHAMPION}\n", f"\nversion: {NEXT}\n"
        )
        for path, text in files.items()
        if path.startswith(PRODUCT) and f"v{CHAMPION}" in path
    }
    named = files[plan].replace(f"champion: {CHAMPION}", f"champion: {NEXT}")
    return files | second | {plan: named}


@pytest_asyncio.fixture
async def mounted(tmp_path: Path) -> AsyncIterator[tuple[Running, KubeletVolume, dict[str, str]]]:
    """A service on a mounted ConfigMap, the volume, and the files in it."""
    files = read(own_rules(tmp_path))
    volume = KubeletVolume(tmp_path / "mounted", files)
    async with running(tmp_path, rules_dir=str(tmp_path / "mounted")) as live:
        yield live, volume, files


def champion(live: Running) -> int:
    """The version that decides now."""
    return live.service.core.active.current().products[PRODUCT].plan.versions.champion


@contextmanager
def champions_of(live: Running) -> Iterator[list[int]]:
    """Every champion that decided while the block lasted, in order, each time it changed."""
    seen = [champion(live)]

    async def look() -> None:
        while True:
            if seen[-1] != champion(live):
                seen.append(champion(live))
            await asyncio.sleep(0)

    looking = asyncio.create_task(look())
    try:
        yield seen
    finally:
        looking.cancel()


async def test_a_swapped_volume_is_taken_over_whole_and_once(
    mounted: tuple[Running, KubeletVolume, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan and the version that it names come together: no reading has one without the other."""
    live, volume, files = mounted
    lines = captured(monkeypatch, background)
    with champions_of(live) as seen:
        volume.update(with_next_version(files))
        await until(lambda: champion(live) == NEXT)
        await until(lambda: [line for line in lines if line["event"] == "rules"])
    assert seen == [CHAMPION, NEXT]
    assert not live.service.core.active.status.refused
    assert all(line["accepted"] for line in lines if line["event"] == "rules")


async def test_a_map_without_one_of_its_files_is_refused(
    mounted: tuple[Running, KubeletVolume, dict[str, str]],
) -> None:
    """The plan came, its version did not: the old rules decide, the error says what lacks."""
    live, volume, files = mounted
    wanted = with_next_version(files)
    lacking = f"{PRODUCT}/v{NEXT}.yaml"
    volume.update({path: text for path, text in wanted.items() if path != lacking})
    [refused] = await until(lambda: live.service.core.active.status.refused)
    assert champion(live) == CHAMPION
    assert refused.file.endswith(f"{PRODUCT}/rollout.yaml")
    assert refused.message == f"`champion` is {NEXT}, and there is no ruleset v{NEXT}"
    volume.update(wanted)
    await until(lambda: champion(live) == NEXT)
    assert not live.service.core.active.status.refused
