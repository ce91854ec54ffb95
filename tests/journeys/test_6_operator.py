"""Journey 6: who installs and is called at night, from preflight to a restored backup."""

from __future__ import annotations

import asyncio
import json
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from decision_service.api.v1 import applicant_service_pb2 as pb
from decision_service.api.v1 import applicant_service_pb2_grpc
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.app import wiring as upkeep
from decision_service.decide.events import NEEDED_TYPES
from decision_service.operate.preflight import erasures_check, identity_keys_check
from decision_service.runtime.config import load
from decision_service.server.transport import health
from decision_service.standin.sandbox import sandbox_people
from decision_service.standin.server import Simulator, build_app, serve
from decision_service.store.keys import DATA_KEYS
from decision_service.store.seals import JOURNAL_KEYS
from tests.e2e.process import command
from tests.e2e.service import (
    Running,
    as_recorded,
    at_vendor,
    create,
    metrics,
    own_rules,
    refused,
    running,
)
from tests.fakes.observed import captured
from tests.kits.cases import until
from tests.unit.cli.commands import command as here

# Preflight, and the events of the vendor

SECRET = "a secret of webhooks"


def settings(folder: Path, base_url: str, **more: str) -> dict[str, str]:
    """Settings of a service at a vendor."""
    return {
        "smile_mode": "sandbox",
        "smile_api_key": "k",
        "smile_api_secret": "s",
        "smile_base_url": base_url,
        "store_url": f"sqlite:///{folder}/preflight.db",
        **more,
    }


async def run(*arguments: str, folder: Path, **more: str) -> Any:
    """Run a command next to the vendor of this process."""
    return await asyncio.to_thread(command, *arguments, folder=folder, **more)


def lines_of(output: str) -> dict[str, tuple[bool | None, str]]:
    """The lines by name; of several with one name the last that is not in order, else the last."""
    found: dict[str, tuple[bool | None, str]] = {}
    for line in json.loads(output):
        if found.get(line["name"], (True, ""))[0] is not False:
            found[line["name"]] = (line["ok"], line["words"])
    return found


def staged(folder: Path) -> Path:
    """The shipped rules with plans that begin at a first stage of 0 %."""
    rules = own_rules(folder)
    for plan in rules.glob("*/rollout.yaml"):
        text = plan.read_text()
        text = text.replace("initial_stage: all", "initial_stage: staff")
        if "name: staff" not in text:
            text = text.replace("stages:\n", "stages:\n    - {name: staff, percent: 0}\n", 1)
        plan.write_text(text)
    policy = rules / "policy.yaml"
    policy.write_text(policy.read_text().replace("The demo", "Ours"))
    for letters in rules.glob("*/notices/*.yaml"):
        text = letters.read_text().replace("Sample Lending Inc.", "Bayan Credit Inc.")
        text = text.replace("8000 0000", "8765 4321").replace("lender.example", "bayan.ph")
        letters.write_text(text)
    return rules


def registered(vendor: Simulator, url: str) -> None:
    """A webhook as `webhooks register` makes it; the vendor takes https alone."""
    fields = {
        "name": "decision-service",
        "url": url,
        "eventTypes": list(NEEDED_TYPES),
        "active": True,
        "includePayload": False,
        "secret": SECRET,
    }
    vendor.webhooks.register(fields, vendor.tenant.now())


def approved_by_two(folder: Path) -> dict[str, str]:
    """What a live service sets so that two persons confirm its rules."""
    JOURNAL_KEYS.add(folder / "journal-keys")
    callers = folder / "callers.yaml"
    callers.write_text(
        f"callers:\n  ana: {{roles: [rules_approve], tokens: ['sha256:{0:064x}']}}\n"
    )
    return {
        "require_approval": "true",
        "journal_key_file": str(folder / "journal-keys"),
        "auth_tokens_file": str(callers),
    }


