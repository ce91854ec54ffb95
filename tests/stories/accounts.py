"""One account of a story: its state, and all that it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from decision_service.domain.snapshot import KnownCount
from decision_service.language.diagnostics import Report
from decision_service.language.fields import Fields
from decision_service.language.nodes import Node
from tests.stories.jobs_and_loans import earlier, employments, loans, task, tasks
from tests.stories.monthly import contributions, estimates, payroll
from tests.stories.times import Today, read_moment
from tests.stories.wallet import transactions, trips
from tests.stories.writer import USER, AccountWriter, Json, each, stamp

KINDS = ("account", "upload", "archive", "social security")
_DELIVERED = ("CONNECTED", "ERROR")
STATUSES = ("CONNECTED", "ERROR", "PENDING", "AWAITING_MFA", "DISCONNECTED")
SECTIONS: dict[str, tuple[str, Callable[[AccountWriter, Node], Iterator[Json]]]] = {
    "payroll": ("incomes", payroll),
    "estimates": ("eincomes", estimates),
    "contributions": ("contributions", contributions),
    "employments": ("employments", employments),
    "loans": ("liabilities", loans),
    "trips": ("transactions", trips),
    "transactions": ("transactions", transactions),
    "tasks": ("tasks", tasks),
}
LISTS = (*dict.fromkeys(name for name, _ in SECTIONS.values()), "identities")
_STATE = ("name", "kind", "status", "connected", "synced", "disconnected", "error", "born")
OPTIONAL = (*_STATE, *SECTIONS, "earlier")


@dataclass(frozen=True)
class Held:
    """What the vendor holds of one account: its entry in the list of accounts, and its lists."""

    id: str
    name: str
    listed: Json | None
    lists: dict[str, list[Json]]
    known: tuple[KnownCount, ...]


def read_account(node: Node, taken: set[str], today: Today, report: Report) -> Held | None:
    """An account of the story; its name is its provider's, or what it says where that is taken."""
    fields = Fields.of(node, "an account", report, required=("provider",), optional=OPTIONAL)
    if fields is None:
        return None
    provider = fields.text("provider") or "?"
    name = fields.text("name") or provider
    if name in taken:
        hint = "give this account a `name:` of its own"
        report.error("R124", fields.node.place, f"another account is named `{name}`", hint)
    taken.add(name)
    kind = (fields.choice("kind", KINDS) or "account").upper().replace(" ", "_")
    synced = today.moment - timedelta(hours=1)
    if (node_synced := fields.get("synced")) is not None:
        synced = read_moment(node_synced, "`synced`", today, report) or synced
    writer = AccountWriter(name, provider, kind, today, synced, report)
    listed = _listed(writer, fields) if kind == "ACCOUNT" else None
    lists = _lists(writer, fields)
    if listed and listed["createdAt"] and listed["monitor"] and not lists["tasks"]:
        finished = min(synced, today.moment - timedelta(minutes=1))
        lists["tasks"] = [task(writer, "LINK_ACCOUNT", listed["createdAt"], finished)]
    known = tuple(
        one for n in each(fields.get("earlier"), "`earlier`", report) for one in earlier(writer, n)
    )
    return Held(writer.id, name, listed, lists, known)


def _listed(writer: AccountWriter, fields: Fields) -> Json:
    """The account's entry: its connection dates from the linking, its monitor from the sync."""
    scalar = fields.scalar("connected")
    unknown = scalar is not None and scalar.text == "unknown"
    connected = None if unknown else writer.moment(fields, "connected")
    disconnected = writer.moment(fields, "disconnected")
    status = fields.choice("status", STATUSES) or ("DISCONNECTED" if disconnected else "CONNECTED")
    created = connected or writer.today.moment - timedelta(days=400)
    changed = disconnected or created
    return {
        "id": writer.id,
        "createdAt": None if unknown else stamp(created),
        "providerId": writer.provider,
        "userId": USER,
        "connectionStatus": status,
        "connection": {
            "status": status,
            "errorCode": fields.text("error"),
            "updatedAt": None if unknown else stamp(changed),
        },
        "monitorStatus": "ACTIVE" if status == "CONNECTED" else "INACTIVE",
        "monitor": {"updatedAt": stamp(writer.synced)} if status in _DELIVERED else None,
    }


def _lists(writer: AccountWriter, fields: Fields) -> dict[str, list[Json]]:
    lists: dict[str, list[Json]] = {name: [] for name in LISTS}
    for section, (name, reader) in SECTIONS.items():
        for node in each(fields.get(section), f"`{section}`", writer.report):
            lists[name].extend(reader(writer, node))
    born = writer.date(fields, "born")
    if born:
        lists["identities"].append(writer.item(fullName="N. N.", dob=born.isoformat()))
    return lists
