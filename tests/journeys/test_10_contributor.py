"""Journey 10: a Python engineer, who finds the room by what a decision passes, and its walls."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
import tomllib
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import pytest

from decision_service.api.v1.decision_service_pb2_grpc import DecisionServiceStub
from decision_service.standin.sandbox import sandbox_people
from decision_service.standin.server import build_app, serve
from lint.budget import BUDGET
from tests.e2e.process import command, serving
from tests.e2e.service import PRODUCT, ROOT, create, outcome


@pytest.mark.long
def test_a_decision_passes_the_files_of_the_budget_and_a_warm_one_fewer():
    """Both walks begin at the edge and end in the store; only the cold one asks the vendor."""
    command = [sys.executable, "-m", "bench.walk"]
    printed = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=240
    ).stdout
    cold, warm = re.split(r"^A warm decision", printed, flags=re.MULTILINE)
    files = [set(re.findall(r"^  (\S+\.py)", walk, flags=re.MULTILINE)) for walk in (cold, warm)]
    assert len(files[1]) < len(files[0])
    for walk in files:
        assert {"decide/decide.py", "store/commit.py"} <= walk
        assert not any(file.startswith(("api/", "standin/")) for file in walk)
    assert [any(file.startswith("smile/") for file in walk) for walk in files] == [True, False]
    assert printed.count("Fewer than 6 lines run of ") == 2
    assert printed.endswith(f"Files: cold {len(files[0])}, warm {len(files[1])}\n")
    limits = tomllib.loads(BUDGET.read_text(encoding="utf-8"))
    for name, walk in zip(("cold_files", "warm_files"), files, strict=True):
        assert len(walk) <= limits[name], f"{name} of {BUDGET.name}: {sorted(walk)}"


def _cut(folder: Path) -> None:
    """A copy of the package without what the import contract keeps from the server."""
    shutil.copytree(ROOT / "decision_service", folder / "decision_service")
    (folder / "rules").symlink_to(ROOT / "rules")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    [wall] = [one for one in contracts if one["name"].startswith("Walls")]
    for name in wall["forbidden_modules"]:
        path = folder / name.replace(".", "/")
        shutil.rmtree(path) if path.is_dir() else path.with_suffix(".py").unlink()


@pytest.mark.long
async def test_it_decides_with_both_deleted(tmp_path: Path) -> None:
    """A copy of the package without them decides against a vendor on loopback."""
    _cut(tmp_path)
    lacking = command("backtest", PRODUCT, folder=tmp_path, cwd=tmp_path)
    assert lacking.returncode != 0, "the process imported the whole package"
    vendor = {"smile_mode": "sandbox", "smile_api_key": "k", "smile_api_secret": "s"}
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serve(build_app(api_key="k", api_secret="s")))
        starting = serving(tmp_path, cwd=tmp_path, smile_base_url=url, **vendor)
        process = await asyncio.to_thread(stack.enter_context, starting)
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(process.address))
        george = create(sandbox_people()[0].user_id)
        made = await DecisionServiceStub(channel).CreateDecision(george)
    assert outcome(made.decision) == "APPROVE"