@pytest.mark.long
async def test_everything_in_order(tmp_path: Path) -> None:
    """Keys of the mode, staged rules, a store, the clock, and webhooks that reach the service."""
    more = {"webhook_secrets": SECRET, "http_address": "127.0.0.1:0"}
    async with at_vendor(tmp_path, **more) as (live, vendor):
        registered(vendor, f"{live.service.http_url}/webhooks/smile")
        where = settings(tmp_path, live.service.core.smile_url, webhook_secrets=SECRET)
        DATA_KEYS.add(tmp_path / "data-keys")
        done = await run(
            "preflight", "--format", "json", folder=tmp_path, rules_dir=str(staged(tmp_path)),
            data_key_file=str(tmp_path / "data-keys"), **approved_by_two(tmp_path), **where,
        )  # fmt: skip
        lines = lines_of(done.stdout)
        vendor_lines = ("base URL", "widget", "clock", "keys", "webhooks")
        own_lines = ("mode", "rules", "approval", "rollout", "store", "data keys")
        for name in (*own_lines, *vendor_lines):
            assert lines[name][0] is True, (name, lines[name])
        assert lines["transport"][0] is None
        assert done.returncode == 0, [one for one in lines.items() if one[1][0] is False]


@pytest.mark.long
async def test_what_is_not_in_order_says_what_to_do(tmp_path: Path) -> None:
    """Plans that are fully live, missing webhooks, refused keys: exit code 1, a line for each."""
    vendor = build_app(api_key="k", api_secret="s")
    async with serve(vendor) as url:
        where = settings(tmp_path, url, webhook_secrets=SECRET)
        done = await run("preflight", folder=tmp_path, **where)
        assert done.returncode == 1
        assert "DO  rollout" in done.stdout
        assert "DO  webhooks   " in done.stdout
        assert "webhooks register" in done.stdout
        wrong = await run("preflight", folder=tmp_path, **(where | {"smile_api_secret": "no"}))
        assert "DO  data keys" in done.stdout
        assert "HTTP 401: check the key pair" in wrong.stdout
        assert "Traceback" not in done.stderr + wrong.stderr


@pytest.mark.long
async def test_a_rollout_that_has_moved_on_is_not_at_its_first_stage(tmp_path: Path) -> None:
    """The store's journal tells, whatever the plan says."""
    rules = {"rules_dir": str(staged(tmp_path))}
    vendor = build_app(api_key="k", api_secret="s")
    async with serve(vendor) as url:
        where = settings(tmp_path, url) | rules
        async with running(tmp_path, **where) as live:
            moved = await run(
                "rollout", "advance", "personal-loan-ph", "--why", "try",
                "--address", live.service.address, folder=tmp_path,
            )  # fmt: skip
            assert moved.returncode == 0, moved.stderr
        done = await run("preflight", folder=tmp_path, **where)
        assert "DO  rollout       personal-loan-ph is at stage" in done.stdout
        assert "ok  rollout       gig-advance-ph is at stage staff (0 %)" in done.stdout


