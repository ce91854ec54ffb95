"""The tenant: users, tokens, revocations and days, and what happens behind the widget."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from decision_service.standin.linking import LinkRefused, LinkSessions
from decision_service.standin.sandbox import sandbox
from decision_service.standin.tenant import COLLECTING, TOKEN_LIFE, Tenant
from tests.unit.standin.kit import CHRISTINA, GEORGE, RYAN, Clock, Stand


async def test_a_created_user_begins_without_accounts(stand: Stand) -> None:
    """A new user is found by id and in the list, with the metadata it was given."""
    external = {"applicant": "A-17"}
    answer = await stand.client.post("users", json={"externalMetadata": external})
    data = answer.json()["data"]
    assert answer.status_code == 201
    assert data["user"]["externalMetadata"] == external
    assert data["user"] in await stand.items("/users")
    assert await stand.data(f"/users/{data['user']['id']}") == data["user"]
    assert await stand.items("/accounts", userId=data["user"]["id"]) == []


@pytest.mark.parametrize(
    "external",
    [
        "text",
        ["a"],
        {"a": 1},
        {"a": None},
        {"a": {"b": "c"}},
        {"k" * 51: "v"},
        {"k": "v" * 501},
        {"k": "ñ"},
        {"ñ": "v"},
        {str(n): "v" for n in range(6)},
    ],
)
async def test_metadata_beyond_the_limits_is_refused(stand: Stand, external: Any) -> None:
    """More than five pairs, long, non-text or non-ASCII ones are INVALID_PARAMETERS."""
    answer = await stand.client.post("users", json={"externalMetadata": external})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_PARAMETERS")
    assert len(await stand.items("/users")) == 4


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"[1]", "application/json", 400),
        (b"{", "application/json", 400),
        (b"a=1", "application/x-www-form-urlencoded", 415),
        (b"{}", "application/json; charset=utf-8", 201),
    ],
)
async def test_bodies_must_be_json_objects(
    stand: Stand, body: bytes, kind: str, status: int
) -> None:
    """Another content type is 415, what is no JSON object is 400."""
    answer = await stand.client.post("users", content=body, headers={"content-type": kind})
    assert answer.status_code == status


async def test_a_token_lives_five_hours(stand: Stand) -> None:
    """A token is the sandbox's, says when it ends, and is another one every time."""
    path = f"tokens?userId={GEORGE.user_id}"
    one, other = [(await stand.client.post(path)).json()["data"] for _ in range(2)]
    assert (one["mode"], one["expiresAt"]) == ("SANDBOX", "2026-11-24T11:30:00Z")
    assert one["accessToken"] != other["accessToken"]


async def test_a_revoked_account_is_gone_with_its_data(stand: Stand) -> None:
    """After DELETE the account, its items and tasks are gone; other accounts stay."""
    accounts = {one["providerId"]: one["id"] for one in await stand.items(
        "/accounts", userId=GEORGE.user_id)}  # fmt: skip
    gone = accounts["sss_ph"]
    assert (await stand.client.delete(f"accounts/{gone}")).status_code == 200
    left = await stand.items("/accounts", userId=GEORGE.user_id)
    assert {one["id"] for one in left} == {accounts["pagibig_ph"], accounts["sprout_ph"]}
    for kind in ("eincomes", "contributions", "tasks"):
        items = await stand.items(f"/{kind}", userId=GEORGE.user_id)
        assert gone not in {item["metadata"]["sourceId"] for item in items}
    assert (await stand.get(f"/accounts/{gone}")).status_code == 404
    assert (await stand.client.delete(f"accounts/{gone}")).status_code == 404


async def test_a_disconnected_account_stays_without_data(stand: Stand) -> None:
    """What the widget revokes shows as DISCONNECTED from that moment and has nothing more."""
    account = await stand.account(RYAN.user_id)
    stand.app.tenant.disconnect(account["id"])
    left = await stand.account(RYAN.user_id)
    assert (left["connectionStatus"], left["connection"]["status"]) == ("DISCONNECTED",) * 2
    assert left["connection"]["updatedAt"] == "2026-11-24T06:30:00Z"
    assert await stand.items("/eincomes", userId=RYAN.user_id) == []


async def test_an_erased_user_is_unknown(stand: Stand) -> None:
    """An erased user is 404 and has empty lists."""
    stand.app.tenant.erase_user(RYAN.user_id)
    assert (await stand.get(f"/users/{RYAN.user_id}")).status_code == 404
    assert await stand.items("/accounts", userId=RYAN.user_id) == []
    assert len(await stand.items("/users")) == 3


async def test_a_new_day_brings_new_data(stand: Stand) -> None:
    """At Manila's midnight the world is made anew; what was revoked stays revoked."""
    ryans = await stand.account(RYAN.user_id)
    await stand.client.delete(f"accounts/{ryans['id']}")
    before = await stand.items("/transactions", userId=CHRISTINA.user_id)
    stand.clock.pass_by(hours=9)
    assert await stand.items("/transactions", userId=CHRISTINA.user_id) == before
    stand.clock.pass_by(days=7)
    after = await stand.items("/transactions", userId=CHRISTINA.user_id)
    assert after[0]["date"] > before[0]["date"]
    left = await stand.items("/accounts", userId=RYAN.user_id)
    assert [one["providerId"] for one in left] == ["bayancalls_ph"]


