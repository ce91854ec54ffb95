"""The services that most end-to-end tests ask: one for each test, or one for all that change none.

The vendor's limit is the service's: tests that gather much each have a service of their own.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import grpc
import pytest
import pytest_asyncio

from decision_service.api.v1.decision_service_pb2_grpc import DecisionServiceStub
from decision_service.app.wiring import Service, start
from decision_service.runtime.config import load
from decision_service.server.transport.context import Role
from tests.e2e.service import Running, environ, running
from tests.e2e.team import Team


@pytest_asyncio.fixture
async def live(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path) as started:
        yield started


@contextmanager
def going_on(settings: dict[str, str]) -> Iterator[Service]:
    """A service that goes on between tests, on a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    started = asyncio.run_coroutine_threadsafe(start(load(environ=settings)), loop).result()
    yield started
    asyncio.run_coroutine_threadsafe(started.stop(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@asynccontextmanager
async def called(service: Service) -> AsyncIterator[Running]:
    """A service with a channel of the test's own."""
    async with grpc.aio.insecure_channel(service.address) as channel:
        yield Running(service, channel, DecisionServiceStub(channel))


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service behind `shared`."""
    with going_on(environ(tmp_path_factory.mktemp("shared"))) as started:
        yield started


@pytest_asyncio.fixture
async def shared(service: Service) -> AsyncIterator[Running]:
    """The service for tests that are refused, only read, or look at their own decisions alone."""
    async with called(service) as running_on:
        yield running_on


@pytest.fixture(scope="session")
def staff(tmp_path_factory: pytest.TempPathFactory) -> Team:
    """The callers of `guarded`: one of each role by its name, and two who decide."""
    team = Team(tmp_path_factory.mktemp("guarded"))
    for role in Role:
        team.hire(role, role)
    for name in ("one", "other"):
        team.hire(name, "decide")
    return team


@pytest.fixture(scope="session")
def guarded_service(staff: Team) -> Iterator[Service]:
    """The service behind `guarded`."""
    with going_on(environ(staff.folder, auth_tokens_file=str(staff.path))) as started:
        yield started


@pytest_asyncio.fixture
async def guarded(guarded_service: Service) -> AsyncIterator[Running]:
    """A service that knows its `staff`."""
    async with called(guarded_service) as running_on:
        yield running_on
