"""The widget's sessions: a token opens a session, a login connects an account."""

from __future__ import annotations

import uuid
from collections import Counter

from decision_service.simulator.formats.providers import PROVIDERS
from decision_service.simulator.people.linked import LinkedAccount
from decision_service.simulator.people.sandbox.people import SandboxPerson, sandbox_people
from decision_service.simulator.tenant import Tenant

_ATTEMPTS = 5
LOCKED = "ACCOUNT_LOCKED"


class LinkRefused(Exception):
    """An error of the link API: `code` is TOKEN_EXPIRED, NO_SESSION, or NO_SUCH for ids."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class LinkSessions:
    """Sessions of the widget; five wrong passwords for one login lock that login."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._sessions: dict[str, str] = {}
        self._wrong: Counter[tuple[str, str]] = Counter()

    def open(self, token: str) -> tuple[str, str]:
        """Use a token up and return a session with its user; raises LinkRefused."""
        user_id = self._tenant.use_token(token)
        if user_id is None:
            raise LinkRefused("TOKEN_EXPIRED")
        session = uuid.uuid4().hex
        self._sessions[session] = user_id
        return session, user_id

    def accounts(self, session: str) -> list[LinkedAccount]:
        """The accounts that were connected through the widget by the session's user."""
        return self._tenant.linked(self._user(session))

    def begin(self, session: str, provider_id: str, login: str, password: str) -> LinkedAccount:
        """Try a login: the account then awaits its code, or has an error."""
        user_id = self._user(session)
        if provider_id not in PROVIDERS:
            raise LinkRefused("NO_SUCH")
        now = self._tenant.now()
        account = LinkedAccount(
            user_id, provider_id, now, uuid.uuid4().hex, "PENDING", now,
            collecting=self._tenant.collecting,
        )  # fmt: skip
        self._tenant.attach(account)
        error = self._error(provider_id, login, password)
        if error is not None:
            account.set_status("ERROR", now, error)
            return account
        account.person = _person(login)
        account.set_status("AWAITING_MFA", now)
        return account

    def confirm(self, session: str, account_id: str, code: str) -> LinkedAccount:
        """Enter the code that the account awaits."""
        account = self._account(session, account_id)
        if account.status != "AWAITING_MFA" or account.person is None:
            raise LinkRefused("NO_SUCH")
        now = self._tenant.now()
        if code == account.person.code:
            account.set_status("CONNECTED", now)
        else:
            account.set_status("ERROR", now, "INVALID_MFA")
        return account

    def remove(self, session: str, account_id: str) -> LinkedAccount:
        """Withdraw the consent for an account: it stays as DISCONNECTED, without data."""
        account = self._account(session, account_id)
        self._tenant.disconnect(account_id)
        return account

    def _error(self, provider_id: str, login: str, password: str) -> str | None:
        key = (provider_id, login)
        if self._wrong[key] >= _ATTEMPTS:
            return LOCKED
        person = _person(login)
        if person is not None and password == person.password:
            del self._wrong[key]
            return None
        self._wrong[key] += 1
        return LOCKED if self._wrong[key] >= _ATTEMPTS else "INVALID_CREDENTIALS"

    def _user(self, session: str) -> str:
        if session not in self._sessions:
            raise LinkRefused("NO_SESSION")
        return self._sessions[session]

    def _account(self, session: str, account_id: str) -> LinkedAccount:
        for account in self.accounts(session):
            if account.id == account_id:
                return account
        raise LinkRefused("NO_SUCH")


def _person(login: str) -> SandboxPerson | None:
    """The person of a user name, e-mail address or phone number."""
    for person in sandbox_people():
        if login in (person.user_name, person.email, person.phone):
            return person
    return None
