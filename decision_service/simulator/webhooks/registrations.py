"""Webhook registrations: what was subscribed to, by which address. Nothing is sent from here."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from decision_service.simulator.formats.dates import stamp
from decision_service.simulator.formats.replies import VendorError

_CHANGING = ("CONTRIBUTIONS", "DOCUMENTS", "EINCOMES", "EMPLOYMENTS", "INCOMES", "LIABILITIES")
EVENT_TYPES = frozenset(
    {
        "USER_CREATED",
        "ACCOUNT_CREATED",
        "ACCOUNT_CONNECTED",
        "ACCOUNT_DISCONNECTED",
        "ACCOUNT_FAILED",
        "TASK_STARTED",
        "TASK_FINISHED",
        "ACCOUNT_SYNC_TASK_FINISHED",
        "ARCHIVE_STARTED",
        "ARCHIVE_ANALYZED",
        "ARCHIVE_REVOKED",
        "ARCHIVE_FAILED",
        "INVITE_INVITED",
        "INVITE_LINKED",
        "IDENTITY_ADDED",
        "RATING_ADDED",
        "TRANSACTIONS_ADDED",
        "INSIGHT_ADDED",
        "LINK_ADDED",
        "VERIFICATION_STARTED",
        "VERIFICATION_COMPLETED",
        "RECORD_CREATED",
        "RECORD_COMPLETED",
        "USER_SESSION_COMPLETED",
        "USER_SESSION_RESET",
        "ALL_EVENTS",
        *(f"{kind}_{change}" for kind in _CHANGING for change in ("ADDED", "UPDATED")),
    }
)


class Webhooks:
    """The webhooks registered so far, newest first."""

    def __init__(self) -> None:
        self._registered: dict[str, dict[str, Any]] = {}

    def all(self) -> list[dict[str, Any]]:
        """Return every webhook."""
        return list(reversed(self._registered.values()))

    def register(self, fields: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        """Add a webhook with checked fields."""
        webhook_id = uuid.uuid4().hex
        times = {"createdAt": stamp(now), "updatedAt": stamp(now)}
        self._registered[webhook_id] = {"id": webhook_id, **fields, **times}
        return self._registered[webhook_id]

    def one(self, webhook_id: str) -> dict[str, Any]:
        """Return a webhook; raises VendorError 404."""
        if webhook_id not in self._registered:
            raise VendorError(404, "There is no such webhook")
        return self._registered[webhook_id]

    def remove(self, webhook_id: str) -> None:
        """Remove a webhook; raises VendorError 404."""
        self.one(webhook_id)
        del self._registered[webhook_id]
