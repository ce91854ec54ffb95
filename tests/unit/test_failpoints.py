"""Failpoints: nothing until a test arms one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from decision_service.config import ConfigError, load
from decision_service.failpoints import Point, arm, armed, disarm, reach
from decision_service.storage.store import Store
from tests.fakes.world import World, application


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    """Nothing stays armed for the next test."""
    yield
    disarm()


def test_an_unarmed_point_does_nothing() -> None:
    """Reaching a point that nobody armed passes."""
    arm(Point.GATHERED, lambda: pytest.fail("the wrong point"))
    reach(Point.IN_COMMIT)
    assert armed() == (Point.GATHERED,)


async def test_a_decision_passes_every_point_of_the_store_in_order(tmp_path: Path) -> None:
    """Gathered, before, inside and after the commit, each once for a lone decision."""
    passed: list[Point] = []
    for point in Point:
        arm(point, lambda point=point: passed.append(point))  # type: ignore[misc]  # mypy cannot type a default of a lambda
    store = await Store.open(f"sqlite:///{tmp_path / 'd.db'}")
    world = World(log=store)
    await world.decide(leases=store.leases)(application(), world.call())
    await store.aclose()
    assert passed == list(Point)[:4]


async def test_what_fails_inside_the_transaction_is_not_recorded(tmp_path: Path) -> None:
    """An error before the COMMIT leaves no row, and the same id decides afterwards."""
    store = await Store.open(f"sqlite:///{tmp_path / 'd.db'}")
    world = World(log=store)

    def fail() -> None:
        raise OSError

    arm(Point.IN_COMMIT, fail)
    with pytest.raises(OSError):  # noqa: PT011 - the failpoint's own
        await world.decide(leases=store.leases)(application(), world.call())
    assert await store.find("anonymous", "r-1") is None
    disarm()
    assert (
        await world.decide(leases=store.leases)(application(), world.call())
    ).request_id == "r-1"
    await store.aclose()


def test_no_setting_arms_a_point() -> None:
    """A configuration that names failpoints is refused as any unknown name is."""
    with pytest.raises(ConfigError, match="DECISION_FAILPOINTS"):
        load(environ={"DECISION_FAILPOINTS": "in-commit"})
