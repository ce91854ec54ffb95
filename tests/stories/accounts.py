"""One account of a story: its state, and all that it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from decision_service.domain.snapshot import KnownCount
from decision_service.language.diagnostics import Report
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import YamlNode
from tests.stories.jobs_and_loans import earlier, employments, loans, task, tasks
from tests.stories.monthly import contributions, estimates, payroll
from tests.stories.times import Today, read_moment
from tests.stories.wallet import lenders, transactions, trips
from tests.stories.writer import USER, AccountWriter, Json, each, stamp

KINDS = ("account", "upload", "archive", "social security")
_DELIVERED = ("CONNECTED", "ERROR")
STATUSES = ("CONNECTED", "ERROR", "PENDING", "AWAITING_MFA", "DISCONNECTED")
SECTIONS: dict[str, tuple[str, Callable[[AccountWriter, YamlNode], Iterator[Json]]]] = {
    "payroll": ("incomes", payroll),
    "estimates": ("eincomes", estimates),
    "contributions": ("contributions", contributions),
    "employments": ("employments", employments),
    "loans": ("liabilities", loans),
    "trips": ("transactions", trips),
    "transactions": ("transactions", transactions),
    "tasks": ("tasks", tasks),
    "lenders": ("insights", lenders),
}
LISTS = (*dict.fromkeys(name for name, _ in SECTIONS.values()), "identities")
_STATE = ("name", "kind", "status", "connected", "synced", "disconnected", "error")
_PERSON = ("born", "person", "phone", "email")
OPTIONAL = (*_STATE, *_PERSON, *SECTIONS, "earlier")


@dataclass(frozen=True)
class Held:
    """What the vendor holds of one account: its entry in the list of accounts, and its lists."""

    id: str
    name: str
    listed: Json | None
    lists: dict[str, list[Json]]
    known: tuple[KnownCount, ...]


def read_account(node: YamlNode, taken: set[str], today: Today, report: Report) -> Held | None:
    """An account of the story, whose name goes to those that are taken."""
    fields = Fields.of(node, "an account", report, required=("provider",), optional=OPTIONAL)
    if fields is None:
        return None
    writer = _writer(fields, _name(fields, taken), today)
    listed = _listed(writer, fields) if writer.kind == "ACCOUNT" else None
    lists = _lists(writer, fields)
    if listed and listed["createdAt"] and listed["monitor"] and not lists["tasks"]:
        lists["tasks"] = [task(writer, "LINK_ACCOUNT", listed["createdAt"], writer.synced)]
    nodes = each(fields.get("earlier"), "`earlier`", report)
    known = tuple(one for node in nodes for one in earlier(writer, node))
    return Held(writer.id, writer.name, listed, lists, known)


def _name(fields: Fields, taken: set[str]) -> str:
    """The account's own name, or its provider's where it has none."""
    name = fields.text("name") or fields.text("provider") or "?"
    if name in taken:
        hint = "give this account a `name:` of its own"
        fields.report.error("R124", fields.node.place, f"another account is named `{name}`", hint)
    taken.add(name)
    return name


def _writer(fields: Fields, name: str, today: Today) -> AccountWriter:
    """The writer of its records; it was read an hour ago where the story does not say."""
    kind = (fields.choice("kind", KINDS) or "account").upper().replace(" ", "_")
    synced, node = today.moment - timedelta(hours=1), fields.get("synced")
    if node is not None:
        synced = read_moment(node, "`synced`", today, fields.report) or synced
    return AccountWriter(name, fields.text("provider") or "?", kind, today, synced, fields.report)


def _listed(writer: AccountWriter, fields: Fields) -> Json:
    """The account's entry in the list of accounts: its monitor is as new as the sync."""
    created, changed = _times(writer, fields)
    status = fields.choice("status", STATUSES)
    status = status or ("DISCONNECTED" if fields.has("disconnected") else "CONNECTED")
    connection = {"status": status, "errorCode": fields.text("error"), "updatedAt": changed}
    return {
        "id": writer.id,
        "createdAt": created,
        "providerId": writer.provider,
        "userId": USER,
        "connectionStatus": status,
        "connection": connection,
        "monitorStatus": "ACTIVE" if status == "CONNECTED" else "INACTIVE",
        "monitor": {"updatedAt": stamp(writer.synced)} if status in _DELIVERED else None,
    }


def _times(writer: AccountWriter, fields: Fields) -> tuple[str | None, str | None]:
    """When it was created and when its connection changed last, if the vendor says so."""
    scalar = fields.scalar("connected")
    if scalar is not None and scalar.text == "unknown":
        return None, None
    created = writer.moment(fields, "connected") or writer.today.moment - timedelta(days=400)
    return stamp(created), stamp(writer.moment(fields, "disconnected") or created)


def _lists(writer: AccountWriter, fields: Fields) -> dict[str, list[Json]]:
    lists: dict[str, list[Json]] = {name: [] for name in LISTS}
    for section, (name, reader) in SECTIONS.items():
        for node in each(fields.get(section), f"`{section}`", writer.report):
            lists[name].extend(reader(writer, node))
    if any(fields.has(key) for key in _PERSON):
        lists["identities"].append(_identity(writer, fields))
    return lists


def _identity(writer: AccountWriter, fields: Fields) -> Json:
    """Whose account it is, as far as the account tells."""
    born = writer.date(fields, "born")
    phone, email = fields.text("phone"), fields.text("email")
    return writer.item(
        fullName=fields.text("person") or "N. N.",
        dob=born.isoformat() if born else None,
        phones=[{"number": phone, "type": "Mobile"}] if phone else [],
        emails=[{"address": email, "type": "Primary"}] if email else [],
    )
