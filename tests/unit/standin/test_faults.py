"""Scenarios, and every fault that they can script: for whom, where and how often."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import yaml

from decision_service.standin.commands import ScenarioRefused, load_scenario
from decision_service.standin.faults import EFFECTS, MODELS, Fault, FaultRefused
from tests.kits.cases import cases
from tests.unit.standin.kit import ANISHA, CHRISTINA, GEORGE, RYAN, Stand, open_stand

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx2

UNAVAILABLE = {"status": 503}


def script(stand: Stand, effect: str, path: str = "*", **settings: Any) -> None:
    """Put a fault in force for Ryan."""
    stand.app.faults.add(Fault(effect, path, RYAN.user_id, settings=settings))


async def ryans(stand: Stand, path: str = "/eincomes", **query: Any) -> Any:
    """What a list answers about Ryan."""
    return await stand.get(path, userId=RYAN.user_id, **query)


async def test_a_fault_is_for_its_user_and_path_only(stand: Stand) -> None:
    """Other users, other endpoints and requests that name no user are answered as ever."""
    script(stand, "status", "/eincomes", **UNAVAILABLE)
    assert (await ryans(stand)).status_code == 503
    assert (await ryans(stand, "/contributions")).status_code == 200
    assert (await stand.get("/eincomes", userId=GEORGE.user_id)).status_code == 200
    assert (await stand.get("/eincomes")).status_code == 200


async def test_a_request_names_its_user_in_many_ways(stand: Stand) -> None:
    """A user is recognised by path, by filter, by source and by cursor."""
    account = await stand.account(RYAN.user_id)
    first = await stand.data("/eincomes", userId=RYAN.user_id, size=1)
    script(stand, "status", **UNAVAILABLE)
    asked = [
        await stand.get(f"/users/{RYAN.user_id}"),
        await stand.get(f"/accounts/{account['id']}"),
        await stand.get("/eincomes", sourceId=account["id"]),
        await stand.get("/contributions", accountId=account["id"]),
        await stand.get("/eincomes", cursor=first["nextCursor"]),
        await stand.client.post(f"tokens?userId={RYAN.user_id}"),
    ]
    assert {answer.status_code for answer in asked} == {503}


async def test_a_fault_can_skip_and_end(stand: Stand) -> None:
    """The first `skip` requests pass, the next `times` are hit, then all is well again."""
    stand.app.faults.add(Fault("status", "/eincomes", times=2, skip=1, settings=UNAVAILABLE))
    assert [(await ryans(stand)).status_code for _ in range(5)] == [200, 503, 503, 200, 200]


async def test_a_fault_can_be_for_one_method(stand: Stand) -> None:
    """With a method other methods pass; a request that is refused so has no effect."""
    account = await stand.account(RYAN.user_id)
    stand.app.faults.add(Fault("status", "/accounts/*", method="delete", settings=UNAVAILABLE))
    assert (await stand.client.delete(f"accounts/{account['id']}")).status_code == 503
    assert (await stand.get(f"/accounts/{account['id']}")).status_code == 200


async def test_added_faults_can_be_cleared(stand: Stand) -> None:
    """Clearing takes added faults away and leaves those of the people's own stories."""
    script(stand, "status", **UNAVAILABLE)
    stand.app.faults.clear()
    assert (await ryans(stand)).status_code == 200
    assert (await stand.get("/contributions", userId=CHRISTINA.user_id)).status_code == 503


