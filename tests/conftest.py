"""What every test shares: how Hypothesis draws its examples, and one PostgreSQL for a run.

Hypothesis draws the same examples in every run, by the text of the test; `make day` looks for new
ones by a seed. It judges no example by how long it takes: that is for benches.
"""

import gc
import logging
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import settings

from tests.fakes.examples import DAY, examples
from tests.kits.skips import count_skips

USUAL = examples(100)
settings.register_profile(
    "same", derandomize=True, database=None, deadline=None, max_examples=USUAL
)
# Without a database a failure is found again by its seed alone, on another machine too.
settings.register_profile("day", database=None, deadline=None, max_examples=USUAL)
settings.load_profile("day" if DAY else "same")


def pytest_configure(config: pytest.Config) -> None:
    """Skips are counted, and some of them fail in CI."""
    count_skips(config)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collecting makes much that lives to the end: the garbage collector does not look at it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Modules with long tests begin first, so that no process is left with one at the end."""
    long = {item.path for item in items if item.get_closest_marker("long")}
    items.sort(key=lambda item: item.path not in long)


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """A command that ran in this process leaves its logging to no other test."""
    root, own = logging.getLogger(), logging.getLogger("decision_service")
    handlers = root.handlers[:], own.handlers[:], own.propagate, own.level
    yield
    if structlog.is_configured():
        structlog.reset_defaults()
        root.handlers[:], own.handlers[:], own.propagate, own.level = handlers


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """One PostgreSQL server for all tests of the run that ask for it."""
    from tests.kits.postgres import running_postgres

    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def oldest_postgres() -> Iterator[Any]:
    """A server of the oldest version at hand, for long tests that ask for it."""
    from tests.kits.postgres import OLDEST, running_postgres

    with running_postgres(OLDEST) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where there is an empty store, on each database."""
    if request.param == "sqlite":
        from tests.kits.stores import begun

        return begun(tmp_path / "decisions.db")
    migrated: str = request.getfixturevalue("postgres").migrated()
    return migrated
