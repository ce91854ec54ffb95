"""What happens behind the widget: sessions, logins, codes, and the data they bring."""

from datetime import UTC, datetime, timedelta

import pytest

from decision_service.standin.linking import LinkRefused, LinkSessions
from decision_service.standin.sandbox import sandbox
from decision_service.standin.tenant import COLLECTING, TOKEN_LIFE, Tenant
from tests.unit.simulator.stand import Clock

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