@pytest.mark.long
async def test_webhooks_are_registered_listed_and_tried(tmp_path: Path) -> None:
    """A secret is registered once, a webhook removed by its id; a receiver answers the trial."""
    more = {"webhook_secrets": SECRET, "http_address": "127.0.0.1:0"}
    async with at_vendor(tmp_path, **more) as (live, vendor):
        where = settings(tmp_path, live.service.core.smile_url, webhook_secrets=SECRET)
        nothing = await run("webhooks", "list", folder=tmp_path, **where)
        assert (nothing.returncode, "nothing sends" in nothing.stderr) == (1, True)
        plain = await run("webhooks", "register", "http://x.test/h", folder=tmp_path, **where)
        assert (plain.returncode, "https" in plain.stderr) == (2, True)
        address = "https://decisions.test/webhooks/smile"
        made = await run("webhooks", "register", address, folder=tmp_path, **where)
        assert (made.returncode, address in made.stdout) == (0, True), made.stderr
        [hook] = vendor.webhooks.all()
        assert set(hook["eventTypes"]) == set(NEEDED_TYPES)
        again = await run("webhooks", "register", address, folder=tmp_path, **where)
        assert (again.returncode, "Registered already" in again.stdout) == (0, True)
        assert vendor.webhooks.all() == [hook]
        assert (await run("webhooks", "list", folder=tmp_path, **where)).returncode == 0
        newer = where | {"webhook_secrets": f"a newer secret of tests,{SECRET}"}
        assert (
            await run("webhooks", "register", address, folder=tmp_path, **newer)
        ).returncode == 0
        assert {one["secret"] for one in vendor.webhooks.all()} == {
            "a newer secret of tests",
            SECRET,
        }
        for code in (0, 1):
            gone = await run("webhooks", "remove", hook["id"], folder=tmp_path, **where)
            assert (gone.returncode, hook["id"] in gone.stdout + gone.stderr) == (code, True)
        assert [one["secret"] for one in vendor.webhooks.all()] == ["a newer secret of tests"]
        await tried(live, tmp_path, where)


async def tried(live: Running, folder: Path, where: dict[str, str]) -> None:
    """The trial passes with the server's secret and fails with another."""
    here = f"{live.service.http_url}/webhooks/smile"
    good = await run("webhooks", "send-test", here, folder=folder, **where)
    assert (good.returncode, "HTTP 200" in good.stdout, "HTTP 401" in good.stdout) == (
        0,
        True,
        True,
    )
    form = ("--format", "json")
    told = await run("webhooks", "send-test", here, *form, folder=folder, **where)
    assert json.loads(told.stdout) == {"signed": 200, "forged": 401}
    other = where | {"webhook_secrets": "another secret of tests"}
    assert (await run("webhooks", "send-test", here, folder=folder, **other)).returncode == 1


FILE, SERVER = {"smile_mode": "embedded"}, {"store_url": "postgresql://127.0.0.1:9/d"}


@pytest.mark.parametrize(
    ("more", "ok", "words"),
    [
        (FILE, None, "in the folder of the SQLite file"),
        (SERVER, False, "set DECISION_"),
        ({**FILE, "erasure_journal": "there", "identity_key_file": "there"}, True, "there"),
        ({**SERVER, "erasure_journal": "postgresql://u:canary@127.0.0.1:9/e"}, None, "as a whole"),
        ({**SERVER, "erasure_journal": "postgresql://u:canary@h/e"}, True, "noted in h/e"),
    ],
)
def test_where_erasures_are_noted_is_looked_at(
    tmp_path: Path, more: dict[str, str], ok: bool | None, words: str
) -> None:
    """Beside SQLite they are, with the keys of hashes; for PostgreSQL files must be named."""
    given = settings(tmp_path, "http://127.0.0.1:9/v1", **more)
    chosen = load(environ={f"DECISION_{name.upper()}": value for name, value in given.items()})
    checks = [erasures_check(chosen)]
    if "canary" not in more.get("erasure_journal", ""):
        checks.append(identity_keys_check(chosen))
    for check in checks:
        assert (check.ok, words in check.words, "canary" in check.words) == (ok, True, False)


# Backup and restore

GEORGE, RYAN, *_ = (person.user_id for person in sandbox_people())


async def test_a_backup_brings_no_erased_person_back(tmp_path: Path) -> None:
    """Decided, backed up, erased, restored, started: the data is nowhere, the decision is there."""
    store, backup = tmp_path / "decisions.db", tmp_path / "backup.db"
    async with running(tmp_path) as live:
        decided = (await live.stub.CreateDecision(create(GEORGE))).decision
        other = (await live.stub.CreateDecision(create(RYAN))).decision
        _back_up(store, backup)
        applicants = applicant_service_pb2_grpc.ApplicantServiceStub(live.channel)
        erased = await applicants.EraseApplicant(pb.EraseApplicantRequest(user_id=GEORGE))
        assert erased.erased_snapshots == 1
    key = _key_of(backup, GEORGE)
    _restore(backup, store)
    async with running(tmp_path) as live:
        for file in tmp_path.glob("decisions.db*"):
            assert key not in file.read_bytes()
        read = service_pb.GetDecisionRequest(decision_id=decided.decision_id)
        found = (await live.stub.GetDecision(read)).decision
        assert as_recorded(found) == decided
        told = await refused(live.stub.ReplayDecision(_replay(decided.decision_id)))
        assert told.info.reason == "SNAPSHOT_ERASED"
        replayed = await live.stub.ReplayDecision(_replay(other.decision_id))
        assert list(replayed.differing_fields) == []


