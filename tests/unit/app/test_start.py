"""The start: which modules it loads, the rules of no folder, and a loop that is late."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from decision_service.app.core import rules_folder
from decision_service.app.wiring import LATE, LATE_FOR, LOOK_SECONDS, LagWatch
from decision_service.build import starter_rules
from decision_service.decide.flow import Bulkhead
from decision_service.runtime.config import load

NEEDLESS = (
    "asyncpg",
    "sqlalchemy.orm",
    "alembic",
    "phonenumbers",
    "rapidfuzz",
    "decision_service.standin.world",
)


@pytest.mark.long
@pytest.mark.parametrize("module", ["decision_service.app.wiring", "decision_service.cli.serve"])
def test_a_start_loads_only_what_every_service_needs(module: str) -> None:
    """PostgreSQL's driver, migrations and the stand-in vendor are loaded where they are used."""
    assert not {*NEEDLESS} & loaded_by(f"import {module}")


def loaded_by(script: str) -> set[str]:
    """The names of all modules that a fresh Python has after these statements."""
    done = subprocess.run(
        [sys.executable, "-c", f"{script}; import sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {*done.stdout.split()}


VENDOR = {
    "DECISION_SMILE_MODE": "sandbox",
    "DECISION_SMILE_API_KEY": "key-of-8",
    "DECISION_SMILE_API_SECRET": "secret-8",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_made_up_people_have_the_starter_rules_in_an_empty_folder(folder: Path) -> None:
    """Until there is a folder `rules`, which is then meant."""
    assert rules_folder(load(environ={})) == starter_rules()
    (folder / "rules").mkdir()
    assert rules_folder(load(environ={})) == Path("rules")


def test_a_folder_that_is_named_is_meant() -> None:
    """Whether it is there or not: nobody is decided by other rules than those that were named."""
    assert rules_folder(load(environ={"DECISION_RULES_DIR": "rules"})) == Path("rules")


def test_real_people_are_never_decided_by_starter_rules() -> None:
    """Outside embedded mode a folder of the lender's own must be there."""
    assert rules_folder(load(environ=VENDOR)) == Path("rules")


def test_lateness_for_five_seconds_closes_the_room_until_the_loop_is_in_time() -> None:
    """A stall of half a second is shown, five seconds of them shed, one look in time ends it."""
    bulkhead, shown = Bulkhead(1), []
    watch = LagWatch(bulkhead, lambda: 0.0, shown.append)
    now = 0.0
    while now < LATE_FOR - 1:
        watch.woke(now, now := now + LOOK_SECONDS + 0.5)
        assert not bulkhead.shedding
    watch.woke(now, now := now + LOOK_SECONDS + 0.5)
    watch.woke(now, now := now + LOOK_SECONDS + 0.5)
    assert bulkhead.shedding
    assert set(shown) == {0.5}
    watch.woke(now, now + LOOK_SECONDS + LATE)
    assert not bulkhead.shedding


def test_late_now_and_then_is_not_late_for_long() -> None:
    """One look in time begins the count anew."""
    bulkhead = Bulkhead(1)
    watch = LagWatch(bulkhead, lambda: 0.0, lambda _: None)
    for start in range(10):
        watch.woke(start, start + 0.75)
        watch.woke(start + 0.75, start + 1.0)
    assert not bulkhead.shedding
