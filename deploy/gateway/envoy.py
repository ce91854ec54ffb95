"""The gateway of dist/gateway on free ports, as a process beside a service."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.service import ROOT

BUILT = ROOT / "dist" / "gateway"
ENVOY = Path(sys.executable).parent / "envoy"


@dataclass(frozen=True, slots=True)
class Gateway:
    """A serving gateway, and the authority of its certificate where it has one."""

    url: str
    authority: Path | None = None

    def call(
        self, verb: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """The HTTP status and the JSON of an answer; a string is sent as it is."""
        data = None if body is None else body if isinstance(body, str) else json.dumps(body)
        sent = {"content-type": "application/json"} | dict(headers or {})
        request = urllib.request.Request(
            self.url + path, data and data.encode(), sent, method=verb.upper()
        )
        trusted = self.authority and ssl.create_default_context(cafile=self.authority)
        try:
            with urllib.request.urlopen(request, timeout=40, context=trusted) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)


def settings() -> dict[str, Any]:
    """The shipped file."""
    read: dict[str, Any] = yaml.safe_load((ROOT / "deploy/gateway/envoy.yaml").read_text())
    return read


@contextmanager
def gateway(
    folder: Path, service: str, chosen: Any = None, ca: Path | None = None
) -> Iterator[Gateway]:
    """Start Envoy in a folder, before a service, and end it; only the addresses are changed."""
    chosen, port = chosen or settings(), free_port()
    resources = chosen["static_resources"]
    resources["listeners"][0]["address"]["socket_address"]["port_value"] = port
    [endpoint] = resources["clusters"][0]["load_assignment"]["endpoints"][0]["lb_endpoints"]
    address = endpoint["endpoint"]["address"]["socket_address"]
    address["port_value"] = int(service.rpartition(":")[2])
    for name in ("decision_service.binpb", "strict.lua"):
        shutil.copy(BUILT / name, folder)
    (folder / "envoy.yaml").write_text(yaml.safe_dump(chosen))
    command = [
        ENVOY,
        "-c",
        "envoy.yaml",
        "-l",
        "warning",
        "--concurrency",
        "1",
        "--disable-hot-restart",
    ]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        try:
            _wait(process, port)
            yield Gateway(f"http{'s' if ca else ''}://127.0.0.1:{port}", ca)
        finally:
            process.kill()


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _wait(process: subprocess.Popen[str], port: int) -> None:
    """Wait until Envoy accepts connections; fails with its words where it has ended."""
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    assert process.stderr
    raise AssertionError(f"Envoy has ended: {process.stderr.read()}")
