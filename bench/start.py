"""From the command line of `serve` to health SERVING, beside `import grpc` in a fresh Python."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from bench.figures import versions_of
from bench.processes import module, started
from bench.tables import Spread, show
from tests.e2e.process import clean_environ

PATIENCE = 60.0
YARDSTICK = [sys.executable, "-c", "import grpc"]


def until_serving(folder: Path) -> float:
    """Seconds until a service that is started now says SERVING."""
    address = f"127.0.0.1:{free_port()}"
    environ = clean_environ(folder, grpc_address=address)
    began = perf_counter()
    with started(module("decision_service", "serve"), folder / "service.log", environ) as process:
        while not is_serving(address):
            if process.popen.poll() is not None or perf_counter() - began > PATIENCE:
                raise RuntimeError(f"serve did not serve: {process.log.read_text()}")
        return perf_counter() - began


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def is_serving(address: str) -> bool:
    """Ask once for the health, over a new connection; a moment's rest where there is none."""
    with grpc.insecure_channel(address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        try:
            status = stub.Check(health_pb2.HealthCheckRequest(), timeout=1).status
        except grpc.RpcError:
            sleep(0.01)
            return False
    return status == health_pb2.HealthCheckResponse.SERVING


def importing() -> float:
    """Seconds that a Python takes to import grpc and end."""
    began = perf_counter()
    subprocess.run(YARDSTICK, check=True)
    return perf_counter() - began


def run(rounds: int = 5) -> None:
    """Print seconds for a store that is made on the way, one that is there, and the yardstick."""
    seen: dict[str, list[float]] = {
        "import grpc": [],
        "serve, new store": [],
        "serve, its store again": [],
    }
    importing()
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            taken = importing(), until_serving(Path(folder)), until_serving(Path(folder))
        for times, one in zip(seen.values(), taken, strict=True):
            times.append(one)
    base = Spread.of(seen["import grpc"]).median
    rows = [
        {"what": what, "seconds": Spread.of(times), "ratio": Spread.of(times).median / base}
        for what, times in seen.items()
    ]
    notes = ("embedded vendor, SQLite, health asked every 10 ms; allowed: 2 s",)
    show("start", f"{rounds} rounds in turns", rows, versions_of("grpcio", "sqlalchemy"), notes)
