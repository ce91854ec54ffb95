"""Who is sent events: the subscriptions file, and the addresses that may be called."""

from __future__ import annotations

import base64
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from ipaddress import IPv6Address, IPv6Network, ip_address
from pathlib import Path
from typing import Protocol

import httpx2
import msgspec
from standardwebhooks import Webhook

from decision_service.outbox.events import Attempt, Backlog, EventFilter, EventType, ToSend
from decision_service.rules.language import yaml
from decision_service.rules.language.diagnostics import Place, Report
from decision_service.rules.language.fields import Fields, as_choice, check_identifier
from decision_service.rules.language.yaml import MapEntry, YamlNode
from decision_service.runtime.address import is_loopback
from decision_service.runtime.files import read_small

# `is_global` alone counts fec0::/10, IPv4-compatible addresses and 64:ff9b:1::/48 as public.
_UNICAST = IPv6Network("2000::/3")
_KEY_BYTES = range(24, 65)


class Subscription(msgspec.Struct, frozen=True):
    """Where events are sent, which ones, and the keys that sign them, at most two."""

    name: str
    url: str
    chosen: EventFilter
    keys: tuple[Webhook, ...]
    allow_private: bool = False


class SendLog(Protocol):
    """What is to be sent, as the store keeps it; every method raises StoreUnavailable."""

    async def may_send(self) -> bool:
        """Whether this process is the one that sends."""

    async def store_id(self) -> str:
        """The id of the store, which every event names as its source."""

    async def collect(self, to: Subscription, now: datetime) -> int:
        """Note what a subscription is to be sent since it was last collected; how much it is."""

    async def due(self, to: Subscription, now: datetime, most: int) -> Sequence[ToSend]:
        """At most so many events whose time has come, one of each person or product at most."""

    async def settle(self, attempts: Sequence[Attempt]) -> None:
        """Record what became of attempts."""

    async def backlog(self, names: Sequence[str]) -> Sequence[Backlog]:
        """What each subscription has not received."""


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet, also where IPv6 wraps one of IPv4."""
    one = ip_address(address.partition("%")[0])
    if isinstance(one, IPv6Address):
        # An address of IPv4 inside one of IPv6 leads to the same machine.
        one = one.ipv4_mapped or one.sixtofour or one
    return one.is_global and not one.is_multicast and (one.version == 4 or one in _UNICAST)


def read_subscriptions(path: Path, report: Report) -> Sequence[Subscription]:
    """Those of the file; every mistake goes to the report."""
    try:
        text = read_small(path).decode()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not text in UTF-8"
        report.error("E100", Place(str(path), 1, 1, end=2), f"the file cannot be read: {why}")
        return ()
    root = yaml.read(str(path), text, report)
    fields = root and Fields.of(root, "the file", report, required=("subscriptions",))
    named = fields and fields.map("subscriptions")
    return [one for entry in named.entries for one in _subscription(entry, report)] if named else ()


def _subscription(entry: MapEntry, report: Report) -> Iterator[Subscription]:
    what = f"subscription `{entry.key}`"
    needed = ("url", "secrets")
    optional = ("types", "caller", "allow_private")
    fields = Fields.of(entry.value, what, report, required=needed, optional=optional)
    if fields is None or not check_identifier(
        entry.key, entry.key_place, "subscription", report=report
    ):
        return
    allow_private = fields.flag("allow_private") or False
    types = [
        as_choice(one, "an event's type", EventType, report=report) for one in fields.items("types")
    ]
    keys = [key for one in fields.items("secrets") for key in _key(one, report)]
    if fields.has("secrets") and (count := len(fields.items("secrets"))) not in {1, 2}:
        message = f"{what} has {count} secrets"
        report.error("E102", fields.place("secrets"), message, "give one, or two while one rotates")
    url = fields.text("url") or ""
    if url and (wrong := _wrong_url(url, allow_private=allow_private)):
        report.error("E101", fields.place("url"), f"`url` of {what} {wrong}")
    chosen = EventFilter(fields.text("caller") or "", tuple(one for one in types if one))
    yield Subscription(entry.key, url, chosen, keys=tuple(keys), allow_private=allow_private)


def _wrong_url(url: str, *, allow_private: bool) -> str:
    """What is wrong with the address, by what its name means now; empty where nothing is."""
    try:
        parts = httpx2.URL(url)
        if parts.scheme not in {"http", "https"} or not parts.host or parts.userinfo:
            return "is no address of a receiver: write https://host/path, without user and password"
        if parts.scheme == "http" and not is_loopback(parts.host):
            return "is http, which is for this machine alone: use https"
        # A name that means nothing yet is looked up at every delivery.
        with suppress(OSError):
            # A name may have several addresses, of which one alone leads inside.
            for one in socket.getaddrinfo(parts.raw_host.decode(), None):
                if not allow_private and not is_public(found := str(one[4][0])):
                    return f"leads to {found}, which is no public address: set allow_private: true"
    except (httpx2.InvalidURL, UnicodeError):
        return "is no address: write https://host/path"
    return ""


def _key(node: YamlNode, report: Report) -> Iterator[Webhook]:
    """The key of a secret that is in the environment or in a file; never shown."""
    fields = Fields.of(node, "a secret", report, optional=("env", "file"))
    if fields is None:
        return
    variable = fields.text("env")
    file = fields.text("file")
    text = os.environ.get(variable or "", "")
    with suppress(OSError, ValueError):
        text = read_small(Path(file), trusted=True).decode().strip() if file else text
        encoded = text.removeprefix("whsec_")
        # Many secrets come without their padding, and one that is too long does no harm.
        if text != encoded and len(base64.b64decode(encoded + "==")) in _KEY_BYTES:
            yield Webhook(text)
            return
    message = f"the secret in `{file or variable}` is not there, or none of Standard Webhooks"
    hint = "name a file or a variable with whsec_ and 24 to 64 random bytes in Base64"
    report.error("E103", fields.node.place, message, hint)
