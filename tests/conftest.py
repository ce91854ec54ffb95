"""What every test shares: how Hypothesis draws its examples, and one PostgreSQL for a run.

Hypothesis draws the same examples in every CI run; at a desk it keeps looking for new ones. It
judges no example by how long it takes: that is for benches.
"""

import gc
import logging
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import settings

from tests.fakes.examples import examples

USUAL = examples(100)
settings.register_profile("desk", deadline=None, max_examples=USUAL)
settings.register_profile("ci", derandomize=True, database=None, deadline=None, max_examples=USUAL)
settings.load_profile("ci" if os.environ.get("CI") else "desk")


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