def _replay(decision_id: str) -> service_pb.ReplayDecisionRequest:
    return service_pb.ReplayDecisionRequest(decision_id=decision_id)


def _back_up(store: Path, backup: Path) -> None:
    with closing(sqlite3.connect(store)) as source, closing(sqlite3.connect(backup)) as target:
        source.backup(target)


def _restore(backup: Path, store: Path) -> None:
    for leftover in (store.with_name(f"{store.name}-wal"), store.with_name(f"{store.name}-shm")):
        leftover.unlink(missing_ok=True)
    backup.replace(store)


def _key_of(store: Path, user_id: str) -> bytes:
    with closing(sqlite3.connect(store)) as connection:
        found = connection.execute("SELECT key FROM consents WHERE user_id = ?", (user_id,))
        return bytes(found.fetchone()[0])


# An incident

SERVING = health_pb2.HealthCheckResponse.SERVING
PAGE = 4096
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@contextmanager
def full_disk() -> Iterator[None]:
    """Have the system refuse every write behind a file's first page.

    A log that was written back in the meantime begins anew, inside of what it had; no transaction
    fits into one page of it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (PAGE, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def health_becomes(live: Running, status: int) -> None:
    """Wait until health says so."""
    stub = health_pb2_grpc.HealthStub(live.channel)
    request = health_pb2.HealthCheckRequest()
    await until(lambda: stub.Check(request), lambda reply: reply.status == status)


async def test_a_full_disk_stops_decisions_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UNAVAILABLE with a time to retry and NOT_SERVING; replays go on; with room all is well."""
    monkeypatch.setattr(upkeep, "HEALTH_SECONDS", 0.05)
    async with running(tmp_path) as live:
        recorded, lost = create(GEORGE), create(GEORGE)
        first = await live.stub.CreateDecision(recorded)
        with full_disk():
            told = await refused(live.stub.CreateDecision(lost))
            assert (told.code, told.info.reason) == (
                grpc.StatusCode.UNAVAILABLE,
                "STORE_UNAVAILABLE",
            )
            assert told.retry is not None
            await health_becomes(live, NOT_SERVING)
            assert await live.stub.CreateDecision(recorded) == first
            listed = await live.stub.ListDecisions(service_pb.ListDecisionsRequest())
            assert len(listed.decisions) == 1
        await health_becomes(live, SERVING)
        await live.stub.CreateDecision(lost)


async def test_every_way_to_ask_for_health_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command, the log and the metric follow the store's fault and its end."""
    lines = captured(monkeypatch, health)
    async with running(tmp_path) as live:
        asked = ["health", "--address", live.service.address, "--format", "json"]
        fault = "store: the disk is full – é"
        for reasons, code, shown in (([fault], 3, "\\u2013 \\xe9"), ([], 0, None)):
            live.service.rpc.health.set(reasons)
            told = {"event": "health changed", "reason": fault if reasons else None}
            assert [one for one in lines if told.items() <= one.items()]
            printed = await asyncio.to_thread(here, capsys, *asked)
            assert printed.code == code
            reason = json.loads(printed.out)["reason"]
            assert reason == (shown and f"store: the disk is full {shown}")
            assert (reason or "") in printed.err
            assert (await metrics(live))["decision_service_serving"] == (not reasons)
