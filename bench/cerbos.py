"""Durable decisions beside Cerbos with 20 conditions as policies and its audit log in a file.

The npm package `cerbos` is fetched into a folder that goes away. The two do not do the same work:
Cerbos answers which of 20 conditions hold and has a line appended to a file, for which no reply
waits; a decision computes its factors, evaluates its ruleset and waits until the disk has it.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from time import monotonic
from typing import Any

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from bench import reference
from bench.figures import versions_of
from bench.load import Side
from bench.processes import Cores, pinning_is_missing, split_cores, started
from bench.service import (
    METHOD,
    STATE,
    request,
    serve_command,
    service,
    settings,
    vendor,
)
from bench.start import free_port, is_serving
from bench.tables import Cell, show
from bench.warm import USERS, compared, primed, rounds_of

CHECK = "/cerbos.svc.v1.CerbosService/CheckResources"
CONCURRENT = (1, 16, 64)
PATIENCE = 30.0


class Absent(Exception):
    """Cerbos cannot be run here; the message says why."""


def fetched(folder: Path) -> tuple[Path, str]:
    """The server of the npm package, and its version; raises Absent where anything needed is."""
    if missing := pinning_is_missing():
        raise Absent(missing)
    if shutil.which("npm") is None:
        raise Absent("npm is not on PATH: it comes with Node.js")
    command = ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", "cerbos"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    kind = f"linux-{'arm64' if platform.machine() == 'aarch64' else 'x64'}"
    server = folder / "node_modules" / "@cerbos" / f"cerbos-{kind}" / f"cerbos-{kind}"
    if done.returncode or not server.exists():
        raise Absent("npm could not install the package `cerbos` for this machine")
    package = json.loads((folder / "node_modules" / "cerbos" / "package.json").read_text())
    return server, package["version"]


def policy() -> dict[str, Any]:
    """The reference set's 20 conditions, each as the rule of an action of its name (JSON is YAML)."""
    rules = []
    for rule in reference.rules():
        expr = f"R.attr.{_attribute(rule.left)} < {rule.bound}"
        if rule.second is not None:
            expr += f" && R.attr.{_attribute(rule.second)} < {rule.second_bound}"
        match = {"match": {"expr": expr}}
        allow = {"actions": [rule.id], "effect": "EFFECT_ALLOW", "roles": ["bench"]}
        rules.append(allow | {"condition": match})
    resource = {"version": "default", "resource": "application", "rules": rules}
    return {"apiVersion": "api.cerbos.dev/v1", "resourcePolicy": resource}


def question(values: Mapping[str, int]) -> dict[str, Any]:
    """Which of the 20 hold for an applicant."""
    attributes = {_attribute(name): value for name, value in values.items()}
    resource = {"kind": "application", "id": "1", "attr": attributes}
    actions = [rule.id for rule in reference.rules()]
    who = {"id": "bench", "roles": ["bench"]}
    return {"principal": who, "resources": [{"actions": actions, "resource": resource}]}


def _attribute(factor: str) -> str:
    return factor.rpartition(".")[2]


@contextmanager
def serving(server: Path, folder: Path, cores: Cores) -> Iterator[str]:
    """Cerbos on the measured core; yields its gRPC address."""
    policies = folder / "policies"
    policies.mkdir()
    (policies / "application.yaml").write_text(json.dumps(policy()))
    address = f"127.0.0.1:{free_port()}"
    config = folder / "cerbos.yaml"
    config.write_text(
        json.dumps(
            {
                "server": {"grpcListenAddr": address, "httpListenAddr": f"127.0.0.1:{free_port()}"},
                "storage": {"driver": "disk", "disk": {"directory": str(policies)}},
                "audit": {
                    "enabled": True,
                    "backend": "file",
                    "file": {"path": str(folder / "audit.log")},
                },
                "telemetry": {"disabled": True},
            }
        )
    )
    command = cores.only([str(server), "server", f"--config={config}", "--log-level=ERROR"])
    with started(command, folder / "cerbos.log", os.environ | {"CERBOS_NO_TELEMETRY": "1"}):
        _wait_for(address)
        yield address


def _wait_for(address: str) -> None:
    began = monotonic()
    while not is_serving(address):
        if monotonic() - began > PATIENCE:
            raise Absent(f"cerbos did not serve within {PATIENCE:.0f} s")


def asked(address: str) -> list[bytes]:
    """Requests of as many applicants as ours has; raises RuntimeError where an answer is wrong.

    The messages come from the server's own description.
    """
    with grpc.insecure_channel(address) as channel:
        pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        method = pool.FindServiceByName("cerbos.svc.v1.CerbosService").methods_by_name
        kind = method["CheckResources"]
        answer = GetMessageClass(kind.output_type)
        call: Any = channel.unary_unary(CHECK, response_deserializer=answer.FromString)
        made = []
        for values in reference.applicants(USERS):
            message = ParseDict(question(values), GetMessageClass(kind.input_type)())
            made.append(message.SerializeToString())
            _check(MessageToDict(call(made[-1], timeout=10)), values)
    return made


def _check(answer: dict[str, Any], values: dict[str, int]) -> None:
    effects = answer["results"][0]["actions"]
    held = tuple(sorted(name for name, effect in effects.items() if effect == "EFFECT_ALLOW"))
    if held != reference.answer(values).user_state:
        raise RuntimeError(
            f"cerbos finds that {held} hold, not {reference.answer(values).user_state}"
        )


def rows(
    server: Path, folder: Path, cores: Cores, rounds: int, seconds: float
) -> Iterator[dict[str, Cell]]:
    """Ours and Cerbos in turns; the audit log must have grown by each call."""
    command = cores.only(serve_command(unlimited=True))
    with (
        vendor(folder, USERS) as at,
        service(command, folder, **settings(at.base_url)) as process,
        serving(server, folder, cores) as other,
    ):
        address = process.printed("gRPC")[1]
        primed(address, at.users)
        ours = Side(address, METHOD, cycle([request(user) for user in at.users]))
        theirs = Side(other, CHECK, cycle(asked(other)))
        for concurrent in CONCURRENT:
            found = compared(*rounds_of((ours, theirs), concurrent, rounds, seconds))
            named = {name.replace("echo", "cerbos"): cell for name, cell in found.items()}
            yield {"at once": concurrent, **named}
    if not (folder / "audit.log").stat().st_size:
        raise RuntimeError("cerbos wrote no audit log")


def run(rounds: int = 9, seconds: float = 0.8) -> None:
    """Print decisions a second beside Cerbos' checks."""
    try:
        with tempfile.TemporaryDirectory() as name:
            server, version = fetched(Path(name))
            with split_cores() as cores:
                made = list(rows(server, Path(name), cores, rounds, seconds))
    except Absent as error:
        print(f"\ncerbos  left out: {error}")
        return
    notes = (STATE, "SQLite; Cerbos checks 20 actions a call, audit to file", str(cores))
    headline = f"{rounds} rounds of {seconds:g} s a side, in turns; allowed 1.0"
    versions = versions_of("grpcio") | {"cerbos": version}
    show("cerbos", headline, made, versions, notes)
