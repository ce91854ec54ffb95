"""What tests against real servers share."""

from collections.abc import Iterator

import pytest

from tests.kits.postgres import Postgres, running_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One PostgreSQL server for all tests of the run that ask for it."""
    with running_postgres() as server:
        yield server
