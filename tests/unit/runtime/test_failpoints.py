"""Failpoints: nothing until a test arms one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from decision_service.runtime.config import load
from decision_service.runtime.failpoints import Point, arm, armed, disarm, reach
from decision_service.runtime.settings import ConfigError
from decision_service.store.store import Store
from tests.fakes.world import World, application
from tests.kits.review_log import claimed_by, committed, referred
from tests.kits.stores import opened


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
    assert passed == [*Point][:4]


async def test_what_fails_inside_the_transaction_is_not_recorded(tmp_path: Path) -> None:
    """An error before the COMMIT leaves no row, and the same id decides afterwards."""
    store = await Store.open(f"sqlite:///{tmp_path / 'd.db'}")
    world = World(log=store)

    def fail() -> None:
        raise OSError

    arm(Point.IN_COMMIT, fail)
    with pytest.raises(OSError):  # noqa: PT011 - the failpoint's own
        await world.decide(leases=store.leases)(application(), world.call())
    assert (await store.look_up("anonymous", "r-1")).entry is None
    disarm()
    assert (
        await world.decide(leases=store.leases)(application(), world.call())
    ).request_id == "r-1"
    await store.aclose()


@pytest.mark.parametrize(("point", "stays"), [(Point.IN_STEP, False), (Point.AFTER_STEP, True)])
async def test_a_step_of_a_review_is_whole_or_not_at_all(
    tmp_path: Path, point: Point, *, stays: bool
) -> None:
    """An error inside the transaction leaves no step; after it the step stays, told or not."""
    async with opened(f"sqlite:///{tmp_path / 'd.db'}") as store:
        review_id = await committed(store, referred(1))

        def fail() -> None:
            raise OSError

        arm(point, fail)
        with pytest.raises(OSError):  # noqa: PT011 - the failpoint's own
            await store.reviews.step(review_id, claimed_by("ana"))
        disarm()
        found = await store.reviews.get(review_id)
    assert found is not None
    assert (len(found.events), found.review.claimed_by) == ((2, "ana") if stays else (1, ""))


def test_no_setting_arms_a_point() -> None:
    """A configuration that names failpoints is refused as any unknown name is."""
    with pytest.raises(ConfigError, match="DECISION_FAILPOINTS"):
        load(environ={"DECISION_FAILPOINTS": "in-commit"})
