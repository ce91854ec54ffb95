"""The fixture that most of these tests begin with."""

from collections.abc import AsyncIterator

import pytest

from tests.unit.standin.kit import Stand, open_stand


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    """A stand-in for the sandbox people."""
    async with open_stand() as one:
        yield one
