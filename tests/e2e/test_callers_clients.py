"""docs/callers.md alone is enough: its clients, copied from it, decide, with TLS and token too."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.e2e.callers_client import Client, node, python
from tests.e2e.office import Office
from tests.e2e.page import CALLERS
from tests.e2e.service import ROOT, Running, at_vendor
from tests.e2e.team import Team


@pytest.fixture(params=[python, node], ids=["python", "node"])
async def client(request: pytest.FixtureRequest, tmp_path: Path) -> Client:
    """A client made by the page's own commands from a copy of the protos alone."""
    folder = tmp_path / "loans"
    shutil.copytree(ROOT / "protos", folder / "protos")
    made: Client = request.param(folder)
    if made.language == "Python":
        generate = CALLERS.commands("Python", "grpc_tools.protoc")
        code, out = await made.run(generate)
        assert code == 0, out
    return made


async def test_a_client_of_the_page_decides(live: Running, client: Client) -> None:
    """As it is printed; what is refused is told with its reason and field."""
    address = live.service.address
    await client.decides(address)
    user_id = client.call.split()[-1]
    code, out = await client.run(client.call.replace(user_id, "no-such-person!"), address)
    assert code == 1
    for part in ("INVALID_ARGUMENT", "FIELD_INVALID", "user_id"):
        assert part in out


async def test_a_client_of_the_page_decides_with_tls_and_a_token(
    client: Client, tmp_path: Path
) -> None:
    """With the lines about TLS put in place of those that open the connection."""
    office, team = Office(tmp_path), Team(tmp_path)
    team.hire("loan-origination", "decide")
    settings = office.settings() | {"auth_tokens_file": str(team.path)}
    async with at_vendor(tmp_path, **settings) as (live, _):
        shown = [str(office.authority), team.tokens["loan-origination"]]
        await client.decides(live.service.address, *shown, secure=True)