EFFECT_CASES: list[tuple[str, dict[str, Any], Callable[[httpx2.Response], bool]]] = [
    *(
        ("status", {"status": 429, "retry_after": wait},
         lambda got, wait=wait: got.headers["retry-after"] == str(wait)
         and got.json()["code"] == "REQUEST_LIMIT_EXCEEDED")
        for wait in ("86400", "-5", "soon", "Wed, 25 Nov 2026 00:00:00 GMT", 2)
    ),
    ("status", {"status": 429}, lambda got: "retry-after" not in got.headers),
    ("status", {"status": 400, "code": "INVALID_CREDENTIALS"},
     lambda got: got.json()["code"] == "INVALID_CREDENTIALS"),
    ("malformed", {"bytes": 17}, lambda got: len(got.content) == 17),
    ("malformed", {}, lambda got: got.content[:1] == b"{" and got.content[-1:] != b"}"),
    ("html", {}, lambda got: got.headers["content-type"].startswith("text/html")),
    ("redirect", {"location": "http://169.254.169.254/"},
     lambda got: (got.status_code, got.headers["location"]) == (302, "http://169.254.169.254/")),
    ("content_type", {"value": "text/plain"},
     lambda got: (got.headers["content-type"], got.json()["code"]) == ("text/plain", "OK")),
    ("encoding", {"name": "utf-16"}, lambda got: "amount" in got.content.decode("utf-16")),
    ("huge", {"bytes": 1_000}, lambda got: len(got.json()["padding"]) == 1_000),
    ("deep", {"depth": 50}, lambda got: got.content.count(b"[") == 51),
    ("envelope_code", {"code": "SERVER_ERROR"},
     lambda got: (got.status_code, got.json()["code"]) == (200, "SERVER_ERROR")),
    ("data_null", {}, lambda got: got.json()["data"] is None),
    ("lost_cursor", {}, lambda got: "nextCursor" not in got.json()["data"]),
    ("null_cursor", {}, lambda got: got.json()["data"]["nextCursor"] is None),
    ("duplicate", {}, lambda got: len(items(got)) == 3 and items(got)[0] == items(got)[-1]),
    ("conflict", {"field": "amount", "value": 1},
     lambda got: items(got)[0] == items(got)[-1] | {"amount": items(got)[0]["amount"]}
     and items(got)[-1]["amount"] == 1),
    *(
        ("number", {"field": "amount", "value": text},
         lambda got, text=text: f'"amount":{text},' in got.text)
        for text in ("NaN", "Infinity", "1e400", "-0", "9" * 400, "12.345678")
    ),
    ("set", {"field": "currency", "value": None, "all": True},
     lambda got: [one["currency"] for one in items(got)] == [None, None]),
    ("set", {"field": "metadata.mood", "value": {"new": 1}},
     lambda got: [one["metadata"].get("mood") for one in items(got)] == [{"new": 1}, None]),
    ("drop", {"field": "currency"}, lambda got: "currency" not in items(got)[0]),
    ("base_amount", {},
     lambda got: [("amount" in one, one["baseAmount"]) for one in items(got)]
     == [(False, 13000)] * 2),
    ("other_user", {},
     lambda got: items(got)[0]["metadata"]["userId"] != RYAN.user_id
     == items(got)[1]["metadata"]["userId"]),
]  # fmt: skip


def items(answer: httpx2.Response) -> list[dict[str, Any]]:
    """What a page holds."""
    found: list[dict[str, Any]] = answer.json()["data"]["items"]
    return found


@pytest.mark.parametrize(("effect", "settings", "holds"), EFFECT_CASES)
async def test_each_effect_changes_what_it_says(
    stand: Stand,
    effect: str,
    settings: dict[str, Any],
    holds: Callable[[httpx2.Response], bool],
) -> None:
    """The same page of two estimates, otherwise right, without and with the fault."""
    before, held = await ryans(stand), False
    with suppress(KeyError, ValueError):
        held = holds(before)
    assert not held or effect in {"status", "lost_cursor"}
    script(stand, effect, **settings)
    after = await ryans(stand)
    assert holds(after), after.text[:300]
    stand.app.faults.clear()
    assert items(await ryans(stand)) == items(before)


