"""A disk that cannot keep what it is given, or takes its time."""

from __future__ import annotations

from pathlib import Path

import pytest

from decision_service.store.store import Store
from tests.kits.traced import committing_under
from tests.kits.watched_database import rows_on_disk

COUNT = 12


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A store that was made and closed, so that what follows syncs nothing but its commits."""
    path = tmp_path / "decisions.db"
    store = await Store.open(f"sqlite:///{path}")
    await store.aclose()
    return path


def ids(numbers: list[int]) -> set[str]:
    """The ids of the decisions of these numbers."""
    return {f"dec_{number:026d}" for number in numbers}


def test_a_disk_that_fails_acknowledges_nothing_more(path: Path, tmp_path: Path) -> None:
    """From the first EIO on every commit is refused and the store unwell; what was told is kept."""
    done = committing_under("error=EIO:when=8+", f"sqlite:///{path}", tmp_path, COUNT)
    assert done.told
    assert done.refused == list(range(len(done.told), COUNT))
    assert done.unwell == done.refused
    assert ids(done.told) <= rows_on_disk(path)


def test_one_failed_sync_costs_one_commit(path: Path, tmp_path: Path) -> None:
    """One commit is refused and not on disk; the ones before and after it are told and are."""
    done = committing_under("error=EIO:when=8", f"sqlite:///{path}", tmp_path, COUNT)
    assert len(done.refused) == 1
    assert rows_on_disk(path) == ids(done.told)
    assert max(done.told) > done.refused[0] > min(done.told)


def test_a_slow_sync_is_waited_for(path: Path, tmp_path: Path) -> None:
    """When syncs take a quarter of a second, what is told is on disk all the same."""
    fault = "delay_enter=250000:when=3..6"
    done = committing_under(fault, f"sqlite:///{path}", tmp_path, 4)
    assert done.told == [0, 1, 2, 3]
    assert sum("DELAYED" in call for call in done.calls) == 4
    assert rows_on_disk(path) == ids(done.told)
