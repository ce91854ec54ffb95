"""What the packages for Python and Node add to gRPC: deadlines, request ids, retries, types."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import uuid
import venv
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest

from decision_service import __version__
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import decision_service_pb2_grpc
from deploy.clients.conftest import Made
from deploy.clients.programs import BUILT
from tests.e2e.page import CALLERS
from tests.e2e.service import ROOT

PROBES = Path(__file__).parent / "probes"
TSC = ROOT / "clients" / "node" / "node_modules" / ".bin" / "tsc"
MYPY = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--disable-error-code"]
MYPY += ["import-untyped"]  # Google's messages have types, and do not say so


class Recorder(decision_service_pb2_grpc.DecisionServiceServicer):
    """Is unavailable once, and keeps request id and remaining seconds of each call."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, float]] = []

    def CreateDecision(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        self.seen.append((request.request_id, context.time_remaining()))
        if len(self.seen) == 1:
            context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")
        return service_pb.CreateDecisionResponse()


@pytest.mark.parametrize(
    ("language", "command"),
    [
        ("python", ".venv/bin/python waiting.py"),
        ("python", ".venv/bin/python awaiting.py"),
        ("node", "node promised.mjs"),
    ],
    ids=["Client", "AsyncClient", "Node"],
)
def test_an_application_gets_an_id_a_deadline_and_retries(
    made: Made, language: str, command: str
) -> None:
    """The caller sees the id; a second call has it too; the time to wait for data is on top."""
    program, recorder = made(language), Recorder()
    for probe in PROBES.iterdir():
        shutil.copy(probe, program.folder)
    server = grpc.server(ThreadPoolExecutor(2))
    decision_service_pb2_grpc.add_DecisionServiceServicer_to_server(recorder, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        code, out = program.run(f"{command} {address}")
    finally:
        server.stop(None)
    assert code == 0, out
    (first, remaining), (second, _) = recorder.seen
    assert first == second == str(uuid.UUID(out.strip()))
    assert 60 < remaining <= 90


def test_the_python_package_needs_no_server(made: Made) -> None:
    """Four libraries with what they need, and nothing of the service."""
    _, out = made("python").run(".venv/bin/pip list --format json --disable-pip-version-check")
    assert {one["name"] for one in json.loads(out)} <= {
        "decision-service-client",
        "googleapis-common-protos",
        "grpcio",
        "grpcio-status",
        "pip",
        "protobuf",
        "setuptools",
        "typing_extensions",
    }


def test_a_plain_build_gives_the_same_python_package(tmp_path: Path) -> None:
    """Isolated, with what its `[build-system] requires` names, as `pip install clients/python`."""
    venv.create(tmp_path / "venv", with_pip=True)
    pip = [tmp_path / "venv" / "bin" / "python", "-m", "pip", "wheel", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--wheel-dir", tmp_path, ROOT / "clients" / "python"], check=True)
    [plain], [wheel] = tmp_path.glob("*.whl"), BUILT.glob("*.whl")
    with zipfile.ZipFile(plain) as made, zipfile.ZipFile(wheel) as known:
        assert sorted(made.namelist()) == sorted(known.namelist())


def test_the_packages_have_the_services_version() -> None:
    """All three are released together."""
    versions = {path.name.split("-")[1] for path in BUILT.glob("*.whl")}
    package = json.loads((ROOT / "clients" / "node" / "package.json").read_text())
    assert versions | {package["version"]} == {__version__}


def test_the_python_package_is_typed(tmp_path: Path) -> None:
    """Strictly, the package itself too; what is marked as wrong is found, and nothing else."""
    [wheel] = BUILT.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path)
    for package, program in (("decision_service_client", None), (None, "types_known.py")):
        checked = ["-p", package] if package else [str(PROBES / str(program))]
        done = subprocess.run(
            [*MYPY, *checked],
            cwd=tmp_path,
            env=os.environ | {"MYPYPATH": str(tmp_path), "PYTHONPATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        found = [line.split(":")[1] for line in done.stdout.splitlines() if ": error:" in line]
        assert found == (_marked(program) if program else []), done.stdout + done.stderr


@pytest.mark.parametrize(
    ("language", "command"),
    [
        ("python", ".venv/bin/python services.py Client"),
        ("python", ".venv/bin/python services.py AsyncClient"),
        ("node", "node services.mjs"),
    ],
    ids=["Client", "AsyncClient", "Node"],
)
def test_a_client_has_every_call_of_the_protos(made: Made, language: str, command: str) -> None:
    """Of every service, under the names that docs/callers.md lists."""
    protos = sorted((ROOT / "protos/decision_service/api/v1").glob("*_service.proto"))
    calls = {name for one in protos for name in re.findall(r"^  rpc (\w+)", one.read_text(), re.M)}
    program = made(language)
    for probe in PROBES.glob("services.*"):
        shutil.copy(probe, program.folder)
    code, out = program.run(command)
    assert code == 0, out
    services: dict[str, list[str]] = json.loads(out)
    assert {name[0].upper() + name[1:] for of in services.values() for name in of} == calls
    [listed] = re.findall(r"A client has (.*?)\.", CALLERS.text, re.DOTALL)
    assert re.findall(r"`(\w+)`", listed) == sorted(services)


async def test_the_node_package_is_typed(made: Made) -> None:
    """Strictly: an error that is not marked fails, and a mark without an error."""
    program = made("node")
    shutil.copy(PROBES / "types.mts", program.folder)
    options = "--noEmit --strict --skipLibCheck --module nodenext --target es2022"
    code, out = await asyncio.to_thread(program.run, f"{TSC} {options} types.mts")
    assert code == 0, out


def _marked(program: str) -> list[str]:
    lines = (PROBES / program).read_text().splitlines()
    return [str(at) for at, line in enumerate(lines, 1) if line.endswith("# wrong")]
