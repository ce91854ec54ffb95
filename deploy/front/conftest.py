"""One service and its front, for all checks that change no setting."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.front.front import Front, fronted


@pytest.fixture(scope="session")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """The shipped front before a service with the embedded vendor."""
    with fronted(tmp_path_factory.mktemp("front")) as started:
        yield started