async def test_an_answer_can_be_slow(stand: Stand) -> None:
    """A slow answer waits, is right when it comes, and comes at once when the server closes."""
    script(stand, "slow", seconds=600)
    asking = asyncio.create_task(ryans(stand))
    while not stand.app.faults.hits:
        await asyncio.sleep(0)
    assert not asking.done()
    stand.app.closing.set()
    assert (await asking).status_code == 200


async def test_cursors_can_loop(stand: Stand) -> None:
    """Every page points back to the beginning."""
    script(stand, "cursor_loop")
    first = (await ryans(stand, size=2)).json()["data"]
    again = (await ryans(stand, size=2, cursor=first["nextCursor"])).json()["data"]
    assert again == first


async def test_pages_can_be_empty_for_ever(stand: Stand) -> None:
    """Empty pages come with a cursor that differs each time."""
    script(stand, "empty_pages")
    first = (await ryans(stand)).json()["data"]
    second = (await ryans(stand, cursor=first["nextCursor"])).json()["data"]
    assert first["items"] == second["items"] == []
    assert first["nextCursor"] != second["nextCursor"]


async def test_lists_can_be_bare_arrays() -> None:
    """The guide's form is one array with everything, whatever the page size."""
    async with open_stand() as stand:
        whole = await stand.items("/eincomes", userId=ANISHA.user_id)
        stand.app.faults.add(Fault("bare_array"))
        answer = await stand.get("/eincomes", userId=ANISHA.user_id, size=5)
        providers = await stand.get("/providers")
    assert answer.json() == whole
    assert len(providers.json()) > 10


async def test_accounts_can_be_in_any_state(stand: Stand) -> None:
    """Accounts at a provider show the scripted state and age, in the list and alone."""
    changed = {"provider": "sss_ph", "status": "ERROR", "error_code": "INVALID_AUTH",
               "monitor_status": "USER_ACTION_REQUIRED", "age_minutes": 5}  # fmt: skip
    stand.app.faults.add(Fault("account_state", "/accounts*", settings=changed))
    listed = await stand.items("/accounts", userId=GEORGE.user_id)
    by_provider = {account["providerId"]: account for account in listed}
    sss = by_provider["sss_ph"]
    assert (sss["connectionStatus"], sss["connection"]["status"]) == ("ERROR", "ERROR")
    assert sss["connection"]["errorCode"] == "INVALID_AUTH"
    assert sss["monitorStatus"] == sss["monitor"]["status"] == "USER_ACTION_REQUIRED"
    assert sss["createdAt"] == sss["connection"]["updatedAt"] == "2026-11-24T06:25:00Z"
    assert by_provider["pagibig_ph"]["connectionStatus"] == "CONNECTED"
    assert await stand.data(f"/accounts/{sss['id']}") == sss


async def test_a_sync_can_be_old(stand: Stand) -> None:
    """An account's sync can lie back while the account itself is as old as it was."""
    before = await stand.account(RYAN.user_id)
    script(stand, "account_state", "/accounts", synced_minutes_ago=40 * 24 * 60)
    account = await stand.account(RYAN.user_id)
    assert account["monitor"]["updatedAt"] == "2026-10-15T06:30:00Z"
    assert account["createdAt"] == before["createdAt"]


async def test_a_task_can_still_run(stand: Stand) -> None:
    """Tasks show as started, without an end and without data kinds, and since when it is said."""
    script(stand, "task_running", age_minutes=5)
    for task in await stand.items("/tasks", userId=RYAN.user_id):
        assert (task["status"], task["datapoints"], "finishedAt" in task) == ("Started", [], False)
        assert task["startedAt"] == "2026-11-24T06:25:00Z"


@pytest.mark.parametrize(("effect", "settings", "said"), cases("standin/faults"))
def test_a_fault_that_cannot_be_is_refused(
    effect: str, settings: dict[str, Any], said: str
) -> None:
    """The refusal is one sentence that names the setting."""
    with pytest.raises(FaultRefused) as refused:
        Fault(effect, settings=settings)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("effect", EFFECTS)
