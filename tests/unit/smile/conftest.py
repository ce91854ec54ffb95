"""Every test of the adapter runs in virtual time."""

from collections.abc import Mapping

import pytest

from tests.unit.smile.virtual import VirtualLoop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, type[VirtualLoop]]:
    return {"virtual": VirtualLoop}