NOON = datetime(2026, 11, 24, 4, tzinfo=UTC)


class Desk:
    """A tenant with one new user, and a widget opened for it."""

    def __init__(self) -> None:
        self.clock = Clock(NOON)
        self.tenant = Tenant(sandbox, self.clock)
        self.linking = LinkSessions(self.tenant)
        self.user_id = self.tenant.create_user({}).id
        self.session, _ = self.linking.open(self.token())

    def token(self) -> str:
        return self.tenant.issue_token(self.user_id)["accessToken"]

    def login(self, password: str = "123456", login: str = "George", provider: str = "sss_ph"):
        return self.linking.begin(self.session, provider, login, password)

    def connect(self, **choice):
        account = self.login(**choice)
        return self.linking.confirm(self.session, account.id, "1234")

    def person(self):
        return self.tenant.person(self.user_id)


def test_a_token_opens_one_session() -> None:
    """A used, an expired and an invented token are refused as TOKEN_EXPIRED."""
    desk = Desk()
    used, late = desk.token(), desk.token()
    assert desk.linking.open(used)[1] == desk.user_id
    desk.clock.now += TOKEN_LIFE
    for token in (used, late, "invented"):
        with pytest.raises(LinkRefused, match="TOKEN_EXPIRED"):
            desk.linking.open(token)


def test_a_login_and_its_code_connect_an_account() -> None:
    """The account awaits its code, then is connected with a running task, then has its data."""
    desk = Desk()
    assert desk.login().status == "AWAITING_MFA"
    account = desk.connect()
    assert account.status == "CONNECTED"
    shown = desk.person()
    [running] = shown.tasks
    assert (running["status"], shown.sources[-1].of("eincomes")) == ("Started", ())
    desk.clock.now += COLLECTING
    later = desk.person()
    [done] = later.tasks
    assert (done["status"], len(later.sources[-1].of("eincomes")) > 30) == ("Finished", True)
    assert desk.tenant.owner(account.id).id == desk.user_id


def test_a_linked_account_is_synced_each_day() -> None:
    """From the next day on a second task has finished when the account was last synced."""
    desk = Desk()
    account = desk.connect()
    desk.clock.now += timedelta(days=1)
    shown = desk.person()
    linked, updated = shown.tasks
    source = shown.sources[-1]
    assert (linked["type"], updated["type"]) == ("LINK_ACCOUNT", "UPDATE_ACCOUNT")
    assert linked["startedAt"] == source.account["createdAt"]
    assert updated["finishedAt"] == source.account["monitor"]["updatedAt"] > linked["finishedAt"]
    assert {one["metadata"]["sourceId"] for one in shown.tasks} == {account.id}


@pytest.mark.parametrize("login", ["George", "gpalomero1234@smileapi.io", "+639559991234"])
def test_a_person_logs_in_by_name_mail_or_phone(login: str) -> None:
    """Each of the three names the same person."""
    assert Desk().login(login=login).status == "AWAITING_MFA"


def test_a_wrong_password_is_said_and_the_fifth_locks() -> None:
    """Four wrong ones are INVALID_CREDENTIALS, from the fifth on even the right one is locked."""
    desk = Desk()
    said = [desk.login("wrong").error_code for _ in range(5)]
    assert said == ["INVALID_CREDENTIALS"] * 4 + ["ACCOUNT_LOCKED"]
    assert desk.login().error_code == "ACCOUNT_LOCKED"
    assert desk.login(provider="pagibig_ph").status == "AWAITING_MFA"


def test_a_wrong_code_ends_the_attempt() -> None:
    """The account is an ERROR with INVALID_MFA, and its code cannot be entered again."""
    desk = Desk()
    account = desk.login()
    assert desk.linking.confirm(desk.session, account.id, "0000").error_code == "INVALID_MFA"
    with pytest.raises(LinkRefused, match="NO_SUCH"):
        desk.linking.confirm(desk.session, account.id, "1234")


def test_withdrawing_leaves_a_disconnected_account_without_data() -> None:
    """After a removal the account is DISCONNECTED and empty, and the widget lists it no more."""
    desk = Desk()
    account = desk.connect()
    desk.clock.now += COLLECTING + timedelta(minutes=1)
    desk.linking.remove(desk.session, account.id)
    [source] = desk.person().sources
    assert source.account["connectionStatus"] == "DISCONNECTED"
    assert source.items == {}
    assert desk.linking.accounts(desk.session) == []


def test_a_session_sees_its_own_user_alone() -> None:
    """Another user's session can neither confirm nor remove the account."""
    desk = Desk()
    account = desk.login()
    other = desk.tenant.create_user({}).id
    session, _ = desk.linking.open(desk.tenant.issue_token(other)["accessToken"])
    for step in (lambda: desk.linking.confirm(session, account.id, "1234"),
                 lambda: desk.linking.remove(session, account.id)):  # fmt: skip
        with pytest.raises(LinkRefused, match="NO_SUCH"):
            step()
    with pytest.raises(LinkRefused, match="NO_SESSION"):
        desk.linking.accounts("invented")
