"""Journey 1: a developer who has never seen it, from the package to a call and an edited rule."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import takewhile
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

from decision_service import __version__
from decision_service.runtime.clock import SystemClock
from decision_service.runtime.config import load
from tests.e2e.service import ROOT, own_rules, running
from tests.fakes.examples import some
from tests.unit.cli.commands import command

# What is printed, typed in a shell that has activated nothing

PATH = "/usr/local/bin:/usr/bin:/bin"
_SESSION = """
set -eu
{serve} &
trap "kill $!" EXIT
until {program} health; do sleep 0.2; done
{rest}
"""


def demo_and_next(program: str, folder: Path) -> str:
    """What the demo prints in a folder, and then what its last lines do there, one after another.

    The server listens on addresses that are free here, which a stranger would leave as they are.
    """
    addresses = {f"DECISION_{one}_ADDRESS": f"127.0.0.1:{_free()}" for one in ("GRPC", "HTTP")}
    environ = {"PATH": PATH, "DECISION_ADMIN_ADDRESS": "127.0.0.1:0", **addresses}
    printed = _bash(f"{program} sandbox demo", folder, environ)
    lines = printed.partition("Try next:")[2].replace("\\\n", "")
    serve, *rest = re.findall(r"^  (\S.*)$", lines, re.MULTILINE)
    session = _SESSION.format(serve=serve, program=program, rest="\n".join(rest))
    return printed + _bash(session, folder, environ)


def _bash(text: str, folder: Path, environ: dict[str, str]) -> str:
    typed = ["bash", "-c", text]
    done = subprocess.run(
        typed, cwd=folder, env=environ, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not found" not in done.stderr
    return done.stdout


def _free() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


# From the package, in an empty folder

PROGRAM = "decision-service"


@dataclass(frozen=True, slots=True)
class Installed:
    """The package's archive, and the folder of programs where it is installed."""

    wheel: Path
    programs: Path

    def run(self, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run the installed program to its end."""
        return subprocess.run(
            [self.programs / PROGRAM, *arguments],
            cwd=cwd,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    @property
    def environ(self) -> dict[str, str]:
        """No setting, and no way to the checkout."""
        theirs = {name: one for name, one in os.environ.items() if not _leads_here(name)}
        quiet = {"DECISION_GRPC_ADDRESS": "127.0.0.1:0", "DECISION_HTTP_ADDRESS": "127.0.0.1:0"} | {
            "DECISION_ADMIN_ADDRESS": "127.0.0.1:0"
        }
        return theirs | quiet


@contextmanager
def serving(installed: Installed, folder: Path, *arguments: str) -> Iterator[str]:
    """`serve` in a folder, with what it printed at its start; ended in order."""
    popen = subprocess.Popen(
        [installed.programs / PROGRAM, "serve", *arguments],
        cwd=folder,
        env=installed.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert popen.stdout is not None
        yield "".join(takewhile(lambda line: "Ctrl-C" not in line, popen.stdout))
        popen.send_signal(signal.SIGTERM)
        assert popen.wait(60) == 0
    finally:
        popen.kill()
        popen.communicate()


def _leads_here(name: str) -> bool:
    return name.startswith("DECISION_") or name in {"PYTHONPATH", "VIRTUAL_ENV"}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of its own with this checkout's files, and nothing that git ignores."""
    folder = tmp_path_factory.mktemp("sources")
    listed = _git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    _git(folder, "init", "--quiet")
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--message=As it is")
    return folder


@pytest.fixture(scope="module")
def installed(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The package as pip builds it of a repository, isolated, in an environment of nothing else.

    The libraries that it needs come at the versions of the lock.
    """
    folder = tmp_path_factory.mktemp("wheel")
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv" / "bin"
    pip = [programs / "python", "-m", "pip"]
    lock = (ROOT / "requirements" / "runtime.txt").read_text(encoding="utf-8")
    versions = folder / "versions.txt"
    versions.write_text("\n".join(re.findall(r"^\S+==[^\s;]+", lock, re.MULTILINE)))
    package = f"git+file://{sources}"
    _run(*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, package, cwd=folder)
    [wheel] = folder.glob("*.whl")
    _run(*pip, "install", "--quiet", "--constraint", versions, wheel, cwd=folder)
    return Installed(wheel, programs)


@pytest.mark.long
def test_the_demo_decides_in_an_empty_folder(installed: Installed, tmp_path: Path) -> None:
    """What a plain installation brings decides for the made-up people, and leaves nothing."""
    done = installed.run("sandbox", "demo", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Recorded 4 decisions; replaying each gives the same answer." in done.stdout
    assert "store for this run alone" in done.stdout
    assert not [*tmp_path.iterdir()]


@pytest.mark.long
def test_what_the_demo_of_the_package_prints_last_runs_as_printed(
    installed: Installed, tmp_path: Path
) -> None:
    """Without a checkout: a decision, a folder of rules, and the demo by those rules."""
    out = demo_and_next(str(installed.programs / PROGRAM), tmp_path)
    assert re.search(r"^DECLINE", out, re.MULTILINE)
    assert out.count("replaying each gives the same answer") == 2
    assert (tmp_path / "mine" / "rules").is_dir()


@pytest.mark.long
def test_a_folder_is_begun_and_used(installed: Installed, tmp_path: Path) -> None:
    """`init` writes rules whose tests pass and settings that `serve` takes, once."""
    done = installed.run("init", "mine", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    mine = tmp_path / "mine"
    assert sorted(one.name for one in mine.iterdir()) == ["decision-service.yaml", "rules"]
    assert installed.run("rules", "test", cwd=mine).returncode == 0
    with serving(installed, mine, "--config", "decision-service.yaml") as told:
        assert "of the package" not in told
    assert installed.run("init", "--deploy", "deploy", cwd=tmp_path).returncode == 0
    assert (tmp_path / "deploy" / "systemd" / "decision-service@.service").is_file()
    again = installed.run("init", "mine", cwd=tmp_path)
    assert (again.returncode, "mine is not empty (" in again.stderr) == (2, True)


@pytest.mark.long
def test_the_version_tells_the_commit(installed: Installed, sources: Path, tmp_path: Path) -> None:
    """The installed program says which commit it was built from."""
    told = installed.run("version", cwd=tmp_path).stdout
    assert told.split()[1] == f"{__version__}+{_git(sources, 'rev-parse', 'HEAD')[:12]}"


@pytest.mark.long
def test_everything_that_is_given_to_others_is_inside(installed: Installed) -> None:
    """Every rule file, proto and service config of the checkout, and the licence, as they are."""
    given = [one for top in ("rules", "protos") for one in _files(ROOT / top)]
    with zipfile.ZipFile(installed.wheel) as archive:
        inside = set(archive.namelist())
        for file in given:
            place = f"decision_service/starter/{file.relative_to(ROOT)}"
            assert archive.read(place) == file.read_bytes()
    assert any(name.endswith("service_config.json") for name in inside)
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in inside)
    assert not any(name.endswith("build.py") and "protos" in name for name in inside)


def _files(top: Path) -> Iterator[Path]:
    return (one for one in top.rglob("*") if one.is_file() and one.suffix not in {".py", ".pyc"})


def _git(folder: Path, *arguments: str) -> str:
    name = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    return _run("git", *name, *arguments, cwd=folder)


def _run(*command: str | Path, cwd: Path) -> str:
    """What a program prints, with what it complains of where it fails."""
    environ = {name: one for name, one in os.environ.items() if not _leads_here(name)}
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


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
