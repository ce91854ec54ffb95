"""Journey 1: a developer who has never seen it, from a checkout to a call and an edited rule.

The package without a checkout is walked by `tests/e2e/test_wheel.py`.
"""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import shutil
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from decision_service.runtime.clock import SystemClock
from decision_service.runtime.config import load
from tests.e2e.process import demo_and_next
from tests.e2e.service import ROOT, own_rules, running
from tests.fakes.examples import some
from tests.unit.cli.commands import command

# From a checkout


@pytest.mark.long
def test_what_the_demo_of_a_checkout_prints_last_runs_as_printed(tmp_path: Path) -> None:
    """In a checkout, by the path of `make demo`: a decision, then the rules and the demo again.

    The demo shows the four outcomes, in 100 columns.
    """
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
    own_rules(tmp_path)
    out = demo_and_next(".venv/bin/decision-service", tmp_path)
    demo = out.partition("Try next:")[0]
    for word in ("George Palomero", "APPROVE", "DECLINE", "REFER data", "REFER score"):
        assert word in demo
    assert re.search(r"Its [0-9]+ factors: --view full, below", demo)
    assert max(map(len, demo.splitlines())) <= 100
    assert re.search(r"^DECLINE", out, re.MULTILINE)
    assert out.count("  .venv/bin/decision-service decide --user-id ") == 2
    assert out.count("replaying each gives the same answer") == 2


# The first own call, and the first edit of a rule

README = (ROOT / "README.md").read_text(encoding="utf-8")
EDIT = r"""change `(\w+)` from `(\w+)` to `(\w+)` in
\[`(\S+)`\].* `make demo` shows `(\w+)` for ([\w ]+?)\s+where it was `(\w+)`"""
DEFAULT = load(environ={}).grpc_address


def printed() -> tuple[str, str, str]:
    """The message, the address and the method of the line."""
    [line] = re.findall(r"^grpcurl (.*?)^```$", README, re.M | re.S)
    match shlex.split(line.replace("\\\n", " ")):
        case ["-plaintext", "-d", message, address, method]:
            return message, address, method
    raise AssertionError(f"the line has other arguments than this test performs: {line}")


def called(address: str, method: str, message: str) -> str:
    """The reply as JSON, by what the server says of itself alone, as grpcurl does it."""
    with grpc.insecure_channel(address) as channel:
        pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        service, _, name = method.partition("/")
        described = pool.FindServiceByName(service).methods_by_name[name]
        request = json_format.Parse(message, GetMessageClass(described.input_type)())
        reply = channel.unary_unary(
            f"/{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=GetMessageClass(described.output_type).FromString,
        )(request, timeout=30)
    return json_format.MessageToJson(reply)


async def test_the_grpcurl_line_of_the_readme_decides(tmp_path: Path) -> None:
    """The address is the default one; repeated, the line returns the recorded decision."""
    message, address, method = printed()
    assert address == DEFAULT
    async with running(tmp_path) as live:
        first = await asyncio.to_thread(called, live.service.address, method, message)
        decision = json.loads(first)["decision"]
        assert (decision["outcome"], decision["requestId"]) == ("OUTCOME_APPROVE", "first-call")
        assert await asyncio.to_thread(called, live.service.address, method, message) == first


@pytest.mark.long
@pytest.mark.parametrize("day", some([(2026, 12, 1), (2026, 11, 29), (2028, 2, 29)], 3))
def test_the_edit_of_the_readme_changes_the_demo_on_every_day(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    day: tuple[int, int, int],
) -> None:
    """The edited rules have no mistake, cases of theirs fail, and one person's outcome changes."""
    passed, begun = SystemClock().monotonic, SystemClock().monotonic()
    morning = datetime(*day, 8, tzinfo=UTC)
    monkeypatch.setattr(SystemClock, "now", lambda _: morning + timedelta(seconds=passed() - begun))
    monkeypatch.setattr("uvicorn.server.formatdate", dated)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "rules", "rules")
    [(param, old, new, path, after, person, before)] = re.findall(EDIT, README, re.S)
    text = Path(path).read_text(encoding="utf-8")
    [line] = re.findall(rf"^  {param}: .*$", text, re.M)
    assert outcomes(capsys)[person] == before
    Path(path).write_text(text.replace(line, line.replace(old, new)), encoding="utf-8")
    assert command(capsys, "rules", "check").code == 0
    tested = command(capsys, "rules", "test")
    assert (tested.code, "FAILED" in tested.out) == (1, True)
    assert outcomes(capsys)[person] == after


def dated(*_: object, **__: object) -> str:
    """The stand-in's date, by the clock of the service."""
    return format_datetime(SystemClock().now(), usegmt=True)


def outcomes(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The demo's outcomes by person."""
    done = command(capsys, "sandbox", "demo", "--format", "json")
    assert done.code == 0, done.err
    shown = json.loads(done.out)
    return {one["person"]: one["decision"]["outcome"].removeprefix("OUTCOME_") for one in shown}
