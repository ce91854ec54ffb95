"""docs/callers.md alone is enough: its programs, copied from it, decide, with TLS and token too."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.clients.conftest import MAKERS, Made
from tests.e2e.process import serving
from tests.e2e.service import at_vendor
from tests.e2e.team import Office, Team


@pytest.mark.parametrize("language", MAKERS)
async def test_a_program_of_the_page_decides(made: Made, language: str, tmp_path: Path) -> None:
    """As it is printed; what is refused is told with its reason and field."""
    program = made(language)
    with serving(tmp_path) as service:
        await program.declines(service.address)
        code, out = program.decide(service.address, user_id="no-such-person!")
    assert code == 1
    for part in ("INVALIDARGUMENT", "FIELDINVALID", "USERID"):
        assert part in out.upper().replace("_", "")


@pytest.mark.parametrize("language", ["python", "node"])
async def test_a_program_of_the_page_decides_with_tls_and_a_token(
    made: Made, language: str, tmp_path: Path
) -> None:
    """With the lines about TLS put in place of those that open the connection."""
    office, team = Office(tmp_path), Team(tmp_path)
    team.hire("loan-origination", "decide")
    settings = office.settings() | {"auth_tokens_file": str(team.path)}
    program = made(language)
    program.write(secure=True)
    async with at_vendor(tmp_path, **settings) as (live, _):
        shown = [str(office.authority), team.tokens["loan-origination"]]
        await program.declines(live.service.address, *shown)
    program.write()
