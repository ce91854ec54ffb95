"""The curl lines of docs/callers.md, and the lines of docs/gateway.md about tokens and TLS."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from deploy.gateway.envoy import Gateway, gateway, settings
from tests.e2e.office import Office
from tests.e2e.page import CALLERS, Page
from tests.e2e.service import at_vendor
from tests.e2e.team import Team

PRINTED = "http://127.0.0.1:8080"
OPENED = "Open it to other hosts"
PAUSE = "/v1/rollouts/personal-loan-ph:pause"


def curl(shared: Gateway, word: str) -> Any:
    """What a block of the page prints."""
    command = CALLERS.commands("JSON over HTTP", word)
    assert PRINTED in command
    done = subprocess.run(
        ["bash", "-c", command.replace(PRINTED, shared.url)],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_the_curl_lines_of_the_page_run(shared: Gateway) -> None:
    """A decline with its reasons, in the list as it was answered; and a dry run."""
    made = curl(shared, "curl-1")["decision"]
    assert (made["requestId"], made["outcome"]) == ("curl-1", "OUTCOME_DECLINE")
    assert made["reasons"][0]["message"] == "Too few months with income on record"
    assert curl(shared, "curl-1")["decision"] == made
    assert made in curl(shared, "pageSize")["decisions"]
    tried = curl(shared, ":evaluate")["decision"]
    assert (tried["outcome"], tried["rulesetRef"]["version"]) == ("OUTCOME_APPROVE", 2)


async def test_a_caller_shows_a_token_over_tls(tmp_path: Path) -> None:
    """As the page opens the gateway, with TLS to the service too; without a token it is refused."""
    office, team = Office(tmp_path / "office"), Team(tmp_path)
    office.renew("127.0.0.1", "decisions.example")
    team.hire("loan-origination", "decide")
    shown = {"authorization": f"Bearer {team.tokens['loan-origination']}"}
    tls = office.settings() | {"auth_tokens_file": str(team.path)}
    async with at_vendor(tmp_path, **tls) as (live, _):
        with gateway(tmp_path, live.service.address, opened(office), office.authority) as reached:
            for expected, call in (
                ((401, "UNAUTHENTICATED"), ("get", "/v1/decisions")),
                ((200, None), ("get", "/v1/decisions", None, shown)),
                (
                    (403, "PERMISSION_DENIED"),
                    ("post", PAUSE, {"why": "a"}, shown),
                ),
            ):
                status, answer = await asyncio.to_thread(reached.call, *call)
                reason = answer["details"][0]["reason"] if status != 200 else None
                assert (status, reason) == expected


def opened(office: Office) -> dict[str, Any]:
    """The shipped settings with the page's lines, and an office's files."""
    down, up = (text for language, text in Page("gateway.md").blocks(OPENED) if language == "yaml")
    for name, path in (
        ("tls.crt", office.cert),
        ("tls.key", office.key),
        ("ca.crt", office.authority),
    ):
        down, up = (one.replace(f"/etc/decision-service/{name}", str(path)) for one in (down, up))
    down = down.replace("/etc/decision-service", str(office.folder))
    chosen = settings()
    resources = chosen["static_resources"]
    resources["listeners"][0]["filter_chains"][0].update(yaml.safe_load(down))
    resources["clusters"][0].update(yaml.safe_load(up))
    return chosen
