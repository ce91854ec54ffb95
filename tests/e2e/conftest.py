"""The services that most end-to-end tests ask: one for each test, or one for all that change none.

The vendor's limit is the service's: tests that gather much each have a service of their own.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import pytest
import pytest_asyncio

from decision_service.api.v1.decision_service_pb2_grpc import DecisionServiceStub
from decision_service.app.wiring import Service, start
from decision_service.runtime.config import load
from tests.e2e.service import Running, environ, running


@pytest_asyncio.fixture
async def live(tmp_path: Path) -> AsyncIterator[Running]:
    """A running service."""
    async with running(tmp_path) as started:
        yield started


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that goes on between tests, on a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    settings = load(environ=environ(tmp_path_factory.mktemp("shared")))
    started = asyncio.run_coroutine_threadsafe(start(settings), loop).result()
    yield started
    asyncio.run_coroutine_threadsafe(started.stop(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest_asyncio.fixture
async def shared(service: Service) -> AsyncIterator[Running]:
    """The service for tests that are refused, or only read."""
    async with grpc.aio.insecure_channel(service.address) as channel:
        yield Running(service, channel, DecisionServiceStub(channel))
