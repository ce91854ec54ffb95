"""What serves needs neither the workbench of who writes rules nor the stand-in."""

from __future__ import annotations

import asyncio
import shutil
import tomllib
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import pytest

from decision_service.api.v1.decision_service_pb2_grpc import DecisionServiceStub
from decision_service.standin.sandbox import sandbox_people
from decision_service.standin.server import build_app, serve
from tests.e2e.process import command, serving
from tests.e2e.service import PRODUCT, ROOT, create, outcome


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