async def test_every_effect_leaves_other_answers_possible(effect: str) -> None:
    """Each effect can happen to errors, objects and lists without breaking the stand-in."""
    needed = {"status": 500, "seconds": 0, "location": "/x", "value": "v", "name": "utf-8",
              "code": "OK", "field": "id"}  # fmt: skip
    fields = {one.name: one for one in msgspec.structs.fields(MODELS[effect])}
    settings = {name: needed[name] for name, one in fields.items() if one.required}
    if effect == "deep":
        settings["depth"] = 3
    async with open_stand(faults=[Fault(effect, settings=settings)]) as stand:
        for path in ("/users/nobody", "/providers/sss_ph", f"/users/{RYAN.user_id}", "/eincomes"):
            answer = await stand.get(path)
            assert effect == "status" or "The stand-in failed" not in answer.text


TODAY = date(2026, 11, 24)

TEXT = """
requests_per_second: 7
collecting: 90
faults:
  - {user: Ryan, path: /contributions, fault: status, status: 503, retry_after: 1, times: 1}
  - {user: Anisha, path: /eincomes, fault: cursor_loop, skip: 1}
"""


async def test_a_scenario_plays_as_written() -> None:
    """People, limits and faults are those of the file."""
    scenario = load_scenario(yaml.safe_load(TEXT))
    assert scenario.requests_per_second == 7
    assert scenario.collecting == timedelta(seconds=90)
    async with open_stand(scenario.world, faults=scenario.faults) as stand:
        assert len(await stand.items("/users")) == 4
        first = await stand.get("/contributions", userId=RYAN.user_id)
        assert (first.status_code, first.headers["retry-after"]) == (503, "1")
        assert (await stand.get("/contributions", userId=RYAN.user_id)).status_code == 200
        assert "nextCursor" not in await stand.data("/eincomes", userId=ANISHA.user_id, size=150)
        assert "nextCursor" in await stand.data("/eincomes", userId=ANISHA.user_id, size=150)


def test_an_empty_scenario_is_the_sandbox() -> None:
    """Without anything said the four are there and nothing goes wrong but their stories.

    They can be left out, and any user id in the vendor's form is taken as it is.
    """
    assert len(load_scenario({"sandbox": False}).world(TODAY)) == 0
    (fault,) = load_scenario({"faults": [{"user": RYAN.user_id, "fault": "html"}]}).faults
    assert fault.user == RYAN.user_id
    scenario = load_scenario({})
    assert len(scenario.world(TODAY)) == 4
    assert (scenario.faults, scenario.requests_per_second) == ((), 20)


@pytest.mark.parametrize(("mapping", "said"), cases("standin/scenario"))
def test_what_cannot_be_played_is_refused_in_a_sentence(mapping: Any, said: str) -> None:
    """The refusal says where, what and what to give instead, on one line."""
    with pytest.raises(ScenarioRefused) as refused:
        load_scenario(mapping)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


PAGE = (Path(__file__).parents[3] / "docs" / "install.md").read_text(encoding="utf-8")
PART = PAGE.partition("**A scenario**")[2].partition("\n## ")[0]


def test_the_scenario_of_the_page_is_taken() -> None:
    """As it is printed, each fault with its settings."""
    [shown] = re.findall(r"^```yaml\n(.*?)^```$", PART, re.MULTILINE | re.DOTALL)
    assert len(load_scenario(yaml.safe_load(shown)).faults) == shown.count("fault:")


def test_the_page_names_every_fault_and_no_other() -> None:
    """And no setting in its words that no fault has."""
    rows = [line.split("|")[1:3] for line in PART.splitlines() if line.startswith("| `")]
    named = re.findall(r"`(\w+)`", "".join(names for names, _ in rows))
    assert sorted(named) == sorted(EFFECTS)
    settings = {one for model in MODELS.values() for one in model.__struct_fields__}
    assert {*re.findall(r"`(\w+)`", "".join(words for _, words in rows))} <= settings
