"""The service as it is measured: a process of its own, at a vendor in another."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc

from bench.people.population import population
from bench.processes import Started, module, started
from bench.unlimited import REQUESTS_PER_SECOND
from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.app.wiring import start
from decision_service.cli.serve import tune_interpreter
from decision_service.runtime.config import load
from decision_service.runtime.logs import configure_logging
from decision_service.runtime.settings import Settings
from decision_service.runtime.tasks import run_async
from decision_service.standin.formats import civil_day
from decision_service.standin.server import build_app, serve
from tests.e2e.process import clean_environ
from tests.e2e.service import create, environ

METHOD = "/decision_service.api.v1.DecisionService/CreateDecision"
WEBHOOKS = "webhook_secrets" in Settings.model_fields
"""Whether this program can keep applicants' data warm."""

STATE = (
    "warm: webhooks on, every applicant was read once before"
    if WEBHOOKS
    else "NOT warm, this program has no webhooks yet: every decision reads the stand-in vendor over "
    "HTTP, with the request limit raised"
)
SEED = 7
LIFE = "employed"
KEY, SECRET = "bench-key", "bench-secret"


@dataclass(frozen=True, slots=True)
class Vendor:
    """Where the stand-in is, and people of its population who lead one kind of life."""

    base_url: str
    users: Sequence[str]


def people(size: int, lives: Sequence[str] = (LIFE,)) -> list[str]:
    """Users of the population that the vendor plays."""
    return [*population(SEED, size, civil_day(datetime.now(UTC)), lives).builders]


@contextmanager
def vendor(folder: Path, users: int, lives: Sequence[str] = (LIFE,)) -> Iterator[Vendor]:
    """The stand-in in its own process, without a limit, with so many people of these lives."""
    command = module("bench.people", str(SEED), str(users), KEY, SECRET, *lives)
    with started(command, folder / "vendor.log") as process:
        url = process.printed("Smile")[3].rstrip(",")
        yield Vendor(url, people(users, lives))


def settings(base_url: str, **more: str) -> dict[str, str]:
    """Settings of a service at this vendor, warm where the program can be."""
    own = {
        "smile_mode": "sandbox",
        "smile_api_key": KEY,
        "smile_api_secret": SECRET,
        "smile_base_url": base_url,
        "drain_delay": "0s",
    }
    return own | ({"webhook_secrets": "bench-webhooks-bench"} if WEBHOOKS else {}) | more


def serve_command(*options: str, unlimited: bool = not WEBHOOKS) -> list[str]:
    """The command line of `serve`, with the request limit out of the way or as it is."""
    return module("bench.unlimited" if unlimited else "decision_service", "serve", *options)


@contextmanager
def service(command: Sequence[str], folder: Path, **chosen: str) -> Iterator[Started]:
    """Start a service that keeps everything in a folder, and wait until it serves."""
    environ = clean_environ(folder, **chosen)
    with started(command, folder / "service.log", environ) as process:
        process.printed("Ctrl-C")
        yield process


def in_process(users: int, use: Callable[[str], None]) -> None:
    """Serve on SQLite in this process, at a stand-in in it, and use the address on a thread."""
    configure_logging("error", as_json=False)
    run_async(_in_process(users, use))


async def _in_process(users: int, use: Callable[[str], None]) -> None:
    app = build_app(
        lambda today: population(SEED, users, today, (LIFE,)),
        api_key=KEY,
        api_secret=SECRET,
        requests_per_second=1_000_000,
    )
    with tempfile.TemporaryDirectory() as name:
        async with serve(app) as url:
            chosen = environ(Path(name), **settings(url, rules_dir="rules"))
            raised = {"smile_requests_per_second": REQUESTS_PER_SECOND}
            served = await start(load(environ=chosen).model_copy(update=raised), init=True)
            try:
                tune_interpreter()
                await asyncio.to_thread(use, served.address)
            finally:
                await served.stop()


def request(user_id: str, view: int = pb.DECISION_VIEW_BASIC) -> bytes:
    """An application of a user without a request id: each time that it is sent it is a new one."""
    return create(user_id, request_id="", view=view).SerializeToString()


@contextmanager
def raw_calls(address: str) -> Iterator[Callable[[bytes], bytes]]:
    """CreateDecision from bytes to bytes."""
    with grpc.insecure_channel(address) as channel:
        call: Any = channel.unary_unary(METHOD)
        yield lambda sent: call(sent, timeout=30, wait_for_ready=True)


def decided_once(address: str, users: Sequence[str]) -> None:
    """Decide once for everybody, sixteen at a time."""
    with raw_calls(address) as call, ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda user: call(request(user)), users))


def vendor_calls(reply: bytes) -> int:
    """How many requests to the vendor the decision in this reply took."""
    return service_pb.CreateDecisionResponse.FromString(reply).decision.data_quality.upstream_calls


def recorded_in_sqlite(file: Path) -> int:
    """How many decisions a store holds."""
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as store:
        return int(store.execute("SELECT count(*) FROM decisions").fetchone()[0])
